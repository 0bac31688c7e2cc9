public import ExecutionCore

/// A strategy that can be switched off: then it hears nothing and does nothing, while the engine goes on booking
/// what comes. What the end of a run does first.
@usableFromInline package struct StrategySwitch<Inner: Strategy>: Strategy {
  @usableFromInline package var inner: Inner
  @usableFromInline package var isOn = true

  @inlinable package init(_ inner: Inner) { self.inner = inner }

  @inlinable package static var strategyCount: Int { Inner.strategyCount }
  @inlinable package static var savedBytesMax: Int { Inner.savedBytesMax }

  @inline(__always) @inlinable package mutating func onBook(
    _ instrument: InstrumentID, _ desk: borrowing Desk
  ) {
    if isOn { inner.onBook(instrument, desk) }
  }
  @inline(__always) @inlinable package mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk)
  {
    if isOn { inner.onTrade(trade, desk) }
  }
  @inline(__always) @inlinable package mutating func onReport(
    _ update: OrderUpdate, _ desk: borrowing Desk
  ) {
    if isOn { inner.onReport(update, desk) }
  }
  @inline(__always) @inlinable package mutating func onTimer(
    _ token: UInt64, _ desk: borrowing Desk
  ) {
    if isOn { inner.onTimer(token, desk) }
  }
  @inline(__always) @inlinable package mutating func onState(
    _ instrument: InstrumentID, _ desk: borrowing Desk
  ) {
    if isOn { inner.onState(instrument, desk) }
  }
  @inline(__always) @inlinable package mutating func onBatchEnd(_ desk: borrowing Desk) {
    if isOn { inner.onBatchEnd(desk) }
  }
  @inlinable package func save(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    unsafe inner.save(into: buffer)
  }
  @inlinable package mutating func restore(from buffer: UnsafeRawBufferPointer) -> Bool {
    unsafe inner.restore(from: buffer)
  }
}
