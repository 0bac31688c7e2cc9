/// Where market data comes from, and the venues that trade it.
extension Configuration {
  /// What concerns the run as a whole.
  public struct Run: Equatable, Sendable {
    /// Of all that is generated.
    public var seed: UInt64 = 1
    public var speed = Speed.times(1)
    /// 0: 30 where all feeds are generated, until the end of the feed for a file or a venue that is attached to.
    public var durationSeconds: Decimal8 = 0
    /// Session date, `YYYY-MM-DD`; empty: from the instruments file or the feed file's name.
    public var date = ""
    public init() {}
  }

  public enum FeedKind: String, CaseIterable, Sendable {
    /// Order by order.
    case orders
    /// Books by price.
    case prices

    /// How many there may be.
    var feedsMax: Int { self == .orders ? 1 : 6 }
    var inWords: String { "a feed of \(rawValue)" }
  }

  public struct Feed: Equatable, Sendable {
    public var name: String
    public var kind: FeedKind
    /// `generated`, or a file; of orders: framed ITCH (raw or .gz) or a pcap of MoldUDP64.
    public var source = "generated"
    public var instrumentsFile = ""
    public var generator = Generator()
    /// Of a venue that is attached: where its lines, re-requests and snapshots are, each `HOST:PORT`. A line is a
    /// multicast group, or an address of this machine that the venue sends to.
    public var lineA = ""
    public var lineB = ""
    public var rerequest = ""
    /// Of orders only; who logs in there: empty, as the first account at the venue.
    public var snapshot = ""
    public var snapshotUsername = ""
    public var snapshotPassword: Secret = ""
    /// Empty: as the exchange that is started says, or the snapshot service at the log-in.
    public var session = ""

    /// With the defaults of its kind.
    public init(name: String, kind: FeedKind) {
      self.name = name
      self.kind = kind
      if kind == .prices {
        generator.symbols = 2
        generator.messagesPerSecond = 500
      }
    }
    public var isGenerated: Bool { source == "generated" }

    static let equities = Feed(name: "equities", kind: .orders)
    static let coins = Feed(name: "coins", kind: .prices)
    static let count = 1...7
  }

  public enum Scenario: String, CaseIterable, Sendable {
    case calm, volatile, thin, trending, jumping, halting
  }

  public struct Generator: Equatable, Sendable {
    public var scenario = Scenario.calm
    public var symbols = 20
    public var messagesPerSecond = 5_000
    public init() {}
  }

  public enum VenueKind: String, CaseIterable, Sendable {
    /// OUCH 5.0 over SoupBinTCP.
    case exchange
    /// The paper broker.
    case paper

    /// The kinds of feeds that it trades.
    var feedKinds: [FeedKind] {
      switch self {
      case .exchange: [.orders]
      // Of orders only where it is attached: it follows what an exchange sends.
      case .paper: [.prices, .orders]
      }
    }
    var inWords: String { self == .exchange ? "an exchange" : "a paper venue" }
  }

  public struct Venue: Equatable, Sendable {
    public var name: String
    public var kind: VenueKind
    /// The name of the feed that it trades.
    public var feed: String
    /// Empty: one is started; else the `HOST:PORT` of the order entry of a running one.
    public var attach = ""
    public var address = "127.0.0.1"
    public var cancelOnDisconnect = false
    public var session = Session()
    /// Of an exchange.
    public var fees = Fees()
    /// Of a paper venue.
    public var paperFees = PaperFees()
    public var fill = Fill()

    public init(name: String, kind: VenueKind, feed: String) {
      self.name = name
      self.kind = kind
      self.feed = feed
    }
    /// As messages call it.
    var inWords: String { kind == .exchange ? "the exchange" : "the paper broker '\(name)'" }
    /// It runs already, with a market of its own.
    public var isAttached: Bool { !attach.isEmpty }

    static let exchange = Venue(name: "exchange", kind: .exchange, feed: Feed.equities.name)
    static let paper = Venue(name: "paper", kind: .paper, feed: Feed.coins.name)
    static let count = 1...8
  }

  /// The order sessions of a venue, one for each account.
  public struct Session: Equatable, Sendable {
    public var username = "NTAIL1"
    public var password: Secret = "needletail"
    /// Of an exchange.
    public var heartbeatMilliseconds = 1_000
    public var timeoutMilliseconds = 15_000
    public var reconnectMilliseconds = 100
    public init() {}
  }

  /// Of an exchange: dollars a share; a negative fee is a rebate.
  public struct Fees: Equatable, Sendable {
    static let range: ClosedRange<Decimal8> = -1...1
    /// Displayed and hidden liquidity that was added, and liquidity that was removed.
    public var addedPerShare = Decimal8(raw: -200_000)
    public var addedHiddenPerShare = Decimal8(raw: -100_000)
    public var removedPerShare = Decimal8(raw: 300_000)
  }

  /// Of a paper venue: basis points of the notional; a negative fee is a rebate.
  public struct PaperFees: Equatable, Sendable {
    static let range: ClosedRange<Decimal8> = -1_000...1_000
    public var addedBasisPoints: Decimal8 = 1
    public var removedBasisPoints: Decimal8 = 4
  }

  /// How a paper venue fills, and what goes wrong at it; in words in `Sources/Gateways/Paper/Protocol.md`.
  public struct Fill: Equatable, Sendable {
    public enum Queue: String, CaseIterable, Sendable { case back, front }
    /// Of each account, at the beginning.
    public var cash: Decimal8 = 1_000_000
    public var queue = Queue.back
    /// The most of what is displayed that one fill takes.
    public var sharePercent = 100
    public var slippageBasisPoints = 0
    public var impactBasisPoints = 0
    public var acceptLatencyMicroseconds = 0
    public var reportLatencyMicroseconds = 0
    // Probabilities.
    public var rejects: Decimal8 = 0
    public var forgets: Decimal8 = 0
    public var delays: Decimal8 = 0
    public var doubles: Decimal8 = 0
    public var contradicts: Decimal8 = 0
    /// Between two drops of all sessions, on the average; 0: never.
    public var dropSeconds = 0

    static let cashRange: ClosedRange<Decimal8> = 0...10_000_000_000
    static let shareRange = 1...100
    static let basisPoints = 0...10_000
    static let microseconds = 0...60_000_000
    static let probability: ClosedRange<Decimal8> = 0...1
    static let dropRange = 0...86_400
  }
}

extension Configuration {
  /// The venue of kind exchange: there is one at most. Setting it to nil changes nothing.
  public var exchange: Venue? {
    get { venues.first { $0.kind == .exchange } }
    set {
      guard let newValue, let place = venues.firstIndex(where: { $0.kind == .exchange }) else {
        return
      }
      venues[place] = newValue
    }
  }

  /// The feed that the ``exchange`` trades. Setting it to nil changes nothing.
  public var equities: Feed? {
    get { exchange.flatMap(feed) }
    set {
      guard let newValue, let name = exchange?.feed,
        let place = feeds.firstIndex(where: { $0.name == name })
      else { return }
      feeds[place] = newValue
    }
  }

  /// The venue that trades the feed of orders, and that feed; nil where there is none.
  var orders: (venue: Venue, feed: Feed)? {
    for venue in venues {
      if let feed = feed(of: venue), feed.kind == .orders { return (venue, feed) }
    }
    return nil
  }

  func feed(of venue: Venue) -> Feed? { feeds.first { $0.name == venue.feed } }

  /// Keeps these venues and the feeds that they trade.
  mutating func keepVenues(where isKept: (Venue) -> Bool) {
    venues = venues.filter(isKept)
    let traded = Set(venues.map(\.feed))
    feeds = feeds.filter { traded.contains($0.name) }
  }

  /// A venue runs already.
  var isAttached: Bool { venues.contains(where: \.isAttached) }

  /// How long the run goes on; nil: until the end of the feed.
  var durationNanoseconds: Int64? {
    let hasEnd = isAttached || !feeds.allSatisfy(\.isGenerated)
    let seconds: Decimal8 = run.durationSeconds == 0 && !hasEnd ? 30 : run.durationSeconds
    return seconds == 0 ? nil : Int64(clamping: Int128(seconds.raw) * 10)
  }

  /// The user names of a venue's order sessions, by account.
  func usernames(at venue: Venue) -> [String] { accounts.map { $0.username(at: venue) } }
}

extension Configuration.Account {
  /// Of its order session.
  func username(at venue: Configuration.Venue) -> String {
    username.isEmpty ? venue.session.username : username
  }
}
