import CSupport
import ExecutionCore
import Foundation
import Gateways
import Trading
import Transport

/// What the hot thread found, told when it has ended.
struct HotResult: Sendable {
  var state: EngineSnapshot
  var mold: MoldCounters
  /// All order sessions together, and by venue.
  var gateway: GatewayCounters
  var venues: [VenueResult]
  /// Of the feeds by price.
  var prices: [PriceFeedResult]
  var datagrams: UInt64
  var bytes: UInt64
  var malformed: UInt64
  /// Messages of a type that is not known, and messages whose time was not taken.
  var skipped: UInt64
  var implausibleTimes: UInt64
  var socketFailures: UInt64
  /// Line A, line B, and the re-request server's answers.
  var lines: [MoldLineCounters]
  /// The session of the feed, and the last one that was not it; nil: it was never known, there was none.
  var session: SessionName?
  var foreignSession: SessionName?
  var end: RunEnd?
  var backEnd: String
  /// The snapshot service has refused every log-in; it was still to give the books.
  var isSnapshotRefused: Bool
  var isSnapshotAwaited: Bool
  var elapsed: Int64
  /// Of all markets together.
  var sight: MarketSight
  var sessionSpan: Int64
  var symbolsWhole: Int
  /// The first instrument that the feed has not named.
  var firstUnnamed: String?
  /// Times that the books were taken from a snapshot.
  var snapshots: UInt64
  /// Memory that the engine took at the start.
  var arenaBytes: UInt64
  var watchdog: Watchdog
  /// The cap of the last hop that was passed; nil while its fuse is armed.
  var fuseTripped: LastHopFuse.Cap?
}

/// What was found of a venue: all its order sessions together.
struct VenueResult: Sendable {
  var gateway = GatewayCounters()
  var counts = SessionCounts()
  var ports = 0
  var connects: UInt64 = 0
  /// The last trouble, in words: of the port that was given up, where one was.
  var trouble = ""
  /// A port's log-ins are refused now.
  var isLoginRefused = false
  /// Every order session was up, and all its reports seen, when the run ended.
  var isSessionUp = true
  /// A port was given up, or the venue does not come back.
  var isGone = false
  /// At the end.
  var openOrders: Int64 = 0
  /// From the datagram to the order that it led to, there.
  var tickToOrder: LatencyRecorder.Percentiles
  /// Of a paper broker: reports that were never sent and found by asking, those that came again, and cash that no
  /// order brought.
  var found: UInt64 = 0
  var repeated: UInt64 = 0
  var adjustments: UInt64 = 0
  var adjusted: Int128 = 0
}

/// What was found of a feed by price.
struct PriceFeedResult: Sendable {
  var channel: UInt8
  var mold: MoldCounters
  /// Line A, line B, and the re-request server's answers.
  var lines: [MoldLineCounters]
  var datagrams: UInt64
  var bytes: UInt64
  var malformed: UInt64
  var implausibleTimes: UInt64
  var socketFailures: UInt64
  var session: SessionName?
  var foreignSession: SessionName?
  var named: UInt64
  var unlisted: UInt64
  var unequal: UInt64
  /// Times that messages were given up, and how many.
  var losses: UInt64
  var lost: UInt64
  var books: PriceFeedCounters
  var sight: MarketSight
}

extension HotRun {
  /// What the loop has found, when it has ended.
  func result(of loop: borrowing ProductLoop) -> HotResult {
    let begun = loop.path.clock.begunAt
    let clients = loop.path.orders
    let venues = plan.venues.map { venue(loop, $0.number) }
    var counters = GatewayCounters()
    for venue in venues { counters.add(venue.gateway) }
    let mold = loop.feed.lines.receiver.counters
    let foreign = loop.feed.lines.receiver.foreignSession
    let rerequests = loop.feed.lines.receiver.requestLine
    var lines = (0...rerequests).map { loop.feed.lines.receiver.line($0) }
    lines[rerequests].foreignSession &+= loop.feed.lines.answersRefused
    return HotResult(
      state: loop.path.driver.engine.snapshot(), mold: mold,
      gateway: counters, venues: venues, prices: prices(loop), datagrams: loop.feed.lines.datagrams,
      bytes: loop.feed.lines.bytes, malformed: loop.feed.malformed,
      skipped: loop.feed.skipped &+ loop.snapshot.skipped,
      implausibleTimes: loop.feed.implausibleTimes, socketFailures: loop.feed.lines.failures,
      lines: lines, session: loop.feed.lines.receiver.session,
      foreignSession: mold.foreignSession > 0 ? foreign : nil,
      end: loop.end,
      backEnd: loop.path.reactor.backEnd.rawValue,
      isSnapshotRefused: loop.snapshot.isRefused, isSnapshotAwaited: loop.snapshot.isWanted,
      elapsed: begun == 0 ? 0 : loop.path.reactor.now - begun,
      sight: loop.sight,
      sessionSpan: loop.path.clock.span,
      symbolsWhole: loop.path.driver.engine.symbolsWhole,
      firstUnnamed: firstUnnamed(loop.path.driver.engine.market), snapshots: loop.snapshot.taken,
      arenaBytes: arenaBytes, watchdog: loop.watchdog,
      fuseTripped: (0..<clients.count).lazy.compactMap { clients[$0].gateway.fuseTripped }.first)
  }

  private func firstUnnamed(_ market: ITCHMarket) -> String? {
    let place = plan.orders?.instruments.first {
      market.locate(InstrumentID(raw: UInt32($0))) == nil
    }
    return place.map { "\(plan.instruments[$0].symbol)" }
  }

  private func venue(_ loop: borrowing ProductLoop, _ number: VenueID) -> VenueResult {
    let clients = loop.path.orders
    var result = VenueResult(tickToOrder: latency.percentiles(at: number))
    var isGivenUp = false
    for i in 0..<clients.count where clients[i].venue == number {
      result.gateway.add(clients[i].gateway.counters)
      result.counts.add(clients[i].counts)
      result.ports += 1
      result.connects += clients[i].connects
      if clients[i].refusals.count > 0 { result.isLoginRefused = true }
      if !clients[i].gateway.isCaughtUp { result.isSessionUp = false }
      result.openOrders += Int64(loop.path.driver.engine.openOrderCount(of: clients[i].port))
      let isWorse = result.trouble.isEmpty || clients[i].isRefused && !isGivenUp
      if isWorse, !clients[i].trouble.isEmpty { result.trouble = clients[i].trouble }
      isGivenUp = isGivenUp || clients[i].isRefused
      guard let found = clients[i].gateway.paper else { continue }
      result.found &+= found.found
      result.repeated &+= found.repeated
      result.adjustments &+= found.adjustments
      result.adjusted &+= found.adjusted
    }
    result.isGone = isGivenUp || monitor.get(.lostVenues) >> UInt64(number.raw) & 1 != 0
    return result
  }

  private func prices(_ loop: borrowing ProductLoop) -> [PriceFeedResult] {
    let clients = loop.prices
    return (0..<clients.count).map { i in
      let requests = clients[i].lines.receiver.requestLine
      var lines = (0...requests).map { clients[i].lines.receiver.line($0) }
      lines[requests].foreignSession &+= clients[i].lines.answersRefused
      let mold = clients[i].lines.receiver.counters
      return PriceFeedResult(
        channel: clients[i].channel, mold: mold, lines: lines,
        datagrams: clients[i].lines.datagrams, bytes: clients[i].lines.bytes,
        malformed: clients[i].malformed, implausibleTimes: clients[i].implausibleTimes,
        socketFailures: clients[i].lines.failures, session: clients[i].lines.receiver.session,
        foreignSession: mold.foreignSession > 0 ? clients[i].lines.receiver.foreignSession : nil,
        named: clients[i].named, unlisted: clients[i].unlisted, unequal: clients[i].unequal,
        losses: clients[i].losses, lost: clients[i].lost,
        books: loop.path.driver.engine.prices.counters(clients[i].channel),
        sight: clients[i].sight)
    }
  }
}

extension Engine {
  /// Instruments whose book holds every order of the feed.
  var symbolsWhole: Int {
    let quotes = quotes
    return (0..<UInt32(quotes.count)).count { quotes.isWhole(InstrumentID(raw: $0)) }
  }
}
