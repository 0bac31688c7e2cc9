/// The goals of the hot path, in the order of their table, each answered by one figure. Which are not
/// met, and what was tried: perf/README.md.
///
/// A suite marks the figure that answers a goal: `Figure(name, unit, runs, goal: .riskChain)`.
enum Goal: String, Codable, CaseIterable {
  case ringWide, ringNarrow, ringBatched, ringHandOff, ringMany, ringBroadcast
  case byteSum, decodeRatio, decodeRate, decodePeers
  case booksLevels, booksQueues, booksTime, booksFloor, booksMillion, booksPeers, booksPython
  case priceUpdate, paperOrders
  case riskChain, riskRate, riskTail, riskTimer, riskInstructions, orderPool
  case tickToOrder, tickToOrderTail
  case wireRatio, wireQuiet, wireRing, wireTime, wireTail, wireFarTail
  case fixCodec, fixReport
  case journalAppend, journalDurable, recovery, histogram
  case hotPath

  /// Who measures it.
  enum Source: Equatable {
    case suite(String)
    /// `make bench-peers`, and which part of it.
    case peers(String)
    /// `hot-path-audit --format json`.
    case audit
    /// `count`, against a thresholds file.
    case counts
    /// Nobody yet: why.
    case nothing(String)
  }

  struct Facts {
    /// What is measured.
    var title: String
    /// nil: measured and reported; there is nothing to reach.
    var bound: Figure.Limit?
    var unit: String
    var source: Source
  }

  var title: String { facts.title }
  var bound: Figure.Limit? { facts.bound }
  var unit: String { facts.unit }
  var source: Source { facts.source }

  var facts: Facts {
    switch self {
    case .ringWide, .ringNarrow, .ringBatched, .ringHandOff, .ringMany, .ringBroadcast: rings
    case .byteSum, .decodeRatio, .decodeRate, .decodePeers: decoding
    case .booksLevels, .booksQueues, .booksTime, .booksFloor, .booksMillion, .booksPeers,
      .booksPython:
      books
    case .paperOrders:
      Self.atLeast(
        1, "orders that the paper broker takes, in process", .suite(PaperSuite.name), "M/s")
    case .priceUpdate:
      Self.atMost(
        60, "a level of a book by price changes, book and view, p50",
        .suite(PriceSuite.name), "ns")
    case .riskChain, .riskRate, .riskTail, .riskTimer, .riskInstructions, .orderPool: risk
    case .tickToOrder, .tickToOrderTail, .hotPath: hotPathFacts
    case .wireRatio, .wireQuiet, .wireRing, .wireTime, .wireTail, .wireFarTail: wire
    case .fixCodec, .fixReport, .journalAppend, .journalDurable, .recovery, .histogram: others
    }
  }

  private static func atLeast(
    _ value: Double, _ title: String, _ source: Source, _ unit: String = "x"
  ) -> Facts {
    Facts(title: title, bound: .init(value: value, atLeast: true), unit: unit, source: source)
  }
  private static func atMost(
    _ value: Double, _ title: String, _ source: Source, _ unit: String = "x"
  ) -> Facts {
    Facts(title: title, bound: .init(value: value, atLeast: false), unit: unit, source: source)
  }
  private static func reported(_ title: String, _ source: Source, _ unit: String) -> Facts {
    Facts(title: title, bound: nil, unit: unit, source: source)
  }

  // MARK: The rows

  private var rings: Facts {
    let peers = Source.peers("rings")
    let suite = Source.suite(RingSuite.name)
    return switch self {
    case .ringWide: Self.atLeast(4, "SPSC ring, 64 B, item by item / best Debian peer", peers)
    case .ringNarrow: Self.atLeast(2, "SPSC ring, 8 B, item by item / best Debian peer", peers)
    case .ringBatched: Self.atLeast(0.5, "SPSC ring, 8 B, batches of 32 / rte_ring's", peers)
    case .ringMany: Self.reported("MPSC ring, two producers, every word checked", suite, "M/s")
    case .ringBroadcast:
      Self.reported("broadcast ring, slower of two readers, every word checked", suite, "M/s")
    default: Self.atMost(1.15, "SPSC hand-off there and back / bounce over two lines", suite)
    }
  }

  private var decoding: Facts {
    let suite = Source.suite(ITCHSuite.name)
    return switch self {
    case .byteSum: Self.atLeast(0.4, "the floor itself: frame walk / byte sum", suite)
    case .decodeRatio: Self.atLeast(0.4, "ITCH decode, every field / frame walk", suite)
    case .decodeRate: Self.atLeast(33.481, "ITCH decode, every field", suite, "M msg/s")
    default: Self.atLeast(1.5, "ITCH decode, every field / best peer", Self.unpackaged)
    }
  }

  private var books: Facts {
    let suite = Source.suite(ITCHSuite.name)
    return switch self {
    case .booksLevels: Self.atLeast(0.13, "ITCH to books, every best price / frame walk", suite)
    case .booksQueues: Self.atLeast(0.08, "the same with FIFO queues / frame walk", suite)
    case .booksTime: Self.atMost(30, "one message, decoded and booked", suite, "ns")
    case .booksFloor:
      Self.atLeast(1, "ITCH to books, every best price / plain C book builder", suite)
    case .booksMillion: Self.atLeast(0.7, "books with 1 M live orders / with 300 k", suite)
    case .booksPython:
      Self.atLeast(1, "ITCH to books / best of nautilus_trader, hftbacktest", .peers("books"))
    default:
      Self.atLeast(2.5, "ITCH to books / best of charles-cooper, CppTrader", Self.unpackaged)
    }
  }

  private static let unpackaged = Source.nothing(
    "they are neither in Debian nor on PyPI; see perf/README.md")

  private var risk: Facts {
    let suite = Source.suite(RiskSuite.name)
    return switch self {
    case .riskChain: Self.atMost(50, "pre-trade risk, whole chain, p50, batches of 16", suite, "ns")
    case .riskRate: Self.atLeast(15, "risk with reserve and release, one core", suite, "M/s")
    case .riskTail: Self.reported("risk, one order at a time, p99", suite, "ns")
    case .riskTimer: Self.reported("the empty timer beside it, p99", suite, "ns")
    case .orderPool: Self.atMost(5, "order pool, take and give", suite, "ns")
    default:
      Self.atMost(1 + Thresholds.tolerance, "risk chain, instructions an order / accepted", .counts)
    }
  }

  private var hotPathFacts: Facts {
    let suite = Source.suite(EngineSuite.name)
    return switch self {
    case .tickToOrder:
      Self.atMost(250, "tick's bytes to order's bytes, in process, p50", suite, "ns")
    case .tickToOrderTail: Self.atMost(1_000, "the same, p99", suite, "ns")
    default:
      Self.atMost(0, "allocations, retains, releases, locks, system calls, hot path", .audit, "")
    }
  }

  private var wire: Facts {
    let suite = Source.suite(WireSuite.name)
    return switch self {
    case .wireRatio:
      Self.atMost(1.1, "datagram in to order out, full flow / floor of the kind", suite)
    case .wireQuiet: Self.atMost(1.1, "the same, nothing else going by", suite)
    case .wireRing:
      Self.atMost(1.1, "the same through io_uring, full flow / io_uring floor", suite)
    case .wireTime: Self.atMost(15.5, "datagram in to order out, p50", suite, "us")
    case .wireTail: Self.reported("the same with the full flow, p99", suite, "us")
    default: Self.reported("the same with the full flow, p99.9", suite, "us")
    }
  }

  private var others: Facts {
    let noGateway = Source.nothing("there is no FIX gateway yet")
    return switch self {
    case .fixCodec: Self.atLeast(10, "FIX 4.4, encode and parse / QuickFIX", noGateway)
    case .fixReport: Self.atMost(0.35, "FIX 4.4, order to report, time / QuickFIX's", noGateway)
    case .journalAppend:
      Self.atMost(40, "journal append, 128 B, on the hot thread", .suite(RiskSuite.name), "ns")
    case .journalDurable:
      Self.atLeast(
        5, "journal, 128 B events durable by group commit",
        .nothing("mode disk (group commit) is not built yet; suite journal has mode shared"), "M/s")
    case .recovery:
      Self.atMost(
        0.25, "recovery from a journal of 1 M events",
        .suite(JournalSuite.name), "s")
    default: Self.atMost(4, "histogram, one record", .suite(RecordSuite.name), "ns")
    }
  }
}
