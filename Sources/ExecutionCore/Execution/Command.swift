/// What an operator or the node asks of the engine: journalled, then carried out. 136 bytes, no padding.
@frozen public struct Command: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// Stop the scope for `cause`: no new orders, no replaces; cancels pass. What works in it is cancelled, unless
    /// `value` is not 0. (A run's loop cancels whatever is stopped, see ``Engine/cancelLatched()``.)
    case kill = 1
    /// Clear `cause` at the scope, or every one that may be cleared (``Command/everyCause``). Needs `person` and
    /// `reason`: nobody re-arms anonymously, or for none. What a cause is about may still be there, as the kill
    /// file: that one stays.
    case rearm = 2
    /// Cancel every working order in the scope, one by one.
    case cancelAll = 3
    /// Ask the venues of an account to cancel all of its orders in one instrument (or all, without one).
    case massCancel = 4
    case disableEntry = 5
    case enableEntry = 6
    // 7 was in use.
    /// Put a change aside for the next version of the limits: `limit` of the scope is to be `value`, see
    /// ``LimitKind`` and ``Command/limits(_:after:)``. Nothing of it is in force before ``commitLimits``.
    case setLimit = 8
    /// Ask every venue what became of the requests that it has not answered.
    case inquire = 9
    /// What `cause` is about is there no more: it may be cleared from now on, and is not yet.
    case conditionEnded = 10
    /// Forget what ``setLimit`` has put aside.
    case dropLimits = 11
    /// Bring all that is put aside into force at once, as the next version. Needs `person` and `reason`; is refused
    /// when other changes are put aside than those that `value` stands for, when there has been another version
    /// since the one that `valueHigh` names, and when the limits would not be whole.
    case commitLimits = 12
    /// A process goes on with the session of another one (``Engine/resume(sessionTime:machineTime:origin:person:reason:)``):
    /// in the name of `person` past `value` differences, by version `valueHigh` of the engine's rules. Only journalled.
    case resume = 13
  }
  public var kind: Kind
  public var scope: RiskScope
  /// ``LimitKind`` for ``Kind/setLimit``.
  public var limit: UInt8
  /// ``LatchCause`` for ``Kind/kill`` and ``Kind/conditionEnded``, and for ``Kind/rearm`` or ``everyCause``.
  public var cause: UInt8
  public var account: AccountID
  public var strategy: StrategyID
  public var instrument: InstrumentID
  public var value: Int64
  /// Of ``Kind/setLimit`` the upper half, for money needs more than 63 bits; see ``Kind`` for the others.
  public var valueHigh: Int64
  /// Who asked: up to 32 bytes of UTF-8, zero-padded.
  public var person: InlineArray<4, UInt64>
  /// Why: up to 64 bytes of UTF-8, zero-padded.
  public var reason: InlineArray<8, UInt64>
  /// The user of the process that asked, where the system says; all bits set where it does not.
  public var user: UInt32
  /// For the scope of a port.
  public var port: PortID
  /// Whoever asks may count its questions, to know the answers by.
  public var number: UInt16 = 0

  /// For ``cause``: all of them.
  public static var everyCause: UInt8 { .max }

  public init(_ kind: Kind, scope: RiskScope) {
    self.kind = kind
    self.scope = scope
    limit = 0
    cause = kind == .rearm ? Self.everyCause : LatchCause.person.rawValue
    account = AccountID(raw: .max)
    strategy = StrategyID(raw: .max)
    instrument = .none
    value = 0
    valueHigh = 0
    person = InlineArray(repeating: 0)
    reason = InlineArray(repeating: 0)
    user = .max
    port = PortID(raw: .max)
  }

  /// Of ``Kind/kill``.
  var cancels: Bool { value == 0 }
  /// Their text begins with something that can be seen.
  public var isReasoned: Bool { reason[0] & 0xff > 0x20 }
  public var isNamed: Bool { person[0] & 0xff > 0x20 }
}

extension Command {
  /// The same command in a person's name and with a reason; cut at 32 and at 64 bytes. What needs a person needs a
  /// reason too.
  public func named(_ name: String, because why: String = "") -> Command {
    var copy = self
    copy.person = InlineArray(repeating: 0)
    for (i, byte) in name.utf8.prefix(32).enumerated() {
      copy.person[i / 8] |= UInt64(byte) << (8 * UInt64(i % 8))
    }
    copy.reason = InlineArray(repeating: 0)
    for (i, byte) in why.utf8.prefix(64).enumerated() {
      copy.reason[i / 8] |= UInt64(byte) << (8 * UInt64(i % 8))
    }
    return copy
  }
  /// The name as text, for people.
  public var personName: String {
    var bytes: [UInt8] = []
    for i in 0..<32 {
      let byte = UInt8(truncatingIfNeeded: person[i / 8] >> (8 * UInt64(i % 8)))
      if byte == 0 { break }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
