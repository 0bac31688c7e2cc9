/// Whose account a strategy trades, and the first choice of its routes where that is the same for all
/// instruments: known without a look at the cell's route, on which every check of the price would wait.
struct StrategyFacts: BitwiseCopyable {
  var account = AccountID(raw: .max)
  /// Of the first instrument at the port's venue; the others follow.
  var listings: UInt32 = 0
  var port: UInt16 = 0
  /// Else each cell's route is looked at.
  var hasOneRoute = false
}

/// Where the orders of a cell go: ports in the order of preference.
struct Route: BitwiseCopyable {
  static var portsMax: Int { 4 }
  static var none: UInt16 { .max }

  /// Without a route: any port, and a listing that takes nothing.
  var ports: InlineArray<4, UInt16> = [0, none, none, none]
  /// Place of the instrument at the first one's venue, among all listings.
  var listing: UInt32 = 0
  var isNone = true
  /// There is one, and its first venue takes what is displayed and has no flags, at any time in force.
  var isPlain = false
  /// Of the account.
  var capacity = OrderCapacity.principal
  var reserved: UInt8 = 0
}

extension EngineState {
  /// A session is up and settled that the strategy's orders in the instrument go to: what works there can be
  /// cancelled. Whether it takes new ones is for the chain to say: it may be stopped, or its entry switched off.
  @usableFromInline mutating func isReady(_ strategy: StrategyID, _ instrument: InstrumentID)
    -> Bool
  {
    guard let cell = cell(strategy, instrument), !ports.routes[cell].isNone else {
      return false
    }
    return ports[ports.port(on: ports.routes[cell])].isReady
  }
}
