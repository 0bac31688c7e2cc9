import BenchSupport
import Foundation

/// Files that are there whole or not at all.
enum WholeFile {
  /// Whether a file could be written there, before the minutes whose result it is to have; directories on the
  /// way are made.
  static func check(_ path: String) throws {
    func refuse(_ code: Int32) -> AcceptedFileError {
      AcceptedFileError(
        code: 73,
        message: "cannot write \(path): \(String(cString: strerror(code))); choose another place")
    }
    var facts = stat()
    if stat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG {
      if facts.st_mode & S_IFMT == S_IFDIR { throw refuse(EISDIR) }
      guard access(path, W_OK) == 0 else { throw refuse(errno) }
      return
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    guard access(folder.path, W_OK | X_OK) == 0 else { throw refuse(errno) }
  }

  /// Writes beside the path and renames; directories on the way are made.
  static func write(_ text: String, to path: String) throws {
    // A device or a pipe is written to, never replaced.
    var facts = stat()
    if stat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG, facts.st_mode & S_IFMT != S_IFDIR
    {
      guard let handle = FileHandle(forWritingAtPath: path) else {
        throw BenchError(
          "cannot write \(path): \(String(cString: strerror(errno))); choose another place")
      }
      return handle.write(Data(text.utf8))
    }
    let url = URL(fileURLWithPath: path)
    let directory = url.deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url, options: .atomic)
    } catch {
      throw BenchError("cannot write \(path): \(error.localizedDescription); choose another place")
    }
  }

  /// Writes all of the files beside the folder, and only then gives it to them: a new folder at once, an
  /// old one file by file.
  static func write(_ files: [(name: String, text: String)], into directory: String) throws {
    let target = URL(fileURLWithPath: directory)
    let parent = target.deletingLastPathComponent().path
    let scratch = try ScratchFolder(in: parent, ".needletail-unfinished")
    defer { scratch.remove() }
    let made = scratch.path + "/made"
    for (name, text) in files { try write(text, to: "\(made)/\(name)") }
    guard !files.isEmpty else { return }
    if rename(made, target.path) == 0 { return }
    for (name, _) in files where rename("\(made)/\(name)", "\(target.path)/\(name)") != 0 {
      throw BenchError(
        "cannot write \(directory)/\(name): \(String(cString: strerror(errno))); choose another place"
      )
    }
  }
}
