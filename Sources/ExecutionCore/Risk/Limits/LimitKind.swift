/// A kind of limit, a column of the table that ``Engine/limits(_:)`` shows. Its number lies in journals: never
/// renumber.
@frozen public enum LimitKind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Largest quantity of one order. Of firm, account and strategy in whole units, whatever the instrument; of an
  /// instrument at its quantity exponent. The same for ``position``.
  case orderQuantity = 1
  /// Largest price × quantity of one order, at 10⁻⁸ of the currency.
  case orderNotional = 2
  /// Largest absolute position in one instrument, open orders at worst case included.
  case position = 3
  case openOrders = 4
  /// Requests a second in session time. Of firm, account and strategy, as the two that follow.
  case messagesPerSecond = 5
  /// The most in a burst; orders may use what ``messagesKeptForCancels`` leaves of it.
  case messageBurst = 6
  case messagesKeptForCancels = 7
  /// 1: on the restricted list, orders that increase a position are refused; 0: not. Of an instrument.
  case restricted = 8
}

/// A limit to be set at a scope, or to be taken away there: one change of a version, see ``Command/limits(_:after:)``.
public struct LimitChange: Sendable, Hashable {
  public var kind: LimitKind
  /// ``RiskScope/firm``, ``RiskScope/account``, ``RiskScope/strategy`` or ``RiskScope/instrument``, with its id below.
  public var scope: RiskScope
  public var account = AccountID(raw: .max)
  public var strategy = StrategyID(raw: .max)
  public var instrument = InstrumentID.none
  /// In the kind's unit; nil: this scope sets none. The firm must set every one.
  public var value: Int128?

  public init(_ kind: LimitKind, ofFirm value: Int128?) {
    self.kind = kind
    scope = .firm
    self.value = value
  }
  public init(_ kind: LimitKind, of account: AccountID, _ value: Int128?) {
    self.init(kind, ofFirm: value)
    scope = .account
    self.account = account
  }
  public init(_ kind: LimitKind, of strategy: StrategyID, _ value: Int128?) {
    self.init(kind, ofFirm: value)
    scope = .strategy
    self.strategy = strategy
  }
  public init(_ kind: LimitKind, of instrument: InstrumentID, _ value: Int128?) {
    self.init(kind, ofFirm: value)
    scope = .instrument
    self.instrument = instrument
  }
}

extension Command {
  /// For ``Kind/setLimit``: the scope sets none.
  static var noLimit: Int128 { .max }

  /// The commands that bring changes into force, all at once, as the version after `version`; to be given one after
  /// the other. The last one, ``Kind/commitLimits``, says whether it is done: in the name of a person, with a reason,
  /// see ``named(_:because:)``.
  ///
  /// ```swift
  /// let changes = [LimitChange(.position, of: account, 5_000), LimitChange(.restricted, of: apple, 1)]
  /// var isDone = false
  /// for command in Command.limits(changes, after: driver.engine.limitsVersion) {
  ///   let command = command.named("Ada", because: "earnings")
  ///   let refusal = driver.engine.refusal(of: command)  // why, where one is refused
  ///   isDone = driver.apply(command, sessionTime: now, machineTime: clock)
  /// }
  /// ```
  ///
  /// Of two changes of one limit the last counts. A message rate is three limits, which a scope sets together or not
  /// at all. 0 is allowed: nothing passes then. Working orders stay when a limit falls below them; what increases a
  /// position, and new orders, are refused until they fit.
  public static func limits(_ changes: [LimitChange], after version: UInt32) -> [Command] {
    var digest = LimitDigest()
    var commands = [Command(.dropLimits, scope: .firm)]
    for change in changes {
      let command = Command(change)
      digest.add(command)
      commands.append(command)
    }
    var commit = Command(.commitLimits, scope: .firm)
    commit.value = Int64(bitPattern: digest.value)
    commit.valueHigh = Int64(version)
    return commands + [commit]
  }

  init(_ change: LimitChange) {
    self.init(.setLimit, scope: change.scope)
    limit = change.kind.rawValue
    account = change.account
    strategy = change.strategy
    instrument = change.instrument
    let value = Wide(change.value ?? Self.noLimit)
    self.value = Int64(bitPattern: value.low)
    valueHigh = value.high
  }

  /// The value of ``Kind/setLimit``.
  var limitValue: Int128 { Wide(low: UInt64(bitPattern: value), high: valueHigh).value }
}

/// What tells one list of changes from another: who commits a version names those that he means.
struct LimitDigest: BitwiseCopyable {
  private var hasher = StateHasher()
  private(set) var count: UInt64 = 0

  mutating func add(_ c: Command) {
    count &+= 1
    // What the scope does not name says nothing.
    let id: UInt32 =
      switch c.scope {
      case .account: c.account.raw
      case .strategy: c.strategy.raw
      case .instrument: c.instrument.raw
      case .firm, .order, .port: 0
      }
    hasher.mix(UInt64(c.limit) | UInt64(c.scope.rawValue) << 8 | UInt64(id) << 32)
    hasher.mix(c.value)
    hasher.mix(c.valueHigh)
  }
  var value: UInt64 { hasher.value }
}
