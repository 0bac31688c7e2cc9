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

extension EngineState {
  /// The place of a port's reference in the table, nil for one that it never used.
  mutating func place(of reference: UInt64, _ port: Int) -> Int? {
    guard reference != 0 else { return nil }
    let i = ports[port].referencePlace(of: reference)
    return references[i].reference == reference ? i : nil
  }

  // What is noted of a reference is in the state's hash.

  mutating func setAcknowledged(_ place: Int) {
    guard !references[place].isAcknowledged else { return }
    references[place].isAcknowledged = true
    hashing.references &+= weight(place)
  }
  mutating func setDead(_ place: Int, _ isDead: Bool) {
    guard references[place].isDead != isDead else { return }
    references[place].isDead = isDead
    hashing.references &+= isDead ? weight(place) &* 3 : 0 &- weight(place) &* 3
  }
  mutating func setSide(_ place: Int, _ side: Side) {
    guard references[place].side.rawValue != side.rawValue else { return }
    references[place].side = side
    hashing.sides = (hashing.sides ^ weight(place)) &* 3 &+ UInt64(side.rawValue)
  }
  /// From all of them. Cold.
  mutating func hashReferences() {
    hashing.references = 0
    for place in 0..<references.count where references[place].reference != 0 {
      let entry = references[place]
      let noted = (entry.isAcknowledged ? 1 : 0) &+ (entry.isDead ? 3 : 0)
      hashing.references &+= weight(place) &* UInt64(noted)
    }
  }
  private func weight(_ place: Int) -> UInt64 {
    (UInt64(truncatingIfNeeded: place) ^ references[place].reference &<< 20)
      &* 0xbf58_476d_1ce4_e5b9 | 1
  }
}
