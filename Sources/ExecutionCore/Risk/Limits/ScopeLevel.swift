/// The scopes that limits are set at, in the order in which they are asked.
enum ScopeLevel: UInt8, BitwiseCopyable {
  case strategy
  case account
  case instrument
  case firm

  static var count: UInt8 { 4 }
  static func at(_ i: UInt8) -> ScopeLevel {
    switch i {
    case 0: .strategy
    case 1: .account
    case 2: .instrument
    default: .firm
    }
  }
  var scope: RiskScope {
    switch self {
    case .strategy: .strategy
    case .account: .account
    case .instrument: .instrument
    case .firm: .firm
    }
  }
}

extension EngineState {
  /// Of the order's scope at a level, in the table of ``Limits``.
  mutating func place(of level: ScopeLevel, _ t: OrderTerms) -> Int {
    switch level {
    case .strategy: limits.place(of: t.strategy)
    case .account: limits.place(of: t.account)
    case .instrument: limits.place(ofInstrument: t.instrument)
    case .firm: 0
    }
  }
}
