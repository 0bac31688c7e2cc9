import Captures
import ExecutionCore
import Foundation
import Simulation
import TestSupport
import Testing

@testable import Node

/// A folder for recordings, which goes with the value.
private final class Recordings {
  let directory = NSTemporaryDirectory() + "needletail-book-" + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func path(_ name: String) -> String { directory + "/" + name }

  func generated(_ name: String, _ more: String...) throws -> String {
    let arguments = ["generate", path(name), "--seed", "11", "--seconds", "6"]
    try #require(CaptureCommand.run(arguments: arguments + more) == 0)
    return path(name)
  }

  func write(
    _ instruments: [CapturedInstrument], _ records: [FeedRecord], _ name: String = "made.ntc"
  ) throws -> String {
    var recorder = try CaptureRecorder(
      path: path(name), header: CaptureHeader(channel: "test", instruments: instruments),
      replaces: true)
    for record in records { try recorder.append(record) }
    try recorder.finish()
    return path(name)
  }
}

/// A side of a book as the JSON has it.
private struct BookSide: Equatable {
  var levels: [[String]]

  init(_ levels: [[String]]) { self.levels = levels }
  init(_ json: Any?) throws {
    let rows = try #require(json as? [[Any]])
    levels = rows.map { $0.map { $0 is NSNull ? "null" : "\($0)" } }
  }
}

private struct BookJSON {
  let root: [String: Any]
  /// By symbol.
  var books: [String: [String: Any]] = [:]

  init(_ run: BookRun) throws {
    root = try #require(
      try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    for book in try #require(root["books"] as? [[String: Any]]) {
      books[try #require(book["symbol"] as? String)] = book
    }
  }
  func count(_ key: String) -> Int? { root[key] as? Int }
  func side(_ symbol: String, _ side: String) throws -> BookSide {
    try BookSide(books[symbol]?[side])
  }
}

@Suite struct BookRecordingTests {
  static func record(
    _ kind: FeedRecord.Kind, _ instrument: UInt32 = 0, side: UInt8 = 0, _ price: Int64 = 0,
    _ quantity: Int64 = 0, reference: UInt64 = 0, flags: FeedRecord.Flags = .last
  ) -> FeedRecord {
    var record = FeedRecord(kind, instrument: instrument, at: 1_723_161_600_000_000_000)
    record.side = side
    record.price = price
    record.quantity = quantity
    record.reference = reference
    record.flags = flags
    return record
  }
  static func instrument(
    _ symbol: String, _ contents: CapturedInstrument.Contents, price: Int = -2, quantity: Int = -3
  ) -> CapturedInstrument {
    var instrument = CapturedInstrument(
      symbol: symbol, priceExponent: price, quantityExponent: quantity)
    instrument.contents = contents
    return instrument
  }
  static var bid: UInt8 { FeedRecord.buy }
  static var ask: UInt8 { FeedRecord.sell }

  @Test(arguments: ["calm", "thin", "halting"])
  func `books by price of a generated recording are those of its generator`(
    _ style: String
  ) throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc", "--style", style, "--symbols", "3")
    var settings = PriceGeneratorSettings(begin: 1_577_923_200_000_000_000)
    settings.seed = 11
    settings.style = try #require(MarketStyle(rawValue: style))
    settings.instruments = 3
    var generator = PriceGenerator(settings)
    var levels = [[UInt8: [Int64: Int64]]](repeating: [:], count: 3)
    var records = 0
    while case let record = generator.next(), record.sessionTime < settings.begin + 6_000_000_000 {
      records += 1
      let index = Int(record.instrument)
      if record.kind == FeedRecord.Kind.clear.rawValue { levels[index] = [:] }
      guard record.kind == FeedRecord.Kind.level.rawValue else { continue }
      levels[index][record.side, default: [:]][record.price] =
        record.quantity == 0 ? nil : record.quantity
    }
    let run = BookRun(path, "--format", "json", "--levels", "100")
    #expect(run.code == 0 && run.err.isEmpty)
    let json = try BookJSON(run)
    #expect(json.count("records") == records && json.count("malformed") == 0)
    #expect(json.count("unlisted") == 0 && json.books.count == 3)
    for (index, facts) in generator.instruments.enumerated() {
      let symbol = "\(facts.symbol)"
      let book = try #require(json.books[symbol])
      #expect(book["whole"] as? Bool == true && book["kind"] as? String == "L2")
      for (name, side) in [("bids", Self.bid), ("asks", Self.ask)] {
        let sorted = (levels[index][side] ?? [:]).sorted {
          side == Self.bid ? $0.key > $1.key : $0.key < $1.key
        }
        let wanted = sorted.map {
          [
            CaptureText.decimal($0.key, Int(facts.priceExponent)),
            CaptureText.decimal($0.value, Int(facts.quantityExponent)), "null",
          ]
        }
        #expect(wanted.count > 3)
        #expect(try json.side(symbol, name) == BookSide(wanted), "\(symbol) \(name)")
      }
    }
  }

  @Test func `books by order of a generated recording are those of the feed as ITCH`() throws {
    let recordings = try Recordings()
    let same = ["--symbols", "5", "--rate", "1000", "--style", "volatile"]
    let path = recordings.path("orders.ntc")
    let arguments = ["generate", path, "--kind", "orders", "--seed", "4", "--seconds", "10"]
    try #require(CaptureCommand.run(arguments: arguments + same) == 0)
    let feed = recordings.path("feed")
    let write = ["exchange", "--write-feed", feed, "--seed", "4", "--duration", "10"]
    try #require(CommandTable.main(write + same) == .ok)
    let ours = try BookJSON(BookRun(path, "--format", "json", "--levels", "100000"))
    let theirs = try BookJSON(BookRun(feed, "--format", "json", "--levels", "100000"))
    #expect(ours.books.count == 5 && theirs.books.count == 5)
    for symbol in theirs.books.keys {
      #expect(ours.books[symbol]?["kind"] as? String == "L3")
      #expect(ours.books[symbol]?["status"] as? String == "trading")
      for side in ["bids", "asks"] {
        #expect(try ours.side(symbol, side) == theirs.side(symbol, side), "\(symbol) \(side)")
      }
    }
    let live = { (json: BookJSON) in (json.root["orders"] as? [String: Any])?["live"] as? Int }
    #expect(live(ours) == live(theirs))
  }

  @Test func `what can't be and what is unknown is counted, and the rest stands`() throws {
    let recordings = try Recordings()
    let snapshot: FeedRecord.Flags = .snapshot
    var quote = Self.record(.quote, 1, 5_000, 7)
    quote.askPrice = 5_001
    quote.askQuantity = 8
    var strange = Self.record(.level, 0, side: Self.bid, 100, 1)
    strange.kind = 1
    var halt = Self.record(.status, 2)
    halt.detail = MarketStatus.halted.rawValue
    let path = try recordings.write(
      [
        Self.instrument("L2-ONE", [.levels]), Self.instrument("L1-ONE", .quotes),
        Self.instrument("L3-ONE", .orders, price: -4, quantity: 0),
        Self.instrument("TRADES", .trades), Self.instrument("EMPTY", .levels),
      ],
      [
        Self.record(.clear, 0, flags: snapshot),
        Self.record(.level, 0, side: Self.bid, 10_000, 1_500, flags: snapshot),
        Self.record(.level, 0, side: Self.ask, 10_002, 25, flags: [.snapshot, .last]),
        Self.record(.level, 0, side: 0, 10_001, 25), Self.record(.level, 0, side: Self.bid, -5, 25),
        strange, quote, Self.record(.level, 3, side: Self.bid, 10_001, 25),
        Self.record(.add, 2, side: Self.bid, 20_000, 100, reference: 1),
        Self.record(.add, 2, side: Self.bid, 20_000, 50, reference: 2),
        Self.record(.add, 2, side: Self.bid, 20_000, 50, reference: 2),
        Self.record(.add, 2, side: Self.ask, 30_000, 70, reference: 3),
        Self.record(.add, 2, side: 0, 30_000, 70, reference: 4),
        Self.record(.add, 2, side: Self.ask, 30_000, 0, reference: 5),
        Self.record(.execute, 2, side: Self.bid, 20_000, 40, reference: 1),
        Self.record(.cancel, 2, side: Self.bid, 20_000, 51, reference: 2),
        Self.record(.modify, 2, side: Self.ask, 31_000, 9, reference: 3),
        Self.record(.delete, 2, reference: 99), Self.record(.gap, 2), halt,
      ])
    let run = BookRun(path, "--format", "json")
    #expect(run.code == 0 && run.err.contains("1 executions or cancels of more than was left"))
    for part in [
      #""malformed":5,"unlisted":1,"unrepresentable":0,"older":0,"backwards":0,"#,
      #""orders":{"added":3,"unknown":1,"duplicate":1,"live":2},"#,
      #"{"symbol":"L2-ONE","number":0,"kind":"L2","whole":true,"status":"unknown","#,
      #""bids":[["100.00","1.500",null]],"asks":[["100.02","0.025",null]]},"#,
      #"{"symbol":"L1-ONE","number":1,"kind":"L1","whole":true,"status":"unknown","#,
      #""bids":[["50.00","0.007",null]],"asks":[["50.01","0.008",null]]},"#,
      #"{"symbol":"L3-ONE","number":2,"kind":"L3","whole":false,"status":"halted","#,
      #""bids":[["2.0000","60",1]],"asks":[["3.1000","9",1]]}]"#,
    ] {
      #expect(run.out.contains(part), "\(run.out)")
    }
    let text = BookRun(path)
    #expect(text.out.contains("20 records, 5 malformed\nkinds: quote 1, level 5,"))
    #expect(text.out.contains("other kinds 1"))
    #expect(text.out.contains("orders: 3 added, 1 unknown, 1 duplicate, 2 live"))
    #expect(text.out.contains("levels and quotes: 1 unlisted, 0 too large"))
    #expect(text.out.contains("L3-ONE (L3, halted, not whole)"))
    #expect(text.out.contains("      1         60      2.0000 |      3.1000          9       1"))
    #expect(text.out.contains("      1.500      100.00 |      100.02      0.025"))
    #expect(!text.out.contains("EMPTY") && !text.out.contains("TRADES"))
  }

  @Test func `a clear of all instruments empties every book, and orders come back whole`() throws {
    let recordings = try Recordings()
    let path = try recordings.write(
      [Self.instrument("A", .levels), Self.instrument("B", .orders)],
      [
        Self.record(.clear), Self.record(.level, 0, side: Self.bid, 5, 5),
        Self.record(.add, 1, side: Self.bid, 5, 5, reference: 1),
        Self.record(.gap, FeedRecord.all), Self.record(.clear, FeedRecord.all),
        Self.record(.add, 1, side: Self.ask, 6, 6, reference: 1),
        Self.record(.level, 0, side: Self.ask, 6, 6),
        // An order is of one instrument.
        Self.record(.add, FeedRecord.all, side: Self.ask, 7, 7, reference: 2),
      ])
    let json = try BookJSON(BookRun(path, "--format", "json"))
    #expect(json.count("malformed") == 1)
    for symbol in ["A", "B"] {
      #expect(json.books[symbol]?["whole"] as? Bool == true)
      #expect(try json.side(symbol, "bids") == BookSide([[String]]()))
      #expect(try json.side(symbol, "asks").levels.count == 1)
    }
  }

  @Test func `a book by order is whole again when its snapshot ends`() throws {
    let recordings = try Recordings()
    var records = [
      Self.record(.gap), Self.record(.clear, flags: .snapshot),
      Self.record(.add, side: Self.bid, 5, 5, reference: 1, flags: .snapshot),
    ]
    let one = [Self.instrument("A", .orders)]
    let open = BookRun(try recordings.write(one, records))
    #expect(open.code == 0 && open.out.contains("A (L3, not whole)"))
    records.append(
      Self.record(.add, side: Self.ask, 6, 5, reference: 2, flags: [.snapshot, .last]))
    #expect(BookRun(try recordings.write(one, records)).out.contains("A (L3)"))
    records.append(Self.record(.clear, FeedRecord.all, flags: [.snapshot, .last]))
    records.append(Self.record(.add, side: Self.ask, 6, 5, reference: 3))
    #expect(BookRun(try recordings.write(one, records)).out.contains("A (L3)"))
  }

  @Test(arguments: [UInt64(1), 2, 3]) func `whatever a recording holds, book reads it to its end`(
    _ seed: UInt64
  ) throws {
    let recordings = try Recordings()
    var random = SeededRandom(seed: seed)
    func number() -> Int64 {
      let edges: [Int64] = [.min, .max, 0, 1, -1, 1 << 62, 100, 101]
      return random.below(3) == 0
        ? Int64(bitPattern: random.next()) : edges[random.below(edges.count)]
    }
    let records = (0..<20_000).map { _ in
      var record = FeedRecord()
      let kinds = FeedRecord.Kind.allCases
      record.kind =
        random.below(9) == 0 ? UInt8(random.below(256)) : kinds[random.below(kinds.count)].rawValue
      record.side = [0, Self.bid, Self.ask, UInt8(random.below(256))][random.below(4)]
      record.instrument = random.below(9) == 0 ? FeedRecord.all : UInt32(random.below(3))
      record.flags = FeedRecord.Flags(rawValue: UInt8(random.below(4)))
      record.detail = UInt8(random.below(10))
      record.sessionTime = number()
      record.sequence = UInt64(bitPattern: number())
      record.reference = UInt64(random.below(50))
      record.price = number()
      record.quantity = number()
      record.askPrice = number()
      record.askQuantity = number()
      return record
    }
    let path = try recordings.write(
      [
        Self.instrument("±∞", [.levels, .orders, .quotes], price: -12, quantity: -9),
        Self.instrument("B", [.levels, .orders]), Self.instrument("B", .orders, price: 2),
      ], records)
    let run = BookRun(path, "--format", "json", "--levels", "1000000")
    #expect(run.code == 0, "seed \(seed): \(run.err)")
    let json = try BookJSON(run)
    #expect(json.count("records") == 20_000 && (json.count("malformed") ?? 0) > 1_000)
    #expect(BookRun(path).code == 0)
  }

  @Test func `standard input and a pipe give what the file gives`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc")
    let tool = try CommandProcess.located().path
    let file = try CommandProcess.run("book", path)
    for script in ["'\(tool)' book - < '\(path)'", "cat '\(path)' | '\(tool)' book -"] {
      let run = try CommandProcess.run(URL(fileURLWithPath: "/bin/sh"), ["-c", script])
      #expect(run.status == 0 && run.output == file.output && run.output.contains("BTC-USD (L2)"))
    }
  }

  @Test func `symbols and levels choose what is shown, and what is not there is told`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc")
    let one = try BookJSON(BookRun(path, "--format", "json", "--symbol", "ETH-USD"))
    #expect(Array(one.books.keys) == ["ETH-USD"])
    #expect(try one.side("ETH-USD", "bids").levels.count == 5)
    let none = BookRun(path, "--symbol", "BTC-USDT", "--symbol", "ETH-USD", "--levels", "1")
    #expect(none.code == 0 && none.out.contains("ETH-USD (L2)"))
    #expect(none.err.contains("it has no instrument BTC-USDT; did you mean 'BTC-USD'?"))
    #expect(!none.err.contains("instrument ETH-USD"))
    let empty = BookRun(try recordings.write([Self.instrument("A", .levels)], []), "--symbol", "A")
    #expect(empty.code == 0 && empty.err.contains("nothing is in the book of A at its end"))
  }

  @Test func `options of captures are refused for a recording`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc")
    for option in [
      ["--session", "A"], ["--port", "5"], ["--group", "233.54.12.111"], ["--dedup"],
      ["--no-dedup"],
    ] {
      var errors: [String] = []
      var lines: [String] = []
      let code = BookCommand.run(
        arguments: [path] + option, output: { lines.append($0) },
        errorOutput: { errors.append($0) })
      #expect(code == 64 && lines.isEmpty, "\(option)")
      #expect(errors.joined().contains("'\(option[0])' chooses what of a capture is read"))
    }
  }

  @Test func `of a recording that is cut or damaged what was read is printed`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc", "--rate", "5000")
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let cut = recordings.path("cut.ntc")
    try Data(whole[..<(whole.count / 2)]).write(to: URL(fileURLWithPath: cut))
    let run = BookRun(cut, "--format", "json")
    #expect(run.code == 65 && run.err.contains("is not finished"))
    let records = try #require(try BookJSON(run).count("records"))
    #expect(records > 0 && records % 4_096 == 0 && records < 30_000)
    try Data(whole[..<20]).write(to: URL(fileURLWithPath: cut))
    let header = BookRun(cut)
    #expect(header.code == 65 && header.out.isEmpty && header.err.contains("inside its header"))
  }

  @Test func `a compressed recording is refused with what to do`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-n", path]
    try gzip.run()
    gzip.waitUntilExit()
    try #require(gzip.terminationStatus == 0)
    let run = BookRun(path + ".gz")
    #expect(run.code == 65 && run.out.isEmpty)
    #expect(run.err.contains("is a compressed recording") && run.err.contains("unpack it first"))
  }

  @Test func `whoever does not read recordings says which commands do`() throws {
    let recordings = try Recordings()
    let path = try recordings.generated("prices.ntc")
    for command in [
      ["exchange", "--feed", path],
      ["exchange", "--feed", path, "--date", "2020-01-02"],
    ] {
      #expect(CommandTable.main(command) == .dataError, "\(command)")
    }
    let imported = ["itch", path, "--date", "2020-01-02", "--output", recordings.path("o.ntc")]
    #expect(CaptureCommand.run(arguments: ["import"] + imported) == 65)
    let failure = #expect(throws: CommandFailure.self) { _ = try InputFile.feed(path) }
    #expect(
      failure?.message
        == "\(path): is a recording (.ntc), which is not read here; fill orders at it with "
        + "'needletail paper --feed', print its books with 'needletail book', or its records with "
        + "'needletail capture show'")
    #expect(throws: FeedError.recording(path)) {
      _ = try FramedITCHFile(path: path, midnight: 0)
    }
    #expect(throws: FeedError.recording(path)) { _ = try PacketCapture(path: path) }
  }

  // Reads ../shared/data, which is not part of the package.
  @Test(.enabled(if: SharedData.isThere, "the recorded feeds are not there"))
  func `the book of a LOBSTER recording is the venue's last row`() throws {
    let recordings = try Recordings()
    let stem = SharedData.directory + "/lobster/AAPL_2012-06-21_34200000_57600000_"
    let path = recordings.path("lobster.ntc")
    try #require(
      CaptureCommand.run(
        arguments: ["import", "lobster", stem + "message_10.csv", "--output", path]) == 0)
    let json = try BookJSON(BookRun(path, "--format", "json", "--levels", "10"))
    let rows = try String(contentsOfFile: stem + "orderbook_10.csv", encoding: .utf8)
      .split(whereSeparator: \.isNewline)
    let last = try #require(rows.last).split(separator: ",").map(String.init)
    for (name, first) in [("asks", 0), ("bids", 2)] {
      let wanted = stride(from: first, to: 40, by: 4).map { place in
        [CaptureText.decimal(Int64(last[place]) ?? 0, -4), last[place + 1]]
      }
      #expect(try json.side("AAPL", name).levels.map { Array($0.prefix(2)) } == wanted)
    }
  }
}
