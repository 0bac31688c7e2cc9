internal import Glibc

/// The file of a recording that is being written: beside its place, and in it once it is whole.
@safe final class CaptureOutput {
  let path: String
  let partialPath: String
  /// Bytes written so far.
  private(set) var bytes: UInt64 = 0
  private let replaces: Bool
  private var descriptor: Int32

  init(path: String, replaces: Bool) throws(CaptureOutputError) {
    let partial = path + ".partial"
    descriptor = try Self.make(path, partial, replaces: replaces)
    self.path = path
    partialPath = partial
    self.replaces = replaces
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static func make(
    _ path: String, _ partial: String, replaces: Bool
  ) throws(CaptureOutputError) -> Int32 {
    if !replaces, unsafe access(path, F_OK) == 0 {
      throw CaptureOutputError(
        path: path, cause: .create(EEXIST), problem: "is there already",
        remedy: "name another, or remove it")
    }
    let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let code = errno
      let reason = unsafe String(cString: strerror(code))
      throw CaptureOutputError(
        path: partial, cause: .create(code), problem: "cannot be made: \(reason)",
        remedy: code == EEXIST
          ? "another writer is at it or was killed: remove it, or rename it and read what is whole"
          : "check the folder and its permissions")
    }
    return descriptor
  }

  func write(_ from: [UInt8], _ count: Int) throws(CaptureOutputError) {
    var done = 0
    // Each turn writes something or ends.
    while done < count {
      let put = unsafe from.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + done }, count - done)
      }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else { throw failure("cannot be written", put < 0 ? errno : EIO) }
      done += put
    }
    bytes += UInt64(count)
  }

  func finish() throws(CaptureOutputError) {
    guard fsync(descriptor) == 0 else { throw failure("cannot be made durable", errno) }
    let code = close(descriptor)
    descriptor = -1
    guard code == 0 else { throw failure("cannot be closed", errno) }
    try takePlace()
  }

  /// Another file may have come there since this one was begun: a link replaces none, which a rename would.
  private func takePlace() throws(CaptureOutputError) {
    if !replaces {
      if unsafe link(partialPath, path) == 0 {
        unsafe unlink(partialPath)
        return
      }
      // Not every file system has links.
      guard errno != EEXIST else { throw failure("cannot take the name \(path)", EEXIST) }
    }
    guard unsafe rename(partialPath, path) == 0 else {
      throw failure("cannot be renamed to \(path)", errno)
    }
  }

  func discard() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    unsafe unlink(partialPath)
  }

  func failure(_ problem: String, _ code: Int32) -> CaptureOutputError {
    let reason = unsafe String(cString: strerror(code))
    return CaptureOutputError(
      path: partialPath, cause: .write(code), problem: "\(problem): \(reason)",
      remedy: "check the disk and its free space; what was written is readable up to its last block"
    )
  }
}
