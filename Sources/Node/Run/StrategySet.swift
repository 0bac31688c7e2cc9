import ExecutionCore

/// The configured strategies as one: market makers first, then takers, numbered in that order.
///
/// An example strategy watches a run of neighbouring instruments; one that is configured for others
/// too stands here several times under its one number.
///
/// Threading: the hot thread.
struct StrategySet: Strategy {
  private struct Slot<Element> {
    var number: Int
    var strategy: Element
  }
  private final class Storage<Element> {
    let base: UnsafeMutableBufferPointer<Slot<Element>>
    init(_ slots: [Slot<Element>]) {
      base = .allocate(capacity: slots.count)
      _ = base.initialize(from: slots)
    }
    deinit {
      base.deinitialize()
      base.deallocate()
    }
  }
  // The storages keep the buffers alive; the hot calls go by the buffers alone.
  private let makerStorage: Storage<MarketMaker>
  private let takerStorage: Storage<ImbalanceTaker>
  private let makers: UnsafeMutableBufferPointer<Slot<MarketMaker>>
  private let takers: UnsafeMutableBufferPointer<Slot<ImbalanceTaker>>

  init(
    _ configuration: Configuration, instruments: [InstrumentFacts]
  ) throws(CommandFailure) {
    var makers: [Slot<MarketMaker>] = []
    var takers: [Slot<ImbalanceTaker>] = []
    for (number, strategy) in configuration.orderedStrategies.enumerated() {
      var ids = Array(0..<UInt32(instruments.count))
      if !strategy.symbols.isEmpty {
        ids = try Configuration.numbers(
          of: strategy.symbols, among: instruments, setting: "strategy \(strategy.name)"
        ).map(\.raw)
      }
      switch strategy.kind {
      case .marketMaker:
        for run in Self.runs(ids, instruments, lengthMax: MarketMaker.instrumentsMax) {
          let size = strategy.size(instruments[Int(run.lowerBound)])
          makers.append(Slot(number: number, strategy: MarketMaker(strategy.maker(run, size))))
        }
      case .taker:
        for run in Self.runs(ids, instruments, lengthMax: ImbalanceTaker.instrumentsMax) {
          let size = strategy.size(instruments[Int(run.lowerBound)])
          takers.append(Slot(number: number, strategy: ImbalanceTaker(strategy.taker(run, size))))
        }
      }
    }
    makerStorage = Storage(makers)
    takerStorage = Storage(takers)
    self.makers = makerStorage.base
    self.takers = takerStorage.base
  }

  /// Neighbouring numbers as runs of at most so many; one that trades in fractions stands alone, because its size is its
  /// own.
  static func runs(
    _ ids: [UInt32], _ instruments: [InstrumentFacts] = [], lengthMax: Int
  ) -> [Range<UInt32>] {
    var runs: [Range<UInt32>] = []
    func isFractional(_ id: UInt32) -> Bool {
      Int(id) < instruments.count && instruments[Int(id)].quantityExponent < 0
    }
    for id in Set(ids).sorted() {
      if isFractional(id) {
        runs.append(id..<(id + 1))
      } else if let last = runs.last, last.upperBound == id, last.count < lengthMax,
        !isFractional(last.lowerBound)
      {
        runs[runs.count - 1] = last.lowerBound..<(id + 1)
      } else {
        runs.append(id..<(id + 1))
      }
    }
    return runs
  }

  @inline(__always)
  private func each(
    _ desk: borrowing Desk, _ onMaker: (inout MarketMaker, borrowing Desk) -> Void,
    _ onTaker: (inout ImbalanceTaker, borrowing Desk) -> Void
  ) {
    for index in 0..<makers.count {
      onMaker(&makers[index].strategy, desk.shifted(by: makers[index].number))
    }
    for index in 0..<takers.count {
      onTaker(&takers[index].strategy, desk.shifted(by: takers[index].number))
    }
  }

  /// The strategy whose order or timer it is, in each of its runs of instruments.
  @inline(__always)
  private func only(
    _ owner: StrategyID, _ desk: borrowing Desk,
    _ onMaker: (inout MarketMaker, borrowing Desk) -> Void,
    _ onTaker: (inout ImbalanceTaker, borrowing Desk) -> Void
  ) {
    let number = Int(owner.raw)
    for index in 0..<makers.count where makers[index].number == number {
      onMaker(&makers[index].strategy, desk.shifted(by: number))
    }
    for index in 0..<takers.count where takers[index].number == number {
      onTaker(&takers[index].strategy, desk.shifted(by: number))
    }
  }

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    each(desk, { $0.onBook(instrument, $1) }, { $0.onBook(instrument, $1) })
  }
  mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {
    each(desk, { $0.onTrade(trade, $1) }, { $0.onTrade(trade, $1) })
  }
  mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    each(desk, { $0.onState(instrument, $1) }, { $0.onState(instrument, $1) })
  }
  mutating func onBatchEnd(_ desk: borrowing Desk) {
    each(desk, { $0.onBatchEnd($1) }, { $0.onBatchEnd($1) })
  }
  mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
    only(
      update.strategy, desk, { $0.onReport(update, $1) }, { $0.onReport(update, $1) })
  }
  mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {
    only(
      desk.timerStrategy, desk, { $0.onTimer(token, $1) }, { $0.onTimer(token, $1) })
  }
}

extension Configuration.Strategy {
  /// The quantities of one instrument, at its exponent.
  struct Size {
    var quantity: Int64
    var positionMax: Int64
    /// The taker's.
    var sharesMin: Int64
  }

  /// Of one that trades in fractions: what ``notional`` buys at the previous close in whole lots, a lot at least; the other
  /// two in proportion.
  func size(_ facts: InstrumentFacts) -> Size {
    let whole = Size(
      quantity: quantity, positionMax: positionMax, sharesMin: self.taker.sharesMin)
    guard facts.quantityExponent < 0,
      let lot = facts.notional(price: facts.previousClose, quantity: facts.roundLot), lot.raw > 0
    else { return whole }
    let lots = max(1, Int128(notional.raw) / lot.raw)
    let quantity = Int64(clamping: lots * Int128(facts.roundLot))
    func inProportion(_ of: Int64) -> Int64 {
      let value = Int128(of) * Int128(quantity) / Int128(max(1, self.quantity))
      return max(facts.roundLot, Int64(clamping: value))
    }
    return Size(
      quantity: quantity, positionMax: inProportion(positionMax),
      sharesMin: inProportion(self.taker.sharesMin))
  }

  func maker(_ run: Range<UInt32>, _ size: Size) -> Node.MarketMaker.Parameters {
    var parameters = Node.MarketMaker.Parameters()
    parameters.firstInstrument = InstrumentID(raw: run.lowerBound)
    parameters.instruments = run.count
    parameters.quantity = size.quantity
    parameters.positionMax = size.positionMax
    parameters.edgeTicks = marketMaker.edgeTicks
    parameters.skewTicks = marketMaker.skewTicks
    parameters.toleranceTicks = marketMaker.toleranceTicks
    parameters.pause = marketMaker.pauseMicroseconds * 1_000
    return parameters
  }
  func taker(_ run: Range<UInt32>, _ size: Size) -> ImbalanceTaker.Parameters {
    var parameters = ImbalanceTaker.Parameters()
    parameters.firstInstrument = InstrumentID(raw: run.lowerBound)
    parameters.instruments = run.count
    parameters.quantity = size.quantity
    parameters.positionMax = size.positionMax
    parameters.ratioPercent = taker.ratioPercent
    parameters.sharesMin = size.sharesMin
    parameters.spreadTicksMax = taker.spreadTicksMax
    parameters.cooldown = taker.coolDownMicroseconds * 1_000
    parameters.holding = taker.holdingMilliseconds * 1_000_000
    return parameters
  }
}
