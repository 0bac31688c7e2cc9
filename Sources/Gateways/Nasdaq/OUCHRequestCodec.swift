extension OUCHRequest {
  /// Bytes of the fixed part, type included, appendage length not.
  @_noLocks static func fixedSize(_ kind: Kind) -> Int {
    switch kind {
    case .enter: 45
    case .replace: 38
    case .cancel: 9
    case .modify: 10
    case .massCancel: 17
    case .disableEntry, .enableEntry: 9
    case .accountQuery: 1
    }
  }

  /// Reads one inbound message, strictly: a server refuses what it does not understand.
  ///
  /// nil when it is good and `self` holds it; otherwise `self` holds what was read until the fault.
  /// Values (quantities, prices, letters) are not judged here: that is the exchange's to answer.
  @_noLocks public mutating func decode(_ message: UnsafeRawBufferPointer) -> OUCHFault? {
    let view = unsafe WireView(message)
    guard view.count > 0 else { return OUCHFault(.empty, type: 0) }
    guard let kind = Kind.of(view.u8(0)) else {
      return OUCHFault(.unknownType, type: view.u8(0), length: view.count)
    }
    let type = kind.letter
    let fixed = Self.fixedSize(kind)
    let appendage = OUCHAppendage.of(kind)
    guard view.count >= fixed &+ (appendage.required ? 2 : 0) else {
      return OUCHFault(.length, type: type, length: view.count)
    }
    reset(kind)
    readFixed(view)
    var skipped: UInt64 = 0
    if let fault = options.read(
      view, at: fixed, allowed: appendage.allowed, strict: true, skipped: &skipped)
    {
      return OUCHFault(fault.code, type: type, tag: fault.tag, length: view.count)
    }
    return nil
  }

  @_noLocks private mutating func readFixed(_ view: WireView) {
    if case .accountQuery = kind { return }
    userRefNum = view.u32(1)
    switch kind {
    case .enter:
      side = view.u8(5)
      quantity = view.u32(6)
      symbol = view.raw64(10)
      price = view.u64(18)
      timeInForce = view.u8(26)
      display = view.u8(27)
      capacity = view.u8(28)
      interMarketSweep = view.u8(29)
      crossType = view.u8(30)
      clOrdID = view.clOrdID(31)
    case .replace:
      originalUserRefNum = view.u32(1)
      userRefNum = view.u32(5)
      quantity = view.u32(9)
      price = view.u64(13)
      timeInForce = view.u8(21)
      display = view.u8(22)
      interMarketSweep = view.u8(23)
      clOrdID = view.clOrdID(24)
    case .cancel:
      quantity = view.u32(5)
    case .modify:
      side = view.u8(5)
      quantity = view.u32(6)
    case .massCancel:
      firm = view.u32(5)
      symbol = view.raw64(9)
    case .disableEntry, .enableEntry:
      firm = view.u32(5)
    case .accountQuery:
      break
    }
  }

  /// Bytes that ``encode(into:)`` writes.
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
    writeFixed(writer)
    let fixed = Self.fixedSize(kind)
    if options.isPresent {
      options.write(writer, at: fixed)
    } else if appendage.required {
      writer.u16(fixed, 0)
    }
    return size
  }

  @_noLocks private func writeFixed(_ writer: WireWriter) {
    switch kind {
    case .enter:
      writer.u32(1, userRefNum)
      writer.u8(5, side)
      writer.u32(6, quantity)
      writer.raw64(10, symbol)
      writer.u64(18, price)
      writer.u8(26, timeInForce)
      writer.u8(27, display)
      writer.u8(28, capacity)
      writer.u8(29, interMarketSweep)
      writer.u8(30, crossType)
      writer.clOrdID(31, clOrdID)
    case .replace:
      writer.u32(1, originalUserRefNum)
      writer.u32(5, userRefNum)
      writer.u32(9, quantity)
      writer.u64(13, price)
      writer.u8(21, timeInForce)
      writer.u8(22, display)
      writer.u8(23, interMarketSweep)
      writer.clOrdID(24, clOrdID)
    case .cancel:
      writer.u32(1, userRefNum)
      writer.u32(5, quantity)
    case .modify:
      writer.u32(1, userRefNum)
      writer.u8(5, side)
      writer.u32(6, quantity)
    case .massCancel:
      writer.u32(1, userRefNum)
      writer.u32(5, firm)
      writer.raw64(9, symbol)
    case .disableEntry, .enableEntry:
      writer.u32(1, userRefNum)
      writer.u32(5, firm)
    case .accountQuery:
      break
    }
  }
}
