/// The orders accepted within the last moments, to find one that is asked for again by mistake.
///
/// A ring of the accepted orders, oldest overwritten, with chains by hash. When the ring is too small
/// for the window, ``isFull(at:)`` says so and the order is refused: it could not be checked.
@safe struct DuplicateWindow {
  struct Entry: BitwiseCopyable {
    var price: Int64 = 0
    var quantity: Int64 = 0
    var time: Int64 = .min
    /// Number of the entry before this one in the same chain; 0 ends it.
    var previous: UInt64 = 0
    var instrument: UInt32 = .max
    var account: UInt32 = .max
    var isBuy = false
  }
  static var entriesMax: Int { 4_096 }

  private var ring: Column<Entry>
  private var heads: Column<UInt64>
  /// Number of the entry written last; the first is 1.
  private var last: UInt64 = 0
  let window: Int64
  let most: Int

  init(_ builder: inout ColumnBuilder, window: Int64, most: Int) {
    ring = builder.column(Entry(), Self.entriesMax)
    heads = builder.column(0, Self.entriesMax)
    self.window = window
    self.most = most
  }

  private func bucket(_ e: borrowing Entry) -> Int {
    var h = UInt64(bitPattern: e.price) &* 0x9e37_79b9_7f4a_7c15
    h ^= UInt64(bitPattern: e.quantity) &* 0xc2b2_ae3d_27d4_eb4f
    h ^= (UInt64(e.instrument) << 32 | UInt64(e.account) << 1 | (e.isBuy ? 1 : 0))
    h = (h ^ h >> 29) &* 0xbf58_476d_1ce4_e5b9
    return Int(h >> 32) & (Self.entriesMax - 1)
  }
  private func expired(_ time: Int64, at now: Int64) -> Bool {
    let (age, over) = now.subtractingReportingOverflow(time)
    return over || age > window || age < 0
  }

  /// The entry that would be overwritten is still in the window.
  func isFull(at now: Int64) -> Bool {
    guard window > 0, last >= UInt64(Self.entriesMax) else { return false }
    return !expired(ring[Int((last &+ 1) & UInt64(Self.entriesMax - 1))].time, at: now)
  }

  /// How many like this one were accepted in the window.
  func count(_ like: borrowing Entry, at now: Int64) -> Int {
    guard window > 0 else { return 0 }
    var found = 0
    var number = heads[bucket(like)]
    for _ in 0..<Self.entriesMax {
      guard number != 0, number &+ UInt64(Self.entriesMax) > last else { break }
      let e = ring[Int(number & UInt64(Self.entriesMax - 1))]
      if expired(e.time, at: now) { break }
      if e.price == like.price, e.quantity == like.quantity, e.instrument == like.instrument,
        e.account == like.account, e.isBuy == like.isBuy
      {
        found += 1
      }
      number = e.previous
    }
    return found
  }

  mutating func add(_ entry: borrowing Entry, at now: Int64) {
    guard window > 0 else { return }
    last &+= 1
    var e = copy entry
    let b = bucket(e)
    e.time = now
    e.previous = heads[b]
    heads[b] = last
    ring[Int(last & UInt64(Self.entriesMax - 1))] = e
  }
}
