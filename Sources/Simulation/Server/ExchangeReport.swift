import Captures
import ExecutionCore
import Gateways
import Journal

/// The exchange's own account of a session: what a core's books are compared with.
///
/// Money is decimal text in dollars; shares, counts and 10⁻⁴-dollar prices (`price_ticks`) are whole numbers, text beyond 2⁵³
/// (``JSONNumber``).
public struct ExchangeReport: Sendable {
  public struct Position: Sendable, Hashable {
    public var account: String
    public var symbol: String
    public var position: ExchangePosition
  }
  public var session: String
  /// Executions that were not busted, and their shares.
  public var fills: Int
  public var shares: UInt64
  public var bustedFills: Int
  public var positions: [Position]
  public var executions: [ExchangeFill]
  public var workingOrders: [WorkingOrder]
  public var counters: ExchangeCounters
  public var server: ExchangeServerCounters
  /// Messages of order entry that could not be decoded; they were ignored.
  public var undecodable: UInt64
  /// Messages that found their account's room used up: ``ExchangeSessionSettings/accountBytesMax``.
  public var refusedFull: UInt64
  /// Violations in words; none when all invariants hold.
  public var violations: [String]
  public var notes: [String]
  /// Why the feed could not be played to its end, without its path.
  public var feedFailure: String?
  public var accounts: [String]
  public var feedMessages: UInt64
  public var publishedMessages: UInt64
  public var recoveredInputs: Int

  public init(_ session: ExchangeSession, server: ExchangeServerCounters) {
    var text = ""
    for i in 0..<10 { text.unicodeScalars.append(Unicode.Scalar(session.name[i])) }
    self.session = text
    let live = session.core.fills.filter { !$0.isBusted }
    fills = live.count
    shares = live.reduce(into: 0) { $0 += UInt64($1.quantity) }
    bustedFills = session.core.fills.count - live.count
    positions = []
    accounts = session.settings.accounts
    for (index, account) in session.core.accounts.enumerated() {
      for symbol in account.positions.keys.sorted(by: { $0.bigEndian < $1.bigEndian }) {
        positions.append(
          Position(
            account: accounts[index], symbol: SymbolCode.decode(symbol),
            position: account.positions[symbol] ?? ExchangePosition()))
      }
    }
    executions = session.core.fills
    workingOrders = session.core.workingOrders
    counters = session.core.counters
    self.server = server
    undecodable = session.undecodable
    counters.requests &+= session.ignored
    counters.ignoredRequests &+= session.ignored
    refusedFull = session.refusedFull
    violations = session.core.verify()
    notes = session.feed.notes
    if refusedFull > 0 {
      notes.append(
        "\(refusedFull) messages were refused: an account had used up its "
          + "\(session.settings.accountBytesMax) bytes; begin a new session")
    }
    feedFailure = session.feed.lateFailure.map {
      ($0.offset.map { "at offset \($0): " } ?? "") + $0.problem
    }
    if let feedFailure {
      notes.append("the recording ended early while it was played \(feedFailure)")
    }
    feedMessages = session.position
    publishedMessages = session.nextSequence - 1
    recoveredInputs = session.recoveredInputs
  }

  /// One JSON object.
  public var json: String {
    let positions = positions.map {
      "{\"account\":\(Self.quote($0.account)),\"symbol\":\(Self.quote($0.symbol)),"
        + "\"shares\":\(Self.number($0.position.shares)),\"bought\":\(Self.number($0.position.bought)),"
        + "\"sold\":\(Self.number($0.position.sold)),\"cash\":\"\(Self.money($0.position.cash))\","
        + "\"fees\":\"\(Self.money($0.position.fees))\"}"
    }
    let executions = executions.map {
      "{\"match\":\(Self.number($0.matchNumber)),\"account\":\(Self.quote(accounts[Int($0.account)])),"
        + "\"symbol\":\(Self.quote(SymbolCode.decode($0.symbol))),\"side\":\"\(Self.letter($0.side))\","
        + "\"quantity\":\(Self.number($0.quantity)),\"price_ticks\":\(Self.number($0.price)),"
        + "\"user_ref_num\":\(Self.number($0.userRefNum)),\"liquidity\":\"\(Self.letter($0.liquidity))\","
        + "\"cause\":\"\(Self.letter($0.cause))\",\"busted\":\($0.isBusted)}"
    }
    return [
      "{\"session\":\(Self.quote(session))", "\"fills\":\(Self.number(fills))",
      "\"shares\":\(Self.number(shares))",
      "\"busted_fills\":\(Self.number(bustedFills))",
      "\"feed_messages\":\(Self.number(feedMessages))",
      "\"published_messages\":\(Self.number(publishedMessages))",
      "\"recovered_inputs\":\(Self.number(recoveredInputs))",
      "\"working_orders\":\(Self.number(workingOrders.count))",
      "\"positions\":[\(positions.joined(separator: ","))]",
      "\"executions\":[\(executions.joined(separator: ","))]", "\"counters\":\(countersJSON)",
      "\"server\":\(serverJSON)",
      "\"invariants\":{\"hold\":\(violations.isEmpty),\"violations\":[\(Self.list(violations))]}",
      "\"feed_failure\":\(feedFailure.map(Self.quote) ?? "null")",
      "\"notes\":[\(Self.list(notes))]}",
    ].joined(separator: ",")
  }

  private var countersJSON: String {
    let c = counters
    let pairs: [(String, UInt64)] = [
      ("history_messages", c.historyMessages), ("published", c.published), ("events", c.events),
      ("unknown_references", c.unknownReferences),
      ("duplicate_references", c.duplicateReferences), ("excess_shares", c.excessShares),
      ("malformed_history", c.malformedHistory), ("dropped_shares", c.droppedShares),
      ("dropped_messages", c.droppedMessages), ("released_shares", c.releasedShares),
      ("requests", c.requests), ("undecodable_requests", undecodable),
      ("ignored_requests", c.ignoredRequests), ("refused_full", refusedFull),
      ("accepted_orders", c.acceptedOrders), ("replaced_orders", c.replacedOrders),
      ("rejected_orders", c.rejectedOrders), ("cancels", c.cancels),
      ("trades_without_aggressor", c.tradesWithoutAggressor),
      ("blocked_throughs", c.blockedThroughs),
      ("fills_through_better_price", c.fillsThroughBetterPrice),
      ("fills_out_of_turn", c.fillsOutOfTurn),
    ]
    return Self.object(pairs)
  }

  private var serverJSON: String {
    Self.object([
      ("datagrams", server.datagrams), ("lost", server.lines.lost),
      ("duplicated", server.lines.duplicated),
      ("reordered", server.lines.reordered), ("unsent", server.lines.unsent),
      ("answers", server.answers),
      ("answers_unsent", server.answersUnsent), ("socket_failures", server.socketFailures),
      ("logins", server.logins),
      ("logins_refused", server.loginsRefused), ("disconnects", server.disconnects),
      ("snapshots", server.snapshots), ("snapshots_reused", server.snapshotsReused),
      ("logins_timed_out", server.loginsTimedOut),
      ("strangers_displaced", server.strangersDisplaced),
      ("logins_delayed", server.loginsDelayed), ("slow_readers", server.slowReaders),
      ("rates_exceeded", server.ratesExceeded),
    ])
  }

  private static func object(_ pairs: [(String, UInt64)]) -> String {
    "{" + pairs.map { "\"\($0)\":\(number($1))" }.joined(separator: ",") + "}"
  }

  private static func number(_ value: some BinaryInteger) -> String { JSONNumber.text(value) }

  private static func list(_ texts: [String]) -> String {
    texts.map(quote).joined(separator: ",")
  }

  private static func letter(_ code: UInt8) -> String { String(Unicode.Scalar(code)) }

  static func quote(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\u{0}"..<"\u{20}":
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// 10⁻⁸ dollars as exact decimal text.
  static func money(_ raw: Int128) -> String {
    var digits = String(raw.magnitude)
    while digits.count <= 8 { digits = "0" + digits }
    return (raw < 0 ? "-" : "") + digits.dropLast(8) + "." + digits.suffix(8)
  }
}
