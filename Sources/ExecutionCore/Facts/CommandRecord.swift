/// A command as it was given. 144 bytes.
///
/// The fields are ``Command``'s; see there what they mean.
@frozen public struct CommandRecord: BitwiseCopyable, Sendable {
  /// ``Command/Kind``, then ``RiskScope``.
  public var kind: UInt8
  public var scope: UInt8
  public var limit: UInt8
  public var cause: UInt8
  public var account: AccountID
  public var strategy: StrategyID
  public var instrument: InstrumentID
  public var value: Int64
  public var valueHigh: Int64
  public var person: InlineArray<4, UInt64>
  public var reason: InlineArray<8, UInt64>
  public var user: UInt32
  public var port: PortID
  public var number: UInt16
  /// 1 when it was carried out, 0 when refused.
  public var accepted: UInt8
  /// ``CommandRefusal``, 0 when it was carried out.
  public var refusal: UInt8
  public var reserved1: UInt16 = 0
  public var reserved2: UInt32 = 0

  public init(command c: Command, refusal: CommandRefusal? = nil) {
    kind = c.kind.rawValue
    scope = c.scope.rawValue
    limit = c.limit
    cause = c.cause
    account = c.account
    strategy = c.strategy
    instrument = c.instrument
    value = c.value
    valueHigh = c.valueHigh
    person = c.person
    reason = c.reason
    user = c.user
    port = c.port
    number = c.number
    accepted = refusal == nil ? 1 : 0
    self.refusal = refusal?.rawValue ?? 0
  }

  /// As it was given; nil when a number means nothing to this build.
  public var command: Command? {
    guard let kind = Command.Kind(rawValue: kind), let scope = RiskScope(rawValue: scope) else {
      return nil
    }
    var c = Command(kind, scope: scope)
    c.limit = limit
    c.cause = cause
    c.account = account
    c.strategy = strategy
    c.instrument = instrument
    c.value = value
    c.valueHigh = valueHigh
    c.person = person
    c.reason = reason
    c.user = user
    c.port = port
    c.number = number
    return c
  }
}
