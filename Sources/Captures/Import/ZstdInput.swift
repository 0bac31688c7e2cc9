internal import CZstd

/// The content of a file, decompressed piece by piece when it begins like a .zst, as it lies there otherwise.
///
/// Threading: one thread. Memory: some hundred KiB, and what the frame's window needs, 128 MiB at the most.
@safe final class ZstdInput {
  private static var pieceMax: Int { 1 << 18 }
  static var windowLogMax: Int32 { 27 }

  private let storage: CaptureStorage
  private let context: OpaquePointer
  private let isPacked: Bool
  private var piece: [UInt8] = []
  private var pieceAt = 0
  private var taken: UInt64 = 0
  private var isInFrame = false
  /// Decompressed and not consumed: from `start` on.
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// Bytes consumed so far, after decompression.
  private(set) var offset: UInt64 = 0
  /// Why the content ended before its end.
  private(set) var failure: FeedError?

  init(_ source: ImportSource) throws(ImportFailure) {
    do throws(FeedError) {
      switch source {
      case .file(let path): storage = try CaptureStorage(path: path)
      case .bytes(let bytes, let name): storage = CaptureStorage(bytes: bytes, path: name)
      }
      var magic: [UInt8] = []
      try storage.read(4, at: 0, into: &magic)
      isPacked = magic == [0x28, 0xb5, 0x2f, 0xfd]
    } catch { throw .source(error) }
    guard let made = unsafe ZSTD_createDCtx() else {
      throw .source(
        FeedError(
          path: source.path, offset: nil, cause: .system(12),
          problem: "no memory to decompress with",
          remedy: "free some memory"))
    }
    unsafe context = unsafe made
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogMax)
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// The next `count` bytes, which ``consume(_:)`` passes; nil where the content ends before.
  func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    while buffer.count - start < count, !isAtEnd { fill() }
    guard buffer.count - start >= count else { return nil }
    return buffer[start..<start + count]
  }

  /// Bytes that are there, of those that were asked for last.
  var left: Int { buffer.count - start }

  func consume(_ count: Int) {
    start += count
    offset += UInt64(count)
  }

  private func end(_ problem: String?) {
    isAtEnd = true
    guard let problem else { return }
    failure = FeedError(
      path: storage.path, offset: offset + UInt64(left), cause: .data, problem: problem,
      remedy: "get the whole file again; everything before this place has been read")
  }

  private func fill() {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    if pieceAt == piece.count {
      do throws(FeedError) {
        try storage.read(Self.pieceMax, at: taken, into: &piece)
      } catch {
        isAtEnd = true
        failure = error
        return
      }
      taken += UInt64(piece.count)
      pieceAt = 0
      guard !piece.isEmpty else { return end(isInFrame ? "the compressed file is cut" : nil) }
    }
    guard isPacked else {
      buffer += piece[pieceAt...]
      pieceAt = piece.count
      return
    }
    inflate()
  }

  private func inflate() {
    let old = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: Self.pieceMax))
    var made = 0
    var used = 0
    let code = unsafe piece.withUnsafeBytes { from in
      unsafe buffer.withUnsafeMutableBytes { to in
        var input = unsafe ZSTD_inBuffer(src: from.baseAddress, size: from.count, pos: pieceAt)
        var output = unsafe ZSTD_outBuffer(dst: to.baseAddress, size: to.count, pos: old)
        let code = unsafe ZSTD_decompressStream(context, &output, &input)
        made = unsafe output.pos - old
        used = unsafe input.pos - pieceAt
        return code
      }
    }
    buffer.removeLast(Self.pieceMax - made)
    pieceAt += used
    isInFrame = code != 0
    if ZSTD_isError(code) != 0 || (made == 0 && used == 0) {
      end("the compressed file is damaged")
    }
  }
}
