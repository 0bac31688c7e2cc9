import ExecutionCore

/// A strategy that can be switched off: then it hears nothing and does nothing, while the engine goes on booking
/// what comes. What the end of a run does first.
struct StrategySwitch<Inner: Strategy>: Strategy {
  var inner: Inner
  var isOn = true

  init(_ inner: Inner) { self.inner = inner }

  @inlinable static var strategyCount: Int { Inner.strategyCount }
  @inlinable static var savedBytesMax: Int { Inner.savedBytesMax }

  @inline(__always) mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    if isOn { inner.onBook(instrument, desk) }
  }
  @inline(__always) mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {
    if isOn { inner.onTrade(trade, desk) }
  }
  @inline(__always) mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    if isOn { inner.onReport(update, desk) }
  }
  @inline(__always) mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {
    if isOn { inner.onTimer(token, desk) }
  }
  @inline(__always) mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    if isOn { inner.onState(instrument, desk) }
  }
  @inline(__always) mutating func onBatchEnd(_ desk: borrowing Desk) {
    if isOn { inner.onBatchEnd(desk) }
  }
  func save(into buffer: UnsafeMutableRawBufferPointer) -> Int { inner.save(into: buffer) }
  mutating func restore(from buffer: UnsafeRawBufferPointer) -> Bool {
    inner.restore(from: buffer)
  }
}
