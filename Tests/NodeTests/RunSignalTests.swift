import Foundation
import TestSupport
import Testing
import Trading

@testable import Node

/// What a run makes of signals, of a silent exchange and of a taken processor, and what its log
/// says of it.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunSignalTests {
  @Test(arguments: [SIGTSTP, SIGUSR1, 40])
  func `a signal that would kill or suspend ends the run in order`(_ signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { command.hasTraded })
    // One whose log has no reader any more goes on.
    kill(command.process.processIdentifier, SIGPIPE)
    let traded = command.messagesTraded
    #expect(command.wait { command.messagesTraded > traded })
    let result = try command.interrupt(signal)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json["orders", "working"] == 0)
    #expect(json.text("run", "ended_by") == "signal")
    #expect(result.errors.contains("\(StopSignal.name(signal)): the run ends"))
    #expect(
      (json.root["notes"] as? [String])?.contains("ended by \(StopSignal.name(signal))") == true)
  }

  @Test func `each line of the log has a time and a level, and the end is one of them`() throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { command.hasTraded })
    let kill = try CommandProcess.run([
      "kill", "--data", directory.path + "/data", "--scope", "firm", "--person", "Anna", "--reason",
      "looks odd",
    ])
    #expect(kill.status == 0, "\(kill.errors)")
    #expect(command.wait { command.complaints.contains("NEW ORDERS OF FIRM ARE STOPPED") })
    let result = try command.interrupt(SIGTERM)
    let line = try Regex(#"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) .+$"#)
    let lines = result.errors.split(separator: "\n")
    for found in lines { #expect(found.wholeMatch(of: line) != nil, "\(found)") }
    #expect(lines.contains { $0.contains("Z error needletail run: NEW ORDERS OF FIRM") })
    #expect(lines.last?.hasSuffix("Z info needletail run: ended by signal") == true)
    let stops = try SummaryJSON(result.output).root["stops"] as? [[String: Any]] ?? []
    let stop = try #require(stops.first)
    #expect(stop["scope"] as? String == "firm")
    #expect(stop["cause"] as? String == "person")
    #expect((stop["by"] as? String)?.hasPrefix("Anna (user ") == true)
    #expect(stop["why"] as? String == "looks odd")
    #expect(stop["standing"] as? Bool == true)
  }

  @Test func `an exchange that nobody runs is said to be silent while the run tries`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments",
      SomeInstruments.write(in: directory.path))
    #expect(run.wait { run.complaints.contains("not trading yet") })
    #expect(run.complaints.contains("not trading yet: 0 of 1 sessions up, 0 datagrams"))
    #expect(run.complaints.contains("order entry at 127.0.0.1:\(port),"))
    #expect(run.complaints.contains("market data at 127.0.0.1:\(port + 3)"))
    #expect(run.complaints.contains("snapshot service at 127.0.0.1:\(port + 2): not taken"))
    _ = try run.interrupt()
  }

  @Test func `a configured processor that another run has is refused with 75`() throws {
    let directory = try TemporaryDirectory()
    let place = try #require(ProcessorChoice.allowed.last)
    // Ours, or another's if that was quicker.
    let claim = ProcessorClaim(place)
    let config = directory.path + "/c.yaml"
    try "runtime: {processor: \(place)}\n".write(toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--config", config, "--duration", "1", "--data", directory.path + "/data",
    ])
    #expect(result.status == 75, "\(result.errors)")
    #expect(result.errors.contains("processor \(place) is taken by another run's hot thread"))
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/data"), "it left something")
    withExtendedLifetime(claim) {}
  }

  @Test func `a data directory that another run has is refused with 75`() throws {
    let directory = try TemporaryDirectory()
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded })
    let second = try CommandProcess.run([
      "run", "--duration", "1", "--virtual-time", "--data", directory.path + "/data",
    ])
    #expect(second.status == 75, "\(second.errors)")
    #expect(second.errors.contains("in use"), "\(second.errors)")
    #expect(try run.interrupt().status == 0)
  }

  @Test func `the exchange keeps away from the hot thread's processor`() throws {
    let directory = try TemporaryDirectory()
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded && run.exchange != nil })
    let exchange = try #require(run.exchange)
    let tasks = "/proc/\(run.process.processIdentifier)/task/"
    let hot = try FileManager.default.contentsOfDirectory(atPath: tasks).first {
      (try? String(contentsOfFile: tasks + $0 + "/comm", encoding: .utf8)) == "nt-hot\n"
    }
    let ours = try Self.processors("\(tasks)\(#require(hot))/status")
    let theirs = try Self.processors("/proc/\(exchange)/status")
    if run.complaints.contains("not worth quoting") {
      #expect(ours == theirs, "unpinned, both are where nobody else's hot thread is")
    } else {
      #expect(ours.count == 1)
      #expect(theirs.isDisjoint(with: ours))
    }
    #expect(try run.interrupt().status == 0)
  }

  /// Cpus_allowed_list of a thread.
  private static func processors(_ status: String) throws -> Set<Int> {
    let text = try String(contentsOfFile: status, encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
    let ranges = line.split(whereSeparator: \.isWhitespace).last?.split(separator: ",") ?? []
    var found: Set<Int> = []
    for range in ranges {
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last else { continue }
      found.formUnion(first...last)
    }
    return found
  }
}
