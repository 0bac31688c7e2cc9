import BenchSupport
import Foundation

/// Files that are there whole or not at all.
enum WholeFile {
  /// Writes beside the path and renames; directories on the way are made.
  static func write(_ text: String, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    let directory = url.deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url, options: .atomic)
    } catch {
      throw BenchError("cannot write \(path): \(error.localizedDescription); choose another place")
    }
  }
}
