/// The orders accepted within the last moments, to find one that is asked for again by mistake.
///
/// A ring of the accepted orders, oldest overwritten, with chains by hash. When the ring is too small
/// for the window, ``isFull(at:)`` says so and the order is refused: it could not be checked.
@safe struct DuplicateWindow {
  /// What two orders have in common that are taken for the same.
  struct Key: BitwiseCopyable {
    var price: Int64 = 0
    var quantity: Int64 = 0
    var instrument: UInt32 = .max
    var account: UInt32 = .max
    var isBuy = false

    @inline(__always) func isSame(as other: Key) -> Bool {
      price == other.price && quantity == other.quantity && instrument == other.instrument
        && account == other.account && isBuy == other.isBuy
    }
  }
  private struct Entry: BitwiseCopyable {
    var key = Key()
    var time: Int64 = .min
    /// Number of the entry before this one in the same chain; 0 ends it.
    var previous: UInt64 = 0
  }
  /// The newest entry of a chain. Its time is here too: most chains are looked at no further.
  private struct Head: BitwiseCopyable {
    var number: UInt64 = 0
    var time: Int64 = .min
  }
  static var entriesMax: Int { 4_096 }

  private var ring: Column<Entry>
  private var heads: Column<Head>
  /// Number of the entry written last; the first is 1.
  private var last: UInt64 = 0
  /// Of all that was ever added.
  private(set) var hash: UInt64 = 0
  let window: Int64
  let most: Int

  init(_ builder: inout ColumnBuilder, window: Int64, most: Int) {
    ring = builder.column(Entry(), Self.entriesMax)
    heads = builder.column(Head(), Self.entriesMax)
    self.window = window
    self.most = most
  }

  @inline(__always) private func bucket(_ e: Key) -> Int { bucket(mixed: mixed(e)) }
  @inline(__always) private func bucket(mixed h: UInt64) -> Int {
    Int(truncatingIfNeeded: h >> 32) & (Self.entriesMax - 1)
  }
  @inline(__always) private func mixed(_ e: Key) -> UInt64 {
    var h = UInt64(bitPattern: e.price) &* 0x9e37_79b9_7f4a_7c15
    h ^= UInt64(bitPattern: e.quantity) &* 0xc2b2_ae3d_27d4_eb4f
    h ^= (UInt64(e.instrument) << 32 | UInt64(e.account) << 1 | (e.isBuy ? 1 : 0))
    return (h ^ h >> 29) &* 0xbf58_476d_1ce4_e5b9
  }
  @inline(__always) private func expired(_ time: Int64, at now: Int64) -> Bool {
    let (age, over) = now.subtractingReportingOverflow(time)
    return over || age > window || age < 0
  }

  /// The entry that would be overwritten is still in the window.
  @inline(__always) func isFull(at now: Int64) -> Bool {
    guard window > 0, last >= UInt64(Self.entriesMax) else { return false }
    return !expired(
      ring[Int(truncatingIfNeeded: (last &+ 1) & UInt64(Self.entriesMax - 1))].time, at: now)
  }

  /// Neither full, nor anything like this one in the window: the answer of most orders, at once.
  @inline(__always) func isClear(_ like: Key, at now: Int64) -> Bool {
    if window <= 0 { return most > 0 }
    return most > 0 && !isFull(at: now) && expired(heads[bucket(like)].time, at: now)
  }

  /// How many like this one were accepted in the window.
  func count(_ like: Key, at now: Int64) -> Int {
    guard window > 0 else { return 0 }
    var found = 0
    let head = heads[bucket(like)]
    if expired(head.time, at: now) { return 0 }
    var number = head.number
    for _ in 0..<Self.entriesMax {
      guard number != 0, number &+ UInt64(Self.entriesMax) > last else { break }
      let at = Int(truncatingIfNeeded: number & UInt64(Self.entriesMax - 1))
      if expired(ring[at].time, at: now) { break }
      if ring[at].key.isSame(as: like) { found &+= 1 }
      number = ring[at].previous
    }
    return found
  }

  @inline(__always) mutating func add(_ key: Key, at now: Int64) {
    guard window > 0 else { return }
    last &+= 1
    let mixed = mixed(key)
    hash = (hash ^ mixed) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(bitPattern: now)
    let b = bucket(mixed: mixed)
    let at = Int(truncatingIfNeeded: last & UInt64(Self.entriesMax - 1))
    ring[at].key = key
    ring[at].time = now
    ring[at].previous = heads[b].number
    heads[b] = Head(number: last, time: now)
  }
}
