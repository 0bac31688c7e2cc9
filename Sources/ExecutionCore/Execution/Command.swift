/// What an operator or the node asks of the engine: journalled, then carried out. 80 bytes, no padding.
@frozen public struct Command: BitwiseCopyable, Sendable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable {
    /// Latch the kill switch of the scope: no new orders, no replaces; cancels pass.
    case kill = 1
    /// Undo ``kill``. Needs `person`: nobody re-arms anonymously.
    case rearm = 2
    /// Cancel every working order in the scope, one by one.
    case cancelAll = 3
    /// Ask the venues of an account to cancel all of its orders in one instrument (or all, without one).
    case massCancel = 4
    case disableEntry = 5
    case enableEntry = 6
    /// Put an instrument on the restricted list (`value` 1) or take it off (0).
    case restrict = 7
    /// Set the limit `limit` of the scope to `value` (see ``LimitKind``).
    case setLimit = 8
    /// Ask every venue what became of the requests that it has not answered.
    case inquire = 9
  }
  public var kind: Kind
  public var scope: RiskScope
  /// ``LimitKind`` for ``Kind/setLimit``.
  public var limit: UInt8
  public var reserved0: UInt8 = 0
  public var account: AccountID
  public var strategy: StrategyID
  public var instrument: InstrumentID
  public var value: Int64
  /// Money limits need more than 63 bits: the upper half.
  public var valueHigh: Int64
  /// Who asked: up to 32 bytes of UTF-8, zero-padded.
  public var person: InlineArray<4, UInt64>
  public var reserved1: UInt64 = 0
  public var reserved2: UInt64 = 0

  public init(_ kind: Kind, scope: RiskScope) {
    self.kind = kind
    self.scope = scope
    limit = 0
    account = AccountID(raw: .max)
    strategy = StrategyID(raw: .max)
    instrument = .none
    value = 0
    valueHigh = 0
    person = InlineArray(repeating: 0)
  }

  public var isNamed: Bool { person[0] != 0 }
}

extension Command {
  /// The same command in a person's name; the name is cut at 32 bytes.
  public func named(_ name: some StringProtocol) -> Command {
    var copy = self
    copy.person = InlineArray(repeating: 0)
    for (i, byte) in name.utf8.prefix(32).enumerated() {
      copy.person[i / 8] |= UInt64(byte) << (8 * UInt64(i % 8))
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

/// Which limit ``Command/Kind/setLimit`` changes. Never renumber.
@frozen public enum LimitKind: UInt8, BitwiseCopyable, Sendable {
  case orderQuantity = 1
  case orderNotional = 2
  case position = 3
  case openOrders = 4
}
