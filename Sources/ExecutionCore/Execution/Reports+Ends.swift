/// Canceled, rejected, and changes that the venue makes or refuses.
extension EngineState {
  mutating func canceled(_ report: VenueReport) {
    guard let place = known(report) else { return }
    let entry = references[place]
    guard !entry.isDead, let slot = slot(of: entry.order),
      orders[slot].venueReference == report.venueReference, orders[slot].life != .done,
      report.quantity >= 0
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

  mutating func rejected(_ report: VenueReport) {
    guard let place = known(report) else { return }
    let entry = references[place]
    guard !entry.isDead, !entry.isAcknowledged, let slot = slot(of: entry.order) else {
      return illegal(report, entry)
    }
    if entry.kind == .replace { return replaceRejected(report, place, slot) }
    guard entry.kind == .new, orders[slot].venueReference == report.venueReference,
      orders[slot].executedHere == 0, orders[slot].life != .done
    else { return illegal(report, entry) }
    end(slot, place, .rejected)
    notify(.rejected, slot, reason: report.reason)
  }

  /// The original could not be cancelled and stands; the number is used up.
  private mutating func replaceRejected(_ report: VenueReport, _ place: Int, _ slot: Int) {
    guard orders[slot].replaceState == .unresolved,
      orders[slot].pendingReference == report.venueReference, orders[slot].executedPending == 0
    else { return illegal(report, references[place]) }
    references[place].isDead = true
    dropReplace(slot, .refused)
    counters.rejected &+= 1
    notify(.replaceRejected, slot, reason: report.reason)
    repeatCancel(slot)
  }

  mutating func cancelRejected(_ report: VenueReport) {
    guard let place = known(report), let slot = slot(of: references[place].order) else { return }
    guard orders[slot].life.isOpen, orders[slot].cancelState == .unresolved else {
      return illegal(report, references[place])
    }
    // The order can't be cancelled now; asking again is the strategy's decision, never a loop of ours.
    orders[slot].cancelState = .refused
    orders[slot].cancelWanted = false
    notify(.cancelRejected, slot, reason: report.reason)
  }

  mutating func modified(_ report: VenueReport) {
    guard let place = known(report) else { return }
    let entry = references[place]
    guard !entry.isDead, let slot = slot(of: entry.order),
      orders[slot].venueReference == report.venueReference, orders[slot].life.isOpen,
      report.quantity >= 0
    else { return illegal(report, entry) }
    if orders[slot].replaceState == .unresolved, orders[slot].pendingInPlace {
      orders[slot].replaceState = .confirmed
      orders[slot].pendingReference = 0
      orders[slot].pendingInPlace = false
    }
    if let side = Self.side(report.side) { take(side, slot, place) }
    orders[slot].leaves = report.quantity
    orders[slot].quantity = orders[slot].executed &+ report.quantity
    if report.quantity == 0 { end(slot, place, .canceled) }
    reserve(slot)
    notify(.modified, slot, reason: report.reason)
  }

  mutating func priorityUpdated(_ report: VenueReport) {
    guard let place = known(report), let slot = slot(of: references[place].order),
      orders[slot].venueReference == report.venueReference, orders[slot].life.isOpen
    else { return }
    if let price = scaled(report, Int(orders[slot].instrument.raw)), report.price != 0 {
      orders[slot].price = price
    }
    if report.venueOrderNumber != 0 { orders[slot].venueOrderNumber = report.venueOrderNumber }
    notify(.restated, slot, reason: report.reason)
  }

  mutating func restated(_ report: VenueReport) {
    guard let place = known(report), let slot = slot(of: references[place].order),
      orders[slot].venueReference == report.venueReference, orders[slot].life.isOpen
    else { return }
    if report.display != 0 { orders[slot].display = report.display }
    if report.venueOrderNumber != 0 { orders[slot].venueOrderNumber = report.venueOrderNumber }
    notify(.restated, slot, reason: report.reason)
  }
}
