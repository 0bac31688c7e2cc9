/// Parts of the order path on their own, for the benchmarks: the same functions that
/// ``Engine/place(_:)`` goes through, without the parts before and after.
///
/// Threading: as ``Engine``.
extension Engine {
  /// The chain, and what risk holds of an order that passes: exposure, open orders, its place in the
  /// duplicate window, its tokens. No pool, no journal, no queue.
  package mutating func hold(_ request: OrderRequest) -> Bool {
    unsafe core.pointee.probeHold(request)
  }
  /// Gives back what ``hold(_:)`` took, tokens and duplicate window apart, which time gives back.
  package mutating func release(_ request: OrderRequest) {
    unsafe core.pointee.probeRelease(request)
  }
  /// Takes that many slots of the order pool and gives them back as done orders are given back; false
  /// when there were fewer.
  package mutating func takeAndGive(slots: Int) -> Bool {
    unsafe core.pointee.probePool(slots)
  }
}

extension EngineState {
  mutating func probeHold(_ request: OrderRequest) -> Bool {
    guard var terms = terms(of: request) else { return false }
    if check(&terms) != nil { return false }
    hold(terms, orders: 1)
    duplicates.add(duplicateKey(terms), at: sessionTime)
    takeTokens(terms.account, terms.strategy)
    return true
  }

  mutating func probeRelease(_ request: OrderRequest) {
    guard let terms = terms(of: request) else { return }
    hold(terms, orders: -1)
  }

  mutating func probePool(_ count: Int) -> Bool {
    let first = orders.doneTail
    for _ in 0..<count {
      let handle = orders.nextHandle
      guard handle.generation != 0 else { return false }
      let slot = Int(handle.slot)
      orders.takeSlot(slot)
      orders[slot].generation = handle.generation
      orders.linkDone(slot)
    }
    return first != orders.doneTail || count == 0
  }
}
