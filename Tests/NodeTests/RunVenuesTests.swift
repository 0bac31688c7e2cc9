import ExecutionCore
import Foundation
import TestSupport
import Testing

@testable import Node

/// Runs at several venues: an exchange and the paper broker side by side, or the paper broker alone.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct RunVenuesTests {
  private func virtual(_ data: String, _ more: String...) throws -> CommandProcess {
    try CommandProcess.run(
      ["run", "--virtual-time", "--data", data, "--summary", "json"] + more)
  }

  private func names(_ json: SummaryJSON) -> [String] {
    (json.root["venues"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
  }

  private func agrees(_ json: SummaryJSON, _ venue: String) {
    let fills = json.venue(venue, "fills", "count")
    #expect(fills > 0, "\(venue)")
    #expect(fills == json.venue(venue, "own_account", "fills"), "\(venue)")
    #expect(json.venue(venue, "orders", "open") == 0, "\(venue)")
  }

  private func coins(_ path: String, seconds: String = "20") throws {
    let made = try CommandProcess.run(
      "capture", "generate", path, "--seconds", seconds, "--date", "2024-08-08", "--seed", "4")
    #expect(made.status == 0, "\(made.errors)")
  }

  @Test func `without a word of configuration two venues are traded, and each agrees with us`()
    throws
  {
    let directory = try TemporaryDirectory()
    let result = try virtual(directory.path + "/data", "--duration", "4")
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(names(json) == ["exchange", "paper"])
    agrees(json, "exchange")
    agrees(json, "paper")
    #expect(
      json["fills", "count"] == json.venue("exchange", "fills", "count")
        + json.venue("paper", "fills", "count"))
    // One strategy on both: the maker has positions of shares and of coins.
    let positions = json.root["positions"] as? [[String: Any]] ?? []
    let symbols = positions.filter { $0["strategy"] as? String == "maker" }
      .compactMap { $0["symbol"] as? String }
    #expect(symbols.contains("BTC-USD") && symbols.contains { $0.hasPrefix("Q") })
    #expect(json["feed", "symbols_whole"] == 22)
    #expect(json["feed", "lost"] == 0)
  }

  @Test func `two venues in virtual time give the same bytes every time`() throws {
    let directory = try TemporaryDirectory()
    var journals: [Data] = []
    for name in ["a", "b"] {
      let data = directory.path + "/" + name
      let result = try virtual(
        data, "--duration", "2", "--faults", "loss=5,reorder=10,resets=20,stalls=3", "--seed", "9")
      #expect(result.status == 0, "\(result.errors)\(result.output)")
      let files = try FileManager.default.contentsOfDirectory(atPath: data)
        .filter { $0.hasPrefix("journal-") }.sorted()
      #expect(!files.isEmpty)
      journals.append(
        try files.reduce(into: Data()) {
          $0 += try Data(contentsOf: URL(fileURLWithPath: data + "/" + $1))
        })
    }
    #expect(journals[0] == journals[1])
  }

  @Test(arguments: [1, 2, 3])
  func `a bad network, and a broker that forgets, delays, doubles and drops, part no accounts`(
    seed: Int
  ) throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try """
    venues:
      - name: exchange
      - name: paper
        kind: paper
        fill: {forgets: 0.05, delays: 0.05, doubles: 0.05, drop_seconds: 2, share_percent: 60,
          accept_latency_microseconds: 300, report_latency_microseconds: 200}
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let result = try virtual(
      directory.path + "/data", "--config", config, "--duration", "6", "--seed", "\(seed)",
      "--faults", "loss=5,duplicate=5,reorder=5,resets=10")
    let json = try SummaryJSON(result.output)
    // What a run under faults may say is its exit code's; that the accounts agree is not.
    let parted = json.broken.filter { $0.contains("equal those of") }
    #expect(parted.isEmpty, "seed \(seed): \(parted)")
    #expect(json.venue("paper", "fills", "count") > 0, "seed \(seed)")
    #expect(json.venue("paper", "session", "reconnects") > 0, "seed \(seed)")
  }

  @Test func `a recording is traded on paper alone, on its own day`() throws {
    let directory = try TemporaryDirectory()
    let recording = directory.path + "/coins.ntc"
    try coins(recording)
    let result = try virtual(directory.path + "/data", "--feed", recording)
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(names(json) == ["paper"])
    #expect(json.text("run", "ended_by") == "end of feed")
    #expect(json.text("run", "session_date") == "2024-08-07", "New York's day of midnight UTC")
    agrees(json, "paper")
  }

  @Test func `a damaged recording is traded as far as it goes, and the run says so`() throws {
    let directory = try TemporaryDirectory()
    let recording = directory.path + "/coins.ntc"
    try coins(recording)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: recording))
    bytes[bytes.count / 2] ^= 0x40
    try bytes.write(to: URL(fileURLWithPath: recording))
    let result = try virtual(directory.path + "/data", "--feed", recording)
    #expect(result.status == 65, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    let notes = json.root["notes"] as? [String] ?? []
    #expect(notes.contains { $0.contains(recording) && $0.contains("get the whole file again") })
  }

  @Test(arguments: ["run", "paper"])
  func `a recording of orders is refused: paper has nothing of it to fill at`(
    command: String
  ) throws {
    let directory = try TemporaryDirectory()
    let recording = directory.path + "/orders.ntc"
    let made = try CommandProcess.run(
      "capture", "generate", recording, "--kind", "orders", "--seconds", "1")
    #expect(made.status == 0, "\(made.errors)")
    let more = command == "run" ? ["--data", directory.path + "/d"] : ["--account", "A"]
    let result = try CommandProcess.run([command, "--feed", recording] + more)
    #expect(result.status == 65 && result.errors.contains("has no quotes for paper"))
  }

  @Test func `each order session can be stopped and re-armed by its number`() throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { hasTradedBoth(command) })
    func ask(_ verb: String, _ scope: String) throws -> CommandProcess {
      try CommandProcess.run([
        verb, "--data", directory.path + "/data", "--scope", scope, "--person", "Ada", "--reason",
        "a drill",
      ])
    }
    for scope in ["port:0", "port:1"] {
      let killed = try ask("kill", scope)
      #expect(killed.status == 0 && killed.output == "done: stopped by person\n", "\(killed)")
      let armed = try ask("rearm", scope)
      #expect(armed.status == 0, "\(armed)")
    }
    let none = try ask("kill", "port:2")
    #expect(none.status == 1)
    #expect(none.output.contains("port:1 (account HOUSE at the paper broker 'paper')"), "\(none)")
    #expect(try command.interrupt().status == 0)
  }

  @Test func `several accounts have a session each at each venue`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try """
    accounts: [{name: A, username: ONE}, {name: B, username: TWO}]
    strategies:
      - {name: maker, account: A}
      - {name: taker, kind: taker, account: B}
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let result = try virtual(directory.path + "/data", "--config", config, "--duration", "3")
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json.venue("exchange", "session", "ports") == 2)
    #expect(json.venue("paper", "session", "ports") == 2)
    agrees(json, "exchange")
    agrees(json, "paper")
  }

  /// Executions of both venues are in the journal.
  private func hasTradedBoth(_ run: RunningCommand) -> Bool {
    let symbols = Set(run.journalled("execution").compactMap { $0["symbol"] as? String })
    return symbols.contains { $0.hasSuffix("-USD") } && symbols.contains { $0.hasPrefix("Q") }
  }

  @Test func `a paper broker killed in mid-run keeps its account, and the run goes on`() throws {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    var killed: [Int32] = []
    for _ in 0..<2 {
      #expect(command.wait { hasTradedBoth(command) && command.paper != nil })
      let paper = try #require(command.paper)
      #expect(!killed.contains(paper))
      killed.append(paper)
      let sessions = command.sessions
      #expect(kill(paper, SIGKILL) == 0)
      #expect(command.wait { command.paper.map { !killed.contains($0) } ?? false })
      #expect(command.wait { command.sessions > sessions }, "it has logged in again")
    }
    let result = try command.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json.venue("paper", "restarts") == 2)
    #expect(json.venue("paper", "session", "reconnects") >= 2)
    agrees(json, "paper")
    agrees(json, "exchange")
    #expect(
      result.errors.contains(
        "the paper broker 'paper' was killed by signal 9; it was started again"))
  }

  @Test
  func `a paper broker that cannot live is given up, and what works at the exchange is cancelled`()
    throws
  {
    let directory = try TemporaryDirectory()
    let command = try RunningCommand.run(in: directory.path)
    #expect(command.wait { hasTradedBoth(command) })
    // Whatever is started there dies of its directory.
    let data = directory.path + "/data/paper-paper"
    try FileManager.default.removeItem(atPath: data)
    try "no directory".write(toFile: data, atomically: true, encoding: .utf8)
    kill(try #require(command.paper), SIGKILL)
    #expect(command.wait { command.complaints.contains("the paper broker 'paper' is lost") })
    let result = try command.finish()
    #expect(result.status == 69, "\(result.errors)")
    let json = try SummaryJSON(result.output)
    #expect(json.text("run", "ended_by") == "exchange lost")
    #expect(json.venue("exchange", "orders", "open") == 0)
    #expect(
      json.venue("exchange", "fills", "count") == json.venue("exchange", "own_account", "fills"))
  }

  @Test func `a running paper broker is attached to`() throws {
    let directory = try TemporaryDirectory()
    let places = try PortRange.addresses()
    let paper = try RunningCommand(
      [
        "paper", "--feed", "generated", "--account", "ONE", "--feed-to",
        places[0] + "," + places[1], "--start-on-login",
      ], directory: directory.path)
    #expect(paper.wait { paper.printed.contains("\"paper\"") })
    #expect(paper.wait { paper.complaints.contains("venues: [") })
    // What it says is all that a run needs.
    let said = paper.complaints.split(separator: "\n").first { $0.contains("'--config': {") }
    let text = try #require(said?.split(separator: "'--config': ").last)
    let config = directory.path + "/c.yaml"
    try text.write(toFile: config, atomically: true, encoding: .utf8)
    let other = try TemporaryDirectory()
    let run = try RunningCommand.run(in: other.path, "--config", config)
    #expect(run.wait { run.hasTraded }, "\(run.complaints)")
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    #expect(json.venue("paper", "fills", "count") > 0)
    #expect(json.venue("paper", "own_process") == 0)
    let notes = json.root["notes"] as? [String] ?? []
    #expect(notes.contains { $0.contains("the own account of the paper broker 'paper'") })
    _ = try paper.interrupt()
  }

  @Test func `speed max takes the exchange alone where nobody has said which venues, and says so`()
    throws
  {
    let options = try RunOptions(
      ParsedOptions(["--speed", "max"], of: RunCommand.definition))
    #expect(options.configuration.venues.map(\.name) == ["exchange"])
    #expect(options.notes.count == 1 && options.notes[0].contains("nothing on paper"))
    let virtual = try RunOptions(
      ParsedOptions(["--speed", "max", "--virtual-time"], of: RunCommand.definition))
    #expect(virtual.configuration.venues.map(\.name) == ["exchange", "paper"])
  }

  @Test func `an attached paper broker needs its lines, its re-requests and its session`() throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try """
    feeds: [{name: coins, kind: prices, line_a: "127.0.0.1:5"}]
    venues: [{name: there, kind: paper, attach: "127.0.0.1:9"}]
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--config", config, "--data", directory.path + "/d",
    ])
    #expect(result.status == 78)
    #expect(result.errors.contains("its feed 'coins' has no 'rerequest'"), "\(result.errors)")
  }

  @Test(arguments: [
    (
      "venues: [{name: p, kind: paper, feed: equities}]",
      "trades the feed of orders 'equities', which somebody else sends"
    ),
    (
      "venues: [{name: p, kind: paper}]\nfeeds: [{name: coins, kind: prices, session: X}]",
      "session is of a venue that is attached"
    ),
    (
      "venues: [{name: p, kind: paper}]\nrun: {speed: max}",
      "'--speed max' needs an exchange alone"
    ),
    (
      "venues: [{name: p, kind: paper}]\nfeeds: [{name: c, kind: prices, generator: {symbols: 300}}]",
      "it takes a whole number from 1 to 256"
    ),
  ])
  func `what no paper venue can do is refused before anything is made`(
    _ text: String, _ said: String
  ) throws {
    let directory = try TemporaryDirectory()
    let config = directory.path + "/c.yaml"
    try text.write(toFile: config, atomically: true, encoding: .utf8)
    let result = try CommandProcess.run([
      "run", "--config", config, "--data", directory.path + "/d",
    ])
    #expect(result.status == 78 || result.status == 64, "\(result.status)")
    #expect(result.errors.contains(said), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/d"))
  }

  @Test func `shares are traded on paper at the live feed of an exchange`() throws {
    let directory = try TemporaryDirectory()
    let places = try PortRange.addresses()
    let port = places[0].split(separator: ":")[1]
    let lines = ["239.255.77.1:\(port)", "239.255.77.2:\(port)"]
    let instruments = directory.path + "/i.csv"
    let exchange = try RunningCommand(
      [
        "exchange", "--listen", places[0], "--rerequest", places[1], "--snapshot", places[2],
        "--feed-to", lines.joined(separator: ","), "--write-instruments", instruments,
      ], directory: directory.path)
    #expect(exchange.wait { exchange.printed.contains("order_entry") })
    let there = try TemporaryDirectory()
    let report = there.path + "/report.json"
    let paper = try RunningCommand(
      [
        "paper", "--follow", lines.joined(separator: ","), "--follow-rerequest", places[1],
        "--follow-snapshot", places[2], "--instruments", instruments, "--account", "ONE",
        "--listen", places[3], "--report", report,
      ], directory: there.path)
    #expect(paper.wait { paper.printed.contains("\"paper\"") })
    let config = directory.path + "/c.yaml"
    try """
    feeds:
      - {name: shares, instruments_file: "\(instruments)", line_a: "\(lines[0])", line_b: "\(lines[1])",
        rerequest: "\(places[1])", snapshot: "\(places[2])", snapshot_username: NTAIL1}
    venues: [{name: there, kind: paper, feed: shares, attach: "\(places[3])", username: ONE}]
    """.write(toFile: config, atomically: true, encoding: .utf8)
    let other = try TemporaryDirectory()
    let run = try RunningCommand.run(in: other.path, "--config", config)
    #expect(run.wait { run.hasTraded }, "\(run.complaints)")
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    let json = try SummaryJSON(result.output)
    #expect(json.broken.isEmpty)
    let fills = json.venue("there", "fills", "count")
    #expect(fills > 0)
    #expect(try paper.interrupt().status == 0)
    #expect(Int(try #require(ReportedAccount(file: report)).fills) == fills)
    _ = try exchange.interrupt()
  }

  @Test func `what trades in fractions is sized in dollars`() {
    var strategy = Configuration.Strategy.marketMaker
    strategy.notional = 1_000
    var bitcoin = InstrumentFacts(symbol: "BTC-USD")
    bitcoin.priceExponent = -2
    bitcoin.quantityExponent = -5
    bitcoin.roundLot = 10
    bitcoin.previousClose = 60_000_00
    // A lot of 0.0001 is 6 dollars: 166 of them.
    let size = strategy.size(bitcoin)
    #expect(size.quantity == 1_660)
    #expect(size.positionMax == 8_300)
    bitcoin.previousClose = 60_000_000_00
    #expect(strategy.size(bitcoin).quantity == 10, "a lot at least")
    bitcoin.previousClose = 0
    #expect(strategy.size(bitcoin).quantity == strategy.quantity)
    #expect(strategy.size(InstrumentFacts(symbol: "AAPL")).quantity == 100)
  }
}
