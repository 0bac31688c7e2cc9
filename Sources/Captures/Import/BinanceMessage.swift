/// One line of a recording of Binance's websocket streams: the local stamp in nanoseconds, a space, the JSON text;
/// combined streams (`{"stream":…,"data":{…}}`) and raw ones, and depth snapshots of the REST interface among them.
///
/// Formats: developers.binance.com, "WebSocket Streams" and "Diff. Depth" of Spot, USDⓈ-M and COIN-M Futures.
@safe struct BinanceMessage {
  enum Kind {
    case depth
    case bookTicker
    case trade
    case aggregateTrade
    /// Of the REST interface: the book from which the depth stream goes on.
    case snapshot
    case other
  }

  /// The fields that are read. One letter means different things in different messages; who reads them knows.
  enum Field: Int, CaseIterable {
    case event, eventTime, transactTime, symbol, symbolWord, pair
    case firstUpdate, lastUpdate, previousUpdate, snapshotUpdate
    case bids, asks, bidQuantity, askQuantity, snapshotBids, snapshotAsks
    case price, quantity, tradeNumber, isBuyerMaker, stream
  }

  private(set) var kind = Kind.other
  private(set) var receiveTime: Int64 = 0
  private var slots = [JSONSlot?](repeating: nil, count: Field.allCases.count)
  private var scanner = unsafe JSONScanner(UnsafeRawBufferPointer(start: nil, count: 0))

  subscript(field: Field) -> JSONSlot? { slots[field.rawValue] }

  /// Takes a line apart; it must outlive what is asked of the message.
  mutating func parse(_ line: UnsafeRawBufferPointer) throws(JSONError) {
    for index in slots.indices { slots[index] = nil }
    kind = .other
    receiveTime = 0
    var at = 0
    while at < line.count, unsafe line[at] >= 0x30, unsafe line[at] <= 0x39 {
      let (product, over) = receiveTime.multipliedReportingOverflow(by: 10)
      let (sum, overSum) = unsafe product.addingReportingOverflow(Int64(line[at]) - 0x30)
      guard !over, !overSum else {
        throw JSONError(offset: at, problem: "a stamp of more than 64 bits")
      }
      receiveTime = sum
      at += 1
    }
    guard at > 0, at < line.count, unsafe line[at] == 0x20 else {
      throw JSONError(
        offset: at, problem: "the local stamp in nanoseconds and a space are expected")
    }
    scanner = unsafe JSONScanner(line, from: at + 1)
    try object(isOuter: true)
    try scanner.finish()
    kind = classify()
  }

  private mutating func object(isOuter: Bool) throws(JSONError) {
    try scanner.beginObject()
    var isFirst = true
    // Each turn passes a key and its value.
    while let key = try scanner.nextKey(isFirst: isFirst) {
      isFirst = false
      if isOuter, scanner.equals(key, "data") {
        var copy = scanner
        if try copy.value().kind == .object {
          try object(isOuter: false)
          continue
        }
      }
      let slot = try scanner.value()
      guard let field = field(key) else { continue }
      guard slots[field.rawValue] == nil else {
        throw JSONError(offset: key.start, problem: "a key is there twice")
      }
      slots[field.rawValue] = slot
    }
  }

  private func field(_ key: JSONSlot) -> Field? {
    let names: [(StaticString, Field)] =
      switch key.end - key.start {
      case 1:
        [
          ("e", .event), ("E", .eventTime), ("T", .transactTime), ("s", .symbol),
          ("U", .firstUpdate), ("u", .lastUpdate), ("b", .bids), ("a", .asks),
          ("B", .bidQuantity), ("A", .askQuantity), ("p", .price), ("q", .quantity),
          ("t", .tradeNumber), ("m", .isBuyerMaker),
        ]
      case 2: [("pu", .previousUpdate), ("ps", .pair)]
      default:
        [
          ("stream", .stream), ("symbol", .symbolWord), ("lastUpdateId", .snapshotUpdate),
          ("bids", .snapshotBids), ("asks", .snapshotAsks),
        ]
      }
    return names.first { scanner.equals(key, $0.0) }?.1
  }

  private func classify() -> Kind {
    guard let event = self[.event] else {
      if self[.snapshotUpdate] != nil { return .snapshot }
      // Spot's book ticker names no event.
      let isTicker =
        self[.lastUpdate] != nil && self[.bidQuantity] != nil
        && self[.askQuantity] != nil
      return isTicker ? .bookTicker : .other
    }
    if scanner.equals(event, "depthUpdate") { return .depth }
    if scanner.equals(event, "bookTicker") { return .bookTicker }
    if scanner.equals(event, "trade") { return .trade }
    if scanner.equals(event, "aggTrade") { return .aggregateTrade }
    return .other
  }

  // MARK: What it says

  func fail(_ problem: String, _ field: Field) -> JSONError {
    JSONError(offset: self[field]?.start ?? 0, problem: problem)
  }

  func number(_ field: Field) throws(JSONError) -> UInt64 {
    guard let slot = self[field], let value = scanner.unsigned(slot) else {
      throw fail("\(field) is no whole number of 64 bits", field)
    }
    return value
  }

  func text(_ field: Field) -> String? { self[field].flatMap { scanner.text($0) } }

  func decimal(_ field: Field) throws(JSONError) -> DecimalText {
    guard let slot = self[field], let value = scanner.decimal(slot) else {
      throw fail("\(field) is no decimal number of 64 bits in quotes", field)
    }
    return value
  }

  /// The symbol that it names; snapshots of some markets name none.
  var symbolText: String? { text(.symbol) ?? text(.symbolWord) }

  /// Of a trade: the buyer's order rested, the seller came.
  var isBuyerMaker: Bool? {
    switch self[.isBuyerMaker]?.kind {
    case .isTrue: true
    case .isFalse: false
    default: nil
    }
  }

  /// When the venue says that it happened, in nanoseconds; nil where it does not say.
  func venueTime() throws(JSONError) -> Int64? {
    for field in [Field.transactTime, .eventTime] where self[field] != nil {
      let milliseconds = try number(field)
      guard milliseconds <= UInt64(Int64.max) / 1_000_000 else {
        throw fail("\(field) is no time in milliseconds", field)
      }
      return Int64(milliseconds) * 1_000_000
    }
    return nil
  }

  /// Each `["price","quantity"]` of one side's array, in order.
  func levels(
    _ field: Field, _ body: (DecimalText, DecimalText) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard let slot = self[field], slot.kind == .array else {
      throw fail("\(field) is no array", field)
    }
    var inner = scanner.reading(slot)
    try inner.beginArray()
    var isFirst = true
    while try inner.nextElement(isFirst: isFirst) {
      isFirst = false
      try inner.beginArray()
      guard try inner.nextElement(isFirst: true) else { throw inner.fail("a price is missing") }
      let price = try inner.value()
      guard try inner.nextElement(isFirst: false) else {
        throw inner.fail("a quantity is missing")
      }
      let quantity = try inner.value()
      guard let first = inner.decimal(price), let second = inner.decimal(quantity) else {
        throw inner.fail("a level is no pair of decimal numbers of 64 bits in quotes")
      }
      // Older streams have an empty array behind the two.
      while try inner.nextElement(isFirst: false) { _ = try inner.value() }
      try body(first, second)
    }
  }
}

extension JSONScanner {
  /// A scanner of the same text that stands at a value's beginning and ends with it.
  func reading(_ slot: JSONSlot) -> JSONScanner {
    unsafe JSONScanner(bytes, from: slot.start, to: slot.end)
  }
}
