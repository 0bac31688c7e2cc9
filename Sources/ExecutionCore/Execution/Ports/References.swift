/// What a reference of a port stood for: enough to book an execution after the order's slot has long been
/// given to another order.
///
/// Unused it is all zeros: the table is large, and memory that is zero need not be touched.
struct ReferenceEntry: BitwiseCopyable {
  /// 0: unused.
  var reference: UInt64 = 0
  var clientOrderID = ClientOrderID.none
  /// Of generation 0: none.
  var order = OrderHandle(slot: 0, generation: 0)
  var instrument = InstrumentID(raw: 0)
  var account = AccountID(raw: 0)
  var strategy = StrategyID(raw: 0)
  var kind = VenueRequest.Kind.new
  var side = Side.buy
  var incarnation: UInt8 = 0
  /// The venue has ended this incarnation: it can't be acknowledged again.
  var isDead = false
  /// The venue has acknowledged it.
  var isAcknowledged = false
}
