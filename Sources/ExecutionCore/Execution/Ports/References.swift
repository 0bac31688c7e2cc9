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
  /// The place of a port's reference in the table, nil for one that it never used.
  mutating func place(of reference: UInt64, _ port: Int) -> Int? {
    guard reference != 0 else { return nil }
    let i = ports[port].referencePlace(of: reference)
    return references[i].reference == reference ? i : nil
  }
}
