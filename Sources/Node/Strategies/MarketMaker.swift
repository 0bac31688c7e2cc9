public import ExecutionCore

/// Quotes both sides of a few instruments, leaning against its inventory.
///
/// Each side rests `edgeTicks` behind the best price of the market. For every `quantity` held, both quotes move
/// `skewTicks` against the position, so that the side that sheds it becomes the more likely one. A
/// resting order keeps its place in the queue while it is within `toleranceTicks` of where it should be:
/// a replace loses priority. An order that can't be replaced any more (``OrderView/replacesLeft``) is
/// cancelled, and the side places anew once it is known to be gone. Quotes are set at the end of a batch,
/// never in mid-burst. While the book waits for a repair that is not late (``Desk/awaitsRepair(_:)``)
/// nothing is quoted and what rests is left; in any other market that can't be traded it is withdrawn. With
/// its sides' orders filled whole the position stays within `positionMax`.
public struct MarketMaker: Strategy {
  public struct Parameters: Sendable, Hashable {
    /// The first instrument and how many from there, at most ``MarketMaker/instrumentsMax``.
    public var firstInstrument = InstrumentID(raw: 0)
    public var instruments = 1
    public var quantity: Int64 = 100
    public var positionMax: Int64 = 500
    public var edgeTicks: Int64 = 0
    public var skewTicks: Int64 = 1
    public var toleranceTicks: Int64 = 1
    /// Session nanoseconds to wait on a side after a refusal or a change of its order.
    public var pause: Int64 = 10_000_000
    public init() {}
  }
  public static var instrumentsMax: Int { 32 }
  public static var savedBytesMax: Int { 0 }

  /// One side of one instrument.
  struct QuotedSide {
    var order = OrderHandle.none
    var pauseUntil: Int64 = 0
  }
  struct Quoting {
    var bid = QuotedSide()
    var ask = QuotedSide()
  }

  public let parameters: Parameters
  var quoting: InlineArray<32, Quoting>
  /// Bit i: the market of instrument i moved, or our orders in it did.
  var dirty: UInt32 = 0

  public init(_ parameters: Parameters) {
    self.parameters = parameters
    quoting = InlineArray(repeating: Quoting())
  }

  /// Place of an instrument in the state, nil when it is not quoted here.
  private func index(_ instrument: InstrumentID) -> Int? {
    guard instrument.raw >= parameters.firstInstrument.raw else { return nil }
    let i = Int(instrument.raw &- parameters.firstInstrument.raw)
    return i < min(parameters.instruments, Self.instrumentsMax) ? i : nil
  }

  private mutating func touch(_ instrument: InstrumentID) {
    if let i = index(instrument) { dirty |= 1 << UInt32(truncatingIfNeeded: i) }
  }

  public mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    touch(instrument)
  }
  public mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    if instrument == .none { dirty = .max } else { touch(instrument) }
  }
  public mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    touch(update.instrument)
  }

  public mutating func onBatchEnd(_ desk: borrowing Desk) {
    while dirty != 0 {
      let i = dirty.trailingZeroBitCount
      dirty &= dirty &- 1
      guard i < min(parameters.instruments, Self.instrumentsMax) else { continue }
      let raw = parameters.firstInstrument.raw &+ UInt32(truncatingIfNeeded: i)
      quote(i, InstrumentID(raw: raw), desk)
    }
  }

  private mutating func quote(_ i: Int, _ instrument: InstrumentID, _ desk: borrowing Desk) {
    let market = desk.quote(instrument)
    let tick = desk.tick(instrument, at: market.bid)
    guard desk.isTradable(instrument), tick > 0, market.bid.raw > 0, market.ask > market.bid else {
      // A hole that the other line fills in a moment is no reason to give up a place in the queue.
      if desk.awaitsRepair(instrument) { return }
      // Without a session a cancel would only come back as not sent, once a batch.
      if desk.venueIsReady(instrument), desk.openOrderCount(instrument) > 0 {
        _ = desk.cancelAll(instrument)
      }
      return
    }
    let position = desk.position(instrument).raw
    let lean = position * parameters.skewTicks / max(1, parameters.quantity) * tick
    let edge = parameters.edgeTicks * tick
    // Never through the other side: a quote is to rest.
    let bid = min(market.bid.raw - edge - lean, market.ask.raw - tick)
    let ask = max(market.ask.raw + edge - lean, market.bid.raw + tick)
    let buyable = min(parameters.quantity, parameters.positionMax - position)
    let sellable = min(parameters.quantity, parameters.positionMax + position)
    let tolerance = parameters.toleranceTicks * tick
    work(&quoting[i].bid, instrument, .buy, bid, buyable, tolerance, desk)
    work(&quoting[i].ask, instrument, .sell, ask, sellable, tolerance, desk)
  }

  /// Brings one side's order to its price: place, replace, cancel, or leave it in its queue.
  private func work(
    _ side: inout QuotedSide, _ instrument: InstrumentID, _ direction: Side, _ price: Int64,
    _ quantity: Int64, _ tolerance: Int64, _ desk: borrowing Desk
  ) {
    if let view = desk.order(side.order), view.life.isOpen {
      if quantity <= 0 {
        if view.cancelState != .unresolved { _ = desk.cancel(side.order) }
        return
      }
      let distance = abs(view.price.raw - price)
      guard distance > tolerance, view.life == .working, view.newState != .unresolved,
        view.replaceState != .unresolved, view.cancelState != .unresolved,
        desk.sessionTime >= side.pauseUntil
      else { return }
      side.pauseUntil = desk.sessionTime + parameters.pause
      guard view.replacesLeft > 0 else {
        // The new order waits until this one can't be filled any more: both could be, past the bound.
        _ = desk.cancel(side.order)
        return
      }
      _ = desk.replace(
        side.order, price: Price(raw: price), quantity: Quantity(raw: view.executed.raw + quantity))
      return
    }
    guard quantity > 0, price > 0, desk.sessionTime >= side.pauseUntil else { return }
    side.pauseUntil = desk.sessionTime + parameters.pause
    let verdict = desk.place(
      instrument, direction, price: Price(raw: price), quantity: Quantity(raw: quantity))
    if case .accepted(let handle) = verdict { side.order = handle }
  }
}
