import Foundation
import Testing

@Suite struct PeersTests {
  private static let python = "/usr/bin/env"
  private static var folder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Benchmarks/Peers")
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["python3", "-B"] + arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  private static var hasPython: Bool { (try? run(["-c", ""])) == 0 }

  @Test(.enabled(if: hasPython, "python3 is not there"))
  func `the table of peers takes medians, names who is missing and fails a wrong result`() throws {
    #expect(try Self.run(["-m", "unittest", "table_test"]) == 0, "run it in Benchmarks/Peers")
  }
}
