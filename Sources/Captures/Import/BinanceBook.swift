internal import ExecutionCore

/// Turns the messages of one instrument into records, and follows the numbers of its depth stream.
struct BinanceBook {
  /// Records of depth events that are held for a snapshot that is older than they are.
  static var heldMax: Int { 1 << 16 }

  private struct Event {
    var first: UInt64
    var last: UInt64
    var previous: UInt64?
    var time: Int64
    var records: [FeedRecord]
  }

  /// The `u` of the last event that was taken, or the snapshot's number.
  private var lastUpdate: UInt64?
  /// The first event behind a snapshot only has to reach back to it.
  private var isBehindSnapshot = false
  private var held: [Event] = []
  private var heldRecords = 0
  private let priceExponent: Int
  private let quantityExponent: Int
  private var pending: [FeedRecord] = []
  private var pendingTime: Int64 = 0
  /// A number that its exponent cannot hold, in words: nothing of this message is written.
  private(set) var misfit: String?

  init(_ instrument: CapturedInstrument) {
    priceExponent = instrument.priceExponent
    quantityExponent = instrument.quantityExponent
  }

  mutating func drain(_ output: inout ImportOutput) throws(ImportFailure) {
    for record in pending { try output.write(record, receiveTime: pendingTime) }
    pending.removeAll(keepingCapacity: true)
  }

  // MARK: Quotes and trades

  mutating func ticker(
    _ message: BinanceMessage, _ instrument: UInt32, _ time: Int64
  ) throws(JSONError) {
    var record = FeedRecord(.quote, instrument: instrument, at: time)
    record.sequence = try message.number(.lastUpdate)
    record.price = price(try message.decimal(.bids))
    record.quantity = quantity(try message.decimal(.bidQuantity))
    record.askPrice = price(try message.decimal(.asks))
    record.askQuantity = quantity(try message.decimal(.askQuantity))
    record.flags = .last
    put([record], message.receiveTime)
  }

  mutating func trade(
    _ message: BinanceMessage, _ instrument: UInt32, _ time: Int64, _ report: inout ImportReport
  ) throws(JSONError) {
    var record = FeedRecord(.trade, instrument: instrument, at: time)
    record.price = price(try message.decimal(.price))
    record.quantity = quantity(try message.decimal(.quantity))
    record.reference = try message.number(message.kind == .trade ? .tradeNumber : .asks)
    guard let isBuyerMaker = message.isBuyerMaker else {
      throw message.fail("isBuyerMaker is neither true nor false", .isBuyerMaker)
    }
    record.side = isBuyerMaker ? FeedRecord.sell : FeedRecord.buy
    record.flags = .last
    // Futures tell so of what was no trade of the market ("X":"NA").
    guard record.quantity != 0 || misfit != nil else {
      report.count("trades of nothing")
      return
    }
    put([record], message.receiveTime)
  }

  // MARK: Depth

  mutating func depth(
    _ message: BinanceMessage, _ instrument: UInt32, _ time: Int64, _ report: inout ImportReport
  ) throws(JSONError) {
    var event = Event(
      first: try message.number(.firstUpdate), last: try message.number(.lastUpdate),
      previous: message[.previousUpdate] == nil ? nil : try message.number(.previousUpdate),
      time: time, records: [])
    guard event.first <= event.last else {
      throw message.fail("its first update is behind its last", .firstUpdate)
    }
    for (field, side) in [(BinanceMessage.Field.bids, FeedRecord.buy), (.asks, FeedRecord.sell)] {
      try levels(message, field, side, instrument, time, event.last, &event.records)
    }
    if let end = event.records.indices.last { event.records[end].flags.insert(.last) }
    if isStale(event) {
      report.count("depth events older than what was there")
      return
    }
    var records: [FeedRecord] = []
    if !follows(event) {
      if lastUpdate == nil {
        report.count("books that begin without a snapshot")
      } else {
        report.gaps += 1
      }
      records.append(gap(instrument, time, event.last))
      held.removeAll()
      heldRecords = 0
    }
    lastUpdate = event.last
    isBehindSnapshot = false
    put(records + event.records, message.receiveTime)
    hold(event)
  }

  private func gap(_ instrument: UInt32, _ time: Int64, _ sequence: UInt64) -> FeedRecord {
    var record = FeedRecord(.gap, instrument: instrument, at: time)
    record.sequence = sequence
    return record
  }

  /// Its levels are in what is there already, and may be older.
  private func isStale(_ event: Event) -> Bool {
    guard let last = lastUpdate else { return false }
    // Futures: "drop any event where u is < lastUpdateId in the snapshot"; spot: "<=".
    if isBehindSnapshot { return event.previous == nil ? event.last <= last : event.last < last }
    return event.last <= last
  }

  private func follows(_ event: Event) -> Bool {
    guard let last = lastUpdate else { return false }
    if isBehindSnapshot { return reachesBack(event, to: last) }
    return event.previous.map { $0 == last } ?? (event.first == last &+ 1)
  }

  /// Nothing lies between the snapshot and the event.
  private func reachesBack(_ event: Event, to snapshot: UInt64) -> Bool {
    guard let previous = event.previous else { return event.first <= snapshot &+ 1 }
    return event.first <= snapshot || previous == snapshot
  }

  private mutating func hold(_ event: Event) {
    held.append(event)
    heldRecords += event.records.count
    guard heldRecords > Self.heldMax else { return }
    // Half at once, so that it is not done at each event.
    var dropped = 0
    while heldRecords > Self.heldMax / 2, dropped < held.count {
      heldRecords -= held[dropped].records.count
      dropped += 1
    }
    held.removeFirst(dropped)
  }

  /// The book whole, and then what came before it and is newer.
  mutating func snapshot(
    _ message: BinanceMessage, _ instrument: UInt32, _ time: Int64, _ report: inout ImportReport
  ) throws(JSONError) {
    let number = try message.number(.snapshotUpdate)
    var clear = FeedRecord(.clear, instrument: instrument, at: time)
    clear.sequence = number
    var records = [clear]
    try levels(message, .snapshotBids, FeedRecord.buy, instrument, time, number, &records)
    try levels(message, .snapshotAsks, FeedRecord.sell, instrument, time, number, &records)
    for index in records.indices { records[index].flags.insert(.snapshot) }
    records[records.count - 1].flags.insert(.last)
    lastUpdate = number
    isBehindSnapshot = true
    let newer = held.drop { isStale($0) }
    if let first = newer.first {
      if !reachesBack(first, to: number) {
        report.gaps += 1
        records.append(gap(instrument, first.time, first.last))
      }
      for event in newer { records += event.records }
      lastUpdate = newer.last?.last
      isBehindSnapshot = false
      report.count("depth events once more behind an older snapshot", newer.count)
    }
    held = Array(newer)
    heldRecords = held.reduce(0) { $0 + $1.records.count }
    report.count("snapshots")
    put(records, message.receiveTime)
  }

  private mutating func levels(
    _ message: BinanceMessage, _ field: BinanceMessage.Field, _ side: UInt8, _ instrument: UInt32,
    _ time: Int64, _ sequence: UInt64, _ records: inout [FeedRecord]
  ) throws(JSONError) {
    var made: [(DecimalText, DecimalText)] = []
    try message.levels(field) { (price, quantity) throws(JSONError) in
      made.append((price, quantity))
    }
    for (price, quantity) in made {
      var record = FeedRecord(.level, instrument: instrument, at: time)
      record.sequence = sequence
      record.side = side
      record.price = self.price(price)
      record.quantity = self.quantity(quantity)
      records.append(record)
    }
  }

  private mutating func put(_ records: [FeedRecord], _ receiveTime: Int64) {
    guard misfit == nil else { return }
    pending += records
    pendingTime = receiveTime
  }

  private mutating func price(_ text: DecimalText) -> Int64 { fit(text, priceExponent, "price") }
  private mutating func quantity(_ text: DecimalText) -> Int64 {
    fit(text, quantityExponent, "quantity")
  }

  private mutating func fit(_ text: DecimalText, _ exponent: Int, _ what: String) -> Int64 {
    if let mantissa = text.mantissa(at: exponent) { return mantissa }
    misfit = "a \(what) of \(text.mantissa) × 10^-\(text.decimals) is no integer at 10^\(exponent)"
    return 0
  }
}
