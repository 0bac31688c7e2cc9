/// A trade as the market data shows it.
@frozen public struct Trade: BitwiseCopyable, Sendable {
  public var instrument: InstrumentID
  public var price: Price
  public var quantity: Quantity
  /// The side of the resting order that was hit, as on the feed; nil where the feed has none.
  public var restingSide: Side?
  public var matchNumber: UInt64
  @_noLocks @inlinable public init(
    instrument: InstrumentID, price: Price, quantity: Quantity, restingSide: Side?,
    matchNumber: UInt64
  ) {
    self.instrument = instrument
    self.price = price
    self.quantity = quantity
    self.restingSide = restingSide
    self.matchNumber = matchNumber
  }
}

/// A trading strategy. Call-backs come on the engine's thread, one at a time, in the order of inputs;
/// they must not block, allocate, read a clock or roll dice: same inputs, same decisions.
///
/// A strategy of another module is specialised there, because ``Driver`` is inlinable; a concrete
/// `@_noLocks` function that calls the driver makes the compiler check all of it.
public protocol Strategy {
  /// How many strategy numbers this takes: 1, or for a ``Pair`` the sum of its parts.
  static var strategyCount: Int { get }
  /// Bytes that ``save(into:)`` may need at most.
  static var savedBytesMax: Int { get }

  /// The best bid or offer of an instrument changed. In mid-burst: quote in ``onBatchEnd(_:)``.
  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk)
  mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk)
  /// Something happened to one of this strategy's orders.
  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk)
  mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk)
  /// Trading status, Reg SHO, book quality or session of an instrument changed (`none`: of the market).
  mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk)
  /// The last message of a datagram or batch has been applied: decide here.
  mutating func onBatchEnd(_ desk: borrowing Desk)

  /// Writes what must survive a restart; returns the bytes used, at most ``savedBytesMax``.
  func save(into buffer: UnsafeMutableRawBufferPointer) -> Int
  /// Takes back what ``save(into:)`` wrote; false when it can't be right.
  mutating func restore(from buffer: UnsafeRawBufferPointer) -> Bool
}

extension Strategy {
  @inlinable public static var strategyCount: Int { 1 }
  @inlinable public static var savedBytesMax: Int { 0 }
  @inlinable public mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {}
  @inlinable public mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {}
  @inlinable public mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {}
  @inlinable public mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {}
  @inlinable public mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {}
  @inlinable public mutating func onBatchEnd(_ desk: borrowing Desk) {}
  @inlinable public func save(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
  @inlinable public mutating func restore(from buffer: UnsafeRawBufferPointer) -> Bool {
    unsafe buffer.isEmpty
  }
}

/// No strategy: the engine keeps books and takes commands.
@frozen public struct NoStrategy: Strategy {
  @inlinable public init() {}
}

/// Two strategies as one, nested for more. The first takes the lower strategy numbers and is called first.
@frozen public struct Pair<First: Strategy, Second: Strategy>: Strategy {
  public var first: First
  public var second: Second

  @inlinable public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }
  @inlinable public static var strategyCount: Int { First.strategyCount + Second.strategyCount }
  @inlinable public static var savedBytesMax: Int { First.savedBytesMax + Second.savedBytesMax + 8 }

  @inlinable public mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    first.onBook(instrument, desk)
    second.onBook(instrument, desk.shifted(by: First.strategyCount))
  }
  @inlinable public mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {
    first.onTrade(trade, desk)
    second.onTrade(trade, desk.shifted(by: First.strategyCount))
  }
  @inlinable public mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    if desk.owns(update.strategy, of: First.strategyCount) {
      first.onReport(update, desk)
    } else {
      second.onReport(update, desk.shifted(by: First.strategyCount))
    }
  }
  @inlinable public mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {
    if desk.owns(desk.timerStrategy, of: First.strategyCount) {
      first.onTimer(token, desk)
    } else {
      second.onTimer(token, desk.shifted(by: First.strategyCount))
    }
  }
  @inlinable public mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    first.onState(instrument, desk)
    second.onState(instrument, desk.shifted(by: First.strategyCount))
  }
  @inlinable public mutating func onBatchEnd(_ desk: borrowing Desk) {
    first.onBatchEnd(desk)
    second.onBatchEnd(desk.shifted(by: First.strategyCount))
  }

  /// Eight bytes with the first part's length, then both parts.
  @inlinable public func save(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard buffer.count >= Self.savedBytesMax else { return 0 }
    let head = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[8..<8 + First.savedBytesMax])
    let a = unsafe first.save(into: head)
    unsafe buffer.storeBytes(of: UInt64(truncatingIfNeeded: a), as: UInt64.self)
    let tail = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[(8 + a)...])
    let b = unsafe second.save(into: tail)
    return 8 + a + b
  }
  @inlinable public mutating func restore(from buffer: UnsafeRawBufferPointer) -> Bool {
    guard buffer.count >= 8 else { return false }
    let a = unsafe buffer.loadUnaligned(as: UInt64.self)
    guard a <= UInt64(buffer.count - 8) else { return false }
    let split = 8 + Int(a)
    let head = unsafe UnsafeRawBufferPointer(rebasing: buffer[8..<split])
    let tail = unsafe UnsafeRawBufferPointer(rebasing: buffer[split...])
    guard unsafe first.restore(from: head) else { return false }
    return unsafe second.restore(from: tail)
  }
}
