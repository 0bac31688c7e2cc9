internal import CZlib
internal import Glibc

/// The content of a file as one run of bytes, mapped when it lies there raw, or decompressed piece by
/// piece when it begins like a .gz.
///
/// Threading: one thread. Memory: a raw file is mapped whole; of a .gz two buffers of ``windowMax`` are
/// held whatever its size. A damaged or cut .gz gives everything before the damage, and then ``failure``.
@safe public struct FeedInput: ~Copyable {
  /// The most that may be asked of ``window(_:)``.
  public static var windowMax: Int { 1 << 20 }

  public let path: String
  public let isCompressed: Bool
  /// Bytes consumed so far, after decompression.
  public private(set) var offset: UInt64 = 0
  /// Why the content ended before its end: a .gz that is cut or damaged, or a read that failed.
  public private(set) var failure: FeedError?

  private var mapped: UnsafeRawBufferPointer?
  private var archive: gzFile?
  /// Of a .gz, or of bytes that came from memory: bytes from `start` to `end` are decompressed and not consumed.
  private var buffer: UnsafeMutableRawBufferPointer?
  private var start = 0
  private var end = 0
  private var isAtEnd = false

  /// Opens a file. Throws when it cannot be opened or mapped, with the errno and a remedy.
  public init(path: String) throws(FeedError) {
    let opened = try unsafe Self.openFile(path)
    self.path = path
    isCompressed = unsafe opened.archive != nil
    unsafe mapped = unsafe opened.mapped
    unsafe archive = unsafe opened.archive
    if unsafe opened.archive != nil {
      unsafe buffer = .allocate(byteCount: Self.windowMax * 2, alignment: 64)
    }
  }

  /// Reads bytes that are in memory already, for tests and fuzzing; `path` is for messages.
  /// What is compressed stays so.
  public init(bytes: [UInt8], path: String) {
    self.path = path
    isCompressed = false
    unsafe archive = nil
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    unsafe bytes.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
    unsafe buffer = unsafe copy
    end = bytes.count
    isAtEnd = true
  }

  private static func openFile(
    _ path: String
  ) throws(FeedError) -> (mapped: UnsafeRawBufferPointer?, archive: gzFile?) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw system(path, "cannot be opened") }
    var ours = true
    defer { if ours { close(descriptor) } }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw system(path, "cannot be examined") }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw FeedError(
        path: path, offset: nil, cause: .system(EISDIR), problem: "is a directory",
        remedy: "name a file")
    }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    var magic: (UInt8, UInt8) = (0, 0)
    let got = unsafe withUnsafeMutableBytes(of: &magic) {
      unsafe pread(descriptor, $0.baseAddress, 2, 0)
    }
    // What cannot be looked into beforehand (a pipe) is read through zlib, which passes raw bytes through.
    if !isRegular || (got == 2 && magic.0 == 0x1f && magic.1 == 0x8b) {
      guard let archive = unsafe gzdopen(descriptor, "rb") else {
        throw FeedError(
          path: path, offset: nil, cause: .system(ENOMEM), problem: "cannot be decompressed",
          remedy: "free some memory")
      }
      ours = false
      unsafe gzbuffer(archive, 1 << 18)
      return unsafe (nil, archive)
    }
    let size = Int(status.st_size)
    guard size > 0 else { return (nil, nil) }
    let address = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw system(path, "cannot be mapped")
    }
    unsafe madvise(address, size, MADV_SEQUENTIAL)
    return unsafe (UnsafeRawBufferPointer(start: address, count: size), nil)
  }

  deinit {
    if let mapped = unsafe mapped {
      unsafe munmap(UnsafeMutableRawPointer(mutating: mapped.baseAddress), mapped.count)
    }
    if let archive = unsafe archive { unsafe gzclose(archive) }
    unsafe buffer?.deallocate()
  }

  private static func system(_ path: String, _ problem: String) -> FeedError {
    let code = errno
    let remedy =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM: "check its permissions"
      default: "check the disk and the file"
      }
    let reason = unsafe String(cString: strerror(code))
    return FeedError(
      path: path, offset: nil, cause: .system(code), problem: "\(problem): \(reason)",
      remedy: remedy)
  }

  /// Bytes of the file when it is raw; nil when that cannot be known beforehand.
  public var sizeIfKnown: Int? {
    guard !isCompressed else { return nil }
    return unsafe mapped?.count ?? end
  }

  /// The bytes from the present place on: at least `minimum` of them (at most ``windowMax``), fewer only
  /// at the end of the content. Valid until the next call.
  @unsafe public mutating func window(_ minimum: Int) -> UnsafeRawBufferPointer {
    if let mapped = unsafe mapped {
      return unsafe UnsafeRawBufferPointer(rebasing: mapped[start...])
    }
    guard let buffer = unsafe buffer else {
      return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    if end - start < minimum, !isAtEnd { unsafe fill(buffer, min(minimum, Self.windowMax)) }
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

  private mutating func fill(_ buffer: UnsafeMutableRawBufferPointer, _ minimum: Int) {
    guard let base = buffer.baseAddress, let archive = unsafe archive else { return }
    if start > 0 {
      unsafe memmove(base, base + start, end - start)
      end -= start
      start = 0
    }
    while end < minimum, !isAtEnd {
      let got = unsafe gzread(archive, base + end, UInt32(buffer.count - end))
      if got > 0 {
        end += Int(got)
        continue
      }
      isAtEnd = true
      var code: Int32 = Z_OK
      let text = unsafe gzerror(archive, &code)
      guard got < 0 || (code != Z_OK && code != Z_STREAM_END) else { return }
      let isCut = code == Z_BUF_ERROR
      let reason = unsafe text.map { unsafe String(cString: $0) } ?? "unknown"
      failure = FeedError(
        path: path, offset: offset + UInt64(end), cause: .data,
        problem: isCut
          ? "the compressed file is cut" : "the compressed file is damaged (\(reason))",
        remedy: "get the whole file again; everything before this place has been read")
    }
  }
}
