/// What a reference of a port stood for: enough to book an execution after the order's slot has long been
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
  /// The port may give out a reference, and its place in the table is free.
  @inline(__always) mutating func hasReference(_ port: Int) -> Bool {
    let next = ports[port].nextReference
    guard next <= ports[port].referenceMax else { return false }
    return references[ports[port].referencePlace(of: next)].reference == 0
  }

  /// Gives out the port's next reference; the caller has asked ``hasReference(_:)``.
  @inline(__always) mutating func takeReference(
    _ port: Int, _ entry: borrowing ReferenceEntry
  ) -> UInt64 {
    let reference = ports[port].nextReference
    var stored = copy entry
    stored.reference = reference
    references[ports[port].referencePlace(of: reference)] = stored
    ports[port].nextReference = reference &+ 1
    ports[port].referencesUsed &+= 1
    return reference
  }

  /// The place of a port's reference in the table, nil for one that it never used.
  mutating func place(of reference: UInt64, _ port: Int) -> Int? {
    guard reference != 0 else { return nil }
    let i = ports[port].referencePlace(of: reference)
    return references[i].reference == reference ? i : nil
  }
}
