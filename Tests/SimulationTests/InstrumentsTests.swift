import ExecutionCore
import Simulation
import Testing

@Suite struct InstrumentsTests {
  static let header =
    "symbol,tick,round lot,previous close,average volume,shortable,Reg SHO,trading state,session date"

  static func parse(_ lines: String...) throws -> InstrumentsFile {
    try InstrumentsFile(parsing: ([header] + lines).joined(separator: "\n"), name: "file.csv")
  }

  @Test func `a file is read in the units of the core`() throws {
    let file = try Self.parse("AAPL,0.01,100,287.29,30000000,yes,0,T,2019-12-30", "")
    #expect(file.date.text == "2019-12-30")
    let facts = try #require(file.instruments.first)
    #expect(facts.symbol == "AAPL")
    #expect(facts.tick == 1_000_000)
    #expect(facts.previousClose == 28_729_000_000)
    #expect(facts.averageVolume == 30_000_000)
    #expect(facts.shortable)
    #expect(facts.shortSale == .unrestricted)
    #expect(facts.status == .trading)
    #expect(facts.lowerBand == 0)
  }

  @Test func `columns may come in any order and with bands`() throws {
    let text = """
      # made by hand
      Session_Date,SYMBOL,upper band,lower band,tick,round lot,previous close,average volume,\
      shortable,reg_sho,trading state\r
      2019-12-30,X,12.5,10,0.01,1,,0,no,,\r
      """
    let file = try InstrumentsFile(parsing: text, name: "f")
    #expect(file.instruments[0].upperBand == 1_250_000_000)
    #expect(file.instruments[0].lowerBand == 1_000_000_000)
    #expect(file.instruments[0].previousClose == 0)
    #expect(file.instruments[0].status == .unknown)
  }

  @Test func `what is written reads back the same`() throws {
    var generator = MarketGenerator(
      settings: GeneratorSettings(seed: 1, symbols: 50, messagesMax: 10, midnight: 0))
    _ = generator.next()
    var instruments = generator.instruments
    instruments[3].lowerBand = 123_456_789
    instruments[3].upperBand = 223_456_789
    instruments[4].shortable = false
    let file = InstrumentsFile(
      instruments: instruments, date: try #require(SessionDate(year: 2020, month: 2, day: 29)))
    #expect(try InstrumentsFile(parsing: file.text, name: "f") == file)
  }

  @Test(
    arguments: [
      ("AAPL,0,100,1,1,yes,0,T,2019-12-30", "tick"),
      ("AAPL,0.01,0,1,1,yes,0,T,2019-12-30", "round lot"),
      ("AAPL,0.01,100,1.123456789,1,yes,0,T,2019-12-30", "previous close"),
      ("AAPL,0.01,100,-1,1,yes,0,T,2019-12-30", "previous close"),
      ("AAPL,0.01,100,1,many,yes,0,T,2019-12-30", "average volume"),
      ("AAPL,0.01,100,1,1,perhaps,0,T,2019-12-30", "shortable"),
      ("AAPL,0.01,100,1,1,yes,3,T,2019-12-30", "Reg SHO"),
      ("AAPL,0.01,100,1,1,yes,0,X,2019-12-30", "trading state"),
      ("AAPL,0.01,100,1,1,yes,0,T,2019-02-30", "session date"),
      ("TOOLONGNAME,0.01,100,1,1,yes,0,T,2019-12-30", "symbol"),
      (",0.01,100,1,1,yes,0,T,2019-12-30", "symbol"),
    ])
  func `a wrong value is named with its line and column and what is allowed`(
    _ line: String, _ column: String
  ) throws {
    let error = #expect(throws: InstrumentsFile.ParseError.self) {
      try Self.parse("MSFT,0.01,100,1,1,yes,0,T,2019-12-30", line)
    }
    #expect(error?.line == 3 || column == "session date")
    #expect(error?.column == column)
    #expect(error?.allowed.isEmpty == false)
    #expect(error?.description.hasPrefix("file.csv: line 3, column \"\(column)\"") == true)
  }

  @Test func `a wrong shape of the file is refused`() {
    func problem(_ text: String) -> String? {
      do throws(InstrumentsFile.ParseError) {
        _ = try InstrumentsFile(parsing: text, name: "f")
        return nil
      } catch { return "\(error.line) \(error.column) \(error.problem)" }
    }
    #expect(problem("")?.contains("no instruments") == true)
    #expect(problem(Self.header)?.contains("no instruments") == true)
    #expect(problem("symbol,colour")?.contains("unknown column \"colour\"") == true)
    #expect(problem("symbol,symbol")?.contains("twice") == true)
    #expect(problem("symbol,tick")?.contains("missing") == true)
    #expect(problem(Self.header + "\nAAPL,0.01")?.contains("2 fields") == true)
    let line = "AAPL,0.01,100,1,1,yes,0,T,2019-12-30"
    #expect(problem(Self.header + "\n\(line)\n\(line)")?.contains("twice") == true)
    #expect(
      problem(Self.header + "\n\(line)\nX,0.01,100,1,1,yes,0,T,2019-12-31")?
        .contains("2019-12-31") == true)
  }

  @Test func `a feed without a file tells its symbols and what had to be assumed`() {
    var scan = InstrumentsScan()
    for record in [
      Flow.add(1, "B", 100, 1_000_000), Flow.add(2, "S", 100, 1_000_400),
      Flow.execute(2, 50, match: 1),
    ] { scan.look(record) }
    let result = scan.result()
    #expect(result.instruments.map(\.symbol.code) == [Flow.symbol])
    #expect(result.instruments[0].previousClose == 10_004_000_000)
    #expect(result.instruments[0].status == .trading)
    #expect(result.instruments[0].averageVolume == 50)
    #expect(result.assumptions.count == 2)
    #expect(scan.locates == [Flow.symbol: Flow.locate])
  }

  @Test func `without trades the first quote gives the price and the feed's states stay`() {
    var scan = InstrumentsScan()
    for record in [
      Flow.action("P"), Flow.shortSale("1"), Flow.add(1, "B", 100, 1_000_000),
      Flow.add(2, "S", 100, 1_000_400), Flow.action("T"),
    ] { scan.look(record) }
    let result = scan.result()
    #expect(result.instruments[0].previousClose == 10_002_000_000)
    #expect(result.instruments[0].status == .paused)
    #expect(result.instruments[0].shortSale == .restricted)
    #expect(result.assumptions.count == 1)
  }
}
