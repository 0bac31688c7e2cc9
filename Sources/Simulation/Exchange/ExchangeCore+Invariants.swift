/// A working order of ours as the exchange has it.
public struct WorkingOrder: BitwiseCopyable, Hashable, Sendable {
  public var account: UInt32
  public var userRefNum: UInt32
  public var symbol: UInt64
  public var side: UInt8
  /// In 10⁻⁴ dollars.
  public var price: UInt64
  public var open: UInt32
  public var executed: UInt32
  public var reference: UInt64
}

/// One order as a subscriber sees it.
public struct DisplayedOrder: BitwiseCopyable, Hashable, Sendable {
  public var reference: UInt64
  public var locate: UInt16
  public var symbol: UInt64
  public var isBuy: Bool
  public var price: UInt32
  public var shares: UInt32

  public init(
    reference: UInt64, locate: UInt16, symbol: UInt64, isBuy: Bool, price: UInt32, shares: UInt32
  ) {
    self.reference = reference
    self.locate = locate
    self.symbol = symbol
    self.isBuy = isBuy
    self.price = price
    self.shares = shares
  }
}

extension ExchangeCore {
  /// Working orders, by order reference.
  public var workingOrders: [WorkingOrder] {
    allWorking().map { own[$0] }.map {
      WorkingOrder(
        account: $0.account, userRefNum: $0.userRefNum, symbol: $0.symbol, side: $0.side,
        price: $0.price, open: $0.open, executed: $0.executed, reference: $0.reference)
    }
  }

  /// Displayed open orders in the order of locate, side (bids first), price and time: what a snapshot holds.
  public func displayedOrders(locate: UInt16) -> [DisplayedOrder] {
    var found: [DisplayedOrder] = []
    for isBuy in [true, false] {
      for depth in 0..<book.levelCount(locate, isBuy: isBuy) {
        let level = book.levels[Int(book.level(locate, isBuy: isBuy, depth: depth))]
        var slot = level.head
        while slot >= 0 {
          let order = book.order(slot)
          if order.shares > 0, !order.isHidden {
            found.append(
              DisplayedOrder(
                reference: order.reference, locate: locate, symbol: symbols[Int(locate)].symbol,
                isBuy: isBuy, price: order.price, shares: order.shares))
          }
          slot = order.next
        }
      }
    }
    return found
  }

  /// Best price with displayed open shares, in 10⁻⁴ dollars; nil on an empty side.
  public func bestPrice(locate: UInt16, isBuy: Bool) -> UInt32? {
    book.bestDisplayed(locate, isBuy: isBuy)
  }

  /// Locates that have a symbol, ascending.
  public var knownLocates: [UInt16] {
    symbols.indices.filter { symbols[$0].symbol != 0 }.map { UInt16($0) }
  }

  public func symbol(at locate: UInt16) -> UInt64 {
    Int(locate) < symbols.count ? symbols[Int(locate)].symbol : 0
  }

  /// Trading state and Reg SHO action; 0 where unknown.
  public func state(at locate: UInt16) -> (tradingState: UInt8, regSHO: UInt8) {
    guard Int(locate) < symbols.count else { return (0, 0) }
    return (symbols[Int(locate)].tradingState, symbols[Int(locate)].regSHO)
  }

  /// Shares of a round lot.
  public func roundLot(at locate: UInt16) -> Int64 {
    Int(locate) < symbols.count ? Int64(symbols[Int(locate)].roundLot) : 100
  }

  public func locate(of symbol: UInt64) -> UInt16? { locates[symbol] }

  /// Printable shares of the symbol that were published, ours included.
  public func volume(at locate: UInt16) -> UInt64 {
    Int(locate) < symbols.count ? symbols[Int(locate)].volume : 0
  }

  /// Displayed shares that come before our order at its price; nil when it does not rest.
  ///
  /// A lower bound where the file began in the middle of the day.
  public func queueAhead(account: UInt32, userRefNum: UInt32) -> UInt64? {
    guard let index = ownIndex(account, userRefNum), own[index].slot >= 0 else { return nil }
    var ahead: UInt64 = 0
    var slot = book.order(own[index].slot).previous
    while slot >= 0 {
      if !book.order(slot).isHidden { ahead += UInt64(book.order(slot).shares) }
      slot = book.order(slot).previous
    }
    return ahead
  }

  /// Checks the whole state against what has to hold; every violation in words, none when all hold.
  ///
  /// Takes time in proportion to the live orders: for the end of a run and for tests.
  public func verify() -> [String] {
    var found: [String] = []
    if counters.fillsThroughBetterPrice > 0 {
      found.append("\(counters.fillsThroughBetterPrice) fills through a better displayed price")
    }
    if counters.fillsOutOfTurn > 0 {
      found.append("\(counters.fillsOutOfTurn) fills ahead of their turn in the queue")
    }
    let (live, ownLive) = verifyBook(&found)
    let c = counters
    let gone =
      c.historyExecutedShares + c.historyCancelledShares + c.historyTradedWithOurs
      + c.releasedShares
    if c.historyAddedShares != gone + live {
      found.append(
        "shares of history: \(c.historyAddedShares) added, \(gone) gone, \(live) live")
    }
    if c.ownEnteredShares != c.ownExecutedShares + c.ownCancelledShares + ownLive {
      found.append(
        "shares of ours: \(c.ownEnteredShares) entered, \(c.ownExecutedShares) executed, "
          + "\(c.ownCancelledShares) cancelled, \(ownLive) working")
    }
    let booked = fills.reduce(into: UInt64(0)) { $0 += UInt64($1.quantity) }
    if booked != c.ownExecutedShares {
      found.append("\(booked) shares in the fills, \(c.ownExecutedShares) executed")
    }
    verifyWorking(&found)
    return found
  }

  /// Sums, links and queues of every level; returns the open shares of history and of ours.
  private func verifyBook(_ found: inout [String]) -> (history: UInt64, ours: UInt64) {
    var history: UInt64 = 0
    var ours: UInt64 = 0
    for locate in symbols.indices {
      for isBuy in [true, false] {
        for depth in 0..<book.levelCount(UInt16(locate), isBuy: isBuy) {
          let level = book.levels[Int(book.level(UInt16(locate), isBuy: isBuy, depth: depth))]
          let sums = sum(level, locate: locate, &found)
          history += sums.history
          ours += sums.ours
        }
      }
    }
    return (history, ours)
  }

  private func sum(_ level: BookedLevel, locate: Int, _ found: inout [String]) -> (
    history: UInt64, ours: UInt64
  ) {
    var history: UInt64 = 0
    var file: UInt64 = 0
    var ours: UInt64 = 0
    var shown: UInt64 = 0
    var arrival: UInt64 = 0
    var slot = level.head
    while slot >= 0 {
      let order = book.order(slot)
      if order.arrival <= arrival { found.append("queue of locate \(locate) is out of order") }
      arrival = order.arrival
      if order.isOurs {
        ours += UInt64(order.shares)
        if !order.isHidden { shown += UInt64(order.shares) }
      } else {
        history += UInt64(order.shares)
        file += UInt64(order.fileShares)
      }
      slot = order.next
    }
    if history != level.historyShares || file != level.fileShares || shown != level.ownShares {
      found.append("level \(level.price) of locate \(locate) does not add up")
    }
    return (history, ours)
  }
}
