/// An order in the pool: its identity, its terms, and the three facts, its life, its pending requests, its
/// executions: these themselves lie in the ledger, here are their sums.
@usableFromInline struct Order: BitwiseCopyable {
  // Identity.
  var clientOrderID = ClientOrderID.none
  var generation: UInt32 = 0
  var instrument = InstrumentID.none
  var account = AccountID(raw: .max)
  var strategy = StrategyID(raw: .max)
  /// Exposure cell of account, strategy and instrument.
  var cell: Int32 = 0
  var port: UInt16 = 0

  // Terms of the current incarnation, as the venue last stated them, else as sent.
  var price: Int64 = 0
  /// Whole quantity: what has been executed and what is still open.
  var quantity: Int64 = 0
  /// Open at the venue in the current incarnation.
  var leaves: Int64 = 0
  /// Of the whole chain, busts taken off.
  var executed: Int64 = 0
  /// Taken back by busts. The venue's count of the chain is `executed` and this: a bust lowers ours only.
  var busted: Int64 = 0
  /// Of the current incarnation, to tell leaves when a fill overtakes its ack.
  var executedHere: Int64 = 0
  /// More than was open, kept.
  var overfilled: Int64 = 0
  var venueReference: UInt64 = 0
  /// Its number in the venue's market data; 0 without one.
  var bookReference: UInt64 = 0

  // The pending replacement, while `replaceState` is unresolved.
  var pendingReference: UInt64 = 0
  var pendingPrice: Int64 = 0
  /// Whole intended quantity, executions of the chain included, busts taken off.
  var pendingQuantity: Int64 = 0
  /// Executions that overtook Replaced.
  var executedPending: Int64 = 0
  /// Cancel's new intended total.
  var cancelQuantity: Int64 = 0
  /// The reference that the last cancel named.
  var cancelReference: UInt64 = 0

  // What risk holds for it.
  var reserved: Int64 = 0
  var countedOpen = false
  var reservedBuy = false

  var side = Side.buy
  var timeInForce = TimeInForce.day
  var life = OrderLife.draft
  var doneReason = DoneReason.none
  var newState = RequestState.none
  var replaceState = RequestState.none
  var cancelState = RequestState.none
  var incarnation: UInt8 = 0
  var pendingSide = Side.buy
  /// The pending change is one in place, not a replace.
  var pendingInPlace = false
  var display = Display.displayed
  var flags = OrderFlags.none
  /// A cancel of everything is wanted until the order is done: it is repeated where it may have been lost.
  var cancelWanted = false

  /// Number of the last request of it, and of its port's last when it was asked about; see
  /// ``VenuePort/requests``.
  var requestNumber: UInt64 = 0
  var inquiryNumber: UInt64 = 0
  /// Session time of the last request, for the acknowledgement time-out.
  var requestedAt: Int64 = 0
  /// An inquiry is under way.
  var isInquired = false
  /// Its fate is open since before the log-in.
  var isSettling = false
  /// And has not been asked for yet.
  var isUnasked = false
  /// The venue has counted executions that we do not have.
  var executionsMissing = false

  @usableFromInline init() {}

  /// What may still execute in the worst case over everything that is unresolved.
  var worstCaseLeaves: Int64 {
    guard life.isOpen else { return 0 }
    guard replaceState == .unresolved else { return leaves }
    let replaced = pendingQuantity &- executed
    return max(leaves, replaced)
  }

  var hasUnresolvedRequest: Bool {
    newState == .unresolved || replaceState == .unresolved || cancelState == .unresolved
  }
  /// There is something to ask the venue about.
  var isInDoubt: Bool { hasUnresolvedRequest || executionsMissing }
  /// While it is open it is in its port's list: until its inquiry has been answered too, so that the end of the
  /// session finds it.
  var hasToBeListed: Bool { isInDoubt || cancelWanted || isInquired || isSettling }
}

/// Neighbours of an order of the pool: open orders of the cell, or the free list, or the queue of done
/// slots. Apart from the orders, so that going from one to the next waits for the first cache.
struct OrderLink: BitwiseCopyable {
  var next: Int32 = -1
  var previous: Int32 = -1
}

/// Neighbours of an order in its port's list of doubts: orders with a request that may be unresolved.
struct DoubtLink: BitwiseCopyable {
  /// In no list.
  static var apart: Int32 { -2 }

  var earlier = apart
  var later = apart

  var isListed: Bool { later != Self.apart }
}

/// A copy of an order for strategies and people.
@frozen public struct OrderView: BitwiseCopyable, Sendable, Hashable {
  public var handle: OrderHandle
  public var clientOrderID: ClientOrderID
  public var venueReference: UInt64
  /// Its number in the venue's market data; 0 before it is acknowledged, or when the venue has none.
  public var bookReference: UInt64
  public var instrument: InstrumentID
  public var account: AccountID
  public var strategy: StrategyID
  public var port: PortID
  public var side: Side
  public var timeInForce: TimeInForce
  public var life: OrderLife
  public var doneReason: DoneReason
  public var newState: RequestState
  public var replaceState: RequestState
  public var cancelState: RequestState
  public var incarnation: UInt8
  public var price: Price
  public var quantity: Quantity
  public var leaves: Quantity
  public var executed: Quantity
  public var overfilled: Quantity
  /// The terms asked for by an unresolved replace; else those in force.
  public var pendingPrice: Price
  public var pendingQuantity: Quantity

  /// Replaces that the order can still take, an unresolved one not counted; at 0 new terms need a cancel
  /// and a new order (or, for less quantity, a modify). See ``VenueCapabilities/replacesMax``.
  public var replacesLeft: Int

  init(_ order: Order, slot: Int, _ capabilities: VenueCapabilities) {
    handle = OrderHandle(slot: UInt32(truncatingIfNeeded: slot), generation: order.generation)
    clientOrderID = order.clientOrderID
    venueReference = order.venueReference
    bookReference = order.bookReference
    port = PortID(raw: order.port)
    replacesLeft =
      switch capabilities.replacing {
      case .none: 0
      case .newReference: max(0, Int(capabilities.replacesMax) &- Int(order.incarnation))
      case .inPlace: .max
      }
    instrument = order.instrument
    account = order.account
    strategy = order.strategy
    side = order.side
    timeInForce = order.timeInForce
    life = order.life
    doneReason = order.doneReason
    newState = order.newState
    replaceState = order.replaceState
    cancelState = order.cancelState
    incarnation = order.incarnation
    price = Price(raw: order.price)
    quantity = Quantity(raw: order.quantity)
    leaves = Quantity(raw: order.leaves)
    executed = Quantity(raw: order.executed)
    overfilled = Quantity(raw: order.overfilled)
    let pending = order.replaceState == .unresolved
    pendingPrice = Price(raw: pending ? order.pendingPrice : order.price)
    pendingQuantity = Quantity(raw: pending ? order.pendingQuantity : order.quantity)
  }
}

extension Order {
  func hash(slot: Int) -> UInt64 {
    var h = StateHasher(seed: UInt64(truncatingIfNeeded: slot))
    h.mix(clientOrderID.raw)
    h.mix(UInt64(generation) &<< 32 | UInt64(instrument.raw))
    h.mix(UInt64(account.raw) &<< 32 | UInt64(strategy.raw))
    h.mix(UInt64(truncatingIfNeeded: cell) &<< 16 | UInt64(port))
    h.mix(price)
    h.mix(quantity)
    h.mix(leaves)
    h.mix(executed)
    h.mix(busted)
    h.mix(executedHere)
    h.mix(overfilled)
    h.mix(venueReference)
    h.mix(bookReference)
    h.mix(pendingReference)
    h.mix(pendingPrice)
    h.mix(pendingQuantity)
    h.mix(executedPending)
    h.mix(cancelQuantity)
    h.mix(cancelReference)
    h.mix(reserved)
    h.mix(requestNumber)
    h.mix(inquiryNumber)
    h.mix(requestedAt)
    h.mix(
      bytes: life.rawValue, doneReason.rawValue, newState.rawValue, replaceState.rawValue,
      cancelState.rawValue, side.rawValue, pendingSide.rawValue, incarnation)
    let marks = bit(countedOpen, 0) | bit(reservedBuy, 1) | bit(pendingInPlace, 2)
    let wishes = bit(cancelWanted, 3) | bit(isInquired, 4) | bit(isSettling, 5)
    let doubts = bit(isUnasked, 6) | bit(executionsMissing, 7)
    let flags = self.flags.rawValue
    h.mix(
      bytes: timeInForce.rawValue, display.rawValue, UInt8(truncatingIfNeeded: flags),
      UInt8(truncatingIfNeeded: flags &>> 8), marks | wishes | doubts, 0, 0, 0)
    return h.value
  }
  private func bit(_ flag: Bool, _ place: UInt8) -> UInt8 { flag ? 1 &<< place : 0 }
}
