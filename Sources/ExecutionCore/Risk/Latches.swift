/// Why a scope takes no new order. Each is a bit in a set, and its number lies in journals: never renumber.
@frozen public enum LatchCause: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// A person said so (``Command/Kind/kill``).
  case person = 0
  /// The kill file is there, or was and nobody has re-armed since.
  case killFile = 1
  /// Numbers are missing in the venue's stream: a fill may be missing.
  case streamGap = 2
  /// A message of the venue could not be read: it may have been a fill.
  case undecodableReport = 3
  /// The venue speaks of an order that is in no book of ours.
  case unknownReference = 4
  /// A report names a port that there is not: it may have been a fill.
  case unknownPort = 5
  /// An execution that nothing can be booked to, or that nothing tells from another.
  case impossibleExecution = 6
  /// One execution came with two contents: it may be two.
  case executionMismatch = 7
  /// The venue counts executions that we do not have.
  case executionsMissing = 8
  /// An execution's price or value does not fit.
  case unrepresentable = 9
  /// The execution ledger is full: nothing keeps an execution from being booked twice.
  case ledgerFull = 10
  /// The venue holds an order whose exposure is not counted here.
  case untrackedOrder = 11
  /// The journal took no more: what happened since can't be recovered.
  case journalLost = 12
}

extension LatchCause {
  /// What it is about lasts: it cannot be cleared before ``Command/Kind/conditionEnded``.
  var isLasting: Bool {
    switch self {
    case .killFile, .ledgerFull, .journalLost: true
    default: false
    }
  }

  /// Somebody can say that it is over. A full ledger and a lost record last as long as the engine.
  var canEnd: Bool {
    switch self {
    case .killFile: true
    default: false
    }
  }
}

/// A set of causes; new orders pass while it is empty.
@frozen public struct LatchCauses: BitwiseCopyable, Sendable, Hashable {
  public var raw: UInt32
  @_noLocks @inlinable public init(raw: UInt32 = 0) { self.raw = raw }
  @inlinable public var isEmpty: Bool { @_noLocks get { raw == 0 } }
  public func contains(_ cause: LatchCause) -> Bool { raw & Self.bit(cause) != 0 }
  public init(_ cause: LatchCause) { raw = Self.bit(cause) }
  public mutating func insert(_ cause: LatchCause) { raw |= Self.bit(cause) }
  public mutating func remove(_ other: LatchCauses) { raw &= ~other.raw }
  private static func bit(_ cause: LatchCause) -> UInt32 {
    1 &<< UInt32(truncatingIfNeeded: cause.rawValue)
  }
  /// For people.
  public var all: [LatchCause] { LatchCause.allCases.filter(contains) }
  /// Every cause that there is.
  static var every: LatchCauses { LatchCauses(raw: 0x1fff) }
  /// That there can be.
  static var most: Int { 32 }
}

/// A scope that takes no new order, for people.
public struct LatchSummary: Sendable, Hashable {
  public var scope: RiskScope
  public var account: AccountID
  public var strategy: StrategyID
  public var port: PortID
  public var cause: LatchCause
  /// Session time at which it was set.
  public var since: Int64
  /// Journal sequence of what led to it: a report, or a command with its person and reason. As a record's cause else:
  /// a place in the feed, or 0.
  public var record: UInt64
}

/// What stops each scope, and since when and by what each cause stands. A port's causes are the port's.
@safe struct Latches {
  struct Latch: BitwiseCopyable {
    var since: Int64 = 0
    var record: UInt64 = 0
  }
  /// By scope: new orders pass while it is empty.
  var causes: Column<LatchCauses>
  private var latches: Column<Latch>
  /// Causes that stood newly, over all scopes: who sees it grow has something to cancel, and to say.
  private(set) var count: UInt64 = 0
  /// The last of them, and its place.
  private(set) var last = (place: 0, cause: LatchCause.person)
  /// Causes of the firm that cannot be cleared, for what they are about is still there.
  var standing = LatchCauses()

  init(_ builder: inout ColumnBuilder, scopes: Int, ports: Int) {
    causes = builder.column(LatchCauses(), scopes)
    latches = builder.column(Latch(), (scopes + ports) * LatchCauses.most)
  }
  subscript(_ place: Int, _ cause: LatchCause) -> Latch { self[place, number: cause.rawValue] }
  subscript(_ place: Int, number cause: UInt8) -> Latch {
    latches[place &* LatchCauses.most &+ Int(cause)]
  }
  mutating func set(_ place: Int, _ cause: LatchCause, since: Int64, record: UInt64) {
    latches[place &* LatchCauses.most &+ Int(cause.rawValue)] = Latch(since: since, record: record)
    count &+= 1
    last = (place, cause)
  }
}

/// Setting and clearing. A place is a scope's number, or behind all scopes a port's.
extension EngineState {
  mutating func place(ofPort port: Int) -> Int { scopeCount &+ port }

  mutating func stopFirm(_ cause: LatchCause) { latch(cause, 0) }

  /// What concerns one venue stops the port that it came by; the firm only by setting.
  mutating func stopPort(_ cause: LatchCause, _ port: Int) {
    latch(cause, limits.settings.portLatchesFirm ? 0 : place(ofPort: port))
  }

  /// The first time since it was cleared counts.
  mutating func latch(_ cause: LatchCause, _ place: Int) {
    // What they are about is there until something ends it, also where the cause stands from before; nothing
    // empties the ledger.
    if place == 0, cause.isLasting { latches.standing.insert(cause) }
    var causes = causes(at: place)
    guard !causes.contains(cause) else { return }
    causes.insert(cause)
    latches.set(place, cause, since: sessionTime, record: self.cause)
    setCauses(causes, at: place)
    recordLatch(LatchCauses(cause), at: place, isSet: true)
  }

  /// The firm's, where no record says so yet: the journal takes none.
  mutating func latchUnrecorded(_ cause: LatchCause) {
    latches.standing.insert(cause)
    guard !latches.causes[0].contains(cause) else { return }
    latches.causes[0].insert(cause)
    latches.set(0, cause, since: sessionTime, record: self.cause)
  }

  /// What stands of `wanted`, and is about nothing that is still there.
  mutating func clearable(_ wanted: LatchCauses, _ place: Int) -> LatchCauses {
    var found = LatchCauses(raw: causes(at: place).raw & wanted.raw)
    if place == 0 { found.remove(latches.standing) }
    return found
  }

  /// What stopped an earlier run, and nobody has cleared: the firm is stopped from the start, wherever it was.
  mutating func carry(_ causes: LatchCauses) {
    for cause in LatchCause.allCases where causes.contains(cause) {
      latch(cause, 0)
      latches.standing.remove(LatchCauses(cause))
    }
  }

  mutating func clear(_ cleared: LatchCauses, _ place: Int) {
    var left = causes(at: place)
    left.remove(cleared)
    setCauses(left, at: place)
    recordLatch(cleared, at: place, isSet: false)
  }

  mutating func causes(at place: Int) -> LatchCauses {
    place < scopeCount ? latches.causes[place] : ports[place &- scopeCount].causes
  }

  private mutating func setCauses(_ causes: LatchCauses, at place: Int) {
    if place < scopeCount {
      latches.causes[place] = causes
    } else {
      ports[place &- scopeCount].setCauses(causes)
    }
  }

  mutating func recordLatch(_ changed: LatchCauses, at place: Int, isSet: Bool) {
    let owner = owner(of: place)
    var payload = LatchRecord(changed: changed.raw, left: causes(at: place).raw, isSet: isSet)
    payload.scope = owner.scope.rawValue
    payload.port = owner.port
    record(.latch, payload, account: owner.account, strategy: owner.strategy)
  }

  private mutating func owner(of place: Int) -> (
    scope: RiskScope, account: AccountID, strategy: StrategyID, port: PortID
  ) {
    let none = (AccountID(raw: .max), StrategyID(raw: .max), PortID(raw: .max))
    if place == 0 { return (.firm, none.0, none.1, none.2) }
    if place <= accountCount {
      return (.account, AccountID(raw: UInt32(place - 1)), none.1, none.2)
    }
    if place < scopeCount {
      return (.strategy, none.0, StrategyID(raw: UInt32(place - 1 - accountCount)), none.2)
    }
    return (.port, none.0, none.1, PortID(raw: UInt16(place - scopeCount)))
  }

  /// Cancels what works in every scope that takes no new order: what is re-priced no more is not to rest.
  mutating func cancelLatched() -> Int {
    var asked = 0
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      guard isStopped(orders[slot]) else { continue }
      if case .accepted = cancel(orders.handle(of: slot), quantity: 0) { asked &+= 1 }
    }
    return asked
  }

  mutating func isStopped(_ order: Order) -> Bool {
    !latches.causes[0].isEmpty || !latches.causes[limits.place(of: order.account)].isEmpty
      || !latches.causes[limits.place(of: order.strategy)].isEmpty
      || !ports[Int(order.port)].causes.isEmpty
  }

  /// Of all scopes together.
  mutating func allCauses() -> LatchCauses {
    var found = LatchCauses()
    for place in 0..<scopeCount &+ portCount { found.raw |= causes(at: place).raw }
    return found
  }

  /// Cold, for people.
  mutating func latchSummaries() -> [LatchSummary] {
    (0..<scopeCount + portCount).flatMap { place in
      let owner = owner(of: place)
      return causes(at: place).all.map { cause in
        let latch = latches[place, cause]
        return LatchSummary(
          scope: owner.scope, account: owner.account, strategy: owner.strategy, port: owner.port,
          cause: cause, since: latch.since, record: latch.record)
      }
    }
  }
}
