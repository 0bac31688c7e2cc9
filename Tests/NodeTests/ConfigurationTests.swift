import Foundation
import Simulation
import Testing

@testable import Node

struct ConfigurationTests {
  private func problems(_ text: String) -> [String] {
    do throws(ConfigurationFailure) {
      _ = try Configuration.parse(text, file: "c.yaml")
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  @Test func `the commented example says what the defaults are`() throws {
    let example = try Configuration.parse(Configuration.example, file: "needletail.yaml")
    #expect(example == Configuration())
  }

  @Test func `the columns of the instruments file are named where one is asked for`() {
    let columns = InstrumentsFile.columns.joined(separator: ", ")
    for text in [Configuration.example, HelpText.command(RunCommand.definition)] {
      let words = text.split { $0.isWhitespace || $0 == "#" }.joined(separator: " ")
      #expect(words.contains(columns + "; the bands may be left out"))
    }
  }

  @Test(arguments: ["", "# nothing but a comment\n", "---\n", "run:\nlimits:\n"])
  func `an empty configuration means the defaults`(_ text: String) throws {
    #expect(try Configuration.parse(text, file: "c.yaml") == Configuration())
  }

  @Test func `every setting of the example can be changed`() throws {
    // Each scalar line of the example is altered alone; what is read must then differ.
    let whole = Configuration.example
    let unaltered = try Configuration.parse(whole, file: "c.yaml")
    let lines = whole.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var altered = 0
    for (index, line) in lines.enumerated() {
      guard let replacement = alternative(to: line) else { continue }
      var changed = lines
      changed[index] = replacement
      let text = changed.joined(separator: "\n")
      let read = try Configuration.parse(text, file: "c.yaml")
      #expect(read != unaltered, "line \(index + 1): \(replacement)")
      altered += 1
    }
    #expect(altered > 100)
  }

  /// The same key with another allowed value; nil for comments, groups and names others refer to.
  private func alternative(to line: String) -> String? {
    let trimmed = line.drop { $0 == " " || $0 == "-" }
    guard !trimmed.hasPrefix("#"), let colon = trimmed.firstIndex(of: ":") else { return nil }
    let key = trimmed[..<colon]
    let value = trimmed[trimmed.index(after: colon)...].drop { $0 == " " }
    let start = line.prefix(line.count - trimmed.count)
    let words = [
      "scenario": "thin", "mode": "memory", "format": "json", "wait": "spin", "network": "epoll",
      "attach": "127.0.0.1:9000", "line_a": "127.0.0.1:9", "line_b": "127.0.0.1:9",
      "rerequest": "127.0.0.1:9", "snapshot": "127.0.0.1:9", "date": "2019-12-30",
      "instruments_file": "x.csv",
      "source": "x.itch", "speed": "2", "session": "OTHER", "queue": "front", "username": "OTHER",
      "password": "other",
      "person": "another", "file": "stop", "address": "127.0.0.2", "symbols": "[AAPL]",
      "restricted": "[AAPL]", "account": nil, "kind": nil, "topology": nil,
      "feed": nil, "share_percent": "50",
    ]
    let isReferredTo = key == "name" && ["HOUSE", "equities", "coins"].contains(value)
    if value.isEmpty || isReferredTo { return nil }
    let isCount = key == "symbols" && Int(value) != nil
    if let word = words[String(key)], !isCount { return word.map { "\(start)\(key): \($0)" } }
    if key == "name" { return "\(start)name: other" }
    if value == "true" || value == "false" {
      return "\(start)\(key): \(value == "true" ? "false" : "true")"
    }
    guard let number = Decimal8(String(value)) else { return nil }
    let isWhole = number.raw % 100_000_000 == 0
    let other = Decimal8(raw: number.raw + (isWhole ? 100_000_000 : 100_000))
    return "\(start)\(key): \(other)"
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var message: String
    init(_ text: String, _ message: String) {
      self.text = text
      self.message = message
    }
    var testDescription: String { message }
  }

  static let cases: [Case] = [
    Case("fees_: {}", "c.yaml:1:1: fees_: unknown key; did you mean 'feeds'?"),
    Case(
      "run:\n  sede: 4", "c.yaml:2:3: run.sede: unknown key; did you mean 'seed'?"),
    Case(
      "kill_switch:\n  zzzzzzzzz: 4",
      "c.yaml:2:3: kill_switch.zzzzzzzzz: unknown key; known here: file, person, session_doubt_stops_firm"
    ),
    Case(
      "run:\n  seed: -1",
      "c.yaml:2:9: run.seed: '-1' is refused: it takes a whole number from 0 to "
        + "9223372036854775807"),
    Case(
      "run:\n  seed: 1\n  seed: 2", "c.yaml:3:3: run.seed: given twice (first on line 2)"),
    Case(
      "run:\n  speed: fast",
      "c.yaml:2:10: run.speed: 'fast' is refused: it takes a number from 0.01 to 10000, or max"),
    Case(
      "run:\n  speed: 0",
      "c.yaml:2:10: run.speed: '0' is refused: it takes a number from 0.01 to 10000, or max"),
    Case(
      "run:\n  date: 2019-02-29",
      "c.yaml:2:9: run.date: '2019-02-29' is refused: it takes a date as YYYY-MM-DD"),
    Case(
      "feeds:\n  - name: a\n    generator:\n      scenario: volatlie",
      "c.yaml:4:17: feeds[0].generator.scenario: 'volatlie' is refused: it takes one of calm, volatile, "
        + "thin, trending, jumping, halting; did you mean 'volatile'?"),
    Case(
      "venues:\n  - name: a\n    password: much_too_long",
      "c.yaml:3:15: venues[0].password: what stands there is refused: it takes 1 to 10 letters and digits"
    ),
    Case("run: 7", "c.yaml:1:6: run: a group of settings is needed, not '7'"),
    Case("run: [7]", "c.yaml:1:6: run: a group of settings is needed, not a list"),
    Case("7", "c.yaml:1:1: a group of settings is needed, not '7'"),
    Case(
      "venues: [{name: a, attach: 'localhost:1'}]",
      "c.yaml:1:28: venues[0].attach: 'localhost:1' is refused: it takes HOST:PORT with an IPv4 "
        + "address and a port from 1 to 65535"),
    Case(
      "runtime:\n  lock_memory: yes",
      "c.yaml:2:16: runtime.lock_memory: 'yes' is refused: it takes true or false"),
    Case(
      "runtime:\n  priority: 100",
      "c.yaml:2:13: runtime.priority: '100' is refused: it takes a whole number from 0 to 99"),
    Case(
      "limits:\n  order_quantity: 1e3",
      "c.yaml:2:19: limits.order_quantity: '1e3' is refused: it takes a whole number from 1 to "
        + "999999"),
    Case(
      "limits:\n  order_notional: 1.123456789",
      "c.yaml:2:19: limits.order_notional: '1.123456789' is refused: it takes a number from 1 to "
        + "10000000000, at most eight decimals"),
    Case(
      "limits:\n  position:",
      "c.yaml:2:12: limits.position: nothing is refused: it takes a whole number from 1 to "
        + "1000000000"),
    Case(
      "limits:\n  position: [1]",
      "c.yaml:2:13: limits.position: a list is refused: it takes a whole number from 1 to "
        + "1000000000"),
    Case(
      "accounts: []",
      "c.yaml:1:11: accounts: 0 entries are refused: it takes a list of 1 to 64 entries"),
    Case(
      "accounts: HOUSE",
      "c.yaml:1:11: accounts: 'HOUSE' is refused: it takes a list of 1 to 64 entries"),
    Case("accounts:\n  - limits: {}", "c.yaml:2:5: accounts[0]: 'name' is missing"),
    Case(
      "accounts: [{name: A}, {name: A}]\nstrategies: [{name: s, account: A}]",
      "c.yaml:1:30: accounts[1].name: 'A' is already taken"),
    Case(
      "strategies:\n  - name: a\n  - name: b\n    account: HOSUE",
      "c.yaml:4:14: strategies[1].account: 'HOSUE' is refused: it takes the name of an account: "
        + "HOUSE"),
    Case(
      "strategies:\n  - name: a\n  - name: b\n    kind: taker\n    limits: {open_order: 3}",
      "c.yaml:5:14: strategies[1].limits.open_order: unknown key; did you mean 'open_orders'?"),
    Case(
      "strategies:\n  - name: a\n    kind: taker\n    market_maker: {skew_ticks: 1}",
      "c.yaml:4:19: strategies[0].market_maker: a taker has no such settings"),
    Case(
      "strategies:\n  - name: a\n    symbols: [AAPL, A APL]",
      "c.yaml:3:21: strategies[0].symbols[1]: 'A APL' is refused: it takes a symbol of 1 to 32 letters, "
        + "digits and . + - = * $ / _ :"),
    Case(
      "limits:\n  message_burst: 1000",
      "c.yaml:2:18: limits.message_burst: no token would be left for orders: message_burst (1000) "
        + "must be above cancel_tokens (1000)"),
    Case(
      "quality:\n  repair_max_milliseconds: 5\n  arbitration_wait_microseconds: 3000",
      "c.yaml:2:28: quality.repair_max_milliseconds: no time would be left to ask again: "
        + "repair_max_milliseconds (5) must be at least twice arbitration_wait_microseconds (3000)"),
    Case("run: &a {seed: 1}", "c.yaml:1:6: anchors are not used in a configuration"),
    Case("run: *a", "c.yaml:1:6: aliases are not used in a configuration"),
    Case("run: !x {seed: 1}", "c.yaml:1:6: tags are not used in a configuration"),
    Case(
      "run: {}\n---\nrun: {}",
      "c.yaml:2:1: a second document begins here; a configuration is one document"),
    Case("? [a]\n: 1", "c.yaml:1:3: a key must be a plain word"),
  ]

  @Test(arguments: cases)
  func `what is wrong is said with its place and what is allowed`(_ example: Case) {
    #expect(problems(example.text) == [example.message])
  }

  @Test func `all errors are found at once, in the order of the file`() {
    let text = """
      run:
        seed: x
        sped: 2
      limits:
        position: -4
      zebra: 1
      """
    let found = problems(text)
    #expect(found.count == 4)
    #expect(
      found.map { $0.prefix(10) } == ["c.yaml:2:9", "c.yaml:3:3", "c.yaml:5:1", "c.yaml:6:1"])
  }

  @Test(arguments: ["a: [1", "a: b: c", "\t- a", "a: \"x", "{", "a: \u{1}b"])
  func `what is not YAML is refused with a line`(_ text: String) throws {
    let found = problems(text)
    try #require(found.count == 1)
    #expect(found[0].hasPrefix("c.yaml:"))
    #expect(found[0].contains("not YAML"))
  }

  @Test func `a document nested too deep is refused, not followed`() {
    let text = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    #expect(problems("run: " + text).first?.contains("more than 16 levels") == true)
  }

  @Test func `random bytes never crash the reader`() {
    var state: UInt64 = 0x5eed_0001
    let alphabet = Array("feeds: {}[]\n -\"'#&*!|>%@`,?x1".utf8)
    for _ in 0..<2_000 {
      var bytes: [UInt8] = []
      for _ in 0..<40 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      for problem in problems(String(decoding: bytes, as: UTF8.self)) {
        #expect(problem.hasPrefix("c.yaml:"))
      }
    }
  }

  @Test func `a file that is missing is named with what to do`() {
    #expect {
      _ = try Configuration.load("/nonexistent/needletail.yaml")
    } throws: { error in
      let failure = error as? CommandFailure
      return failure?.code == .noInput
        && failure?.message.contains("/nonexistent/needletail.yaml: No such file") == true
    }
  }

  @Test(
    arguments: [
      ("0", 0), ("1", 100_000_000), ("-0.002", -200_000), ("0.00000001", 1),
      ("92233720368.54775807", Int64.max),
    ])
  func `a decimal is read and printed exactly`(_ text: String, _ raw: Int64) {
    #expect(Decimal8(text)?.raw == raw)
    #expect(Decimal8(raw: raw).description == text)
  }

  @Test(
    arguments: [
      "", "-", ".5", "5.", "1.2.3", "0x1", "1e3", "+1", "1.000000001", " 1", "92233720368.54775808",
      "99999999999999999999",
    ])
  func `a decimal that is none is nil`(_ text: String) {
    #expect(Decimal8(text) == nil)
  }

  @Test func `sums beyond 64 bits are read and printed exactly`() {
    for raw in [Int128.max, -Int128.max, Int128(Int64.max) + 1, -92_233_720_368_547_758_090, 0, 1] {
      #expect(Decimal8.wide(Decimal8.text(raw, decimals: 8)) == raw)
    }
    let beyond = "1701411834604692317316873037158.84105728"
    for text in [
      beyond, "-" + beyond, String(repeating: "0", count: 40) + ".0", "-", "1.123456789",
    ] {
      #expect(Decimal8.wide(text) == nil)
    }
  }

  @Test func `the exchange's report is read however much money went through a symbol`() throws {
    let report = """
      {"fills": 2, "shares": 3, "working_orders": 0, "invariants": {"violations": []}, "positions":
      [{"account": "NTAIL1", "symbol": "AAPL", "shares": 3, "bought": 3, "sold": 0, "cash": "-92233720369000.12345678",
      "fees": "-0.00600000"}]}
      """
    let account = try #require(ReportedAccount(json: Data(report.utf8)))
    let position = try #require(account.positions["NTAIL1 AAPL"])
    #expect(position.cash == -9_223_372_036_900_012_345_678 && position.fees == -600_000)
    let huge = report.replacing("92233720369000", with: String(repeating: "9", count: 32))
    #expect(ReportedAccount(json: Data(huge.utf8)) == nil)
  }
}
