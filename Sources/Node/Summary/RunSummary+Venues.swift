import ExecutionCore
import Gateways
import Trading

extension RunSummary {
  /// What was done at one venue.
  public struct Venue: Equatable, Sendable {
    public var name = ""
    /// `exchange` or `paper`.
    public var kind = ""
    /// The name of the feed that it trades.
    public var feed = ""
    /// A process of its own that this run started.
    public var isOurs = true
    public var restarts = 0
    public var session = Session()
    public var orders = Orders()
    /// Executions that stand, and their notional at 10⁻⁸ dollars.
    public var fills: UInt64 = 0
    public var notional: Int128 = 0
    public var positions: [Held] = []
    public var pnl = ProfitAndLoss()
    /// From the datagram to the order that it led to.
    public var tickToOrder = Percentiles(name: "tick_to_order")
    /// nil where it was not to be had.
    public var account: Account?
    /// Of a paper broker.
    public var paper: Paper?

    /// All its order sessions, one for each account.
    public struct Session: Equatable, Sendable {
      public var ports = 0
      /// All were up, and had seen all reports, when the run ended.
      public var isUp = false
      public var connects: UInt64 = 0
      public var logins: UInt64 = 0
      /// Log-ins after the first of each port.
      public var reconnects: UInt64 = 0
      /// The last one, in words; empty while there was none.
      public var trouble = ""
    }
    /// Sent to it, and said by it.
    public struct Orders: Equatable, Sendable {
      public var sent: UInt64 = 0
      public var replaces: UInt64 = 0
      public var cancels: UInt64 = 0
      public var accepted: UInt64 = 0
      public var rejected: UInt64 = 0
      public var replaced: UInt64 = 0
      public var cancelled: UInt64 = 0
      /// Cancels and changes.
      public var refused: UInt64 = 0
      /// At the end.
      public var open: Int64 = 0
    }
    /// Of one instrument there, all accounts and strategies together.
    public struct Held: Equatable, Sendable {
      public var symbol: String
      public var quantity: Int64
      public var quantityExponent: Int
    }
    /// The venue's own.
    public struct Account: Equatable, Sendable {
      public var fills: UInt64
      public var shares: Int64
      public var unknownReferences: UInt64
    }
    public struct Paper: Equatable, Sendable {
      /// Reports that were never sent and found by asking, and those that came again.
      public var found: UInt64
      public var repeated: UInt64
      /// Cash that no order brought, at 10⁻⁸: how often, and how much.
      public var adjustments: UInt64
      public var adjusted: Int128
    }
  }

  /// What the loop has found of each venue.
  mutating func takeVenues(_ plan: RunPlan, _ result: HotResult) {
    venues = zip(plan.venues, result.venues).map { venue, found in
      var entry = Venue()
      entry.name = venue.venue.name
      entry.kind = venue.venue.kind.rawValue
      entry.feed = venue.feed.name
      entry.isOurs = !plan.options.isVirtualTime && !venue.venue.isAttached
      entry.session = Venue.Session(
        ports: found.ports, isUp: found.isSessionUp, connects: found.connects,
        logins: found.gateway.sessionsUp,
        reconnects: found.gateway.sessionsUp
          &- min(UInt64(found.ports), found.gateway.sessionsUp), trouble: found.trouble)
      entry.orders = Venue.Orders(
        sent: found.counts.newOrders, replaces: found.counts.replaces,
        cancels: found.counts.cancels, accepted: found.counts.accepted,
        rejected: found.counts.rejected, replaced: found.counts.replaced,
        cancelled: found.counts.canceled, refused: found.counts.refused, open: found.openOrders)
      let own = result.state.positions.filter {
        venue.instruments.contains(Int($0.instrument.raw))
      }
      entry.take(own, plan)
      if !plan.options.isVirtualTime { entry.tickToOrder = Percentiles(found.tickToOrder) }
      if venue.venue.kind == .paper {
        entry.paper = Venue.Paper(
          found: found.found, repeated: found.repeated, adjustments: found.adjustments,
          adjusted: found.adjusted)
      }
      if !found.trouble.isEmpty {
        notes.append(
          "the order session at \(venue.name) was \(found.gateway.sessionsUp > 0 ? "lost" : "never up"), "
            + "the last time by: \(found.trouble)")
      }
      if found.adjustments > 0 {
        notes.append(
          "\(venue.name) told \(found.adjustments.grouped) times of cash that no order brought, "
            + "\(Self.dollars(found.adjusted)) in all: it is not in our books")
      }
      return entry
    }
  }
}

extension RunSummary.Venue {
  fileprivate mutating func take(_ all: [PositionSummary], _ plan: RunPlan) {
    var held: [UInt32: Int64] = [:]
    for position in all {
      fills &+= UInt64(clamping: position.executions)
      notional += position.boughtValue.raw + position.soldValue.raw
      pnl.realised += position.realised.raw
      pnl.unrealised += position.unrealised.raw
      pnl.fees += position.fees.raw
      held[position.instrument.raw, default: 0] += position.quantity
    }
    positions = held.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { id, quantity in
      let facts = plan.instruments[Int(id)]
      return Held(
        symbol: "\(facts.symbol)", quantity: quantity, quantityExponent: Int(facts.quantityExponent)
      )
    }
  }
}

extension RunSummary.Venue {
  var value: JSONValue {
    .object([
      ("name", .text(name)), ("kind", .text(kind)), ("feed", .text(feed)),
      ("own_process", .bool(isOurs)), ("restarts", .count(restarts)),
      (
        "session",
        .object([
          ("ports", .count(session.ports)), ("up", .bool(session.isUp)),
          ("connects", .count(session.connects)), ("logins", .count(session.logins)),
          ("reconnects", .count(session.reconnects)),
          ("trouble", session.trouble.isEmpty ? .null : .text(session.trouble)),
        ])
      ),
      (
        "orders",
        .object([
          ("sent", .count(orders.sent)), ("replaces", .count(orders.replaces)),
          ("cancels", .count(orders.cancels)), ("accepted", .count(orders.accepted)),
          ("rejected", .count(orders.rejected)), ("replaced", .count(orders.replaced)),
          ("cancelled", .count(orders.cancelled)), ("refused", .count(orders.refused)),
          ("open", .integer(orders.open)),
        ])
      ),
      ("fills", .object([("count", .count(fills)), ("notional", .money(notional))])),
      (
        "positions",
        .array(
          positions.map {
            .object([
              ("symbol", .text($0.symbol)),
              ("quantity", .quantity($0.quantity, exponent: $0.quantityExponent)),
            ])
          })
      ), ("pnl", pnl.value), ("latency", tickToOrder.value),
      (
        "own_account",
        account.map {
          .object([
            ("fills", .count($0.fills)), ("shares", .integer($0.shares)),
            ("unknown_references", .count($0.unknownReferences)),
          ])
        } ?? .null
      ),
      (
        "paper",
        paper.map {
          .object([
            ("found", .count($0.found)), ("repeated", .count($0.repeated)),
            ("adjustments", .count($0.adjustments)), ("adjusted", .money($0.adjusted)),
          ])
        } ?? .null
      ),
    ])
  }
}

extension JSONValue {
  /// A whole number where the instrument has whole units, else exact decimal text.
  static func quantity(_ mantissa: Int64, exponent: Int) -> JSONValue {
    exponent == 0 ? .integer(mantissa) : .text(RunSummary.quantity(mantissa, exponent: exponent))
  }
}

extension RunSummary {
  /// With all the decimals that the exponent has; grouped before the point.
  static func quantity(_ mantissa: Int64, exponent: Int, isGrouped: Bool = false) -> String {
    guard exponent < 0 else { return isGrouped ? mantissa.grouped : "\(mantissa)" }
    var digits = String(mantissa.magnitude)
    let decimals = -exponent
    if digits.count <= decimals {
      digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits
    }
    let whole = UInt64(digits.dropLast(decimals)) ?? 0
    return (mantissa < 0 ? "-" : "") + (isGrouped ? whole.grouped : "\(whole)") + "."
      + digits.suffix(decimals)
  }
}
