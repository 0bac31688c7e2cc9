import ExecutionCore
import Testing

@Suite struct EngineTests {
  @Test func `records in the journal have the sizes that are on disk`() {
    #expect(MemoryLayout<SessionRecord>.size == 88)
    #expect(MemoryLayout<PortRecord>.size == 48)
    #expect(MemoryLayout<InstrumentRecord>.size == 120)
    #expect(MemoryLayout<IntentRecord>.size == 160)
    #expect(MemoryLayout<RefusalRecord>.size == 128)
    #expect(MemoryLayout<OrderStateRecord>.size == 80)
    #expect(MemoryLayout<ExecutionRecord>.size == 128)
    #expect(MemoryLayout<AlarmRecord>.size == 48)
    #expect(MemoryLayout<Command>.size == 136)
    #expect(MemoryLayout<CommandRecord>.size == 144)
    #expect(MemoryLayout<MarketStateRecord>.size == 16)
    #expect(MemoryLayout<TimerRecord>.size == 24)
    #expect(MemoryLayout<ReportRecord>.size == 176)
    #expect(MemoryLayout<RequestFateRecord>.size == 16)
    #expect(MemoryLayout<OrderNoteRecord>.size == 16)
    #expect(MemoryLayout<VenueRequest>.size == 120)
    #expect(MemoryLayout<VenueReport>.size == 176)
    #expect(MemoryLayout<IntentRecord>.alignment == 8)
    #expect(MemoryLayout<RefusalRecord>.alignment == 8)
    for value in [0, 1, -1, Int128.max, .min, 1 << 64, -(1 << 64)] as [Int128] {
      #expect(Wide(value).value == value)
    }
  }

  @Test func `impossible configurations are refused by name`() {
    let good = Market<Recorder>.configuration()
    func error(_ change: (inout EngineConfiguration) -> Void) -> EngineConfigurationError? {
      var c = good
      change(&c)
      do throws(EngineConfigurationError) {
        try c.check()
        return nil
      } catch {
        return error
      }
    }
    #expect(error { _ in } == nil)
    #expect(error { $0.instruments = [] } == .noInstruments)
    #expect(error { $0.accounts = [] } == .noAccounts)
    #expect(error { $0.strategies = [] } == .noStrategies)
    #expect(error { $0.instruments[0].tick = 0 } == .badTick(instrument: 0))
    #expect(error { $0.instruments[0].roundLot = 0 } == .badLot(instrument: 0))
    #expect(
      error { $0.instruments[1].symbol = $0.instruments[0].symbol } == .duplicateSymbol("AAPL"))
    let opening = OpeningPosition(
      account: AccountID(raw: 0), strategy: StrategyID(raw: 1), instrument: InstrumentID(raw: 0),
      quantity: 50, cost: Money(raw: 0))
    #expect(
      error { $0.openingPositions = [opening, opening] } == .duplicatePosition(index: 1))
    #expect(
      error { $0.restricted = [InstrumentID(raw: 9), InstrumentID(raw: 7)] }
        == .unknownInstrument(InstrumentID(raw: 7)))
    #expect(
      error { $0.instrumentLimits[InstrumentID(raw: 2)] = RiskLimits() }
        == .unknownInstrument(InstrumentID(raw: 2)))
    #expect(error { $0.strategies[1].account = AccountID(raw: 9) } == .unknownAccount(strategy: 1))
    #expect(error { $0.firmLimits.position = nil } == .missingFirmLimit("position"))
    #expect(error { $0.firmLimits.orderQuantity = 0 } == .badLimit("order quantity"))
    #expect(error { $0.poolCapacity = 0 } == .badSize("pool capacity (1 to 2^20)"))
    #expect(error { $0.firstClientOrderID = 0 } == .badHighWaterMark("the first client order id"))
    #expect(!EngineConfigurationError.noInstruments.description.isEmpty)
  }

  @Test func `the strategy is told of books, trades, states and batch ends`() throws {
    let market = try Market(Recorder(), opens: false)
    market.open()
    #expect(market.driver.strategy.books.map(\.raw) == [0, 0, 1, 1])
    #expect(market.driver.strategy.batches == 12)
    #expect(market.driver.strategy.states.contains(.none))
    var execution = MarketRecord()
    execution.kind = UInt8(ascii: "E")
    execution.locate = 1
    execution.reference = 1_001
    execution.shares = 40
    execution.second = 77
    market.feed(execution)
    let trade = try #require(market.driver.strategy.trades.last)
    #expect(trade.price.raw == 10_000_000_000 && trade.quantity.raw == 40)
    #expect(trade.restingSide == .buy && trade.matchNumber == 77)
    #expect(market.driver.engine.quotes.quote(InstrumentID(raw: 0)).bidQuantity.raw == 460)
  }

  @Test func `timers fire in session time, in order, before the record that passes them`() throws {
    let market = try Market(Recorder())
    let t = market.time
    market.driver.strategy.timersToSet = [(t + 30, 3), (t + 10, 1), (t + 20, 2), (t + 10, 11)]
    market.event("Q")
    market.time = t + 10
    market.event("Q")
    #expect(market.driver.strategy.timers == [])
    market.time = t + 25
    market.event("Q")
    #expect(market.driver.strategy.timers == [1, 11, 2])
    market.driver.advance(sessionTime: t + 30, machineTime: 0)
    #expect(market.driver.strategy.timers == [1, 11, 2, 3])
    #expect(market.counters.timersFired == 4)
  }

  @Test func `a full set of timers is an answer`() throws {
    var c = Market<Recorder>.configuration()
    c.timersMax = 2
    let market = try Market(Recorder(), c)
    market.driver.strategy.timersToSet = (1...5).map { (market.time + Int64($0), UInt64($0)) }
    market.event("Q")
    market.advance(by: 100)
    #expect(market.driver.strategy.timers == [1, 2])
  }

  @Test func `an order's queue position is read from the book that shows it`() throws {
    let market = try Market(Recorder())
    let (handle, request) = try market.working(.buy, 100, 10_000)
    #expect(market.driver.engine.market.books.queuePosition(request.venueReference) == nil)
    var shown = MarketRecord()
    shown.kind = UInt8(ascii: "A")
    shown.locate = 1
    shown.side = UInt8(ascii: "B")
    shown.reference = request.venueReference | 1 << 63
    shown.shares = 100
    shown.price = 1_000_000
    shown.symbol = SymbolCode.encode("AAPL")!
    market.feed(shown)
    #expect(market.order(handle)?.bookReference == request.venueReference | 1 << 63)
    #expect(
      market.driver.engine.market.books.queuePosition(request.venueReference | 1 << 63)?.sharesAhead
        == 500)
  }

  /// A day of random requests and reports; the lane's bytes and the state's hash.
  private func run(seed: UInt64, _ refused: inout String) throws -> ([UInt8], UInt64) {
    var dice = Dice(seed)
    let market = try Market(Recorder(), laneBytes: 8 << 20)
    var handles: [OrderHandle] = []
    for i in 0..<400 {
      market.time += Int64(dice.below(1_000_000))
      let isBid = dice.chance(50)
      market.add(1, isBid ? "B" : "S", 10, isBid ? 999_000 : 1_002_000)
      let side: Side = dice.chance(50) ? .buy : .sell
      let verdict = market.place(side, Int64(1 + dice.below(50)), side == .buy ? 10_000 : 10_010)
      if case .accepted(let handle) = verdict { handles.append(handle) }
      if !handles.isEmpty, dice.chance(30) { market.cancel(handles[dice.below(handles.count)]) }
      for request in market.sent() where request.kind == .new {
        market.report(.accepted, request.venueReference, quantity: request.quantity, cents: 10_000)
        if dice.chance(50) {
          market.report(
            .executed, request.venueReference, quantity: request.quantity, cents: 10_000,
            match: UInt64(i + 1))
        }
      }
    }
    market.driver.engine.end()
    refused = "\(market.snapshot.refusals)"
    return (Array(market.lane.records), market.stateHash)
  }

  @Test func `the same inputs give the same bytes and the same state`() throws {
    var refused = ""
    let (first, hash) = try run(seed: 7, &refused)
    let (second, again) = try run(seed: 7, &refused)
    #expect(first.count > 50_000, "or all was refused: \(refused)")
    #expect(first == second)
    #expect(hash == again)
    let (other, otherHash) = try run(seed: 8, &refused)
    #expect(other != first && otherHash != hash)
  }

  @Test func `the intent is in the journal before the request can be taken, with its cause`() throws
  {
    let market = try Market(Recorder(), opens: false)
    market.sequence = 1
    market.open()
    let last = market.sequence - 1
    let before = market.lane.records.count
    _ = try market.place(.buy, 10, 10_000).handle
    let bytes = Array(market.lane.records)[before...]
    let record = Array(bytes)
    let header = record.withUnsafeBytes { $0.loadUnaligned(as: RecordHeader.self) }
    #expect(header.type == RecordType.intent.rawValue)
    #expect(header.cause == FeedPosition(channel: 0, sequence: last).cause)
    let intent = record.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: MemoryLayout<RecordHeader>.size, as: IntentRecord.self)
    }
    let request = try #require(market.sent().first)
    #expect(intent.clientOrderID == request.clientOrderID)
    #expect(intent.intentSequence == header.sequence)
    #expect(request.intentSequence == header.sequence)
    #expect(intent.quote.bid == 10_000_000_000)
    #expect(intent.feedPosition == header.cause)
  }

  @Test func `a strategy of two parts keeps their orders and timers apart`() throws {
    let market = try Market(Pair(Recorder(), Recorder()))
    _ = try market.place(.buy, 1, 10_000, strategy: 0).handle
    _ = try market.place(.buy, 2, 10_000, strategy: 1).handle
    for request in market.sent() {
      market.report(.accepted, request.venueReference, quantity: request.quantity, cents: 10_000)
    }
    #expect(market.driver.strategy.first.updates.map(\.leaves.raw) == [1])
    #expect(market.driver.strategy.second.updates.map(\.leaves.raw) == [2])
    market.driver.strategy.second.timersToSet = [(market.time + 1, 9)]
    market.event("Q")
    market.advance(by: 2)
    #expect(market.driver.strategy.first.timers == [])
    #expect(market.driver.strategy.second.timers == [9])
  }
}
