import Foundation
import TestSupport
import Testing

@testable import Node

/// The exchange as a process that runs attach to: what it says, and how it ends. Over real sockets.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct ExchangeCommandTests {
  private static func exchange(
    at port: UInt16, in directory: borrowing TemporaryDirectory, _ name: String, _ more: String...
  ) throws -> RunningCommand {
    let place = directory.path + "/" + name
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let command = try RunningCommand(
      [
        "exchange", "--listen", "127.0.0.1:\(port)", "--write-instruments",
        directory.path + "/instruments.csv",
      ] + more, directory: place)
    #expect(command.wait { command.printed.contains("\n") })
    return command
  }
  private static func run(
    at port: UInt16, in directory: borrowing TemporaryDirectory
  ) throws -> RunningCommand {
    try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments",
      directory.path + "/instruments.csv")
  }

  /// The kernel gives back the ports of one that has ended a moment later.
  @Test func `one is started right after another at the same ports`() throws {
    let port = try PortRange.free()
    for _ in 0..<4 {
      let result = try CommandProcess.run([
        "exchange", "--listen", "127.0.0.1:\(port)", "--messages", "10", "--idle", "1",
      ])
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  @Test func `its log says who comes and goes, what it begins with and what it goes on from`()
    throws
  {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let store = directory.path + "/store"
    let exchange = try Self.exchange(at: port, in: directory, "first", "--data", store)
    let run = try Self.run(at: port, in: directory)
    #expect(run.wait { run.hasTraded })
    #expect(try run.interrupt().status == 0)
    let result = try exchange.interrupt(SIGTERM)
    #expect(result.status == 0)
    let line = try Regex(
      #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) needletail exchange: .+$"#)
    let lines = result.errors.split(separator: "\n")
    for found in lines { #expect(found.wholeMatch(of: line) != nil, "\(found)") }
    func has(_ text: String) -> Bool { lines.contains { $0.contains(text) } }
    #expect(has(" begins; it is kept in \(store)"))
    #expect(has("NTAIL1 logged in from 127.0.0.1:"))
    #expect(has("NTAIL1 logged in to the snapshot service from 127.0.0.1:"))
    #expect(has("info needletail exchange: NTAIL1 from 127.0.0.1:"))
    #expect(lines.last?.contains("SIGTERM: the exchange ends with 0 orders at work") == true)
    #expect(lines.last?.hasSuffix("goes on when it is started again with its --data") == true)
    #expect(!result.errors.contains("needletail\n") && !result.errors.contains("password"))
    let again = try Self.exchange(at: port, in: directory, "second", "--data", store)
    let resumed = try again.interrupt(SIGTERM)
    #expect(resumed.errors.contains(" goes on from \(store): "), "\(resumed.errors)")
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `an exchange of which nothing is kept ends the runs that are attached in order`(
    _ signal: Int32
  ) throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try Self.exchange(at: port, in: directory, "exchange")
    let run = try Self.run(at: port, in: directory)
    #expect(run.wait { run.hasTraded })
    let ended = try exchange.interrupt(signal)
    let result = try run.finish()
    #expect(ended.status == 0 && ended.errors.contains(" is over"), "\(ended.errors)")
    #expect(result.status == 0, "\(result.errors)")
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "end of feed")
    #expect(json.broken.isEmpty)
    #expect(json["orders", "sent"] > 0)
    #expect(json["orders", "working"] == 0 && json["orders", "unknown"] == 0)
  }
}
