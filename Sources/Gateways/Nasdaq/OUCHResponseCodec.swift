extension OUCHResponse {
  /// Bytes of the fixed part, type included, appendage length not.
  @_noLocks static func fixedSize(_ kind: Kind) -> Int {
    switch kind {
    case .systemEvent: 10
    case .accepted: 62
    case .replaced: 66
    case .canceled: 18
    case .aiqCanceled: 32
    case .executed: 34
    case .brokenTrade: 36
    case .rejected: 29
    case .cancelPending, .cancelReject, .accountQueryResponse: 13
    case .priorityUpdate: 30
    case .restated: 14
    case .modified: 18
    case .massCancelResponse: 25
    case .disableEntryResponse, .enableEntryResponse: 17
    }
  }

  /// Reads one outbound message, leniently: a fill must not be lost over an option.
  ///
  /// Options of unknown tags are stepped over and counted in `skipped`. A fault about the appendage
  /// still leaves the fixed part good in `self` (``OUCHFault/isAppendage``); any other leaves
  /// nothing.
  @_noLocks public mutating func decode(
    _ message: UnsafeRawBufferPointer, skipped: inout UInt64
  ) -> OUCHFault? {
    let view = unsafe WireView(message)
    guard view.count > 0 else { return OUCHFault(.empty, type: 0) }
    guard let kind = Kind.of(view.u8(0)) else {
      return OUCHFault(.unknownType, type: view.u8(0), length: view.count)
    }
    var fixed = Self.fixedSize(kind)
    // Revisions before 2023 end an AIQ Canceled at the liquidity flag.
    if case .aiqCanceled = kind, view.count == fixed &- 1 { fixed &-= 1 }
    guard view.count >= fixed else {
      return OUCHFault(.length, type: kind.letter, length: view.count)
    }
    reset(kind)
    timestamp = view.u64(1)
    if case .systemEvent = kind {
      reason = UInt16(view.u8(9))
    } else {
      userRefNum = view.u32(9)
      readFixed(view)
    }
    if let fault = options.read(
      view, at: fixed, allowed: OUCHAppendage.of(kind).allowed, strict: false, skipped: &skipped)
    {
      return OUCHFault(fault.code, type: kind.letter, tag: fault.tag, length: view.count)
    }
    return nil
  }

  @_noLocks private mutating func readFixed(_ view: WireView) {
    switch kind {
    case .accepted:
      readOrder(view, 13)
    case .replaced:
      originalUserRefNum = view.u32(9)
      userRefNum = view.u32(13)
      readOrder(view, 17)
    case .canceled:
      quantity = view.u32(13)
      reason = UInt16(view.u8(17))
    case .aiqCanceled:
      quantity = view.u32(13)
      reason = UInt16(view.u8(17))
      quantityPrevented = view.u32(18)
      price = view.u64(22)
      liquidityFlag = view.u8(30)
      if view.count >= 32 { aiqStrategy = view.u8(31) }
    case .executed:
      quantity = view.u32(13)
      price = view.u64(17)
      liquidityFlag = view.u8(25)
      matchNumber = view.u64(26)
    case .brokenTrade:
      matchNumber = view.u64(13)
      reason = UInt16(view.u8(21))
      clOrdID = view.clOrdID(22)
    case .rejected:
      reason = view.u16(13)
      clOrdID = view.clOrdID(15)
    case .priorityUpdate:
      price = view.u64(13)
      display = view.u8(21)
      orderReference = view.u64(22)
    case .restated:
      reason = UInt16(view.u8(13))
    case .modified:
      side = view.u8(13)
      quantity = view.u32(14)
    case .massCancelResponse:
      firm = view.u32(13)
      symbol = view.raw64(17)
    case .disableEntryResponse, .enableEntryResponse:
      firm = view.u32(13)
    case .systemEvent, .cancelPending, .cancelReject, .accountQueryResponse:
      break
    }
  }

  /// The 49 bytes that Accepted and Replaced share.
  @_noLocks private mutating func readOrder(_ view: WireView, _ at: Int) {
    side = view.u8(at)
    quantity = view.u32(at &+ 1)
    symbol = view.raw64(at &+ 5)
    price = view.u64(at &+ 13)
    timeInForce = view.u8(at &+ 21)
    display = view.u8(at &+ 22)
    orderReference = view.u64(at &+ 23)
    capacity = view.u8(at &+ 31)
    interMarketSweep = view.u8(at &+ 32)
    crossType = view.u8(at &+ 33)
    orderState = view.u8(at &+ 34)
    clOrdID = view.clOrdID(at &+ 35)
  }

  /// Bytes that ``encode(into:_:)`` writes.
  public var encodedSize: Int {
    @_noLocks get {
      // A call on the options copies them whole: only when there are some.
      let appendage = options.isPresent ? options.byteCount : 0
      let least = OUCHAppendage.of(kind).required ? 2 : 0
      return Self.fixedSize(kind) &+ (appendage > least ? appendage : least)
    }
  }

  /// Writes the message: its length, or 0 with `fault` set when an option is not allowed in this
  /// type or the output is too short.
  @_noLocks public func encode(
    into out: UnsafeMutableRawBufferPointer, _ fault: inout OUCHFault?
  ) -> Int {
    let writer = unsafe WireWriter(out)
    let appendage = OUCHAppendage.of(kind)
    let size = encodedSize
    guard writer.count >= size else {
      fault = OUCHFault(.noRoom, type: kind.letter, length: writer.count)
      return 0
    }
    let refused = options.isPresent ? options.refused(by: appendage.allowed) : 0
    guard refused == 0 else {
      fault = OUCHFault(.optionRefused, type: kind.letter, tag: refused)
      return 0
    }
    writer.u8(0, kind.letter)
    writer.u64(1, timestamp)
    if case .systemEvent = kind {
      writer.u8(9, UInt8(truncatingIfNeeded: reason))
    } else {
      writer.u32(9, userRefNum)
      writeFixed(writer)
    }
    let fixed = Self.fixedSize(kind)
    if options.isPresent {
      options.write(writer, at: fixed)
    } else if appendage.required {
      writer.u16(fixed, 0)
    }
    return size
  }

  @_noLocks private func writeFixed(_ writer: WireWriter) {
    let letter = UInt8(truncatingIfNeeded: reason)
    switch kind {
    case .accepted:
      writeOrder(writer, 13)
    case .replaced:
      writer.u32(9, originalUserRefNum)
      writer.u32(13, userRefNum)
      writeOrder(writer, 17)
    case .canceled:
      writer.u32(13, quantity)
      writer.u8(17, letter)
    case .aiqCanceled:
      writer.u32(13, quantity)
      writer.u8(17, letter)
      writer.u32(18, quantityPrevented)
      writer.u64(22, price)
      writer.u8(30, liquidityFlag)
      writer.u8(31, aiqStrategy)
    case .executed:
      writer.u32(13, quantity)
      writer.u64(17, price)
      writer.u8(25, liquidityFlag)
      writer.u64(26, matchNumber)
    case .brokenTrade:
      writer.u64(13, matchNumber)
      writer.u8(21, letter)
      writer.clOrdID(22, clOrdID)
    case .rejected:
      writer.u16(13, reason)
      writer.clOrdID(15, clOrdID)
    case .priorityUpdate:
      writer.u64(13, price)
      writer.u8(21, display)
      writer.u64(22, orderReference)
    case .restated:
      writer.u8(13, letter)
    case .modified:
      writer.u8(13, side)
      writer.u32(14, quantity)
    case .massCancelResponse:
      writer.u32(13, firm)
      writer.raw64(17, symbol)
    case .disableEntryResponse, .enableEntryResponse:
      writer.u32(13, firm)
    case .systemEvent, .cancelPending, .cancelReject, .accountQueryResponse:
      break
    }
  }

  @_noLocks private func writeOrder(_ writer: WireWriter, _ at: Int) {
    writer.u8(at, side)
    writer.u32(at &+ 1, quantity)
    writer.raw64(at &+ 5, symbol)
    writer.u64(at &+ 13, price)
    writer.u8(at &+ 21, timeInForce)
    writer.u8(at &+ 22, display)
    writer.u64(at &+ 23, orderReference)
    writer.u8(at &+ 31, capacity)
    writer.u8(at &+ 32, interMarketSweep)
    writer.u8(at &+ 33, crossType)
    writer.u8(at &+ 34, orderState)
    writer.clOrdID(at &+ 35, clOrdID)
  }
}

extension OUCHFault {
  /// Only the appendage is wrong: the fixed part of the message was read and is good.
  public var isAppendage: Bool {
    switch code {
    case .appendageLength, .optionLength, .optionRefused, .duplicateOption, .tooManyOptions: true
    case .empty, .unknownType, .length, .noRoom: false
    }
  }
}
