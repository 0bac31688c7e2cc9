import Testing

@testable import Node

/// Feeds and venues of a configuration: what goes together, and what is said where it does not.
struct MarketConfigurationTests {
  private func problems(_ text: String) -> [String] {
    do throws(ConfigurationFailure) {
      _ = try Configuration.parse(text, file: "c.yaml")
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  private static let both = """
    feeds: [{name: equities}, {name: coins, kind: prices}]
    venues: [{name: exchange}, {name: paper, kind: paper}]
    """

  @Test func `an entry has the defaults of its kind, and the first feed of the kind it trades`()
    throws
  {
    let read = try Configuration.parse(Self.both, file: "c.yaml")
    #expect(read.feeds == [.equities, .coins])
    #expect(read.venues == [.exchange, .paper])
    #expect(read.exchange == .exchange && read.equities == .equities)
    let paper = try Configuration.parse(
      """
      feeds: [{name: coins, kind: prices, generator: {symbols: 3}}]
      venues: [{name: p, kind: paper, username: desk.one, fill: {queue: front, rejects: 0.5}}]
      """, file: "c.yaml")
    #expect(paper.exchange == nil && paper.equities == nil)
    #expect(paper.feeds[0].generator.messagesPerSecond == 500)
    #expect(paper.venues[0].fill.queue == .front && paper.venues[0].feed == "coins")
    #expect(paper.usernames(at: paper.venues[0]) == ["desk.one"])
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
    Case(
      "feeds: [{name: a}, {name: a, kind: prices}]",
      "c.yaml:1:27: feeds[1].name: 'a' is already taken"),
    Case("feeds:\n  - kind: orders", "c.yaml:2:5: feeds[0]: 'name' is missing"),
    Case(
      "feeds:\n  - name: a\n  - name: b\n    kind: price\n    snapshot: x",
      "c.yaml:4:11: feeds[1].kind: 'price' is refused: it takes one of orders, prices; did you mean "
        + "'prices'?"),
    Case(
      "feeds: [{name: a}, {name: b}]",
      "c.yaml:1:20: feeds[1].kind: 1 of kind orders is the most: take this one out"),
    Case(
      "feeds: [{name: a, kind: prices, snapshot: '1.2.3.4:5'}]",
      "c.yaml:1:43: feeds[0].snapshot: a feed of prices has no such settings"),
    Case(
      "feeds: [{name: a, source: '-'}, {name: b, kind: prices, source: '-'}]",
      "c.yaml:1:65: feeds[1].source: another feed reads standard input already"),
    Case(
      "feeds: []", "c.yaml:1:8: feeds: 0 entries are refused: it takes a list of 1 to 7 entries"),
    Case(
      "venues: {}",
      "c.yaml:1:9: venues: a group of settings is refused: it takes a list of 1 to 8 entries"),
    Case(
      "feeds: [{name: nasdaq}]",
      "c.yaml:1:16: feeds[0].name: no venue trades 'nasdaq': take it out, or list a venue with 'feed: "
        + "nasdaq'"),
    Case(
      "feeds: [{name: equities}, {name: other, kind: prices}]",
      "c.yaml:1:34: feeds[1].name: no venue trades 'other': take it out, or list a venue with 'feed: "
        + "other'"),
    Case(
      "venues: [{name: a}, {name: a, kind: paper}]\nfeeds: [{name: e}, {name: c, kind: prices}]",
      "c.yaml:1:28: venues[1].name: 'a' is already taken"),
    Case(
      "venues: [{name: a, kind: papper, fill: 7}]",
      "c.yaml:1:26: venues[0].kind: 'papper' is refused: it takes one of exchange, paper; did you mean "
        + "'paper'?"),
    Case(
      "venues: [{name: a, feed: equites}]",
      "c.yaml:1:26: venues[0].feed: 'equites' is refused: it takes the name of a feed: equities, "
        + "coins"),
    Case(
      "feeds: [{name: e}]\nvenues: [{name: a, kind: paper}]",
      "c.yaml:2:10: venues[0]: a paper venue needs a feed of prices, and there is none: list one in "
        + "'feeds'"),
    Case(
      "feeds: [{name: c, kind: prices}]\nvenues: [{name: a, feed: c}]",
      "c.yaml:2:26: venues[0].feed: an exchange needs a feed of orders, and 'c' is one of prices"),
    Case(
      """
      feeds: [{name: c, kind: prices}]
      venues: [{name: a, kind: paper}, {name: b, kind: paper, feed: c}]
      """,
      "c.yaml:2:63: venues[1].feed: 'a' trades 'c' already: give each venue a feed of its own"),
    Case(
      "venues: [{name: a}, {name: b, kind: exchange}]",
      "c.yaml:1:37: venues[1].kind: one of kind exchange is the most: take this one out"),
    Case(
      "venues: [{name: a, fill: {}}]",
      "c.yaml:1:26: venues[0].fill: an exchange has no such settings"),
    Case(
      "venues: [{name: a, fees: {added_basis_points: 1}}]",
      "c.yaml:1:47: venues[0].fees.added_basis_points: an exchange has no such settings"),
    Case(
      both + "\nrun: {speed: max}",
      "c.yaml:3:14: run.speed: max goes with one feed: give a number, or one feed"),
    Case(
      "venues: [{name: a}]\naccounts: [{name: A}, {name: B, username: NTAIL1}]\nstrategies: [{name: s}]",
      "c.yaml:2:43: accounts[1].username: another account logs in to a as 'NTAIL1' already: give each a "
        + "user name of its own (username)"),
    Case(
      """
      feeds: [{name: e}, {name: c, kind: prices}]
      venues: [{name: a}, {name: b, kind: paper, username: OTHER}]
      accounts: [{name: A}, {name: B, username: OTHER}]
      """,
      "c.yaml:3:43: accounts[1].username: another account logs in to b as 'OTHER' already: give each a "
        + "user name of its own (username)"),
  ]

  @Test(arguments: cases)
  func `what does not go together is said with its place and what to do`(_ example: Case) {
    #expect(problems(example.text) == [example.message])
  }

  @Test(arguments: [
    (
      "heartbeat_milliseconds: 100",
      "heartbeat_milliseconds: a paper venue has no such settings"
    ),
    (
      "fees: {removed_per_share: 1}",
      "fees.removed_per_share: a paper venue has no such settings"
    ),
    (
      "fees: {added_basis_points: 1000.5}",
      "'1000.5' is refused: it takes a number from -1000 to 1000, at most eight decimals"
    ),
    ("username: seventeen.letters", "it takes 1 to 16 letters, digits, . _ -"),
    ("password: hidden_", "what stands there is refused: it takes 1 to 10 letters and digits"),
    ("fill: {queue: side}", "'side' is refused: it takes one of back, front"),
    ("fill: {share_percent: 0}", "it takes a whole number from 1 to 100"),
    ("fill: {cash: -1}", "it takes a number from 0 to 10000000000, at most eight decimals"),
    ("fill: {rejects: 1.5}", "it takes a number from 0 to 1, at most eight decimals"),
    ("fill: {drop_seconds: 86401}", "it takes a whole number from 0 to 86400"),
  ])
  func `a paper venue's settings have the bounds of its broker`(
    _ setting: String, _ message: String
  ) {
    let found = problems(
      "feeds: [{name: c, kind: prices}]\nvenues: [{name: p, kind: paper, \(setting)}]")
    #expect(found.count == 1 && found[0].hasPrefix("c.yaml:2:") && found[0].contains(message))
  }

  @Test func `seven feeds and their venues are read, and one more is refused`() throws {
    func text(_ prices: Int) -> String {
      let feeds = (0..<prices).map { ", {name: f\($0), kind: prices}" }.joined()
      let venues = (0..<prices).map { ", {name: v\($0), kind: paper, feed: f\($0)}" }.joined()
      return "feeds: [{name: e}\(feeds)]\nvenues: [{name: x}\(venues)]"
    }
    let read = try Configuration.parse(text(6), file: "c.yaml")
    #expect(read.feeds.count == 7 && read.venues.count == 7)
    #expect(problems(text(7)).first?.contains("8 entries are refused") == true)
    let prices = (0..<7).map { "{name: f\($0), kind: prices}" }.joined(separator: ", ")
    #expect(
      problems("feeds: [\(prices)]").map { $0.drop { $0 != " " } }
        == [" feeds[6].kind: 6 of kind prices is the most: take this one out"])
  }

  @Test func `each setting of a feed and a venue is a line under its name in the file`() throws {
    let whole = try Configuration.parse(Configuration.example, file: "c.yaml")
    let lines = Set(whole.lines(withPaths: true).map { $0.prefix { $0 != "=" }.dropLast() })
    let root = try #require(try YAMLDocument.parse(Configuration.example))
    func look(_ node: YAMLNode, _ path: String) {
      switch node.content {
      case .scalar: #expect(lines.contains(path[...]), "\(path)")
      case .sequence(let nodes):
        for (i, node) in nodes.enumerated() { look(node, "\(path)[\(i)]") }
      case .mapping(let pairs):
        for (key, value) in pairs {
          let name = ConfigurationText.text(of: key)
          look(value, path.isEmpty ? name : "\(path).\(name)")
        }
      }
    }
    guard case .mapping(let groups) = root.content else { return }
    for (key, value) in groups {
      let name = ConfigurationText.text(of: key)
      if ["run", "feeds", "venues"].contains(name) { look(value, name) }
    }
    #expect(lines.contains("venues[1].fill.drop_seconds"))
    #expect(
      !lines.contains { $0.hasPrefix("venues[0].fill") || $0 == "venues[1].heartbeat_milliseconds" }
    )
  }

  @Test func `no password of a venue is in a line or a text`() throws {
    let read = try Configuration.parse(
      """
      feeds: [{name: equities}, {name: coins, kind: prices}]
      venues: [{name: a, password: veiled7}, {name: b, kind: paper, password: veiled8}]
      """, file: "c.yaml")
    let lines = read.lines(withPaths: true)
    #expect(lines.filter { $0.hasSuffix(".password = (secret)") }.count == 2)
    var dumped = ""
    dump(read, to: &dumped)
    for text in lines + ["\(read)", "\(read.venues)", String(reflecting: read), dumped] {
      #expect(!text.contains("veiled"))
    }
    #expect(!problems("session: {password: veiled9}").joined().contains("veiled"))
  }
}

/// Files from before feeds and venues were lists.
struct MovedConfigurationTests {
  private func problems(_ text: String) -> [ConfigurationProblem] {
    do throws(ConfigurationFailure) {
      _ = try Configuration.parse(text, file: "c.yaml")
      return []
    } catch {
      return error.problems
    }
  }
  private func message(_ text: String) -> String {
    let found = problems(text)
    #expect(found.count == 1)
    return found.map(\.description).joined(separator: "\n")
  }

  @Test func `'feed' is shown as an entry of 'feeds', with what is in 'run' now`() {
    #expect(
      message(
        "feed:\n  source: a.itch\n  seed: 5\n  generator: {symbols: 3}\n  date: \"2020-01-02\"")
          == """
          c.yaml:1:1: feed: is now an entry of 'feeds', and what concerns the run as a whole is in 'run':
          run:
            seed: 5
            date: "2020-01-02"
          feeds:
            - name: equities
              source: a.itch
              generator:
                symbols: 3
          """)
  }

  @Test func `'exchange' is shown as an entry of 'venues', its lines as those of the feed`() {
    #expect(
      message(
        "exchange: {attach: \"127.0.0.1:9\", line_a: \"127.0.0.1:8\", cancel_on_disconnect: true}")
          == """
          c.yaml:1:1: exchange: is now an entry of 'venues', and where its market data is stands in the entry of its feed:
          feeds:
            - name: equities
              line_a: "127.0.0.1:8"
          venues:
            - name: exchange
              attach: "127.0.0.1:9"
              cancel_on_disconnect: true
          """)
  }

  @Test func `'session' is shown in the exchange's entry, without the password`() {
    #expect(
      message("\nsession:\n  username: ME\n  password: hidden9\n  timeout_milliseconds: 300")
        == """
        c.yaml:2:1: session: is now part of the exchange's one entry of 'venues':
        venues:
          - name: exchange
            username: ME
            password: …
            timeout_milliseconds: 300
        """)
  }

  @Test func `'fees' are shown in the exchange's entry`() {
    #expect(
      message("fees: {added_per_share: -0.5}")
        == """
        c.yaml:1:1: fees: is now part of the exchange's one entry of 'venues':
        venues:
          - name: exchange
            fees:
              added_per_share: -0.5
        """)
    #expect(message("fees:").hasSuffix("entry of 'venues'; nothing is set in it: leave it out"))
  }

  @Test func `what is shown can stand in the file as it is`() throws {
    for text in [
      "feed: {seed: 5, speed: max, generator: {scenario: thin}, instruments_file: \"a b\"}",
      "exchange: {attach: \"127.0.0.1:9\", line_a: \"127.0.0.1:8\", session: S}",
      "session: {username: ME, reconnect_milliseconds: 7}", "fees: {removed_per_share: 0.1}",
    ] {
      let found = try #require(problems(text).first)
      let new = found.message.drop { $0 != "\n" }
      #expect(try Configuration.parse(String(new), file: "c.yaml") != Configuration())
    }
  }

  @Test func `an old file has one problem for each old group, and no other`() {
    let old = """
      # Where market data comes from.
      feed:
        # generated, or a file: framed ITCH 5.0 or a pcap or pcapng of MoldUDP64, raw or .gz; - is standard input.
        source: generated
        # Of the generated market; the same seed gives the same market.
        seed: 1
        # Times session time (0.01 to 10000), or max: as fast as the core consumes, flow-controlled.
        speed: 1
        duration_seconds: 0
        instruments_file: ""
        date: ""
        generator:
          # calm, volatile, thin, trending, jumping, halting
          scenario: calm
          # 1 to 12000
          symbols: 20
          # Of session time, all symbols together (1 to 100000000).
          messages_per_second: 5000

      # The exchange. Without 'attach' one is started on loopback, watched, and stopped at the end.
      exchange:
        attach: ""
        line_a: ""
        line_b: ""
        rerequest: ""
        snapshot: ""
        session: ""
        # IPv4 address of the one that is started.
        address: 127.0.0.1
        # Whether the exchange cancels our working orders when the order session breaks.
        cancel_on_disconnect: false

      # The order session (SoupBinTCP).
      session:
        # 1 to 6 letters and digits.
        username: NTAIL1
        # 1 to 10 letters and digits.
        password: needletail
        heartbeat_milliseconds: 1000
        timeout_milliseconds: 15000
        reconnect_milliseconds: 100

      # Threads, memory and sockets.
      runtime:
        # inline: receive, decode, engine and send on one thread.
        topology: inline

      # Each has an order session of its own.
      accounts:
        - name: HOUSE
          # Of its session; empty: that of 'session'. No two accounts have the same.
          username: ""

      # Dollars a share; a negative fee is a rebate. Added: displayed, and hidden.
      fees:
        added_per_share: -0.002
        added_hidden_per_share: -0.001
        removed_per_share: 0.003
      """
    let found = problems(old)
    #expect(found.map(\.path) == ["feed", "exchange", "session", "fees"])
    #expect(found.map(\.line) == [2, 21, 34, 55])
    #expect(!found.contains { $0.message.contains("unknown key") })
  }
}
