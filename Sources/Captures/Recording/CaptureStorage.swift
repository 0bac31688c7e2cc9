internal import Glibc

/// The bytes of a recording, at any place: a file's, or some in memory for tests and fuzzing.
@safe final class CaptureStorage {
  let path: String
  let size: UInt64
  private let descriptor: Int32
  private let bytes: [UInt8]

  convenience init(path: String) throws(FeedError) {
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw Self.system(path, "cannot be opened", errno) }
    try self.init(owning: opened, path: path)
  }

  /// The same bytes as the file's, which may be closed meanwhile.
  convenience init(_ file: borrowing FeedFile) throws(FeedError) {
    let again = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 3)
    guard again >= 0 else { throw Self.system(file.path, "cannot be opened again", errno) }
    try self.init(owning: again, path: file.path)
  }

  private init(owning opened: Int32, path: String) throws(FeedError) {
    var status = stat()
    guard unsafe fstat(opened, &status) == 0 else {
      let code = errno
      close(opened)
      throw Self.system(path, "cannot be examined", code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw FeedError(
        path: path, offset: nil, cause: .system(isFolder ? EISDIR : ESPIPE),
        problem: isFolder ? "is a directory" : "is no regular file: its index is at its end",
        remedy: "name a file")
    }
    self.path = path
    size = UInt64(max(0, status.st_size))
    descriptor = opened
    bytes = []
  }

  init(bytes: [UInt8], path: String) {
    self.path = path
    self.bytes = bytes
    size = UInt64(bytes.count)
    descriptor = -1
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Up to `count` bytes at `offset`, fewer only where the file ends before.
  func read(_ count: Int, at offset: UInt64, into buffer: inout [UInt8]) throws(FeedError) {
    buffer.removeAll(keepingCapacity: true)
    guard offset < size, count > 0 else { return }
    let wanted = Int(min(UInt64(count), size - offset))
    guard descriptor >= 0 else {
      buffer += bytes[Int(offset)..<Int(offset) + wanted]
      return
    }
    buffer.append(contentsOf: repeatElement(0, count: wanted))
    var done = 0
    // Each turn reads something or ends.
    while done < wanted {
      let got = unsafe buffer.withUnsafeMutableBytes {
        unsafe pread(
          descriptor, $0.baseAddress.map { unsafe $0 + done }, wanted - done,
          off_t(offset) + done)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw Self.system(path, "cannot be read", errno, at: offset) }
      if got == 0 { break }
      done += got
    }
    buffer.removeLast(wanted - done)
  }

  static func system(
    _ path: String, _ problem: String, _ code: Int32, at offset: UInt64? = nil
  ) -> FeedError {
    let reason = unsafe String(cString: strerror(code))
    let remedy =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM: "check its permissions"
      default: "check the disk and the file"
      }
    return FeedError(
      path: path, offset: offset, cause: .system(code), problem: "\(problem): \(reason)",
      remedy: remedy)
  }
}
