import Foundation

/// The goals of the hot path, each answered by one figure. Which are not met, and what was tried:
/// perf/README.md.
///
/// A suite marks the figure that answers a goal: `Figure(name, unit, runs, goal: .riskChain)`.
enum Goal: String, Codable, CaseIterable {
  case ringWide, ringNarrow, ringBatched, ringHandOff
  case byteSum, decodeRatio, decodeRate, decodePeers
  case booksLevels, booksQueues, booksTime, booksMillion, booksPeers
  case riskChain, riskRate, orderPool, journalAppend, histogram
  case tickToOrder, tickToOrderTail
  case wireRatio, wireQuiet, wireRing, wireTime
  case fixCodec, fixReport
  case journalDurable, recovery

  /// What is measured.
  var title: String {
    switch self {
    case .ringWide: "SPSC ring, 64 B, item by item / best Debian peer"
    case .ringNarrow: "SPSC ring, 8 B, item by item / best Debian peer"
    case .ringBatched: "SPSC ring, 8 B, batches of 32 / rte_ring's"
    case .ringHandOff: "SPSC hand-off there and back / bounce over two lines"
    case .byteSum: "the floor itself: frame walk / byte sum"
    case .decodeRatio: "ITCH decode, every field / frame walk"
    case .decodeRate: "ITCH decode, every field"
    case .booksLevels: "ITCH to books, every best price / frame walk"
    case .booksQueues: "the same with FIFO queues / frame walk"
    case .booksTime: "one message, decoded and booked"
    case .booksMillion: "books with 1 M live orders / with 300 k"
    case .riskChain: "pre-trade risk, whole chain, p50, batches of 16"
    case .riskRate: "risk with reserve and release, one core"
    case .orderPool: "order pool, take and give"
    case .journalAppend: "journal append, 128 B, on the hot thread"
    case .histogram: "histogram, one record"
    case .tickToOrder: "tick's bytes to order's bytes, in process, p50"
    case .tickToOrderTail: "the same, p99"
    case .wireRatio: "datagram in to order out, full flow / floor of the kind"
    case .wireQuiet: "the same, nothing else going by"
    case .wireRing: "the same through io_uring, full flow / io_uring floor"
    case .wireTime: "datagram in to order out, p50"
    case .decodePeers: "ITCH decode, every field / best peer"
    case .booksPeers: "ITCH to books / best of charles-cooper, CppTrader"
    case .fixCodec: "FIX 4.4, encode and parse / QuickFIX"
    case .fixReport: "FIX 4.4, order to report, time / QuickFIX's"
    case .journalDurable: "journal, 128 B events durable by group commit"
    case .recovery: "recovery from a journal of 1 M events"
    }
  }

  var bound: Figure.Limit {
    switch self {
    case .ringWide: .init(value: 4, atLeast: true)
    case .ringNarrow: .init(value: 2, atLeast: true)
    case .ringBatched: .init(value: 0.5, atLeast: true)
    case .ringHandOff: .init(value: 1.15, atLeast: false)
    case .byteSum, .decodeRatio: .init(value: 0.4, atLeast: true)
    case .decodeRate: .init(value: 33.481, atLeast: true)
    case .booksLevels: .init(value: 0.13, atLeast: true)
    case .booksQueues: .init(value: 0.08, atLeast: true)
    case .booksTime: .init(value: 30, atLeast: false)
    case .booksMillion: .init(value: 0.7, atLeast: true)
    case .riskChain: .init(value: 50, atLeast: false)
    case .riskRate: .init(value: 15, atLeast: true)
    case .orderPool: .init(value: 5, atLeast: false)
    case .journalAppend: .init(value: 40, atLeast: false)
    case .histogram: .init(value: 4, atLeast: false)
    case .tickToOrder: .init(value: 250, atLeast: false)
    case .tickToOrderTail: .init(value: 1_000, atLeast: false)
    case .wireRatio, .wireQuiet, .wireRing: .init(value: 1.1, atLeast: false)
    case .wireTime: .init(value: 15.5, atLeast: false)
    case .decodePeers: .init(value: 1.5, atLeast: true)
    case .booksPeers: .init(value: 2.5, atLeast: true)
    case .fixCodec: .init(value: 10, atLeast: true)
    case .fixReport: .init(value: 0.35, atLeast: false)
    case .journalDurable: .init(value: 5, atLeast: true)
    case .recovery: .init(value: 0.25, atLeast: false)
    }
  }

  var unit: String {
    switch self {
    case .decodeRate: "M msg/s"
    case .riskRate, .journalDurable: "M/s"
    case .recovery: "s"
    case .wireTime: "us"
    case .booksTime, .riskChain, .orderPool, .journalAppend, .histogram, .tickToOrder,
      .tickToOrderTail:
      "ns"
    default: "x"
    }
  }

  /// Why no suite measures it; nil where one does.
  var absence: String? {
    switch self {
    case .ringWide, .ringNarrow, .ringBatched: "make bench-peers"
    case .decodePeers, .booksPeers: "they are neither in Debian nor on PyPI; see perf/README.md"
    case .fixCodec, .fixReport: "there is no FIX gateway yet"
    case .journalDurable: "mode disk (group commit) is not built yet; suite journal has mode shared"
    case .recovery: "no engine is rebuilt from a journal yet; suite journal reads one back"
    default: nil
    }
  }
}

/// When and from what `make bench-peers` left its figures: they are not of the run that shows them.
struct PeersOrigin: Equatable {
  var made: String?
  var commit: String?
  /// A hundredth of the work: such figures answer no goal.
  var isQuick = false

  /// Of the file's fields; those that are absent stay unknown.
  static func read(at path: String = Peers.path) -> PeersOrigin {
    guard let data = FileManager.default.contents(atPath: path),
      let report = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return PeersOrigin() }
    return PeersOrigin(
      made: report["made"] as? String, commit: report["commit"] as? String,
      isQuick: report["quick"] as? Bool ?? false)
  }

  var text: String {
    "of bench-peers, \(made ?? "no date")" + (commit.map { ", commit \($0)" } ?? "")
  }
}

/// The table of goals of one run.
struct GoalTable: Codable {
  struct Row: Codable {
    var goal: Goal
    var title: String
    var bound: Figure.Limit
    var unit: String
    /// nil: not measured in this run.
    var measured: Double?
    var verdict: String
    /// Where the figure is from; nil: measured in this run.
    var source: String?
  }
  var rows: [Row]

  /// - Parameters:
  ///   - peers: what `make bench-peers` measured, by goal.
  ///   - origin: of those; quick ones are left out.
  init(
    _ suites: [SuiteResult], peers: [Goal: Double], origin: PeersOrigin = .read()
  ) {
    let peers = origin.isQuick ? [:] : peers
    let figures = suites.flatMap(\.figures)
    rows = Goal.allCases.map { goal in
      let figure = figures.first { $0.goal == goal }
      let measured = figure?.median ?? peers[goal]
      let isOfPeersRun = figure == nil && measured != nil
      let verdict: String
      if let measured, !measured.isNaN {
        verdict = goal.bound.isMet(by: measured) ? "met" : "not met"
      } else {
        verdict = goal.absence.map { "not measured: \($0)" } ?? "not measured in this run"
      }
      return Row(
        goal: goal, title: goal.title, bound: goal.bound, unit: goal.unit,
        measured: measured, verdict: verdict, source: isOfPeersRun ? origin.text : nil)
    }
  }

  var text: String {
    var lines = ["goals: medians of this run where no other is named; ratios compare within it"]
    for row in rows {
      let bound = "\(row.bound.atLeast ? ">=" : "<=") \(number(row.bound.value)) \(row.unit)"
      lines.append(
        "  " + pad(row.title, 54) + left(row.measured.map(number) ?? "-", 10) + "  "
          + pad(bound, 18) + row.verdict + (row.source.map { "  (\($0))" } ?? ""))
    }
    lines.append(
      "  " + pad("allocations, retains, locks, system calls on the hot path", 54)
        + left("", 10) + "  " + pad("0", 18) + "hot-path-audit counts them")
    return lines.joined(separator: "\n")
  }
}
