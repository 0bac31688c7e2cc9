/// What the engine has a fixed number of, taken at the start. Never renumber: the numbers are in the journal.
@frozen public enum EngineBound: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Open orders at one time. More are refused (``RefusalCode/poolFull``).
  case openOrders = 1
  /// New orders and replaces of the day, of the port that has most. More are refused.
  case requests = 2
  /// Executions and busts of the day. Full stops the firm (``LatchCause/ledgerFull``).
  case executions = 3
  /// Requests that wait at one time, of the port that has most. More are refused.
  case outbox = 4
  /// Timers at one time. More are not set.
  case timers = 5
  /// Live orders in all books of the feed at one time. One more is dropped, and its book is not whole.
  case bookOrders = 6
}

/// How much of a bound is used.
public struct BoundUse: Sendable, Hashable {
  public var bound: EngineBound
  public var used: Int
  /// The most that was seen at a look, once in a second of session time.
  public var highest: Int
  public var most: Int
  /// Four fifths and more.
  public var isNear: Bool { Self.isNear(highest, of: most) }

  static func isNear(_ used: Int, of most: Int) -> Bool { used > 0 && used &* 5 >= most &* 4 }
}

extension Engine {
  /// Every bound and its use. Cold.
  public func bounds() -> [BoundUse] { unsafe core.pointee.boundUses() }
  /// Bit n: bound n has been four fifths full, see ``EngineBound``; above bit 31 how often that was alarmed, for
  /// each port has a word to say.
  public var boundsNear: UInt64 {
    unsafe UInt64(core.pointee.counters.bounds.alarms) << 32
      | UInt64(core.pointee.counters.bounds.near)
  }
}

extension EngineState {
  /// Once in a second of session time; what is nearly full is alarmed, once.
  mutating func watchBounds() {
    guard sessionTime >= counters.bounds.next else { return }
    counters.bounds.next = sessionTime.addingReportingOverflow(BoundWatch.interval).partialValue
    look(at: .openOrders, Int(counters.total.openOrders), of: orders.count)
    look(at: .executions, portfolio.ledger.count, of: portfolio.ledger.most)
    look(at: .timers, timers.count, of: timers.most)
    look(
      at: .bookOrders, Int(clamping: market.books.live), of: Int(market.books.orderCapacity))
    for port in 0..<portCount {
      look(at: .requests, requestsUsed(port), of: requestsMost(port), port: port)
      look(
        at: .outbox, ports[port].outbox.ordinaryCount, of: ports[port].outbox.ordinaryCapacity,
        port: port)
    }
  }

  private mutating func look(at bound: EngineBound, _ used: Int, of most: Int, port: Int? = nil) {
    let i = Int(bound.number)
    counters.bounds.highest[i] = max(counters.bounds.highest[i], used)
    let bit: UInt32 = 1 &<< UInt32(truncatingIfNeeded: i)
    guard BoundUse.isNear(used, of: most) else { return }
    // Each port has a word of its own to say.
    if let port {
      guard ports[port].boundsNear & bit == 0 else { return }
      ports[port].boundsNear |= bit
    } else if counters.bounds.near & bit != 0 {
      return
    }
    counters.bounds.near |= bit
    counters.bounds.alarms &+= 1
    cause = feedPosition
    counters.count(.boundNear)
    var payload = AlarmRecord(code: .boundNear, instrument: .none)
    payload.bound = bound.number
    payload.port = PortID(raw: port.map { UInt16(truncatingIfNeeded: $0) } ?? .max)
    payload.expected = Int64(most)
    payload.observed = Int64(used)
    record(.alarm, payload)
  }

  /// Of the day's references, or of the venue's, whichever are fewer.
  private mutating func requestsUsed(_ port: Int) -> Int { ports[port].referencesUsed }
  private mutating func requestsMost(_ port: Int) -> Int {
    let (sum, over) = ports[port].referencesUsed.addingReportingOverflow(
      Int(clamping: ports[port].referencesOfVenue))
    return over ? ports.referencesMax : min(ports.referencesMax, sum)
  }

  mutating func boundUses() -> [BoundUse] {
    EngineBound.allCases.map { bound in
      let highest = counters.bounds.highest[Int(bound.rawValue)]
      switch bound {
      case .openOrders:
        return BoundUse(
          bound: bound, used: Int(counters.total.openOrders),
          highest: max(highest, Int(counters.total.openOrders)), most: orders.count)
      case .executions:
        return BoundUse(
          bound: bound, used: portfolio.ledger.count, highest: portfolio.ledger.count,
          most: portfolio.ledger.most)
      case .timers:
        return BoundUse(
          bound: bound, used: timers.count, highest: max(highest, timers.count), most: timers.most)
      case .bookOrders:
        return BoundUse(
          bound: bound, used: Int(clamping: market.books.live),
          highest: max(highest, Int(clamping: market.books.live)),
          most: Int(market.books.orderCapacity))
      case .requests:
        // Of the port that has used the greatest share.
        let port =
          (0..<portCount).max {
            Int128(requestsUsed($0)) * Int128(requestsMost($1))
              < Int128(requestsUsed($1)) * Int128(requestsMost($0))
          } ?? 0
        let used = requestsUsed(port)
        return BoundUse(bound: bound, used: used, highest: used, most: requestsMost(port))
      case .outbox:
        let used = (0..<portCount).map { ports[$0].outbox.ordinaryCount }.max() ?? 0
        return BoundUse(
          bound: bound, used: used, highest: max(highest, used),
          most: ports[0].outbox.ordinaryCapacity)
      }
    }
  }
}

extension EngineBound {
  /// The raw value, for hot code.
  var number: UInt8 {
    switch self {
    case .openOrders: 1
    case .requests: 2
    case .executions: 3
    case .outbox: 4
    case .timers: 5
    case .bookOrders: 6
    }
  }
}
