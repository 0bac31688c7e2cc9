import Captures
import Foundation
import Simulation

/// Files that a command line names, looked at before anything else is made of them: so that the error says
/// what is wrong with the file, and not what follows from it.
enum InputFile {
  /// That the file can be read, and is no directory.
  ///
  /// - Parameters:
  ///   - what: the file's part, as in "feed".
  ///   - option: what names it on the command line.
  static func check(_ path: String, what: String, option: String) throws(CommandFailure) {
    var status = stat()
    if stat(path, &status) == 0, access(path, R_OK) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else { return }
      throw CommandFailure(
        .opening(errno: EISDIR), "\(what) \(path): is a directory; name a file with '\(option)'")
    }
    throw failure(path, errno, what: what, option: option)
  }

  /// A recorded feed, which stays open; a recording of ours is none.
  static func feed(_ path: String) throws(CommandFailure) -> FeedFile {
    do throws(FeedError) {
      let file = try FeedFile(path: path)
      if try file.kind() == .recording { throw FeedError.recording(file.path) }
      return file
    } catch {
      throw CommandFailure(error.cause.exitCode, "\(error)")
    }
  }

  /// It is a file with a recording of ours; what can't be looked at is none.
  static func isRecording(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let file = try? FeedFile(path: path)
    else { return false }
    return (try? file.kind()) == .recording
  }

  /// The instruments of a file; nil when none is named.
  static func instruments(_ path: String?) throws(CommandFailure) -> InstrumentsFile? {
    guard let path, !path.isEmpty else { return nil }
    let what = "instruments file"
    let option = "--instruments"
    let text = try text(path, atMost: InstrumentsFile.bytesMax, what: what, option: option)
    do throws(InstrumentsFile.ParseError) {
      return try InstrumentsFile(parsing: text, name: path)
    } catch {
      throw CommandFailure(.dataError, "\(error)")
    }
  }

  /// The text of a file of lines that people write.
  static func text(
    _ path: String, atMost most: Int, what: String, option: String
  ) throws(CommandFailure) -> String {
    try check(path, what: what, option: option)
    let bytes = try bytes(of: path, atMost: most, what: what, option: option)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(
        .dataError, "\(what) \(path): is not text in UTF-8; give a CSV with '\(option)'")
    }
    return text
  }

  private static func bytes(
    of path: String, atMost most: Int, what: String, option: String
  ) throws(CommandFailure) -> [UInt8] {
    guard let handle = fopen(path, "r") else {
      throw failure(path, errno, what: what, option: option)
    }
    defer { fclose(handle) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    // Ends with the file, or past the most that it may have.
    while bytes.count <= most {
      let count = fread(&piece, 1, piece.count, handle)
      bytes += piece[..<count]
      guard count < piece.count else { continue }
      guard ferror(handle) == 0 else { throw failure(path, errno, what: what, option: option) }
      return bytes
    }
    throw CommandFailure(
      .dataError, "\(what) \(path): longer than \(most) bytes; give a shorter one")
  }

  private static func failure(
    _ path: String, _ code: Int32, what: String, option: String
  ) -> CommandFailure {
    CommandFailure(
      .opening(errno: code),
      "\(what) \(path): \(String(cString: strerror(code))); check '\(option)'")
  }
}
