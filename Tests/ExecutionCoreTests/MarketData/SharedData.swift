import Foundation

/// Recorded data beside the repository, which is not part of it: `../shared/data`, or the folder that
/// NEEDLETAIL_SHARED names. Suites that need it are disabled, visibly, where it is not there.
enum SharedData {
  static let root: URL = {
    if let named = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"] {
      return URL(fileURLWithPath: named).appendingPathComponent("data")
    }
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return package.deletingLastPathComponent().appendingPathComponent("shared/data")
  }()

  static var isThere: Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent("itch").path)
  }

  static let itchFiles = [
    "itch/open_20191230_1000msgs.itch50",
    "itch/AAPL_20191230_0935_part1_25000msgs.itch50",
    "itch/startofday_1000msgs.itch50",
  ]

  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: root.appendingPathComponent(path)))
  }
}
