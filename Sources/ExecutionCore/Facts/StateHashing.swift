/// A hash over words, one after the other. Not for keys that somebody chooses.
struct StateHasher {
  private var state: UInt64

  @inline(__always) init(seed: UInt64 = 0) { state = seed ^ 0x9e37_79b9_7f4a_7c15 }

  @inline(__always) mutating func mix(_ word: UInt64) {
    state = ((state &<< 23 | state &>> 41) ^ word) &* 0xbf58_476d_1ce4_e5b9
  }
  var value: UInt64 {
    let half = (state ^ state &>> 31) &* 0x94d0_49bb_1331_11eb
    return half ^ half &>> 29
  }
  @inline(__always) mutating func mix(_ number: Int64) { mix(UInt64(bitPattern: number)) }
  @inline(__always) mutating func mix(_ number: Int128) {
    mix(UInt64(truncatingIfNeeded: number))
    mix(UInt64(truncatingIfNeeded: number &>> 64))
  }
  mutating func mix(
    bytes a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8, _ g: UInt8,
    _ h: UInt8
  ) {
    let low = UInt64(a) | UInt64(b) &<< 8 | UInt64(c) &<< 16 | UInt64(d) &<< 24
    let high = UInt64(e) | UInt64(f) &<< 8 | UInt64(g) &<< 16 | UInt64(h) &<< 24
    mix(high &<< 32 | low)
  }
}

/// The sum of the hashes of a column's elements, kept without looking at all of them: those that have changed
/// since are in a list, each once.
@safe struct TouchedSum {
  private struct Entry: BitwiseCopyable {
    /// In no list.
    static var apart: Int32 { -2 }
    var hash: UInt64 = 0
    /// The one that changed before it; -1 ends the list.
    var next = apart
  }
  private var entries: Column<Entry>
  private var head: Int32 = -1
  /// How many have changed.
  private(set) var count = 0
  private(set) var sum: UInt64 = 0

  init(_ builder: inout ColumnBuilder, count: Int) { entries = builder.column(Entry(), count) }

  /// The element is about to change.
  @inline(__always) mutating func touch(_ i: Int) {
    guard entries[i].next == Entry.apart else { return }
    entries[i].next = head
    head = Int32(truncatingIfNeeded: i)
    count &+= 1
  }
  /// One that has changed, to be hashed now.
  mutating func take() -> Int? {
    guard head >= 0 else { return nil }
    let i = Int(head)
    head = entries[i].next
    entries[i].next = Entry.apart
    count &-= 1
    return i
  }
  mutating func set(_ i: Int, _ hash: UInt64) {
    sum = sum &- entries[i].hash &+ hash
    entries[i].hash = hash
  }
}

/// What keeps the state's hash at hand, and when it is journalled.
struct StateHashing {
  /// Orders and positions that are hashed in one turn, some 10 µs; twice as many in the next when more are left.
  static var perTurn: Int { 128 }

  /// Of limits and restrictions.
  var limits: UInt64 = 0
  var everyRecords: UInt64 = 0
  var interval: Int64 = 0
  var nextRecord: UInt64 = .max
  var nextTime: Int64 = .max
  var most = perTurn
}

/// The hash covers all trading state: orders, identifiers, sessions, latches, limits, message rates at session
/// time, the duplicate window, executions, positions, cash. Outside of it are the market, counters, refusals,
/// timers, and what waits for the wire, and what is worked out from the rest (exposures, sums; see
/// ``EngineSnapshot/brokenInvariants``).
extension EngineState {
  @inline(never) private mutating func hashTouched(most: Int) {
    orders.hashSome(most: most)
    portfolio.hashSome(most: most)
  }

  mutating func stateHash() -> UInt64 {
    hashTouched(most: .max)
    var h = StateHasher()
    h.mix(sessionTime)
    h.mix(UInt64(tradingDay))
    orders.mix(into: &h)
    h.mix(hashing.limits)
    portfolio.mix(into: &h)
    h.mix(duplicates.hash)
    ports.mix(into: &h)
    hashScopes(&h)
    return h.value
  }

  private mutating func hashScopes(_ h: inout StateHasher) {
    h.mix(UInt64(latches.standing.raw))
    for place in 0..<scopeCount &+ portCount {
      let causes = causes(at: place)
      h.mix(UInt64(causes.raw))
      guard !causes.isEmpty else { continue }
      for bit in 0..<UInt8(LatchCauses.most) where causes.raw &>> UInt32(bit) & 1 == 1 {
        let latch = latches[place, number: bit]
        h.mix(latch.since)
        h.mix(latch.record)
      }
    }
    for i in 0..<scopeCount {
      buckets[i].refill(at: sessionTime)
      h.mix(buckets[i].state)
    }
  }

  // MARK: Limits

  /// Of a scope, or behind all scopes an instrument; changed by taking the old one off and putting the new one on.
  mutating func hash(ofLimits place: Int) -> UInt64 {
    var h = StateHasher(seed: UInt64(truncatingIfNeeded: place))
    if place < scopeCount {
      limits[place].mix(into: &h)
    } else {
      instrumentLimits[place &- scopeCount].mix(into: &h)
      h.mix(risk[place &- scopeCount].restricted ? 1 as UInt64 : 0)
    }
    return h.value
  }

  mutating func hashLimits() {
    hashing.limits = 0
    for place in 0..<scopeCount &+ instrumentCount {
      hashing.limits &+= hash(ofLimits: place)
    }
  }

  // MARK: Journalling it

  mutating func scheduleHash() {
    hashing.nextRecord =
      hashing.everyRecords > 0 ? journal.nextSequence &+ hashing.everyRecords : .max
    let (time, over) = sessionTime.addingReportingOverflow(hashing.interval)
    hashing.nextTime = hashing.interval > 0 && !over ? time : .max
  }

  /// Journals the hash when it is time to; while much has changed since the last one, a part of it is hashed in each turn before.
  mutating func recordHash() {
    guard sessionTime >= hashing.nextTime || journal.nextSequence >= hashing.nextRecord else {
      return
    }
    guard max(orders.unhashed, portfolio.unhashed) <= hashing.most else {
      hashTouched(most: hashing.most)
      hashing.most &*= 2
      return
    }
    hashing.most = StateHashing.perTurn
    cause = 0
    record(.stateHash, StateHashRecord(stateHash: stateHash()))
    scheduleHash()
  }
}

extension Order {
  func hash(slot: Int) -> UInt64 {
    var h = StateHasher(seed: UInt64(truncatingIfNeeded: slot))
    h.mix(clientOrderID.raw)
    h.mix(UInt64(generation) &<< 32 | UInt64(instrument.raw))
    h.mix(UInt64(account.raw) &<< 32 | UInt64(strategy.raw))
    h.mix(UInt64(truncatingIfNeeded: cell) &<< 16 | UInt64(port))
    h.mix(price)
    h.mix(quantity)
    h.mix(leaves)
    h.mix(executed)
    h.mix(busted)
    h.mix(executedHere)
    h.mix(overfilled)
    h.mix(venueReference)
    h.mix(bookReference)
    h.mix(pendingReference)
    h.mix(pendingPrice)
    h.mix(pendingQuantity)
    h.mix(executedPending)
    h.mix(cancelQuantity)
    h.mix(cancelReference)
    h.mix(reserved)
    h.mix(requestNumber)
    h.mix(inquiryNumber)
    h.mix(requestedAt)
    h.mix(
      bytes: life.rawValue, doneReason.rawValue, newState.rawValue, replaceState.rawValue,
      cancelState.rawValue, side.rawValue, pendingSide.rawValue, incarnation)
    let marks = bit(countedOpen, 0) | bit(reservedBuy, 1) | bit(pendingInPlace, 2)
    let wishes = bit(cancelWanted, 3) | bit(isInquired, 4) | bit(isSettling, 5)
    let doubts = bit(isUnasked, 6) | bit(executionsMissing, 7)
    let flags = self.flags.rawValue
    h.mix(
      bytes: timeInForce.rawValue, display.rawValue, UInt8(truncatingIfNeeded: flags),
      UInt8(truncatingIfNeeded: flags &>> 8), marks | wishes | doubts, 0, 0, 0)
    return h.value
  }
  private func bit(_ flag: Bool, _ place: UInt8) -> UInt8 { flag ? 1 &<< place : 0 }
}

extension PositionBook {
  func mix(into h: inout StateHasher) {
    h.mix(cost)
    h.mix(realised)
    h.mix(fees)
    h.mix(cashFlow)
    h.mix(boughtValue)
    h.mix(soldValue)
    h.mix(bought)
    h.mix(sold)
    h.mix(net)
    h.mix(executions)
    h.mix(isUsed ? 1 as UInt64 : 0)
  }
}

extension ScopeLimits {
  func mix(into h: inout StateHasher) {
    h.mix(orderNotional)
    h.mix(orderQuantity)
    h.mix(position)
    h.mix(openOrders)
  }
}

extension VenuePort {
  mutating func mix(into h: inout StateHasher) {
    h.mix(nextReference)
    h.mix(streamSequence)
    h.mix(requests)
    h.mix(UInt64(causes.raw))
    h.mix(Int64(settling))
    h.mix(Int64(unasked))
    h.mix(Int64(missing))
    h.mix(Int64(cancelsWanted))
    let session: UInt64 = (isUp ? 1 : 0) | (hasCaughtUp ? 2 : 0) | (isReady ? 4 : 0)
    h.mix(session | (entryDisabled ? 8 : 0))
  }
}
