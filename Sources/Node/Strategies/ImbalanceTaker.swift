public import ExecutionCore

/// Takes the offer or hits the bid when the book leans and the price moves the same way.
///
/// Signal: one side of the best quote holds `ratioPercent` per cent of the other's shares or more, and
/// the middle's last move went towards the thin side. It sends one immediate-or-cancel order at a time
/// at the far price, keeps the position within `positionMax`, waits `cooldown` after each order, and
/// leaves a position that is older than `holding`, or when the signal turns against it.
public struct ImbalanceTaker: Strategy {
  public struct Parameters: Sendable, Hashable {
    /// The first instrument and how many from there, at most ``ImbalanceTaker/instrumentsMax``.
    public var firstInstrument = InstrumentID(raw: 0)
    public var instruments = 1
    public var quantity: Int64 = 100
    public var positionMax: Int64 = 300
    /// 300: three times as many shares on one side as on the other.
    public var ratioPercent: Int64 = 300
    /// No signal below this many shares on the heavy side.
    public var sharesMin: Int64 = 100
    /// Widest spread that is crossed, in ticks.
    public var spreadTicksMax: Int64 = 10
    /// Session nanoseconds.
    public var cooldown: Int64 = 250_000_000
    public var holding: Int64 = 10_000_000_000
    public init() {}
  }
  public static var instrumentsMax: Int { 32 }

  struct Watch {
    /// Bid plus ask at the last look; 0 before the first.
    var middle: Int64 = 0
    /// +1 or −1: the last move of the middle.
    var move: Int64 = 0
    var notBefore: Int64 = 0
    /// Session time at which the position was opened; 0 while flat.
    var openedAt: Int64 = 0
    var order = OrderHandle.none
  }

  public let parameters: Parameters
  var watches: InlineArray<32, Watch>
  var dirty: UInt32 = 0

  public init(_ parameters: Parameters) {
    self.parameters = parameters
    watches = InlineArray(repeating: Watch())
  }

  private func index(_ instrument: InstrumentID) -> Int? {
    guard instrument.raw >= parameters.firstInstrument.raw else { return nil }
    let i = Int(instrument.raw &- parameters.firstInstrument.raw)
    return i < min(parameters.instruments, Self.instrumentsMax) ? i : nil
  }

  public mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    guard let i = index(instrument) else { return }
    dirty |= 1 << UInt32(truncatingIfNeeded: i)
    let quote = desk.quote(instrument)
    guard quote.bid.raw > 0, quote.ask.raw > 0 else { return }
    let middle = quote.bid.raw &+ quote.ask.raw
    if watches[i].middle != 0, middle != watches[i].middle {
      watches[i].move = middle > watches[i].middle ? 1 : -1
    }
    watches[i].middle = middle
  }

  public mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    guard let i = index(update.instrument) else { return }
    let position = desk.position(update.instrument).raw
    if position == 0 {
      watches[i].openedAt = 0
    } else if watches[i].openedAt == 0 {
      watches[i].openedAt = max(1, desk.sessionTime)
    }
    dirty |= 1 << UInt32(truncatingIfNeeded: i)
  }

  public mutating func onBatchEnd(_ desk: borrowing Desk) {
    while dirty != 0 {
      let i = dirty.trailingZeroBitCount
      dirty &= dirty &- 1
      guard i < min(parameters.instruments, Self.instrumentsMax) else { continue }
      let raw = parameters.firstInstrument.raw &+ UInt32(truncatingIfNeeded: i)
      decide(i, InstrumentID(raw: raw), desk)
    }
  }

  private mutating func decide(_ i: Int, _ instrument: InstrumentID, _ desk: borrowing Desk) {
    guard desk.sessionTime >= watches[i].notBefore, desk.isTradable(instrument) else { return }
    if let open = desk.order(watches[i].order), open.life.isOpen { return }
    let quote = desk.quote(instrument)
    let tick = desk.tick(instrument, at: quote.bid)
    guard tick > 0, quote.bid.raw > 0, quote.ask > quote.bid,
      quote.ask.raw - quote.bid.raw <= parameters.spreadTicksMax * tick
    else { return }
    let signal = signal(quote, move: watches[i].move)
    let position = desk.position(instrument).raw
    let opened = watches[i].openedAt
    let isOld = opened != 0 && desk.sessionTime - opened > parameters.holding
    if position != 0, isOld || signal * position < 0 {
      send(i, instrument, buy: position < 0, min(abs(position), parameters.quantity), quote, desk)
    } else if signal > 0, position < parameters.positionMax {
      let room = parameters.positionMax - position
      send(i, instrument, buy: true, min(parameters.quantity, room), quote, desk)
    } else if signal < 0, position > -parameters.positionMax {
      let room = parameters.positionMax + position
      send(i, instrument, buy: false, min(parameters.quantity, room), quote, desk)
    }
  }

  /// +1 to buy, −1 to sell, 0 to wait.
  private func signal(_ quote: Quote, move: Int64) -> Int64 {
    let bid = Int128(quote.bidQuantity.raw)
    let ask = Int128(quote.askQuantity.raw)
    let ratio = Int128(parameters.ratioPercent)
    if move > 0, bid >= Int128(parameters.sharesMin), bid * 100 >= ask * ratio { return 1 }
    if move < 0, ask >= Int128(parameters.sharesMin), ask * 100 >= bid * ratio { return -1 }
    return 0
  }

  private mutating func send(
    _ i: Int, _ instrument: InstrumentID, buy: Bool, _ quantity: Int64, _ quote: Quote,
    _ desk: borrowing Desk
  ) {
    watches[i].notBefore = desk.sessionTime + parameters.cooldown
    guard quantity > 0 else { return }
    let verdict = desk.place(
      instrument, buy ? .buy : .sell, price: buy ? quote.ask : quote.bid,
      quantity: Quantity(raw: quantity), timeInForce: .immediateOrCancel)
    if case .accepted(let handle) = verdict { watches[i].order = handle }
  }
}
