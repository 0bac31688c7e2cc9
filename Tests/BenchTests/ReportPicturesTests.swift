import Foundation
import Testing

@Suite struct ReportPicturesTests {
  private static var folder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("perf/scripts")
  }

  private static func python(_ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-B"] + arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  private static var hasPython: Bool { (try? python(["-c", ""])) == 0 }

  @Test(.enabled(if: hasPython, "python3 is not there"))
  func `a report has a colour a curve, units and loads in order, and whole counts`() throws {
    #expect(try Self.python(["-m", "unittest", "report_test"]) == 0, "run it in perf/scripts")
  }
}
