public import ExecutionCore

extension OUCHGateway {
  /// Turns one request into bytes on the queue.
  ///
  /// nil: it is queued and will be handed over by `prepareSend`. Otherwise it was not and never
  /// will be, and a `notSent` report says so (``VenueReport/reason`` is the request's kind,
  /// ``VenueReport/orderState`` the cause). Cancels, mass cancels and entry switches pass the fuse
  /// always. A cancel overtakes other orders that wait, never its own; a mass cancel and a disable
  /// withdraw the new orders and replaces that wait, with `notSent` reports.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func encode(_ venueRequest: VenueRequest, now: Int64) -> NotSentCause? {
    let cause = tryEncode(venueRequest, now: now)
    guard let cause else {
      counters.encoded &+= 1
      return nil
    }
    counters.notSent &+= 1
    // Without room the answer alone says it: the caller drains reports before it goes on.
    if reportRoom > 0 {
      report(
        OUCHGateway.notSent(queued(venueRequest, length: 0), cause, blankReport(.notSent, now: now))
      )
    }
    return cause
  }

  /// Has the gateway room for this request now? Without it, leave the request where it is, hand over
  /// bytes and reports, and ask again: ``encode(_:now:)`` would give it up with `queueFull`, and a
  /// cancel that is given up is not asked again. A request that will be refused for another reason has
  /// room, as long as there is room to say so.
  #if !DEBUG
    @_noLocks
  #endif
  public func hasRoom(for asked: VenueRequest) -> Bool {
    guard reportRoom > 0 else { return false }
    guard client.state == .active else { return true }
    switch asked.kind {
    case .cancel:
      let urgent = queue.hasUrgentRoom
      let ordinary = queue.hasOrdinaryRoom(isCancel: true)
      if urgent == ordinary { return urgent }
      return queue.isWaiting(named(by: asked)) ? ordinary : urgent
    case .massCancel, .disableEntry:
      // Which ring it takes depends on what can be withdrawn.
      return queue.hasUrgentRoom && queue.hasOrdinaryRoom(isCancel: true)
    case .new, .replace, .modify, .enableEntry, .accountQuery:
      return queue.hasOrdinaryRoom(isCancel: false)
    }
  }

  /// The incarnation that a cancel or modify means.
  private func named(by asked: VenueRequest) -> UInt64 {
    asked.originalVenueReference != 0 ? asked.originalVenueReference : asked.venueReference
  }

  static func notSent(
    _ queued: OUCHQueued, _ cause: NotSentCause, _ base: VenueReport
  ) -> VenueReport {
    var report = base
    report.account = queued.account
    report.venueReference = queued.venueReference
    report.originalVenueReference = queued.originalVenueReference
    report.clientOrderID = queued.clientOrderID
    report.incarnation = queued.incarnation
    report.quantity = queued.quantity
    report.symbol = queued.symbol
    report.reason = UInt16(queued.kind.rawValue)
    report.orderState = cause.rawValue
    return report
  }

  private func queued(_ asked: VenueRequest, length: Int) -> OUCHQueued {
    OUCHQueued(
      kind: asked.kind, incarnation: asked.incarnation, isRequest: true,
      length: UInt16(truncatingIfNeeded: length), account: asked.account,
      venueReference: asked.venueReference, originalVenueReference: asked.originalVenueReference,
      clientOrderID: asked.clientOrderID, createdAt: asked.createdAt, symbol: asked.symbol,
      quantity: asked.quantity)
  }

  private mutating func tryEncode(
    _ asked: VenueRequest, now: Int64
  ) -> NotSentCause? {
    guard client.state == .active else { return .sessionDown }
    if asked.kind == .new, asked.flags & 5 == 0 { return encodeNew(asked, now: now) }
    if let cause = fill(asked) { return cause }
    let isUrgent = overtakes(asked, now: now)
    let isReduction =
      asked.kind == .cancel || asked.kind == .massCancel || asked.kind == .disableEntry
    guard let room = unsafe queue.room(urgent: isUrgent, isCancel: isReduction) else {
      return .queueFull
    }
    if asked.kind == .new || asked.kind == .replace {
      guard
        fuse.admits(
          ticks: request.price, quantity: request.quantity, isNew: asked.kind == .new, now: now)
      else { return .fuse }
      if asked.kind == .new { fuse.opened(request.userRefNum, quantity: request.quantity) }
    }
    let written = unsafe packet(into: room)
    // The slot is longer than any message that `fill` makes.
    guard written > 0 else { return .queueFull }
    if asked.kind == .accountQuery { drain.asked() }
    queue.push(queued(asked, length: written), urgent: isUrgent)
    return nil
  }

  /// A limit order without options, which is nearly every order: straight from the request into its
  /// packet, by the same conversions and in the same order of checks as `fill` and `packet`.
  private mutating func encodeNew(_ asked: VenueRequest, now: Int64) -> NotSentCause? {
    guard asked.venueReference > 0, asked.venueReference <= UInt64(UInt32.max) else {
      return .reference
    }
    guard let shares = OUCHConvert.quantity(asked.quantity, exponent: asked.quantityExponent) else {
      return asked.quantity < 0 ? .quantityRange : .quantityNotExact
    }
    guard shares >= 1, shares <= UInt64(OUCHLimits.quantityMax) else { return .quantityRange }
    let price: UInt64
    switch OUCHConvert.price(asked.price, exponent: asked.priceExponent) {
    case .ticks(let ticks): price = ticks
    case .notExact: return .priceNotExact
    case .outOfRange: return .priceRange
    }
    guard let id = OUCHClOrdID(asked.clientOrderID, incarnation: asked.incarnation) else {
      return .clientOrderID
    }
    guard let room = unsafe queue.room(urgent: false, isCancel: false) else { return .queueFull }
    let number = UInt32(truncatingIfNeeded: asked.venueReference)
    let quantity = UInt32(truncatingIfNeeded: shares)
    guard fuse.admits(ticks: price, quantity: quantity, isNew: true, now: now) else {
      return .fuse
    }
    fuse.opened(number, quantity: quantity)
    let length = OUCHRequest.fixedSize(.enter) &+ 2
    let writer = unsafe WireWriter(room)
    writer.u16(0, UInt16(truncatingIfNeeded: length &+ 1))
    writer.u8(2, SoupPacketType.unsequencedData)
    writer.u8(3, OUCHRequest.Kind.enter.letter)
    writer.u32(4, number)
    writer.u8(8, OUCHConvert.side(asked.side))
    writer.u32(9, quantity)
    writer.raw64(13, asked.symbol)
    writer.u64(21, price)
    writer.u8(29, 0x30 &+ asked.timeInForce.rawValue)
    writer.u8(30, asked.display)
    writer.u8(31, asked.capacity)
    writer.u8(32, asked.flags & 2 != 0 ? 0x59 : 0x4e)
    writer.u8(33, 0x4e)
    writer.clOrdID(34, id)
    writer.u16(48, 0)
    queue.push(queued(asked, length: 3 &+ length), urgent: false)
    return nil
  }

  /// May this request go before what waits?
  ///
  /// A cancel may, but not before its own order: the venue would not know it and say nothing. A mass
  /// cancel and a disable may when everything that they would overtake is withdrawn: numbers must
  /// reach the venue in rising order. Nothing else may.
  private mutating func overtakes(_ asked: VenueRequest, now: Int64) -> Bool {
    guard queue.waitingOrdinary > 0 else {
      return asked.kind == .cancel || asked.kind == .massCancel || asked.kind == .disableEntry
    }
    switch asked.kind {
    case .cancel: return !queue.isWaiting(UInt64(request.userRefNum))
    case .massCancel, .disableEntry:
      guard reportRoom >= queue.waitingOrdinary else { return false }
      withdraw(.overtaken, now: now) { _ in true }
      return !queue.isWaiting { $0.kind != .cancel && $0.kind != .modify }
    case .new, .replace, .modify, .enableEntry, .accountQuery: return false
    }
  }

  /// `request` as a SoupBinTCP packet: bytes, or 0 when it does not fit.
  mutating func packet(into room: UnsafeMutableRawBufferPointer) -> Int {
    let writer = unsafe WireWriter(room)
    var fault: OUCHFault?
    let length = unsafe request.encode(into: writer.part(3, writer.count &- 3), &fault)
    guard fault == nil, length > 0 else { return 0 }
    writer.u16(0, UInt16(truncatingIfNeeded: length &+ 1))
    writer.u8(2, SoupPacketType.unsequencedData)
    return 3 &+ length
  }

  /// The request's fields into `request`, each checked.
  private mutating func fill(_ asked: VenueRequest) -> NotSentCause? {
    switch asked.kind {
    case .new: return fillOrder(asked, .enter)
    case .replace: return fillOrder(asked, .replace)
    case .cancel, .modify:
      request.reset(asked.kind == .cancel ? .cancel : .modify)
      if let cause = set(reference: named(by: asked)) { return cause }
      request.side = OUCHConvert.side(asked.side)
      return set(quantity: asked, least: asked.kind == .cancel ? 0 : 1)
    case .massCancel:
      request.reset(.massCancel)
      request.firm = settings.firm
      request.symbol = asked.symbol == 0 ? 0x2020_2020_2020_2020 : asked.symbol
      return set(reference: asked.venueReference)
    case .disableEntry, .enableEntry:
      request.reset(asked.kind == .disableEntry ? .disableEntry : .enableEntry)
      request.firm = settings.firm
      return set(reference: asked.venueReference)
    case .accountQuery:
      request.reset(.accountQuery)
      return nil
    }
  }

  private mutating func set(reference: UInt64) -> NotSentCause? {
    guard reference > 0, reference <= UInt64(UInt32.max) else { return .reference }
    request.userRefNum = UInt32(truncatingIfNeeded: reference)
    return nil
  }
  private mutating func set(quantity asked: VenueRequest, least: UInt64) -> NotSentCause? {
    guard let shares = OUCHConvert.quantity(asked.quantity, exponent: asked.quantityExponent) else {
      return asked.quantity < 0 ? .quantityRange : .quantityNotExact
    }
    guard shares >= least, shares <= UInt64(OUCHLimits.quantityMax) else { return .quantityRange }
    request.quantity = UInt32(truncatingIfNeeded: shares)
    return nil
  }

  private mutating func fillOrder(
    _ asked: VenueRequest, _ kind: OUCHRequest.Kind
  ) -> NotSentCause? {
    request.reset(kind)
    if let cause = set(reference: asked.venueReference) { return cause }
    if kind == .replace {
      guard asked.originalVenueReference > 0,
        asked.originalVenueReference <= UInt64(UInt32.max)
      else { return .reference }
      request.originalUserRefNum = UInt32(truncatingIfNeeded: asked.originalVenueReference)
    }
    if let cause = set(quantity: asked, least: 1) { return cause }
    if asked.flags & 4 != 0 {
      request.price = OUCHLimits.marketPrice
    } else {
      switch OUCHConvert.price(asked.price, exponent: asked.priceExponent) {
      case .ticks(let ticks): request.price = ticks
      case .notExact: return .priceNotExact
      case .outOfRange: return .priceRange
      }
    }
    guard let id = OUCHClOrdID(asked.clientOrderID, incarnation: asked.incarnation) else {
      return .clientOrderID
    }
    request.clOrdID = id
    request.side = OUCHConvert.side(asked.side)
    request.symbol = asked.symbol
    request.timeInForce = 0x30 &+ asked.timeInForce.rawValue
    request.display = asked.display
    request.capacity = asked.capacity
    request.interMarketSweep = asked.flags & 2 != 0 ? 0x59 : 0x4e
    request.crossType = 0x4e
    // A replace has no side of its own: without the option a sale would keep its old marking.
    if kind == .replace, !asked.side.isBuy {
      request.options.set(.side, UInt64(request.side))
    }
    if asked.flags & 1 != 0 { request.options.set(.postOnly, 0x50) }
    return nil
  }
}
