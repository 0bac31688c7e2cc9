/// What no two executions of a day have in common: the port (which has one venue), the reference of our
/// incarnation there (which has one account, instrument and side), and the venue's id of the execution. So it
/// does not matter within what scope a venue's ids are unique.
struct LedgerKey: BitwiseCopyable, Equatable {
  var reference: UInt64 = 0
  var execution = IdentifierKey()
  var port: UInt16 = 0

  init() {}
  init(_ report: borrowing VenueReport) {
    reference = report.venueReference
    execution = report.executionID.key
    port = report.port.raw
  }
}

/// Every execution of the day by its key, so that none is booked twice and a bust finds its own. Open
/// addressing, never shrinks; full is an answer.
@safe struct ExecutionLedger {
  enum State: UInt8, BitwiseCopyable {
    case free = 0
    case booked = 1
    case busted = 2
    /// The bust came first; the execution will be booked and reversed at once.
    case bustedBefore = 3
  }
  /// Free it is all zeros, as ``ReferenceEntry``.
  struct Entry: BitwiseCopyable {
    var key = LedgerKey()
    var price: Int64 = 0
    var quantity: Int64 = 0
    var fee: Int64 = 0
    var instrument = InstrumentID(raw: 0)
    var account = AccountID(raw: 0)
    var strategy = StrategyID(raw: 0)
    var side = Side.buy
    var liquidity: UInt8 = 0
    var incarnation: UInt8 = 0
    var state = State.free

    var hash: UInt64 {
      var h = StateHasher(seed: key.reference)
      h.mix(key.execution.low)
      h.mix(key.execution.high)
      h.mix(price)
      h.mix(quantity)
      h.mix(fee)
      h.mix(
        UInt64(key.port) | UInt64(side.rawValue) &<< 16 | UInt64(liquidity) &<< 24
          | UInt64(incarnation) &<< 32 | UInt64(state.rawValue) &<< 40)
      return h.value
    }
  }

  private var table: Column<Entry>
  private let mask: Int
  let most: Int
  private(set) var count = 0
  /// Sum of the hashes of all entries.
  private(set) var hash: UInt64 = 0

  init(_ builder: inout ColumnBuilder, executionsMax: Int) {
    var size = 64
    // At most three quarters full.
    while size / 4 * 3 < executionsMax { size *= 2 }
    table = builder.zeros(Entry.self, size)
    mask = size - 1
    most = executionsMax
  }

  /// Where the key's entry is, or where it would go; nil when the ledger is full and the key is new.
  func find(_ key: LedgerKey) -> Int? {
    var h = key.reference &* 0x9e37_79b9_7f4a_7c15 ^ key.execution.low &* 0xc2b2_ae3d_27d4_eb4f
    h ^= key.execution.high &* 0xff51_afd7_ed55_8ccd
    h = (h ^ h >> 31 ^ UInt64(key.port)) &* 0xbf58_476d_1ce4_e5b9
    var i = Int(truncatingIfNeeded: h >> 20) & mask
    for _ in 0...mask {
      if table[i].state == .free { return count < most ? i : nil }
      if table[i].key == key { return i }
      i = (i &+ 1) & mask
    }
    return nil
  }

  subscript(_ i: Int) -> Entry { table[i] }

  mutating func set(_ i: Int, _ entry: borrowing Entry) {
    if table[i].state == .free { count &+= 1 } else { hash &-= table[i].hash }
    table[i] = copy entry
    hash &+= table[i].hash
  }

  /// The places that are taken, in table order, for hashing and inspection. Cold: walks the whole table.
  var used: [Int] {
    var used: [Int] = []
    var place = 0
    // Not a range: without optimisation one costs more than the look, and tests ask at every step.
    while place <= mask {
      if table[place].state != .free { used.append(place) }
      place &+= 1
    }
    return used
  }
}
