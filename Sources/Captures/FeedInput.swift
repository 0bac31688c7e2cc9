internal import Glibc

/// The content of a file as one run of bytes, mapped when it lies there raw, or decompressed piece by
/// piece when it begins like a .gz.
///
/// Threading: one thread. Memory: a raw file is mapped whole; of a .gz two buffers of ``windowMax`` are
/// held whatever its size. A .gz may have several members. One that is damaged, cut or followed by other bytes
/// gives everything before that, and then ``failure``.
@safe public struct FeedInput: ~Copyable {
  /// The most that may be asked of ``window(_:)``.
  public static var windowMax: Int { 1 << 20 }

  public let path: String
  public let isCompressed: Bool
  /// Bytes consumed so far, after decompression.
  public private(set) var offset: UInt64 = 0
  /// Why the content ended before its end: a .gz that is cut, damaged or has other bytes behind it, or a read
  /// that failed.
  public private(set) var failure: FeedError?

  private var mapped: UnsafeRawBufferPointer?
  private var archive: PackedInput?
  /// Of a .gz, or of bytes that came from memory: bytes from `start` to `end` are decompressed and not consumed.
  private var buffer: UnsafeMutableRawBufferPointer?
  private var start = 0
  private var end = 0
  private var isAtEnd = false

  /// Opens a file. Throws when it cannot be opened or mapped, with the errno and a remedy.
  public init(path: String) throws(FeedError) {
    let opened = try Self.openFile(path)
    let whole = try unsafe Self.map(opened, path)
    let pieces = try Self.packed(opened, path)
    self.path = path
    isCompressed = opened.isPacked
    unsafe mapped = unsafe whole
    archive = pieces
    if opened.isPacked {
      unsafe buffer = .allocate(byteCount: Self.windowMax * 2, alignment: 64)
    }
  }

  /// Reads bytes that are in memory already, for tests and fuzzing; `path` is for messages.
  /// What is compressed stays so.
  public init(bytes: [UInt8], path: String) {
    self.path = path
    isCompressed = false
    archive = nil
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    unsafe bytes.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
    unsafe buffer = unsafe copy
    end = bytes.count
    isAtEnd = true
  }

  private struct OpenFile {
    var descriptor: Int32
    var size: Int
    /// Begins like a .gz, or cannot be looked into beforehand (a pipe).
    var isPacked: Bool
  }

  private static func openFile(_ path: String) throws(FeedError) -> OpenFile {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw system(path, "cannot be opened") }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let failure = system(path, "cannot be examined")
      close(descriptor)
      throw failure
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      close(descriptor)
      throw FeedError(
        path: path, offset: nil, cause: .system(EISDIR), problem: "is a directory",
        remedy: "name a file")
    }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    var magic: (UInt8, UInt8) = (0, 0)
    let got = unsafe withUnsafeMutableBytes(of: &magic) {
      unsafe pread(descriptor, $0.baseAddress, 2, 0)
    }
    let isPacked = !isRegular || (got == 2 && magic.0 == 0x1f && magic.1 == 0x8b)
    return OpenFile(descriptor: descriptor, size: Int(status.st_size), isPacked: isPacked)
  }

  private static func packed(_ file: OpenFile, _ path: String) throws(FeedError) -> PackedInput? {
    guard file.isPacked else { return nil }
    if let input = PackedInput(descriptor: file.descriptor) { return input }
    close(file.descriptor)
    throw FeedError(
      path: path, offset: nil, cause: .system(ENOMEM), problem: "cannot be decompressed",
      remedy: "free some memory")
  }

  /// The whole of a raw file, and its descriptor closed; nil when it is empty.
  private static func map(
    _ file: OpenFile, _ path: String
  ) throws(FeedError) -> UnsafeRawBufferPointer? {
    guard !file.isPacked else { return nil }
    defer { close(file.descriptor) }
    guard file.size > 0 else { return nil }
    let address = unsafe mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw system(path, "cannot be mapped")
    }
    unsafe madvise(address, file.size, MADV_SEQUENTIAL)
    return unsafe UnsafeRawBufferPointer(start: address, count: file.size)
  }

  deinit {
    if let mapped = unsafe mapped {
      unsafe munmap(UnsafeMutableRawPointer(mutating: mapped.baseAddress), mapped.count)
    }
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
    guard let base = buffer.baseAddress else { return }
    if start > 0 {
      unsafe memmove(base, base + start, end - start)
      end -= start
      start = 0
    }
    let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
    while end < minimum, !isAtEnd {
      let got = unsafe archive?.read(into: bytes + end, capacity: buffer.count - end) ?? 0
      end += got
      if got == 0 {
        isAtEnd = true
        failure = failure(ofEnd: archive?.end ?? .whole)
      }
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
