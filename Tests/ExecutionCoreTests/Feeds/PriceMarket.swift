import Testing

@testable import ExecutionCore

/// An engine whose instruments have feeds by price: one account, one strategy, a venue that takes anything.
final class PriceMarket {
  let lane = MemoryLane(bytes: 4 << 20)
  var driver: Driver<Recorder>
  var time: Int64 = 1_723_161_255_000_000_000
  var sequence: UInt64 = 100

  /// Bitcoin, in cents and 10⁻⁸.
  static var bitcoin: InstrumentFacts {
    var facts = InstrumentFacts(symbol: "BTC-USD")
    facts.priceExponent = -2
    facts.quantityExponent = -8
    facts.tick = 1
    facts.roundLot = 1_000
    facts.previousClose = 60_000_00
    facts.status = .trading
    facts.shortSale = .unrestricted
    facts.shortable = true
    return facts
  }

  static func configuration(
    _ instruments: [InstrumentFacts] = [bitcoin], levelsMax: Int = 64
  ) -> EngineConfiguration {
    var venue = VenueConfiguration(name: "any")
    venue.rules.quantities = 1...EngineState.executionQuantityMax
    venue.rules.prices = DecimalRange(-(1 << 62)...1 << 62, exponent: -12)
    venue.rules.grid = PriceGrid(exponent: -12)
    venue.rules.hours = .always
    var c = EngineConfiguration(
      instruments: instruments, accounts: [AccountConfiguration(name: "A")],
      strategies: [StrategyConfiguration(name: "one", account: AccountID(raw: 0))],
      venues: [venue])
    c.feeds = [
      FeedConfiguration(name: "prices", kind: .prices, hours: .open, levelsMax: levelsMax)
    ]
    c.firmLimits.orderQuantity = 1_000_000
    c.firmLimits.orderNotional = Money(raw: 1_000_000_000 * 100_000_000)
    c.firmLimits.position = 10_000_000
    c.staticCollar = PriceCollar(basisPoints: 20_000)
    c.dynamicCollar = PriceCollar(basisPoints: 20_000)
    c.duplicateWindow = 0
    c.poolCapacity = 64
    c.ordersPerDayMax = 1_024
    c.executionsMax = 1_024
    c.beginWithPortsUp()
    return c
  }

  /// The feed's numbers are the instruments', and its exponents theirs.
  init(_ configuration: EngineConfiguration = PriceMarket.configuration()) throws {
    driver = Driver(
      engine: try Engine(configuration, lane: lane.lane), strategy: Recorder())
    for (i, facts) in configuration.instruments.enumerated() {
      let result = driver.engine.prices.bind(
        0, UInt32(i), facts.symbol, priceExponent: facts.priceExponent,
        quantityExponent: facts.quantityExponent)
      #expect(result == .bound)
    }
  }

  func feed(_ records: [FeedRecord], channel: UInt8 = 0) {
    records.withUnsafeBufferPointer {
      driver.ingest($0.baseAddress!, count: $0.count, channel: channel, machineTime: 0)
    }
  }
  func feed(_ record: FeedRecord) { feed([record]) }

  func record(_ kind: FeedRecord.Kind, _ instrument: UInt32 = 0) -> FeedRecord {
    time += 1_000
    sequence += 1
    var record = FeedRecord(kind, instrument: instrument, at: time)
    record.sequence = sequence
    record.flags = .last
    return record
  }
  func level(
    _ side: UInt8, _ price: Int64, _ quantity: Int64, _ instrument: UInt32 = 0
  ) -> FeedRecord {
    var record = record(.level, instrument)
    (record.side, record.price, record.quantity) = (side, price, quantity)
    return record
  }
  func quote(
    _ bid: Int64, _ bidQuantity: Int64, _ ask: Int64, _ askQuantity: Int64,
    _ instrument: UInt32 = 0
  ) -> FeedRecord {
    var record = record(.quote, instrument)
    (record.price, record.quantity) = (bid, bidQuantity)
    (record.askPrice, record.askQuantity) = (ask, askQuantity)
    return record
  }

  func seen(_ instrument: UInt32 = 0) -> Quote {
    driver.engine.quotes.quote(InstrumentID(raw: instrument))
  }
  func isWhole(_ instrument: UInt32 = 0) -> Bool {
    driver.engine.quotes.isWhole(InstrumentID(raw: instrument))
  }
  var counters: PriceFeedCounters { driver.engine.prices.counters(0) }

  /// Levels of a side from the touch on.
  func levels(_ side: Side, _ instrument: UInt32 = 0) -> [DepthLevel] {
    let id = InstrumentID(raw: instrument)
    return (0..<driver.engine.prices.levels(id, side)).compactMap {
      driver.engine.prices.level(id, side, depth: $0)
    }
  }

  func place(
    _ side: Side, _ quantity: Int64, _ price: Int64, instrument: UInt32 = 0
  ) -> Verdict {
    driver.engine.place(
      OrderRequest(
        instrument: InstrumentID(raw: instrument), account: AccountID(raw: 0),
        strategy: StrategyID(raw: 0), side: side, price: Price(raw: price),
        quantity: Quantity(raw: quantity)))
  }
  func sent() -> [VenueRequest] {
    var list: [VenueRequest] = []
    while let request = driver.engine.nextRequest(machineTime: 0) {
      driver.engine.requestTaken()
      list.append(request)
    }
    return list
  }
  /// Executes an order whole at its limit.
  func execute(_ request: VenueRequest, _ number: UInt64, liquidity: Character = "A") {
    var r = VenueReport(kind: .executed, port: .first, account: AccountID(raw: 0))
    r.venueReference = request.venueReference
    r.quantity = request.quantity
    r.price = request.price
    r.priceExponent = request.priceExponent
    r.executionID = VenueIdentifier(number: number)
    r.liquidity = liquidity.asciiValue!
    driver.apply(r, sessionTime: time, machineTime: 0)
  }
  /// What an order would be told by the quick pass, and by the chain.
  func verdicts(
    _ side: Side, _ quantity: Int64, _ price: Int64
  ) -> (quick: Bool, refusal: Refusal?) {
    let request = OrderRequest(
      instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
      side: side, price: Price(raw: price), quantity: Quantity(raw: quantity))
    guard var terms = driver.engine.core.pointee.terms(of: request) else { return (false, nil) }
    var again = terms
    let quick = driver.engine.core.pointee.passes(&terms)
    return (quick, driver.engine.core.pointee.checkAll(&again, nil))
  }
}
