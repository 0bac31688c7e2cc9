public import ExecutionCore

extension OUCHGateway {
  @inlinable public var hasRoom: Bool { canEncode() }
  #if !DEBUG
    @_noLocks
  #endif
  @usableFromInline func canEncode() -> Bool {
    reportRoom > 0 && buffer.room >= Self.packetBytesMax &+ Self.sessionBytes
  }

  /// Cancels, mass cancels and entry switches pass the fuse always.
  #if !DEBUG
    @_noLocks
  #endif
  public mutating func encode(_ asked: VenueRequest, now: Int64) -> NotSentCause? {
    let cause = tryEncode(asked, now: now)
    guard let cause else {
      counters.encoded &+= 1
      return nil
    }
    counters.notSent &+= 1
    // Without room the answer alone says it: the caller had not asked.
    if reportRoom > 0 { report(VenueReport(notSent: asked, cause, now: now)) }
    return cause
  }

  private mutating func tryEncode(
    _ asked: VenueRequest, now: Int64
  ) -> NotSentCause? {
    guard client.state == .active else { return .sessionDown }
    // A session is one account: another's order would be booked to this one at the venue.
    guard asked.account == settings.account else { return .unsupported }
    if asked.kind == .inquiry { return inquire(asked) }
    isQueryLast = false
    if asked.kind == .new, asked.flags.rawValue & 5 == 0 { return encodeNew(asked, now: now) }
    if let cause = fill(asked) { return cause }
    guard hasRoom, let room = unsafe buffer.tail(Self.packetBytesMax) else { return .noRoom }
    if asked.kind == .new || asked.kind == .replace {
      guard
        fuse.admits(
          value: Int64(truncatingIfNeeded: request.price) &* Int64(request.quantity),
          isNew: asked.kind == .new, now: now)
      else { return .fuse }
      if asked.kind == .new {
        fuse.opened(asked.venueReference, quantity: UInt64(request.quantity))
      }
    }
    let written = unsafe packet(into: room)
    // The room is longer than any message that `fill` makes.
    guard written > 0 else { return .noRoom }
    buffer.push(written)
    return nil
  }

  /// An account query answers every inquiry that goes right behind it.
  private mutating func inquire(_ asked: VenueRequest) -> NotSentCause? {
    guard hasRoom, !inquiries.isFull else { return .noRoom }
    if !isQueryLast {
      guard queryAccount() else { return .noRoom }
      isQueryLast = true
    }
    inquiries.push(
      OUCHInquiries.Inquiry(
        reference: asked.venueReference, pending: asked.originalVenueReference,
        answersNeeded: drain.lastAsked, account: asked.account))
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
    let instrument = Int(asked.instrument.raw)
    guard instrument < symbols.count else { return .unsupported }
    guard hasRoom, let room = unsafe buffer.tail(Self.packetBytesMax) else { return .noRoom }
    let number = UInt32(truncatingIfNeeded: asked.venueReference)
    guard
      fuse.admits(value: Int64(truncatingIfNeeded: price &* shares), isNew: true, now: now)
    else { return .fuse }
    fuse.opened(asked.venueReference, quantity: shares)
    let length = OUCHRequest.fixedSize(.enter) &+ 2
    let writer = unsafe WireWriter(room)
    writer.u16(0, UInt16(truncatingIfNeeded: length &+ 1))
    writer.u8(2, SoupPacketType.unsequencedData)
    writer.u8(3, OUCHRequest.Kind.enter.letter)
    writer.u32(4, number)
    writer.u8(8, OUCHConvert.side(asked.side))
    writer.u32(9, UInt32(truncatingIfNeeded: shares))
    writer.raw64(13, symbols[instrument])
    writer.u64(21, price)
    writer.u8(29, 0x30 &+ asked.timeInForce.rawValue)
    writer.u8(30, OUCHConvert.display(asked.display))
    writer.u8(31, OUCHConvert.capacity(asked.capacity))
    writer.u8(32, asked.flags.rawValue & 2 != 0 ? 0x59 : 0x4e)
    writer.u8(33, 0x4e)
    writer.clOrdID(34, id)
    writer.u16(48, 0)
    buffer.push(3 &+ length)
    return nil
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
      if let cause = set(reference: asked.venueReference) { return cause }
      request.side = OUCHConvert.side(asked.side)
      return set(quantity: asked, least: asked.kind == .cancel ? 0 : 1)
    case .massCancel:
      request.reset(.massCancel)
      request.firm = settings.firm
      request.symbol = 0x2020_2020_2020_2020
      if asked.instrument != .none, let cause = set(symbolOf: asked.instrument) { return cause }
      return set(reference: asked.venueReference)
    case .disableEntry, .enableEntry:
      request.reset(asked.kind == .disableEntry ? .disableEntry : .enableEntry)
      request.firm = settings.firm
      return set(reference: asked.venueReference)
    case .inquiry: return .unsupported
    }
  }

  private mutating func set(reference: UInt64) -> NotSentCause? {
    guard reference > 0, reference <= UInt64(UInt32.max) else { return .reference }
    request.userRefNum = UInt32(truncatingIfNeeded: reference)
    return nil
  }
  private mutating func set(symbolOf instrument: InstrumentID) -> NotSentCause? {
    guard Int(instrument.raw) < symbols.count else { return .unsupported }
    request.symbol = symbols[Int(instrument.raw)]
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
    if asked.flags.rawValue & OrderFlags.market.rawValue != 0 {
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
    if let cause = set(symbolOf: asked.instrument) { return cause }
    request.timeInForce = 0x30 &+ asked.timeInForce.rawValue
    request.display = OUCHConvert.display(asked.display)
    request.capacity = OUCHConvert.capacity(asked.capacity)
    let sweeps = asked.flags.rawValue & OrderFlags.intermarketSweep.rawValue != 0
    request.interMarketSweep = sweeps ? 0x59 : 0x4e
    request.crossType = 0x4e
    // A replace has no side of its own: without the option a sale would keep its old marking.
    if kind == .replace, !asked.side.isBuy {
      request.options.set(.side, UInt64(request.side))
    }
    if asked.flags.rawValue & OrderFlags.postOnly.rawValue != 0 {
      request.options.set(.postOnly, 0x50)
    }
    return nil
  }
}
