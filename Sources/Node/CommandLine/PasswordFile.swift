import Foundation

/// A password that does not stand in a command line, where every user of the machine can read it.
enum PasswordFile {
  private static let bytesMax = 64

  /// The password that is the file's one line.
  ///
  /// A file that others may read or write is refused: its password is known, or not ours. `-` is
  /// standard input, `/dev/fd/N` an open descriptor.
  static func read(_ path: String) throws(CommandFailure) -> Secret {
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      throw CommandFailure(
        .opening(errno: errno), "password file \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CommandFailure(
        .inputOutput, "password file \(path): \(String(cString: strerror(errno)))")
    }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    if isRegular, status.st_mode & 0o066 != 0 {
      throw CommandFailure(
        .noPermission,
        "password file \(path): others can read or write it; 'chmod 600' it, and give the accounts "
          + "another password")
    }
    if isRegular, status.st_uid != geteuid(), status.st_uid != 0 {
      throw CommandFailure(.noPermission, "password file \(path): it is another user's")
    }
    return try parse(try contents(descriptor, path), path)
  }

  private static func contents(_ descriptor: Int32, _ path: String) throws(CommandFailure)
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var done = 0
    // Each turn reads something or ends.
    while done < bytes.count {
      let from = done
      let count = bytes.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress?.advanced(by: from), $0.count - from)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFailure(
          .inputOutput, "password file \(path): \(String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      done += count
    }
    return Array(bytes[..<done])
  }

  static func parse(_ bytes: [UInt8], _ path: String) throws(CommandFailure) -> Secret {
    var word = bytes[...]
    if word.last == UInt8(ascii: "\n") { word.removeLast() }
    let text = String(decoding: word, as: UTF8.self)
    guard Configuration.Session.isPassword(text) else {
      throw CommandFailure(
        .dataError,
        "password file \(path): it takes one line of \(Configuration.Session.passwordWanted)")
    }
    return Secret(text)
  }
}
