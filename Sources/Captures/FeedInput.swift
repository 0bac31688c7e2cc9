internal import Glibc

/// The content of a file as one run of bytes, read piece by piece, and decompressed when it begins like a
/// .gz.
///
/// Threading: one thread. Memory: two buffers of ``windowMax`` at the most, whatever its size. Nothing is
/// mapped: a file that is cut while it is read gives everything before that, and then ``failure``, and so does
/// a .gz (which may have several members) that is damaged, cut or followed by other bytes.
@safe public struct FeedInput: ~Copyable {
  /// The most that may be asked of ``window(_:)``.
  public static var windowMax: Int { 1 << 20 }
  /// What is read of a raw file at once: it is decoded while it lies in a near cache.
  public static var pieceMax: Int { 1 << 17 }

  public let path: String
  public let isCompressed: Bool
  /// Bytes consumed so far, after decompression.
  public private(set) var offset: UInt64 = 0
  /// Why the content ended before its end: a file that was cut, a .gz that is damaged or has other bytes behind
  /// it, or a read that failed.
  public private(set) var failure: FeedError?

  private var raw: RawInput?
  private var archive: PackedInput?
  /// Bytes from `start` to `end` are there and not consumed.
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var isAtEnd = false
  private let sizeOfRaw: Int?

  /// Opens a file; `-` is no name here, see ``FeedFile``. Throws when it cannot be opened, with the errno and a
  /// remedy.
  ///
  /// - Parameter pieceMax: most bytes of a read; what is read does not depend on it.
  public init(path: String, pieceMax: Int = Self.pieceMax) throws(FeedError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FeedError.system(path, "cannot be opened") }
    try self.init(descriptor: descriptor, path: path, pieceMax: pieceMax)
  }

  /// Owns the descriptor from here on; a regular file is read from its start, wherever it stands.
  init(
    descriptor: Int32, path: String, pieceMax: Int = Self.pieceMax
  ) throws(FeedError) {
    let found = try Self.examine(descriptor, path)
    var source: RawInput? = RawInput(
      descriptor: descriptor, size: found.size, pieceMax: pieceMax)
    let packed = found.isPacked ? try Self.packed(source.take(), path) : nil
    self.path = path
    isCompressed = found.isPacked
    sizeOfRaw = found.isPacked ? nil : found.size
    raw = consume source
    archive = consume packed
    unsafe buffer = .allocate(byteCount: Self.windowMax * 2, alignment: 64)
  }

  private static func packed(
    _ source: consuming RawInput?, _ path: String
  ) throws(FeedError) -> PackedInput {
    if let source = consume source, let input = PackedInput(source) { return input }
    throw FeedError(
      path: path, offset: nil, cause: .system(ENOMEM), problem: "cannot be decompressed",
      remedy: "free some memory")
  }

  /// Its size, of a regular file, and whether it begins like a .gz or cannot be looked into beforehand (a
  /// pipe); closes what cannot be read.
  private static func examine(
    _ descriptor: Int32, _ path: String
  ) throws(FeedError) -> (size: Int?, isPacked: Bool) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let failure = FeedError.system(path, "cannot be examined")
      close(descriptor)
      throw failure
    }
    let type = status.st_mode & S_IFMT
    guard type != S_IFDIR else {
      close(descriptor)
      throw FeedError(
        path: path, offset: nil, cause: .system(EISDIR), problem: "is a directory",
        remedy: "name a file")
    }
    guard type == S_IFREG else { return (nil, true) }
    var magic: (UInt8, UInt8) = (0, 0)
    let got = unsafe withUnsafeMutableBytes(of: &magic) {
      unsafe pread(descriptor, $0.baseAddress, 2, 0)
    }
    return (Int(status.st_size), got == 2 && magic.0 == 0x1f && magic.1 == 0x8b)
  }

  /// Reads bytes that are in memory already, for tests and fuzzing; `path` is for messages.
  /// What is compressed stays so.
  public init(bytes: [UInt8], path: String) {
    self.path = path
    isCompressed = false
    raw = nil
    archive = nil
    sizeOfRaw = bytes.count
    unsafe buffer = .allocate(byteCount: bytes.count, alignment: 64)
    unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
    end = bytes.count
    isAtEnd = true
  }

  deinit { unsafe buffer.deallocate() }

  /// Bytes of the file when it is raw; nil when that cannot be known beforehand.
  public var sizeIfKnown: Int? { sizeOfRaw }

  /// The bytes from the present place on: at least `minimum` of them (at most ``windowMax``), fewer only
  /// at the end of the content. Valid until the next call.
  @unsafe public mutating func window(_ minimum: Int) -> UnsafeRawBufferPointer {
    if end - start < minimum, !isAtEnd { fill(min(minimum, Self.windowMax)) }
    return unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<end])
  }

  /// Passes over bytes of the last window.
  public mutating func consume(_ count: Int) {
    start += count
    offset += UInt64(count)
  }

  /// Passes over bytes, more than a window if need be; false when the content ends before.
  public mutating func skip(_ count: UInt64) -> Bool {
    var left = count
    while left > 0 {
      let here = unsafe window(1).count
      guard here > 0 else { return false }
      let step = min(left, UInt64(here))
      consume(Int(step))
      left -= step
    }
    return true
  }

  private mutating func fill(_ minimum: Int) {
    guard let base = unsafe buffer.baseAddress else { return }
    let room = unsafe buffer.count
    if start > 0 {
      unsafe memmove(base, base + start, end - start)
      end -= start
      start = 0
    }
    let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
    while end < minimum, !isAtEnd {
      let got: Int
      if isCompressed {
        got = unsafe archive?.read(into: bytes + end, capacity: room - end) ?? 0
      } else {
        got = unsafe raw?.read(into: bytes + end, capacity: room - end) ?? 0
      }
      end += max(0, got)
      guard got <= 0 else { continue }
      isAtEnd = true
      if isCompressed {
        failure = failure(ofEnd: archive?.end ?? .whole)
      } else {
        failure = failure(ofRaw: raw?.end ?? .whole)
      }
    }
  }

  private func failure(ofRaw ended: RawInput.End) -> FeedError? {
    switch ended {
    case .whole: return nil
    case .shrunk(let size):
      return FeedError(
        path: path, offset: offset + UInt64(end - start), cause: .data,
        problem:
          "ends here, and had \(size) bytes when it was opened: it was cut while it was read",
        remedy: "get the whole file again; everything before this place has been read")
    case .system(let code): return failure(ofEnd: .system(code))
    }
  }

  private func failure(ofEnd ended: PackedInput.End) -> FeedError? {
    let again = "get the whole file again; everything before this place has been read"
    let (cause, problem, remedy): (FeedError.Cause, String, String)
    switch ended {
    case .whole: return nil
    case .cut: (cause, problem, remedy) = (.data, "the compressed file is cut", again)
    case .damaged(let reason):
      (cause, problem, remedy) = (.data, "the compressed file is damaged (\(reason))", again)
    case .junk(let at):
      (cause, problem) = (
        .data, "the compressed file goes on at its byte \(at) with what is no .gz member"
      )
      remedy = "get the file again, or cut it there; everything before this place has been read"
    case .system(let code):
      let reason = unsafe String(cString: strerror(code))
      (cause, problem) = (.system(code), "cannot be read: \(reason)")
      remedy = "check the disk and the file; everything before this place has been read"
    }
    return FeedError(
      path: path, offset: offset + UInt64(end - start), cause: cause, problem: problem,
      remedy: remedy)
  }
}
