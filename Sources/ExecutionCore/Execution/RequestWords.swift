/// A ``VenueRequest`` for a new order as the fifteen words that it is in the outbox and in an ``IntentRecord``, so
/// that it can be laid into both without a copy between: words that are stored whole are also forwarded whole to
/// the checksum and to the encoder that read them next. The two differ in two words.
struct RequestWords: BitwiseCopyable {
  private var clientOrderID: UInt64
  private var venueReference: UInt64
  private var price: UInt64
  private var quantity: UInt64
  private var intentSequence: UInt64
  private var createdAt: UInt64
  private var sessionTime: UInt64
  private var order: UInt64
  /// Instrument and account; strategy, venue, port; what are bytes; exponents.
  private var names: UInt64
  private var places: UInt64
  private var terms: UInt64
  private var recordedTerms: UInt64
  private var exponents: UInt64
  private var recordedExponents: UInt64

  /// The next order of an engine: its numbers are those that ``EngineState`` gives out next.
  @inline(__always) init(
    newOrder r: OrderRequest, _ t: OrderTerms, _ handle: OrderHandle, _ i: InstrumentBounds,
    _ capacity: OrderCapacity, _ e: borrowing EngineState
  ) {
    clientOrderID = e.orders.nextClientOrderID
    venueReference = e.ports[t.port].nextReference
    price = UInt64(bitPattern: t.price)
    quantity = UInt64(bitPattern: t.quantity)
    intentSequence = e.journal.nextSequence
    createdAt = UInt64(bitPattern: e.machineTime)
    sessionTime = UInt64(bitPattern: e.sessionTime)
    order = UInt64(handle.slot) | UInt64(handle.generation) << 32
    names = UInt64(r.instrument.raw) | UInt64(t.account.raw) << 32
    places =
      UInt64(t.strategy.raw) | UInt64(truncatingIfNeeded: e.ports[t.port].venue) << 32
      | UInt64(truncatingIfNeeded: t.port) << 48
    let others =
      UInt64(r.display.rawValue) << 24 | UInt64(capacity.rawValue) << 32
      | UInt64(r.flags.rawValue) << 48
    terms =
      Self.byte(VenueRequest.Kind.new) | Self.byte(t.side) << 8 | Self.byte(r.timeInForce) << 16
      | others
    recordedTerms =
      UInt64(VenueRequest.Kind.new.rawValue) | UInt64(t.side.rawValue) << 8
      | UInt64(r.timeInForce.rawValue) << 16 | others
    exponents =
      UInt64(UInt8(bitPattern: i.priceExponent)) | UInt64(UInt8(bitPattern: i.quantityExponent))
      << 8
    recordedExponents = exponents | UInt64(e.limits.version) << 32
  }

  // An enumeration lies in memory as the number of its case; in a record as its raw value.
  @inline(__always) private static func byte(_ kind: VenueRequest.Kind) -> UInt64 {
    UInt64(kind.rawValue &- 1)
  }
  @inline(__always) private static func byte(_ time: TimeInForce) -> UInt64 {
    UInt64(time.ordinal)
  }
  @inline(__always) private static func byte(_ side: Side) -> UInt64 {
    switch side {
    case .buy: 0
    case .sell: 1
    case .sellShort: 2
    case .sellShortExempt: 3
    }
  }

  /// Writes the fields of ``VenueRequest`` as they lie in memory.
  @inline(__always) func lay(at p: UnsafeMutablePointer<UInt64>) {
    unsafe lay(at: p, terms, exponents)
  }
  /// Writes the fields of ``IntentRecord`` that are the request's.
  @inline(__always) func record(at p: UnsafeMutablePointer<UInt64>) {
    unsafe lay(at: p, recordedTerms, recordedExponents)
  }

  @inline(__always) private func lay(
    at p: UnsafeMutablePointer<UInt64>, _ terms: UInt64, _ exponents: UInt64
  ) {
    unsafe p[0] = clientOrderID
    unsafe p[1] = venueReference
    unsafe p[2] = 0
    unsafe p[3] = price
    unsafe p[4] = quantity
    unsafe p[5] = intentSequence
    unsafe p[6] = createdAt
    unsafe p[7] = sessionTime
    unsafe p[8] = order
    unsafe p[9] = names
    unsafe p[10] = places
    unsafe p[11] = terms
    unsafe p[12] = exponents
    unsafe p[13] = 0
    unsafe p[14] = 0
  }
}
