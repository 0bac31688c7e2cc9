public import ExecutionCore
public import Gateways
public import Transport

/// Tokens of the feeds by price: four for each, of which its sockets carry three.
@usableFromInline package enum PriceFeedToken {
  @inlinable package static var first: UInt64 { 1 << 32 }
  @inlinable package static func first(of index: Int) -> UInt64 { first &+ 4 &* UInt64(index) }

  /// The place of the client whose event this is; nil for others' events.
  @inline(__always) @inlinable static func index(_ token: UInt64, of count: Int) -> Int? {
    let index = (token &- first) / 4
    return index < UInt64(count) ? Int(index) : nil
  }
}

/// The feeds by price: each has its lines, its holes and its silences.
extension TradingLoop where Gateway: ~Copyable {
  @inline(__always) @inlinable
  mutating func receivePrices(_ event: borrowing ReactorEvent, _ i: Int) {
    guard event.kind == .received else {
      return prices[i].lines.failed(event, &path.reactor, now: path.now)
    }
    let isAnswer = prices[i].lines.isRequest(event.token)
    if isAnswer, !prices[i].lines.isAnswer(from: event.peer) { return }
    let received = path.reactor.ticks
    let arrived = event.receiveTime
    let isTimely = arrived != 0 && isTimely(arrived)
    let books = path.driver.engine.prices
    let channel = prices[i].channel
    unsafe prices[i].receive(event.bytes, token: event.token, now: path.now, books: books) {
      records, count in
      unsafe path.apply(records, count, channel: channel, received: received, arrived: arrived)
    }
    if prices[i].hasEvents { priceEvents(i) }
    if isAnswer { askOn(i) }
    if isTimely { isTimelyAgain() }
  }

  /// A re-request was answered: the next one follows at once. Never inlined: after a gap only.
  @inline(never) @inlinable mutating func askOn(_ i: Int) {
    guard prices[i].isMissing else { return }
    prices[i].lines.request(&path.reactor, now: path.now)
    if prices[i].hasEvents { priceEvents(i) }
  }

  /// A gap, a loss, the end of the feed. Never inlined: rare.
  @inline(never) @inlinable mutating func priceEvents(_ i: Int) {
    let events = prices[i].takeEvents(path.driver.engine.prices, now: path.now)
    if events.contains(.gapOpened) { ending.repairing.begin(now: path.now) }
    if events.contains(.gapOpened) || events.contains(.disputed) {
      prices[i].lines.request(&path.reactor, now: path.now)
      nextTick = min(nextTick, path.now &+ Self.repairInterval)
    }
    announceState()
    if events.contains(.endOfSession) { feedHasEnded(prices[i].channel) }
  }

  @inlinable mutating func tickPrices() {
    for i in 0..<prices.count {
      prices[i].lines.request(&path.reactor, now: path.now)
      if prices[i].hasEvents { priceEvents(i) }
    }
  }

  @inlinable var pricesAreRepairing: Bool {
    for i in 0..<prices.count where prices[i].isMissing { return true }
    return false
  }

  /// What is seen of a feed; true when strategies are to be told that this has changed.
  @inlinable mutating func look(atPrices i: Int, _ time: Int64) -> Bool {
    let books = path.driver.engine.prices
    let channel = prices[i].channel
    let isMissing = prices[i].isMissing && path.now &- prices[i].sight.gapSince >= settings.gapGrace
    if isMissing { books.repairIsLate(channel) }
    let isSilent = books.feedAge(channel, now: time) > feedAgeMax
    prices[i].sight.state =
      prices[i].isResuming ? .snapshot : isMissing ? .gap : isSilent ? .silent : .clear
    return prices[i].sight.isNewlyBlind(isReady: path.driver.engine.portsReady > 0)
  }

  /// Of all feeds.
  @inlinable var worstSight: TradingSight {
    var worst = feed.lines.isOff ? TradingSight.clear : sight.state
    for i in 0..<prices.count where prices[i].sight.state.rawValue > worst.rawValue {
      worst = prices[i].sight.state
    }
    return worst
  }

  @inlinable func setLate(_ isLate: Bool) {
    let market = path.driver.engine.market
    if isLate { market.feedIsLate() } else { market.feedIsTimely() }
    for i in 0..<prices.count { path.driver.engine.prices.set(prices[i].channel, late: isLate) }
  }

  /// The run ends with the last of the feeds that are awaited to end.
  @inlinable mutating func feedHasEnded(_ channel: UInt8) {
    endedFeeds |= 1 &<< channel
    guard endedFeeds & settings.finiteFeeds == settings.finiteFeeds else { return }
    beginStop(.feedEnded)
  }
}
