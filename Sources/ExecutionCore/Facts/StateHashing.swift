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
    limits.mix(at: sessionTime, into: &h)
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
