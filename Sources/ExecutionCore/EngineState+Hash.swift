/// A hash over trading state: orders, positions, executions, identifiers, latches. Books apart: they
/// come back from the feed. Cold.
struct StateHasher {
  private(set) var value: UInt64 = 0x9e37_79b9_7f4a_7c15

  mutating func mix(_ word: UInt64) {
    var x = value ^ word
    x = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ x >> 27) &* 0x94d0_49bb_1331_11eb
    value = (x ^ x >> 31) &+ 0x9e37_79b9_7f4a_7c15
  }
  mutating func mix(_ number: Int64) { mix(UInt64(bitPattern: number)) }
  mutating func mix(_ number: Int128) {
    mix(UInt64(truncatingIfNeeded: number))
    mix(UInt64(truncatingIfNeeded: number >> 64))
  }
}

extension EngineState {
  mutating func stateHash() -> UInt64 {
    var h = StateHasher()
    h.mix(sessionTime)
    h.mix(nextClientOrderID)
    for i in 0..<portCount {
      h.mix(ports[i].nextReference)
      h.mix(ports[i].streamSequence)
      let facts = (ports[i].isUp ? 1 : 0) | (ports[i].isReady ? 2 : 0)
      h.mix(UInt64(facts | (ports[i].entryDisabled ? 4 : 0)))
      h.mix(UInt64(ports[i].causes.raw))
    }
    for slot in 0..<orders.count where orders[slot].generation != 0 { hash(orders[slot], &h) }
    h.mix(UInt64(latches.standing.raw))
    for i in 0..<scopes.count {
      h.mix(scopes[i].openOrders)
      h.mix(UInt64(scopes[i].causes.raw))
    }
    for cell in 0..<positions.count {
      let p = positions[cell]
      if !p.isUsed, exposure[cell].openOrders == 0 { continue }
      h.mix(UInt64(cell))
      h.mix(p.net)
      h.mix(p.cost)
      h.mix(p.realised)
      h.mix(p.fees)
      h.mix(p.cashFlow)
      h.mix(exposure[cell].workingBuy)
      h.mix(exposure[cell].workingSell)
    }
    for i in 0..<venueNet.count where venueNet[i] != 0 {
      h.mix(UInt64(i))
      h.mix(venueNet[i])
    }
    for i in 0..<cash.count { h.mix(cash[i]) }
    for i in 0..<ledger.places {
      let e = ledger[i]
      if e.state == .free { continue }
      h.mix(UInt64(e.key.port))
      h.mix(e.key.reference)
      h.mix(e.key.execution.low)
      h.mix(e.key.execution.high)
      h.mix(e.price)
      h.mix(e.quantity)
      h.mix(e.fee)
      h.mix(UInt64(e.state.rawValue))
    }
    return h.value
  }

  private mutating func hash(_ o: borrowing Order, _ h: inout StateHasher) {
    h.mix(o.clientOrderID.raw)
    h.mix(UInt64(o.generation))
    h.mix(o.price)
    h.mix(o.quantity)
    h.mix(o.leaves)
    h.mix(o.executed)
    h.mix(o.reserved)
    h.mix(UInt64(o.port))
    h.mix(o.venueReference)
    h.mix(o.pendingReference)
    h.mix(o.pendingPrice)
    h.mix(o.pendingQuantity)
    let facts = [
      o.life.rawValue, o.doneReason.rawValue, o.newState.rawValue, o.replaceState.rawValue,
      o.cancelState.rawValue, o.side.rawValue, o.incarnation,
    ]
    h.mix(facts.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}
