/// Canceled, rejected, and changes that the venue makes or refuses.
extension EngineState {
  mutating func canceled(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard !entry.isDead, let slot = orders.slotToChange(entry.order),
      orders[slot].venueReference == report.venueReference, orders[slot].life != .done,
      isPossible(report.quantity)
    else { return illegal(report, entry) }
    let taken = min(report.quantity, orders[slot].leaves)
    let left = orders[slot].leaves &- taken
    if left == 0 {
      end(slot, place, .canceled)
    } else {
      orders[slot].leaves = left
      orders[slot].quantity &-= taken
      if orders[slot].cancelState == .unresolved, !orders[slot].cancelWanted {
        orders[slot].cancelState = .confirmed
      }
      if orders[slot].newState == .unresolved { orders[slot].newState = .confirmed }
      become(slot, .working)
      reserve(slot)
    }
    notify(.canceled, slot, lastQuantity: taken, reason: report.reason)
  }

  mutating func rejected(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard !entry.isDead, !entry.isAcknowledged, let slot = orders.slotToChange(entry.order) else {
      return illegal(report, entry)
    }
    if entry.kind == .replace { return replaceRejected(report, place, slot) }
    guard entry.kind == .new, orders[slot].venueReference == report.venueReference,
      orders[slot].executedHere == 0, orders[slot].life != .done
    else { return illegal(report, entry) }
    end(slot, place, .rejected)
    notify(.rejected, slot, reason: report.reason)
  }

  // A change or a cancel that the end of the order has settled already: some venues answer it, some do not.

  /// The original could not be cancelled and stands; the number is used up.
  private mutating func replaceRejected(_ report: VenueReport, _ place: Int, _ slot: Int) {
    if orders[slot].life == .done, orders[slot].replaceState == .refused {
      ports.setDead(place, true)
      return
    }
    guard orders[slot].replaceState == .unresolved,
      orders[slot].pendingReference == report.venueReference, orders[slot].executedPending == 0
    else { return illegal(report, ports.references[place]) }
    ports.setDead(place, true)
    dropReplace(slot, .refused)
    counters.total.rejected &+= 1
    notify(.replaceRejected, slot, reason: report.reason)
  }

  mutating func cancelRejected(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port),
      let slot = orders.slotToChange(ports.references[place].order)
    else {
      return
    }
    if orders[slot].life == .done, orders[slot].cancelState != .none { return }
    // Another cancel than the last one may still be refused: the last one is on its way all the same.
    guard orders[slot].life.isOpen, orders[slot].cancelState == .unresolved,
      orders[slot].cancelReference == report.venueReference
    else { return illegal(report, ports.references[place]) }
    // The order can't be cancelled now; asking again is the strategy's decision, never a loop of ours.
    orders[slot].cancelState = .refused
    setCancelWanted(slot, false)
    notify(.cancelRejected, slot, reason: report.reason)
  }

  /// Changed in place: open quantity, price where it has one, marking of the sale.
  mutating func modified(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard !entry.isDead, let slot = orders.slotToChange(entry.order),
      orders[slot].venueReference == report.venueReference, orders[slot].life.isOpen,
      isPossible(report.quantity)
    else { return illegal(report, entry) }
    if orders[slot].replaceState == .unresolved, orders[slot].pendingInPlace {
      if ports[port].capabilities.replacing == .inPlace {
        orders[slot].price = orders[slot].pendingPrice
        counters.total.replaced &+= 1
      }
      dropReplace(slot, .confirmed)
    }
    if let side = Side(rawValue: report.side) { take(side, slot, place) }
    if report.price != 0, let price = scaled(report, Int(orders[slot].instrument.raw)) {
      orders[slot].price = price
    }
    orders[slot].leaves = report.quantity
    orders[slot].quantity = orders[slot].executed &+ report.quantity
    if report.quantity == 0 { end(slot, place, .canceled) }
    reserve(slot)
    notify(.modified, slot, reason: report.reason)
  }

  mutating func modifyRejected(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port) else { return }
    let entry = ports.references[place]
    guard let slot = orders.slotToChange(entry.order),
      orders[slot].venueReference == report.venueReference
    else { return illegal(report, entry) }
    if orders[slot].life == .done, orders[slot].replaceState == .refused { return }
    guard orders[slot].replaceState == .unresolved, orders[slot].pendingInPlace else {
      return illegal(report, entry)
    }
    dropReplace(slot, .refused)
    counters.total.rejected &+= 1
    notify(.replaceRejected, slot, reason: report.reason)
  }

  /// Of what changes by the venue's own doing: price, display, place in the market data.
  mutating func restated(_ report: VenueReport, _ port: Int) {
    guard let place = known(report, port),
      let slot = orders.slotToChange(ports.references[place].order),
      orders[slot].venueReference == report.venueReference, orders[slot].life.isOpen
    else { return }
    if report.kind == .priorityUpdated, report.price != 0,
      let price = scaled(report, Int(orders[slot].instrument.raw))
    {
      orders[slot].price = price
    }
    if report.display != 0, let display = Display(rawValue: report.display &- 1) {
      orders[slot].display = display
    }
    if report.bookReference != 0 { orders[slot].bookReference = report.bookReference }
    notify(.restated, slot, reason: report.reason)
  }
}
