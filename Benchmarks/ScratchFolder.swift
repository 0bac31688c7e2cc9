import BenchSupport
import Foundation

/// A folder for the files of one measurement, with a name of its own.
final class ScratchFolder {
  let path: String

  /// Makes it under a folder, and that one too.
  init(in parent: String, _ name: String) throws {
    path = "\(parent)/\(name)-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { throw BenchError("cannot make \(path): \(error.localizedDescription)") }
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
