import Foundation
import Gateways

/// The file of a paper broker: records in their order, appended and never rewritten.
///
/// Threading: one thread.
final class PaperFile {
  let directory: String
  let path: String
  private let descriptor: Int32

  /// Opens it, makes it where it is not there, and keeps others out; its content as it is.
  init(_ directory: String) throws(CommandFailure) {
    self.directory = directory
    path = directory + "/paper.ntp"
    // 0700: it is about money.
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw CommandFailure(
        .creating(errno: errno), "\(directory): \(String(cString: strerror(errno)))")
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(.creating(errno: errno), "\(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(descriptor)
      guard code == EWOULDBLOCK else {
        throw CommandFailure(.inputOutput, "\(path): \(String(cString: strerror(code)))")
      }
      throw CommandFailure(
        .tryAgain,
        "\(path): another paper broker has it open; stop that one, or give another --data")
    }
  }
  deinit {
    // A child that is being started may have the descriptor too.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// What is kept there goes under a name with the time of the clock on the wall, and it is empty.
  func putAside() throws(CommandFailure) {
    unlink(directory + "/day")
    let bytes = try read()
    guard !bytes.isEmpty else { return }
    try RunDirectory.replace(path + "-\(Int64(Date().timeIntervalSince1970))", with: bytes)
    try cut(to: 0)
  }

  /// All of it.
  func read() throws(CommandFailure) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    // Ends: each turn reads something, or is the last.
    while done < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, $0.count - done, off_t(done))
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw failure("cannot be read") }
      done += got
    }
    return bytes
  }

  /// What is behind so many bytes is forgotten; what comes is appended there.
  func cut(to bytes: Int) throws(CommandFailure) {
    guard ftruncate(descriptor, off_t(bytes)) == 0, lseek(descriptor, off_t(bytes), SEEK_SET) >= 0
    else { throw failure("cannot be cut to \(bytes) bytes") }
  }

  /// Appends all of it, or says why not: a part of it may be there then, and is cut when the file is opened again.
  func append(_ bytes: UnsafeRawBufferPointer) throws(CommandFailure) {
    var done = 0
    // Ends: each turn writes something, or is the last.
    while done < bytes.count {
      let got = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw failure("cannot be written") }
      done += got
    }
  }

  func append(_ bytes: [UInt8]) throws(CommandFailure) {
    var failure: CommandFailure?
    bytes.withUnsafeBytes {
      do throws(CommandFailure) { try append($0) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func failure(_ what: String) -> CommandFailure {
    CommandFailure(.inputOutput, "\(path): \(what): \(String(cString: strerror(errno)))")
  }
}
