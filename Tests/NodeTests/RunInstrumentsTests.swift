import ExecutionCore
import Foundation
import Simulation
import TestSupport
import Testing

@testable import Node

/// What an attached run knows of the market there: from the exchange's own file, and from nothing else. Over real
/// sockets: the exchange is another process.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunInstrumentsTests {
  private func exchange(at port: UInt16, in directory: String) throws -> RunningCommand {
    let place = directory + "/exchange"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let command = try RunningCommand(
      [
        "exchange", "--listen", "127.0.0.1:\(port)", "--seed", "2", "--date", "2021-05-04",
        "--style", "volatile", "--symbols", "12", "--write-instruments", directory + "/i.csv",
      ], directory: place)
    #expect(command.wait { command.printed.contains("\n") }, "\(command.complaints)")
    return command
  }

  @Test func `an exchange writes its instruments as they are`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/i.csv"
    let written = try CommandProcess.run([
      "exchange", "--write-instruments", path, "--write-feed", directory.path + "/f.itch",
      "--messages", "1000", "--seed", "9", "--symbols", "300", "--date", "2021-05-04",
    ])
    #expect(written.status == 0, "\(written.errors)")
    let file = try #require(try InputFile.instruments(path))
    let date = try #require(SessionDate(year: 2021, month: 5, day: 4))
    let made = ExchangeFeed(
      generated: GeneratorSettings(
        seed: 9, symbols: 300, messagesMax: 1_000, midnight: SessionCalendar.midnight(date)))
    #expect(file == InstrumentsFile(instruments: made.instruments, date: date))
  }

  // Reads ../shared/data, which is not part of the package.
  @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
  func `an exchange writes what it has derived from a recording, before its ports are said`() throws
  {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/i.csv"
    let exchange = try RunningCommand(
      ["exchange", "--feed", SharedData.apple, "--write-instruments", path],
      directory: directory.path)
    #expect(exchange.wait { exchange.printed.contains("\n") }, "\(exchange.complaints)")
    let file = try #require(try InputFile.instruments(path))
    _ = try exchange.interrupt(SIGTERM)
    #expect(file.date.text == "2019-12-30")
    #expect(file.instruments.map(\.symbol) == ["AAPL"])
    #expect(file.instruments[0].previousClose > 280 * 100_000_000)
  }

  @Test func `a market of another seed and day is traded by what its exchange says of it`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory.path)
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments",
      directory.path + "/i.csv")
    #expect(run.wait { run.hasTraded && run.messagesTraded > 1_000 })
    let result = try run.interrupt()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "source") == "exchange 127.0.0.1:\(port)")
    #expect(json.text("run", "session_date") == "2021-05-04")
    #expect((json.root["run"] as? [String: Any])?["seed"] is NSNull)
    let refused = (json.root["orders"] as? [String: Any])?["refused"] as? [String: Any]
    #expect(refused?["staticCollar"] == nil, "\(refused ?? [:])")
    #expect(json["feed", "symbols_named"] == 12)
    #expect(json["feed", "symbols_unlisted"] == 0 && json["feed", "unequal_lots"] == 0)
  }

  @Test func `a symbol that the file lacks and a round lot that differs are said`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory.path)
    let path = directory.path + "/i.csv"
    var file = try #require(try InputFile.instruments(path))
    let lacked = "\(file.instruments.removeLast().symbol)"
    file.instruments[0].roundLot = 10
    try file.text.write(toFile: path, atomically: true, encoding: .utf8)
    let run = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments", path)
    #expect(run.wait { run.hasTraded })
    let result = try run.interrupt()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.errors.contains("symbols of the feed are not among the instruments"))
    #expect(result.errors.contains("a round lot is another one in the feed"))
    let json = try SummaryJSON(result.output)
    #expect(json["feed", "symbols_unlisted"] == 1 && json["feed", "unequal_lots"] == 1)
    let notes = json.root["notes"] as? [String] ?? []
    #expect(notes.contains { $0.contains("not traded: 1, such as \(lacked)") }, "\(notes)")
    #expect(
      notes.contains {
        $0.contains("round lots that are others in the feed than the instruments': 1,")
      }, "\(notes)")
  }

  @Test func `a feed that names none of the file's symbols ends the run with 65`() throws {
    let directory = try TemporaryDirectory()
    let port = try PortRange.free()
    let exchange = try exchange(at: port, in: directory.path)
    let other = directory.path + "/other"
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
    let path = try SomeInstruments.write(in: other)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacingOccurrences(of: "QAAAZ", with: "AAPL").write(
      toFile: path, atomically: true, encoding: .utf8)
    let result = try RunningCommand.run(
      in: directory.path, "--exchange", "127.0.0.1:\(port)", "--instruments", path
    ).finish()
    _ = try exchange.interrupt(SIGTERM)
    #expect(result.status == 65, "\(result.errors)")
    #expect(result.errors.contains("names none of the instruments: nothing was traded"))
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "no instrument")
    #expect(json["orders", "sent"] == 0)
  }
}
