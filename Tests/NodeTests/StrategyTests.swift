import ExecutionCore
import Gateways
import Testing

@testable import Node

/// The example strategies on a random walk, against a venue that accepts all and fills what is crossed.
@Suite struct StrategyTests {
  /// One symbol whose bid and ask are one order each.
  final class Walk<S: Strategy> {
    let lane = MemoryLane(bytes: 16 << 20)
    var driver: Driver<S>
    var state: UInt64
    var time: Int64 = 1_577_716_200_000_000_000
    var bid: UInt32 = 1_000_000
    var spread: UInt32 = 200
    var reference: UInt64 = 1
    var standing: [UInt64] = []
    var resting: [UInt64: VenueRequest] = [:]
    var match: UInt64 = 0
    var requests: [VenueRequest] = []
    /// What was executed under the match numbers 1, 2, …
    var executed: [(reference: UInt64, quantity: Int64)] = []

    init(_ strategy: S, seed: UInt64) throws {
      state = seed
      var facts = InstrumentFacts(symbol: "AAPL")
      facts.previousClose = 10_000_000_000
      facts.shortable = true
      var c = EngineConfiguration(
        instruments: [facts], accounts: [AccountConfiguration(name: "A")],
        strategies: [StrategyConfiguration(name: "S", account: AccountID(raw: 0))],
        venues: [.nasdaq()])
      c.beginWithPortsUp()
      c.ordersPerDayMax = 1 << 14
      c.executionsMax = 1 << 12
      driver = Driver(engine: try Engine(c, lane: lane.lane), strategy: strategy)
      one("S", code: "O")
      one("R", code: "Q")
      one("H", code: "T")
      one("Y", code: "0")
      one("S", code: "Q")
    }

    func random(_ n: Int) -> Int {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return Int((z ^ z >> 31) % UInt64(n))
    }

    func record(_ kind: Character, code: Character = "\0") -> MarketRecord {
      var r = MarketRecord()
      r.kind = kind.asciiValue!
      r.code = UInt16(code.asciiValue!)
      r.locate = 1
      r.sessionTime = time
      r.symbol = SymbolCode.encode("AAPL")!
      return r
    }

    func one(_ kind: Character, code: Character) { feed([record(kind, code: code)]) }
    func feed(_ records: [MarketRecord]) {
      records.withUnsafeBufferPointer {
        driver.ingest($0.baseAddress!, count: $0.count, machineTime: 0)
      }
    }

    /// The market moves in one batch, then the venue answers.
    func step() {
      move()
      answer()
    }
    func move() {
      time += 20_000_000
      var batch: [MarketRecord] = []
      for old in standing {
        var r = record("D")
        r.reference = old
        batch.append(r)
      }
      standing = []
      bid = UInt32(Int(bid) + (random(5) - 2) * 100)
      spread = UInt32(100 + random(3) * 100)
      for (side, price) in [("B" as Character, bid), ("S", bid + spread)] {
        reference += 1
        var r = record("A")
        r.side = side.asciiValue!
        r.reference = reference
        r.shares = UInt32(100 + random(10) * 100)
        r.price = price
        standing.append(reference)
        batch.append(r)
      }
      feed(batch)
    }

    /// What has left for the venue since the last call; the venue does not have it yet.
    func sent() -> [VenueRequest] {
      var sent: [VenueRequest] = []
      while let q = driver.engine.nextRequest(machineTime: 0) {
        driver.engine.requestTaken()
        sent.append(q)
      }
      requests += sent
      return sent
    }

    func answer() {
      for _ in 0..<8 {
        for q in sent() { take(q) }
        for (reference, q) in resting.sorted(by: { $0.key < $1.key }) {
          let crossed = q.side.isBuy ? q.price >= ask : q.price <= best
          if crossed { execute(reference, q) }
        }
      }
    }
    /// As the trading loop does it, then the venue answers.
    func tellState() {
      driver.stateChanged(sessionTime: time, machineTime: 0)
      answer()
    }
    var openOrders: Int { driver.engine.openOrderCount }
    var best: Int64 { Int64(bid) * 10_000 }
    var ask: Int64 { Int64(bid + spread) * 10_000 }

    func take(_ q: VenueRequest) {
      switch q.kind {
      case .new, .replace:
        if q.kind == .replace {
          guard resting.removeValue(forKey: q.originalVenueReference) != nil else { return }
        }
        say(q.kind == .new ? .accepted : .replaced, q.venueReference, q.quantity, q.price / 10_000)
        let crosses = q.side.isBuy ? q.price >= ask : q.price <= best
        if q.timeInForce == .immediateOrCancel, !crosses {
          say(.canceled, q.venueReference, q.quantity, 0)
        } else {
          resting[q.venueReference] = q
        }
      case .cancel:
        guard let live = resting.removeValue(forKey: q.venueReference) else { return }
        say(.canceled, q.venueReference, live.quantity, 0)
      default: break
      }
    }
    func execute(_ reference: UInt64, _ q: VenueRequest) {
      resting[reference] = nil
      match += 1
      executed.append((reference, q.quantity))
      say(.executed, reference, q.quantity, q.price / 10_000)
    }
    /// The venue breaks the execution of a match number.
    func breakTrade(_ number: UInt64) {
      var r = VenueReport(kind: .broken, port: .first, account: AccountID(raw: 0))
      r.venueReference = executed[Int(number) - 1].reference
      r.executionID = VenueIdentifier(number: number)
      driver.apply(r, sessionTime: time, machineTime: 0)
    }
    private func say(
      _ kind: VenueReport.Kind, _ reference: UInt64, _ quantity: Int64, _ ticks: Int64
    ) {
      var r = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
      r.venueReference = reference
      r.quantity = quantity
      r.price = ticks
      r.executionID = VenueIdentifier(number: match)
      r.liquidity = UInt8(ascii: "A")
      driver.apply(r, sessionTime: time, machineTime: 0)
    }
    var position: Int64 {
      driver.engine.position(StrategyID(raw: 0), InstrumentID(raw: 0)).raw
    }
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `the market maker quotes both sides and keeps its position`(seed: UInt64) throws {
    var parameters = MarketMaker.Parameters()
    parameters.positionMax = 300
    let walk = try Walk(MarketMaker(parameters), seed: seed)
    for _ in 0..<1_500 {
      walk.step()
      #expect(abs(walk.position) <= 300, "seed \(seed)")
      let open = walk.driver.engine.openOrderCount
      #expect(open <= 2, "seed \(seed)")
    }
    let snapshot = walk.driver.engine.snapshot()
    #expect(snapshot.brokenInvariants == [], "seed \(seed)")
    #expect(snapshot.counters.executions > 50, "seed \(seed)")
    #expect(walk.requests.contains { $0.side.isBuy } && walk.requests.contains { !$0.side.isBuy })
    #expect(snapshot.counters.alarms == 0, "seed \(seed)")
  }

  /// So far behind the touch that nothing is filled: orders live long, and are replaced often.
  func farMaker(positionMax: Int64) -> MarketMaker {
    var parameters = MarketMaker.Parameters()
    parameters.edgeTicks = 8
    parameters.positionMax = positionMax
    return MarketMaker(parameters)
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `a long session of the market maker asks for nothing that is refused`(seed: UInt64) throws {
    let walk = try Walk(farMaker(positionMax: 300), seed: seed)
    for _ in 0..<3_000 {
      walk.step()
      let open = walk.driver.engine.openOrderCount
      #expect(open <= 2, "seed \(seed)")
    }
    let snapshot = walk.driver.engine.snapshot()
    #expect(snapshot.refusals == [:], "seed \(seed)")
    #expect(snapshot.brokenInvariants == [], "seed \(seed)")
    #expect(snapshot.counters.alarms == 0, "seed \(seed)")
    for isBuy in [true, false] {
      let side = walk.requests.filter { $0.side.isBuy == isBuy }
      let news = side.count { $0.kind == .new }
      let replaces = side.count { $0.kind == .replace }
      let cancels = side.count { $0.kind == .cancel }
      #expect(cancels > 10, "seed \(seed)")
      // Each order is replaced as often as it may be, cancelled, and another placed.
      #expect(news == cancels || news == cancels + 1, "seed \(seed)")
      #expect((35 * cancels...35 * news).contains(replaces), "seed \(seed)")
    }
  }

  @Test func `the market maker places anew only when the cancelled order is known to be gone`()
    throws
  {
    let walk = try Walk(farMaker(positionMax: 100), seed: 2)
    var asked: [VenueRequest] = []
    for _ in 0..<1_000 where asked.isEmpty {
      walk.move()
      let sent = walk.sent()
      asked = sent.filter { $0.kind == .cancel && $0.side.isBuy }
      for q in sent where q.kind != .cancel || !q.side.isBuy { walk.take(q) }
    }
    let cancel = try #require(asked.first)
    // The cancel is under way and the market goes on: nothing more is bought.
    for _ in 0..<50 {
      walk.move()
      for q in walk.sent() {
        #expect(!q.side.isBuy)
        walk.take(q)
      }
    }
    // The venue had filled it before the cancel came.
    let filled = try #require(walk.resting[cancel.venueReference])
    walk.execute(cancel.venueReference, filled)
    walk.take(cancel)
    #expect(walk.position == 100)
    let before = walk.requests.count
    for _ in 0..<200 {
      walk.step()
      #expect(walk.position <= 100)
    }
    let after = walk.requests[before...]
    #expect(after.allSatisfy { !$0.side.isBuy } && !after.isEmpty, "the bound is reached")
    let snapshot = walk.driver.engine.snapshot()
    #expect(snapshot.refusals == [:] && snapshot.brokenInvariants == [])
  }

  @Test func `the market maker leaves an order in its queue while the price stands`() throws {
    let walk = try Walk(MarketMaker(MarketMaker.Parameters()), seed: 9)
    walk.step()
    let placed = walk.requests.count
    #expect(placed == 2)
    for _ in 0..<50 {
      walk.time += 20_000_000
      // Something behind the best price: no reason to lose the queue.
      var r = walk.record("A")
      r.side = UInt8(ascii: "B")
      walk.reference += 1
      r.reference = walk.reference
      r.shares = 100
      r.price = walk.bid - 500
      walk.feed([r])
      walk.answer()
    }
    #expect(walk.requests.count == placed)
  }

  @Test func `the market maker withdraws when the symbol halts`() throws {
    let walk = try Walk(MarketMaker(MarketMaker.Parameters()), seed: 9)
    walk.step()
    let before = walk.driver.engine.openOrderCount
    #expect(before == 2)
    walk.one("H", code: "H")
    walk.answer()
    let after = walk.driver.engine.openOrderCount
    #expect(after == 0)
  }

  @Test func `the market maker withdraws when it is told that the feed is silent, and comes back`()
    throws
  {
    let walk = try Walk(MarketMaker(MarketMaker.Parameters()), seed: 9)
    walk.step()
    #expect(walk.openOrders == 2)
    // Told while all is well: nothing to do.
    walk.tellState()
    #expect(walk.openOrders == 2)
    walk.time += 6_000_000_000
    walk.tellState()
    #expect(walk.openOrders == 0)
    let asked = walk.requests.count
    walk.tellState()
    #expect(walk.requests.count == asked, "once is enough")
    walk.step()
    #expect(walk.openOrders == 2, "the feed goes on")
  }

  @Test func `the market maker withdraws when it is told of a gap, and quotes when it is closed`()
    throws
  {
    let walk = try Walk(MarketMaker(MarketMaker.Parameters()), seed: 9)
    walk.step()
    #expect(walk.openOrders == 2)
    walk.driver.engine.market.gapDetected()
    walk.driver.engine.market.repairIsLate()
    walk.tellState()
    #expect(walk.openOrders == 0)
    walk.driver.engine.market.gapRepaired()
    walk.time += 20_000_000
    walk.tellState()
    #expect(walk.openOrders == 2)
  }

  @Test func `while a repair is not late the market maker leaves what rests and places nothing`()
    throws
  {
    let walk = try Walk(MarketMaker(MarketMaker.Parameters()), seed: 9)
    walk.step()
    #expect(walk.openOrders == 2)
    walk.driver.engine.market.gapDetected()
    // What comes before the hole is closed moves the book: nothing rests on it.
    let bid = Int(walk.bid)
    for _ in 0..<500 where abs(Int(walk.bid) - bid) < 500 { walk.move() }
    #expect(abs(Int(walk.bid) - bid) >= 500, "ticks of 100")
    walk.driver.stateChanged(sessionTime: walk.time, machineTime: 0)
    #expect(walk.sent().isEmpty && walk.openOrders == 2)
    walk.driver.engine.market.gapRepaired()
    walk.driver.stateChanged(sessionTime: walk.time, machineTime: 0)
    let followed = walk.sent()
    #expect(!followed.isEmpty && followed.allSatisfy { $0.kind == .replace })
    for request in followed { walk.take(request) }
    // A gap that is lost, and one that is late, are another matter.
    walk.driver.engine.market.gapDetected()
    walk.driver.engine.market.gapLost(missing: 1)
    walk.tellState()
    #expect(walk.openOrders == 0)
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `the taker sends immediate-or-cancel orders and keeps its position`(seed: UInt64) throws {
    var parameters = ImbalanceTaker.Parameters()
    parameters.positionMax = 200
    parameters.ratioPercent = 200
    let walk = try Walk(ImbalanceTaker(parameters), seed: seed)
    for _ in 0..<1_500 {
      walk.step()
      #expect(abs(walk.position) <= 200, "seed \(seed)")
    }
    let snapshot = walk.driver.engine.snapshot()
    #expect(snapshot.brokenInvariants == [], "seed \(seed)")
    #expect(snapshot.counters.executions > 10, "seed \(seed)")
    #expect(walk.requests.allSatisfy { $0.timeInForce == .immediateOrCancel }, "seed \(seed)")
    // The cool-down holds.
    let times = walk.requests.map(\.sessionTime)
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= parameters.cooldown })
  }

  @Test(arguments: [false, true])
  func `two runs write the same bytes`(isFar: Bool) throws {
    func run() throws -> ([UInt8], UInt64) {
      var parameters = MarketMaker.Parameters()
      parameters.positionMax = 300
      let maker = isFar ? farMaker(positionMax: 300) : MarketMaker(parameters)
      let walk = try Walk(maker, seed: 4)
      for _ in 0..<300 { walk.step() }
      return (Array(walk.lane.records), walk.driver.engine.stateHash())
    }
    let (first, hash) = try run()
    let (second, again) = try run()
    #expect(first == second && hash == again)
    #expect(first.count > 10_000)
  }
}
