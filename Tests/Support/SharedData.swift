import Foundation

/// Where the recorded feeds are: beside the package, or where the environment says.
package enum SharedData {
  package static let directory: String = {
    if let told = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"] { return told + "/data" }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../shared/data").standardized.path
  }()
  package static var apple: String {
    directory + "/itch/AAPL_20191230_0935_part1_25000msgs.itch50"
  }
  package static var isThere: Bool { FileManager.default.fileExists(atPath: apple) }
}
