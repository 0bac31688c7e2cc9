import ExecutionCore
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Node

/// The TCP ends of the hot thread against peers that do not do their part, over a network in memory.
struct RunLinkTests {
  private static let credentials = SoupCredentials(username: "NTAIL1", password: "secret")!

  /// A listening peer in a reactor of its own: what is not polled there is not read.
  private struct Peer: ~Copyable {
    var reactor: Reactor
    let endpoint: Endpoint
    var accepted = 0
    var soup: SoupServer
    private var out = [UInt8](repeating: 0, count: 256)

    init(on network: MemoryNetwork) throws {
      var reactor = try Reactor(.on(network))
      let listener = try reactor.listen(on: .loopback(), token: 1)
      endpoint = try reactor.localEndpoint(of: listener)
      soup = SoupServer(
        SoupServerSettings(session: SessionName("TEST")!, credentials: credentials), now: 0)
      self.reactor = reactor
    }

    /// Takes what came; answers log-ins where `answers`.
    mutating func poll(answers: Bool) {
      let count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
      for index in 0..<max(0, count) {
        let event = reactor.event(index)
        if event.kind == .accepted { accepted += 1 }
        guard event.kind == .received, answers else { continue }
        var offset = 0
        while let found = soup.next(event.bytes, &offset, now: 0) {
          guard case .login(let login) = found else { continue }
          out.withUnsafeMutableBytes { out in
            let answer = soup.answer(login, firstSequence: 1, nextSequence: 1, now: 0, into: out)
            guard case .accepted(let bytes) = answer else { return }
            _ = reactor.send(UnsafeRawBufferPointer(rebasing: out[..<bytes]), on: event.connection)
          }
          _ = reactor.submit()
        }
      }
    }
  }

  @Test func `behind a full socket orders wait where they can be withdrawn, and grow too old`()
    throws
  {
    let network = try MemoryNetwork(seed: 1)
    var peer = try Peer(on: network)
    var reactor = try Reactor(.on(network))
    var settings = OUCHGatewaySettings(
      session: SoupClientSettings(credentials: Self.credentials), port: .first,
      account: AccountID(raw: 0), midnight: 0)
    settings.fuse.ordersPerSecondMax = .max
    settings.fuse.notionalPerSecondMax = .max
    settings.fuse.openOrdersMax = 1 << 20
    var orders = OrderEntryClient(
      .first, to: peer.endpoint,
      gateway: OUCHGateway(settings, symbols: [SymbolCode.encode("AAPL")!]),
      backoff: ReconnectBackoff(first: 1, longest: 1, attemptsMax: 1, seed: 1))
    orders.tick(&reactor, now: 0)
    for _ in 0..<60_000 where !orders.gateway.isActive {
      let count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
      for index in 0..<max(0, count) {
        let event = reactor.event(index)
        if event.kind == .received {
          #expect(orders.receive(event.bytes, now: 0).isEmpty)
        } else {
          orders.handle(event, &reactor, now: 0)
        }
      }
      peer.poll(answers: true)
    }
    let isActive = orders.gateway.isActive
    try #require(isActive)
    orders.gateway.clearReports()
    // The peer reads no more: the kernel's buffers fill.
    var filler = VenueRequest(
      kind: .cancel, port: .first, instrument: InstrumentID(raw: 0), account: AccountID(raw: 0),
      strategy: StrategyID(raw: 0))
    filler.venueReference = 1
    for _ in 0..<1_000_000 where !orders.isHeldBack {
      if orders.gateway.hasRoom { _ = orders.gateway.encode(filler, now: 1) }
      if !orders.gateway.hasRoom { orders.flush(&reactor, now: 1) }
    }
    let isHeldBack = orders.isHeldBack
    try #require(isHeldBack)
    let waiting = reactor.unsentBytes(of: orders.connection)
    #expect(waiting > 0 && waiting <= 32_768, "\(waiting): at most the rest of one piece")
    // What the engine wants to send waits in its outbox, and nowhere else.
    let walk = try StrategyTests.Walk(NoStrategy(), seed: 1)
    walk.move()
    walk.driver.engine.setMachineTime(1)
    for i in 0..<500 as Range<Int64> {
      let verdict = walk.driver.engine.place(
        OrderRequest(
          instrument: InstrumentID(raw: 0), account: AccountID(raw: 0),
          strategy: StrategyID(raw: 0), side: .buy,
          price: Price(raw: walk.best - i % 50 * 1_000_000), quantity: Quantity(raw: 1 + i / 50)))
      guard case .accepted = verdict else { throw Refused(verdict: verdict) }
    }
    #expect(orders.encode(from: &walk.driver.engine, reactor, now: 2) == 0)
    #expect(walk.driver.engine.outboxCount == 500)
    #expect(reactor.unsentBytes(of: orders.connection) <= waiting, "nothing was added")
    let late = walk.driver.engine.configuration.outboxAgeMax + 2
    walk.driver.engine.withdrawOld(machineTime: late)
    #expect(walk.driver.engine.counters.newOrdersNotSent == 500)
    #expect(walk.driver.engine.nextRequest(machineTime: late) == nil)
    #expect(walk.driver.engine.openOrderCount == 0)
    // The peer reads again: the rest leaves, and the link works as before.
    for _ in 0..<60_000 where orders.isHeldBack {
      peer.poll(answers: false)
      _ = reactor.poll(passing: .block(nanoseconds: 1_000_000))
      orders.flush(&reactor, now: late)
    }
    let isStillHeldBack = orders.isHeldBack
    #expect(!isStillHeldBack)
    _ = walk.driver.engine.place(
      OrderRequest(
        instrument: InstrumentID(raw: 0), account: AccountID(raw: 0), strategy: StrategyID(raw: 0),
        side: .buy, price: Price(raw: walk.best), quantity: Quantity(raw: 77)))
    #expect(orders.encode(from: &walk.driver.engine, reactor, now: late) == 1)
    #expect(orders.gateway.reports.isEmpty)
  }

  private struct Refused: Error { var verdict: Verdict }

  @Test(arguments: [false, true])
  func `a snapshot service that falls silent is tried again, a bounded number of times`(
    _ answers: Bool
  ) throws {
    let network = try MemoryNetwork(seed: 1)
    var peer = try Peer(on: network)
    var reactor = try Reactor(.on(network))
    var client = SnapshotClient(credentials: Self.credentials, midnight: 0)
    let walk = try StrategyTests.Walk(NoStrategy(), seed: 1)
    let market = walk.driver.engine.market
    client.begin(now: 0)
    var now: Int64 = 0
    var ticks = 0
    while client.tick(&reactor, at: peer.endpoint, of: nil, now: now), ticks < 1_000 {
      ticks += 1
      // Machine time of the test's own: 100 ms from look to look.
      now += 100_000_000
      let count = reactor.poll(passing: .block(nanoseconds: 1_000_000))
      for index in 0..<max(0, count) {
        let progress = client.handle(reactor.event(index), &reactor, market, now: now)
        if case .complete = progress { Issue.record("nothing was sent") }
      }
      peer.poll(answers: answers && peer.accepted == 1)
    }
    #expect(ticks < 1_000, "it gives up")
    let isWanted = client.isWanted
    #expect(isWanted)
    #expect(now >= SnapshotClient.silenceMax)
    #expect(
      now <= Int64(SnapshotClient.attemptsMax) * (SnapshotClient.attemptTimeMax + 1_000_000_000))
    #expect(peer.accepted > 1)
  }

  // MARK: The last hop's fuse

  private static let limits = Configuration.Limits.firm

  @Test func `the fuse stands at four times what the engine lets through`() {
    let limits = Self.limits
    let fuse = FuseLimits(behind: limits, speed: .times(Decimal8(raw: 100_000_000)))
    let orders = 4 * (limits.messagesPerSecond + limits.messageBurst)
    #expect(fuse.ordersPerSecondMax == Int(orders))
    #expect(fuse.openOrdersMax == Int(4 * limits.openOrders))
    #expect(
      Int128(fuse.notionalPerSecondMax)
        == min(Int128(limits.orderNotional.raw) / 10_000 * Int128(orders), Int128(Int64.max)))
  }

  @Test func `the fuse counts by machine time, so it grows with the speed of the session`() {
    let limits = Self.limits
    func cap(_ text: String) -> Int {
      FuseLimits(behind: limits, speed: .times(Decimal8(text)!)).ordersPerSecondMax
    }
    #expect(cap("1") == Int(4 * (limits.messagesPerSecond + limits.messageBurst)))
    #expect(cap("20") == Int(4 * (20 * limits.messagesPerSecond + limits.messageBurst)))
    #expect(cap("0.1") == cap("1"), "slower is no reason for less")
    let most = FuseLimits(behind: limits, speed: .max)
    #expect(most.ordersPerSecondMax == .max && most.notionalPerSecondMax == .max)
    #expect(most.openOrdersMax == Int(4 * limits.openOrders))
  }

  // MARK: What the summary makes of it

  @Test func `a tripped fuse and a report that cannot be decoded break an invariant`() {
    var summary = RunSummary()
    summary.take(GatewayCounters(), fuse: nil)
    #expect(summary.holds)
    summary.invariants = []
    var counters = GatewayCounters()
    counters.undecodable = 2
    summary.take(counters, fuse: .openOrders)
    let broken = summary.invariants.filter { !$0.holds }.map(\.name)
    #expect(broken == ["last-hop fuse not tripped", "every report decoded"])
  }

  @Test(arguments: RunSummary.seriousAlarms)
  func `an alarm after which our books may be wrong breaks an invariant`(
    _ code: AlarmCode
  ) throws {
    let walk = try StrategyTests.Walk(NoStrategy(), seed: 1)
    var state = walk.driver.engine.snapshot()
    func broken() -> [String] {
      var summary = RunSummary()
      summary.take(state, accounts: ["A"], strategies: ["S"], instruments: [])
      return summary.invariants.filter { !$0.holds }.map(\.name)
    }
    state.alarms = [.revisedTerms: 3]
    #expect(broken() == [])
    state.alarms[code] = 1
    #expect(broken() == ["no serious alarm"])
  }

  @Test func `the fills of the summary are those that stand, and broken trades are told apart`()
    throws
  {
    let walk = try StrategyTests.Walk(MarketMaker(MarketMaker.Parameters()), seed: 1)
    for _ in 0..<200 where walk.executed.count < 20 { walk.step() }
    let booked = walk.executed
    try #require(booked.count >= 20)
    for number in [2, 3, 7, 7] as [UInt64] { walk.breakTrade(number) }
    let standing = booked.enumerated().filter { ![1, 2, 6].contains($0.offset) }.map(\.element)
    var summary = RunSummary()
    let state = walk.driver.engine.snapshot()
    summary.take(state, accounts: ["A"], strategies: ["S"], instruments: [])
    #expect(summary.fills.count == UInt64(standing.count))
    #expect(summary.fills.shares == standing.reduce(0) { $0 + $1.quantity })
    #expect(summary.fills.count == summary.positions.reduce(0) { $0 + $1.fills })
    #expect(summary.fills.broken == 3)
    #expect(summary.fills.duplicates == 1)
    let row = summary.text().split(separator: "\n").first { $0.hasPrefix("  fills ") }
    #expect(row?.split(separator: " ")[1] == Substring(standing.count.grouped))
    let total = summary.text().split(separator: "\n").first { $0.hasPrefix("  total ") }
    #expect(total?.split(separator: " ")[1] == Substring(standing.count.grouped))
  }
}
