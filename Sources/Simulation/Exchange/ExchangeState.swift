import Gateways

/// Fees of the exchange by liquidity flag, in 10⁻⁸ dollars a share; negative is a rebate.
///
/// The default follows the usual shape of a maker-taker schedule: 30 mils to remove, 20 mils back for
/// displayed liquidity that was added, 10 mils back for hidden liquidity.
public struct ExchangeFees: BitwiseCopyable, Hashable, Sendable {
  /// Flag `R`.
  public var remove: Int64
  /// Flag `A`.
  public var addDisplayed: Int64
  /// Flag `J`.
  public var addHidden: Int64

  public init(remove: Int64 = 300_000, addDisplayed: Int64 = -200_000, addHidden: Int64 = -100_000)
  {
    self.remove = remove
    self.addDisplayed = addDisplayed
    self.addHidden = addHidden
  }

  public func perShare(_ liquidity: UInt8) -> Int64 {
    switch liquidity {
    case UInt8(ascii: "A"): addDisplayed
    case UInt8(ascii: "J"): addHidden
    default: remove
    }
  }
}

/// Impact of our own taking on later flow: shift = price × volatility × coefficient × √(net / average volume).
public struct ImpactModel: BitwiseCopyable, Hashable, Sendable {
  public var isEnabled: Bool
  /// Parts per million of the square-root law's factor; 1,000,000 is 1.
  public var coefficient: Int64
  /// Daily volatility in parts per million of the price.
  public var dailyVolatility: Int64
  /// Used where the instruments file gives no average volume.
  public var defaultVolume: Int64
  /// Session nanoseconds in which half of our net taking is forgotten.
  public var halfLife: Int64

  public init(
    isEnabled: Bool = false, coefficient: Int64 = 1_000_000, dailyVolatility: Int64 = 20_000,
    defaultVolume: Int64 = 5_000_000, halfLife: Int64 = 300_000_000_000
  ) {
    self.isEnabled = isEnabled
    self.coefficient = coefficient
    self.dailyVolatility = dailyVolatility
    self.defaultVolume = defaultVolume
    self.halfLife = halfLife
  }
}

/// What of the exchange can be chosen; part of what its output depends on.
public struct ExchangeSettings: Hashable, Sendable {
  public var fees = ExchangeFees()
  public var impact = ImpactModel()
  /// An order that would meet one of its own account cancels that one instead of trading with it.
  public var preventsSelfMatch = false
  /// Working orders of all accounts together; above it new orders are rejected.
  public var workingOrdersMax = 1_000_000
  /// Session time of midnight Eastern: what the time stamps of the wire count from.
  public var midnight: Int64 = 0
  /// Accounts that may log in.
  public var accountsMax = 64

  public init() {}
}

/// One execution of ours, as the exchange booked it.
public struct ExchangeFill: BitwiseCopyable, Hashable, Sendable {
  public var matchNumber: UInt64
  /// The history message's match number that caused it; 0 when our own order took, or an A crossed ours.
  public var sourceMatch: UInt64
  public var orderReference: UInt64
  /// Of the order taken from or of the history order that was aimed at; 0 when there is none.
  public var counterReference: UInt64
  public var symbol: UInt64
  /// Session time.
  public var time: Int64
  /// In 10⁻⁸ dollars; negative is a rebate.
  public var fee: Int64
  public var account: UInt32
  public var userRefNum: UInt32
  public var quantity: UInt32
  /// In 10⁻⁴ dollars.
  public var price: UInt32
  public var locate: UInt16
  /// `B`, `S`, `T`, `E`.
  public var side: UInt8
  public var liquidity: UInt8
  public var isBusted: Bool
  /// History message type that caused it (`A`, `F`, `U`, `E`, `C`, `P`), or `O` for our own taking.
  public var cause: UInt8
}

/// An account's holding of one symbol by the exchange's own account.
public struct ExchangePosition: BitwiseCopyable, Hashable, Sendable {
  /// Signed shares.
  public var shares: Int64 = 0
  public var bought: Int64 = 0
  public var sold: Int64 = 0
  /// In 10⁻⁸ dollars: what sales brought less what purchases cost, fees apart.
  public var cash: Int128 = 0
  /// In 10⁻⁸ dollars, paid; negative is received.
  public var fees: Int128 = 0

  public init() {}
}

/// One account of the exchange.
public struct ExchangeAccount: Sendable {
  /// The last UserRefNum that was processed.
  public internal(set) var lastUserRefNum: UInt32 = 0
  public internal(set) var isEntryEnabled = true
  /// By symbol.
  public internal(set) var positions: [UInt64: ExchangePosition] = [:]
  var working = WorkingLists()
}

/// What the exchange knows of one symbol.
struct SymbolSession: BitwiseCopyable, Sendable {
  var symbol: UInt64 = 0
  /// ITCH trading state; 0 is unknown, and then trading is assumed.
  var tradingState: UInt8 = 0
  var regSHO: UInt8 = 0
  var isOperationallyHalted = false
  /// 0: cancels pass; 1: they wait; 2: they are refused (an order within a cross).
  var cancelHold: UInt8 = 0
  var roundLot: UInt32 = 100
  /// In 10⁻⁴ dollars, for prices of one dollar and above.
  var tick: UInt32 = 100
  var averageVolume: Int64 = 0
  /// Printable volume that was published.
  var volume: UInt64 = 0
  var impactNet: Int64 = 0
  var impactTime: Int64 = 0

  var isMatching: Bool {
    !isOperationallyHalted && (tradingState == 0 || tradingState == UInt8(ascii: "T"))
  }
}

/// One working order of ours.
struct OwnOrder: BitwiseCopyable, Sendable {
  var account: UInt32
  var userRefNum: UInt32
  var side: UInt8
  var timeInForce: UInt8
  var display: UInt8
  var capacity: UInt8
  var interMarketSweep: UInt8
  var crossType: UInt8
  var locate: UInt16
  var isOpen: Bool
  /// A cancel waits until cancels pass again: its new intended total.
  var pendingCancel: Int64
  var symbol: UInt64
  var price: UInt64
  /// The whole intended quantity, executions of the chain included.
  var total: UInt32
  /// Executed in the whole chain.
  var executed: UInt32
  var reference: UInt64
  /// Place in the book; -1 when it is not there.
  var slot: Int32
  var clOrdID: OUCHClOrdID
  /// Neighbours in the account's list of its symbol and side; -1 at an end.
  var next: Int32 = -1
  var previous: Int32 = -1

  var open: UInt32 { total &- executed }
  var isBuy: Bool { side == UInt8(ascii: "B") }
  var isMarket: Bool { ExchangeCore.isMarketPrice(price) }
  /// What it may trade at worst, in 10⁻⁴ dollars.
  var limit: UInt32 {
    isMarket ? (isBuy ? .max : 0) : UInt32(truncatingIfNeeded: price)
  }
}

/// What happened so far. Shares are whole shares.
public struct ExchangeCounters: BitwiseCopyable, Hashable, Sendable {
  public var historyMessages: UInt64 = 0
  public var published: UInt64 = 0
  public var events: UInt64 = 0
  /// E, C, X, D, U that name an order which the file did not add.
  public var unknownReferences: UInt64 = 0
  public var duplicateReferences: UInt64 = 0
  /// Shares that E, C, X wanted beyond what the file's order had.
  public var excessShares: UInt64 = 0
  /// History messages that bear our bit in a reference, or no shares or no price where they must.
  public var malformedHistory: UInt64 = 0
  /// Shares of history messages that were dropped because we had taken them.
  public var droppedShares: UInt64 = 0
  /// History messages that were not passed on at all.
  public var droppedMessages: UInt64 = 0
  /// Shares of orders that the file ended while ours had taken their executions: they leave with the file.
  public var releasedShares: UInt64 = 0
  public var historyAddedShares: UInt64 = 0
  public var historyExecutedShares: UInt64 = 0
  public var historyCancelledShares: UInt64 = 0
  /// Shares of history's orders, resting or arriving, that traded with ours.
  public var historyTradedWithOurs: UInt64 = 0
  public var requests: UInt64 = 0
  public var ignoredRequests: UInt64 = 0
  public var acceptedOrders: UInt64 = 0
  public var replacedOrders: UInt64 = 0
  public var rejectedOrders: UInt64 = 0
  public var cancels: UInt64 = 0
  public var fills: UInt64 = 0
  public var bustedFills: UInt64 = 0
  public var ownEnteredShares: UInt64 = 0
  public var ownExecutedShares: UInt64 = 0
  public var ownCancelledShares: UInt64 = 0
  /// P at the midpoint, or without a quote to infer the aggressor from.
  public var tradesWithoutAggressor: UInt64 = 0
  /// History executed through a better displayed price, and ours behind that price were left alone.
  public var blockedThroughs: UInt64 = 0
  /// Invariant: must be 0.
  public var fillsThroughBetterPrice: UInt64 = 0
  /// Invariant: must be 0.
  public var fillsOutOfTurn: UInt64 = 0

  public init() {}
}
