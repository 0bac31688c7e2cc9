/// Applying records. On the engine's thread, one writer.
extension ITCHMarket {
  /// Applies a record of a batch that is applied in order, and looks ahead at those behind it.
  ///
  /// As ``apply(_:)``; what is found ahead only makes later records faster.
  @_noLocks public func apply(
    _ records: UnsafePointer<MarketRecord>, at index: Int, count: Int
  ) -> MarketChange {
    unsafe books.prefetch(records, at: index, count: count)
    return unsafe applyNext(records + index)
  }

  /// Applies one record: sequence, books, states, gates.
  ///
  /// A sequence already applied is ignored and counted; a sequence beyond the next one is a loss:
  /// counted, applied all the same (a later snapshot sets it right), and no book is whole.
  /// Sequence 0 is unsequenced and applied in the order given.
  @_noLocks public func apply(_ record: UnsafePointer<MarketRecord>) -> MarketChange {
    unsafe applyNext(record)
  }

  @_noLocks @inline(__always) private func applyNext(
    _ record: UnsafePointer<MarketRecord>
  ) -> MarketChange {
    var change: MarketChange = .empty
    let sequence = unsafe record.pointee.sequence
    if sequence != 0 {
      let expected = unsafe feed.pointee.expected
      if sequence != expected {
        let step = follow(sequence, expected: expected)
        if step.contains(.ignored) { return step }
        change = step
      }
      unsafe feed.pointee.expected = sequence &+ 1
    }
    return unsafe change.union(applyContent(record))
  }

  /// Applies one record of a snapshot, between `beginSnapshot` and `endSnapshot`: its sequence is not looked at.
  @_noLocks public func applySnapshot(_ record: UnsafePointer<MarketRecord>) -> MarketChange {
    unsafe applyContent(record)
  }

  /// Sequence numbers from `sequence` on that carried nothing to apply (messages of a type that is not known):
  /// they are not a loss of the feed. The caller decides that what they were may be passed over.
  @_noLocks public func skip(_ count: UInt64, from sequence: UInt64) {
    let expected = unsafe feed.pointee.expected
    if sequence != expected, follow(sequence, expected: expected).contains(.ignored) { return }
    unsafe feed.pointee.expected = sequence &+ count
  }

  /// The sequence is not the expected one.
  @_noLocks @inline(never) private func follow(
    _ sequence: UInt64, expected: UInt64
  ) -> MarketChange {
    if expected == 0 {
      // The first sequenced record. From 1 on nothing is missing.
      if sequence == 1, books.live == 0 { return becomeWhole() }
      guard unsafe channel.pointee.isWhole else { return .empty }
      // Joined late: what came before the first record is not known.
      lose()
      return .wholenessChanged
    }
    if sequence < expected {
      unsafe feed.pointee.repeated &+= 1
      return .ignored
    }
    unsafe feed.pointee.gaps &+= 1
    unsafe feed.pointee.missing &+= sequence &- expected
    lose()
    return MarketChange.gap.union(.wholenessChanged).union(.qualityChanged)
  }

  @_noLocks func becomeWhole() -> MarketChange {
    guard unsafe !channel.pointee.isWhole else { return .empty }
    unsafe channel.pointee.becomeWhole()
    return .wholenessChanged
  }

  @_noLocks func lose() {
    unsafe channel.pointee.lose()
    unsafe feed.pointee.hasLost = true
  }

  @_noLocks @inline(__always) private func applyContent(
    _ record: UnsafePointer<MarketRecord>
  ) -> MarketChange {
    typealias Kind = ITCHDecoder.Kind
    let time = unsafe record.pointee.sessionTime
    unsafe feed.pointee.applied &+= 1
    let channel = unsafe channel
    if unsafe time < channel.pointee.lastTime {
      unsafe feed.pointee.backwards &+= 1
    } else {
      unsafe channel.pointee.lastTime = time
    }
    // Which kind comes next cannot be foreseen: as few ways as can be.
    let kind = unsafe record.pointee.kind
    let bit = Self.bit(kind)
    if bit & (Self.bit(Kind.add) | Self.bit(Kind.addAttributed)) != 0 {
      var change: MarketChange = .empty
      if unsafe books.symbol(record.pointee.locate) == 0,
        unsafe state.pointee.settings.bindsAtFirstAdd
      {
        unsafe change = bind(record.pointee.locate, record.pointee.symbol)
      }
      let done = unsafe books.add(record)
      return unsafe change.union(settle(done, locate: record.pointee.locate, time: time))
    }
    let executions = Self.bit(Kind.executed) | Self.bit(Kind.executedAtPrice)
    if bit & (executions | Self.bit(Kind.cancel) | Self.bit(Kind.delete)) != 0 {
      let done = unsafe books.take(record, resting: resting)
      guard !done.contains(.unknown) else { return .anomaly }
      let isTrade = bit & executions != 0
      if isTrade { unsafe recordExecution(record) }
      let settled = unsafe settle(done, locate: resting.pointee.locate, time: time)
      return isTrade ? settled.union(.trade) : settled
    }
    switch kind {
    case Kind.replace:
      let done = unsafe books.replace(record, resting: resting)
      guard done.contains(.depth) else { return .anomaly }
      return unsafe settle(done, locate: resting.pointee.locate, time: time)
    case Kind.trade, Kind.cross:
      return unsafe recordTrade(record)
    default:
      return unsafe applyState(record)
    }
  }

  /// A kind, which is a capital letter, as a bit; 0 for what is none.
  @_noLocks @inline(__always) private static func bit(_ kind: UInt8) -> UInt32 {
    let letter = UInt32(kind &- 65)
    return letter < 32 ? 1 &<< letter : 0
  }

  /// Turns what the books did into changes, and writes what moved into the view.
  @_noLocks @inline(__always) private func settle(
    _ done: BookChange, locate: UInt16, time: Int64
  ) -> MarketChange {
    // Top and depth are the same bits in both: asserted by a test.
    var change = MarketChange(rawValue: UInt32(done.rawValue & 3))
    if done.rawValue & ~3 != 0 {
      if done.contains(.dropped) {
        change.formUnion(.wholenessChanged)
        publish(locate)
      }
      if done.isAnomaly { change.formUnion(.anomaly) }
    }
    let bound = unsafe stated(locate).pointee.instrument
    guard bound != 0 else { return change }
    let i = Int(bound &- 1)
    quotes.touch(i, at: time)
    if done.contains(.top), setTop(locate, i, at: time) { change.formUnion(.qualityChanged) }
    return change
  }

  /// A call of its own: most locates of a feed are none of ours.
  @_noLocks @inline(never) func setTop(_ locate: UInt16, _ i: Int, at time: Int64) -> Bool {
    quotes.set(i, top(locate, i), at: time)
  }

  /// Best bid and offer of a locate at its instrument's exponents.
  @_noLocks @inline(__always) func top(_ locate: UInt16, _ i: Int) -> Quote {
    let top = books.top(locate)
    let scale = Int64(quotes[i].priceScale)
    return Quote(
      bid: Price(raw: Int64(top.bid) &* scale), ask: Price(raw: Int64(top.ask) &* scale),
      bidQuantity: Quantity(raw: Int64(truncatingIfNeeded: top.bidShares)),
      askQuantity: Quantity(raw: Int64(truncatingIfNeeded: top.askShares)))
  }

  // MARK: Trades

  @_noLocks @inline(__always) private func recordExecution(_ r: UnsafePointer<MarketRecord>) {
    let isAtPrice = unsafe r.pointee.kind == ITCHDecoder.Kind.executedAtPrice
    let price = unsafe isAtPrice ? r.pointee.price : resting.pointee.price
    unsafe trade.pointee.sessionTime = r.pointee.sessionTime
    unsafe trade.pointee.matchNumber = r.pointee.second
    unsafe trade.pointee.reference = r.pointee.reference
    // No more than was left: what goes beyond has been counted.
    unsafe trade.pointee.shares = UInt64(min(r.pointee.shares, resting.pointee.shares))
    unsafe trade.pointee.price = price
    unsafe trade.pointee.locate = resting.pointee.locate
    unsafe trade.pointee.kind = r.pointee.kind
    unsafe trade.pointee.aggressor = resting.pointee.side.opposite.wire
    let isPrintable = unsafe !isAtPrice || UInt8(truncatingIfNeeded: r.pointee.code) != 78  // N
    unsafe trade.pointee.isPrintable = isPrintable
    if isPrintable { printed() }
  }

  /// The last trade counts in the volume.
  @_noLocks @inline(__always) private func printed() {
    guard let print = lastPrint else { return }
    unsafe quotes.traded(
      Int(print.instrument.raw),
      LastTrade(price: print.price, quantity: print.quantity, time: trade.pointee.sessionTime))
  }

  /// P and Q. The aggressor of a hidden execution is told from the quote: at or above the offer a buyer,
  /// at or below the bid a seller, else unknown.
  @_noLocks private func recordTrade(_ r: UnsafePointer<MarketRecord>) -> MarketChange {
    let locate = unsafe r.pointee.locate
    let isCross = unsafe r.pointee.kind == ITCHDecoder.Kind.cross
    let price = unsafe r.pointee.price
    let shares = unsafe isCross ? r.pointee.reference : UInt64(r.pointee.shares)
    let top = books.top(locate)
    var aggressor: UInt8 = 0
    if !isCross {
      let buys = top.askShares > 0 && price >= top.ask
      let sells = top.bidShares > 0 && price <= top.bid
      if buys != sells { aggressor = buys ? UInt8(ascii: "B") : UInt8(ascii: "S") }
    }
    unsafe trade.pointee.sessionTime = r.pointee.sessionTime
    unsafe trade.pointee.matchNumber = r.pointee.second
    unsafe trade.pointee.reference = 0
    unsafe trade.pointee.shares = shares
    unsafe trade.pointee.price = price
    unsafe trade.pointee.locate = locate
    unsafe trade.pointee.kind = r.pointee.kind
    unsafe trade.pointee.aggressor = aggressor
    unsafe trade.pointee.isPrintable = shares > 0
    let bound = unsafe stated(locate).pointee.instrument
    if bound != 0 { unsafe quotes.touch(Int(bound &- 1), at: r.pointee.sessionTime) }
    // A cross without shares says only that there was none.
    guard shares > 0 else { return .empty }
    printed()
    return .trade
  }
}
