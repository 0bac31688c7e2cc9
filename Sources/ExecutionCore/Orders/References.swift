/// What a venue's reference stood for: enough to book an execution after the order's slot has long been
/// given to another order.
struct ReferenceEntry: BitwiseCopyable {
  /// 0: unused.
  var reference: UInt64 = 0
  var clientOrderID = ClientOrderID.none
  var order = OrderHandle.none
  var instrument = InstrumentID.none
  var account = AccountID(raw: .max)
  var strategy = StrategyID(raw: .max)
  var kind = VenueRequest.Kind.new
  var side = Side.buy
  var incarnation: UInt8 = 0
  /// The venue has ended this incarnation: it can't be acknowledged again.
  var isDead = false
  /// The venue has acknowledged it.
  var isAcknowledged = false
}

extension EngineState {
  /// A reference may be handed out, and its place in the table is free.
  var hasReference: Bool {
    guard nextVenueReference < UInt64(UInt32.max) else { return false }
    return references[Int(nextVenueReference & referenceMask)].reference == 0
  }

  /// Gives out the next reference; the caller has asked ``hasReference``.
  mutating func takeReference(_ entry: borrowing ReferenceEntry) -> UInt64 {
    let reference = nextVenueReference
    var stored = copy entry
    stored.reference = reference
    references[Int(reference & referenceMask)] = stored
    nextVenueReference &+= 1
    referencesUsed &+= 1
    return reference
  }

  /// The place of a reference in the table, nil for one that we never used.
  mutating func place(of reference: UInt64) -> Int? {
    guard reference != 0 else { return nil }
    let i = Int(reference & referenceMask)
    return references[i].reference == reference ? i : nil
  }
}
