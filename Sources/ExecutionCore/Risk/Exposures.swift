/// Net position and what open orders may still add to it, over some set of orders.
struct Exposure: BitwiseCopyable, Equatable {
  var net: Int64 = 0
  var workingBuy: Int64 = 0
  var workingSell: Int64 = 0
  var openOrders: Int64 = 0

  /// More or fewer orders, and what they may buy or sell.
  @inline(__always) mutating func add(buying: Int64, selling: Int64, orders: Int64) {
    workingBuy &+= buying
    workingSell &+= selling
    openOrders &+= orders
  }
  mutating func add(_ other: Exposure) {
    net &+= other.net
    add(buying: other.workingBuy, selling: other.workingSell, orders: other.openOrders)
  }
  // Nothing here can wrap: no quantity that is believed is above `EngineState.executionQuantityMax`, whoever
  // says it, and the most executions, open orders and opening positions of that come to less than 2⁶³.

  /// The position if every open order on the order's side, and the order, fill whole, in the
  /// direction of the order: above 0 it is a position against the limit.
  @inline(__always) func worstCase(isBuy: Bool, adding quantity: Int64) -> Int64 {
    isBuy ? net &+ workingBuy &+ quantity : workingSell &+ quantity &- net
  }
  /// What is held and not sold by the open orders, but for `own` of them.
  @inline(__always) func free(of own: Int64) -> Int64 { net &- (workingSell &- own) }
  /// The order can't increase the absolute position, whatever of the open orders fills.
  func isReducing(isBuy: Bool, adding quantity: Int64) -> Bool {
    (isBuy ? net < 0 : net > 0) && worstCase(isBuy: isBuy, adding: quantity) <= 0
  }
}

/// What is held, and what open orders may add to it: of each strategy's cell, of each account in an instrument, of
/// everybody in an instrument; and how many orders each scope has open.
///
/// Worked out from orders and positions, and held against them by ``EngineState/brokenInvariants()``.
@safe struct Exposures {
  var cells: Column<Exposure>
  /// By account and instrument.
  var accounts: Column<Exposure>
  var instruments: Column<Exposure>
  /// By scope: the firm, the accounts, the strategies.
  var openOrders: Column<Int64>
  private let instrumentCount: Int

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    instrumentCount = c.instruments.count
    cells = b.column(Exposure(), c.strategies.count * instrumentCount)
    accounts = b.column(Exposure(), c.accounts.count * instrumentCount)
    instruments = b.column(Exposure(), instrumentCount)
    openOrders = b.column(0, 1 + c.accounts.count + c.strategies.count)
  }

  @inline(__always) func accountCell(_ account: AccountID, _ instrument: InstrumentID) -> Int {
    Int(account.raw) &* instrumentCount &+ Int(instrument.raw)
  }

  /// A position has changed by so much.
  mutating func trade(
    _ cell: Int, _ account: AccountID, _ instrument: InstrumentID, _ quantity: Int64
  ) {
    cells[cell].net &+= quantity
    accounts[accountCell(account, instrument)].net &+= quantity
    instruments[Int(instrument.raw)].net &+= quantity
  }
}

extension EngineState {
  /// What is held of accounts, instruments and scopes, against the cells that they are sums of.
  mutating func brokenExposures() -> [String] {
    var accounts = [Exposure](repeating: Exposure(), count: exposures.accounts.count)
    var instruments = [Exposure](repeating: Exposure(), count: exposures.instruments.count)
    var open = [Int64](repeating: 0, count: scopeCount)
    for cell in 0..<exposures.cells.count {
      let e = exposures.cells[cell]
      let strategy = StrategyID(raw: UInt32(cell / instrumentCount))
      let instrument = cell % instrumentCount
      let account = account(of: strategy)
      let ofAccount = accountCell(account, InstrumentID(raw: UInt32(instrument)))
      for i in [0, limits.place(of: account), limits.place(of: strategy)] {
        open[i] += e.openOrders
      }
      accounts[ofAccount].add(e)
      instruments[instrument].add(e)
    }
    var broken: [String] = []
    if !(0..<accounts.count).allSatisfy({ accounts[$0] == exposures.accounts[$0] }) {
      broken.append("an account's exposure is not the sum of its cells'")
    }
    if !(0..<instruments.count).allSatisfy({ instruments[$0] == exposures.instruments[$0] }) {
      broken.append("an instrument's exposure is not the sum of its cells'")
    }
    if !(0..<scopeCount).allSatisfy({ open[$0] == exposures.openOrders[$0] }) {
      broken.append("a scope's open orders are not the sum of its cells'")
    }
    return broken
  }
}
