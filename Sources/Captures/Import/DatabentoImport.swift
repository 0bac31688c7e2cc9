internal import ExecutionCore

/// Makes a recording of a Databento file (DBN version 1 or 2, raw or .zst) of the schemas mbo and mbp-1.
///
/// mbo: A add, M modify, C cancel (of its size), R clear, T trade. F, the fill of the order that rested, is counted and
/// makes no record: its T tells the trade, and the cancel that follows takes the order. Trades and fills never change a
/// book. mbp-1: a quote of the best levels that each message tells, before it the trade of a T.
///
/// Where the instrument's first message is no clear and of no snapshot, or where the venue's data says that the book may
/// be bad (flag 4), stands a gap. A snapshot that begins without a clear gets one. Session time is ts_event,
/// receive time ts_recv; prices are at 10^-9, as the file has them.
public struct DatabentoImport {
  public struct Options: Sendable {
    public var channel: String?
    /// Replace a recording that is there.
    public var replaces = false

    public init() {}
  }

  /// Reads the source twice and writes the recording `path`. One that is cut or damaged gives what stands before, and
  /// ``ImportReport/failure``.
  public static func run(
    _ source: ImportSource, to path: String, options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    let survey = try DatabentoSurvey(source)
    var header = CaptureHeader(
      channel: options.channel ?? "databento-" + survey.dataset.lowercased(),
      instruments: survey.instruments)
    header.source = source.name
    header.day = survey.firstTime.map { Int32(clamping: $0 / 86_400_000_000_000) }
    if header.problem != nil { header.channel = "databento" }
    var reader = try DatabentoReader(source)
    var output = try ImportOutput(path, header, replaces: options.replaces)
    var books = DatabentoBooks(survey.numbers)
    // Ends with the source: each turn passes a message.
    while let message = reader.next() {
      output.report.messages += 1
      try books.apply(message, source.name, &output)
    }
    try books.flush(&output)
    output.report.sourceBytes = reader.offset
    output.report.failure = reader.failure
    return try output.finish()
  }
}

/// One message of mbo or mbp-1.
struct DatabentoMessage {
  static var undefinedPrice: Int64 { .max }

  enum Schema {
    case orders
    case quotes
    case other
  }
  var schema = Schema.other
  var offset: UInt64 = 0
  var instrument: UInt32 = 0
  var eventTime: UInt64 = 0
  var receiveTime: UInt64 = 0
  var order: UInt64 = 0
  var price: Int64 = 0
  var size: UInt32 = 0
  var flags: UInt8 = 0
  var action: UInt8 = 0
  var side: UInt8 = 0
  var sequence: UInt32 = 0
  var bid: (price: Int64, size: UInt32) = (0, 0)
  var ask: (price: Int64, size: UInt32) = (0, 0)

  var isLast: Bool { flags & 0x80 != 0 }
  var isSnapshot: Bool { flags & 0x20 != 0 }
  var mayBeBad: Bool { flags & 0x04 != 0 }

  static func time(_ raw: UInt64) -> Int64? { raw > UInt64(Int64.max) ? nil : Int64(raw) }
  var sessionTime: Int64 { Self.time(eventTime) ?? Self.time(receiveTime) ?? 0 }
}

/// Walks the messages of a Databento file.
struct DatabentoReader {
  private static var headSize: Int { 16 }

  let metadata: DatabentoMetadata
  private let input: ZstdInput
  private let path: String
  private var framing: FeedError?

  init(_ source: ImportSource) throws(ImportFailure) {
    input = try ZstdInput(source)
    path = source.path
    let remedy = "give a file of Databento's, schema mbo or mbp-1, .dbn or .dbn.zst"
    var problem = "ends inside its head"
    var found: DatabentoMetadata?
    if let prefix = input.bytes(DatabentoMetadata.prefix) {
      switch DatabentoMetadata.length(prefix) {
      case .failure(let wrong): problem = wrong.text
      case .success(let length):
        if let bytes = input.bytes(length) {
          found = DatabentoMetadata(Array(bytes))
          problem = "has a head that does not fit its length"
          input.consume(length)
        }
      }
    }
    guard let found else {
      throw .source(
        input.failure
          ?? FeedError(path: path, offset: 0, cause: .data, problem: problem, remedy: remedy))
    }
    metadata = found
  }

  var offset: UInt64 { input.offset }
  var failure: FeedError? { input.failure ?? framing }

  /// The next message; nil at the end, and then ``failure`` says whether it came before its time.
  mutating func next() -> DatabentoMessage? {
    guard framing == nil, let first = input.bytes(1)?.first else { return nil }
    let length = Int(first) * 4
    guard length >= Self.headSize else {
      fail("has a message of \(length) bytes")
      return nil
    }
    guard let bytes = input.bytes(length) else {
      fail("ends inside a message")
      return nil
    }
    let message = message(bytes)
    input.consume(length)
    return message
  }

  private mutating func fail(_ problem: String) {
    framing = FeedError(
      path: path, offset: input.offset, cause: .data, problem: problem,
      remedy: "get the whole file again; everything before this place has been read")
  }

  private func message(_ bytes: ArraySlice<UInt8>) -> DatabentoMessage {
    var message = DatabentoMessage()
    message.offset = input.offset
    let size = bytes.count - (metadata.hasTimeOut ? 8 : 0)
    let start = bytes.startIndex
    message.instrument = Self.word(bytes, 4)
    message.eventTime = Self.word(bytes, 8)
    switch (bytes[start + 1], size) {
    case (0xa0, 56):
      message.schema = .orders
      message.order = Self.word(bytes, 16)
      message.price = Self.word(bytes, 24)
      message.size = Self.word(bytes, 32)
      message.flags = bytes[start + 36]
      message.action = bytes[start + 38]
      message.side = bytes[start + 39]
      message.receiveTime = Self.word(bytes, 40)
      message.sequence = Self.word(bytes, 52)
    case (0x01, 80):
      message.schema = .quotes
      message.price = Self.word(bytes, 16)
      message.size = Self.word(bytes, 24)
      message.action = bytes[start + 28]
      message.side = bytes[start + 29]
      message.flags = bytes[start + 30]
      message.receiveTime = Self.word(bytes, 32)
      message.sequence = Self.word(bytes, 44)
      message.bid = (Self.word(bytes, 48), Self.word(bytes, 64))
      message.ask = (Self.word(bytes, 56), Self.word(bytes, 68))
    default: break
    }
    return message
  }

  /// The caller has checked the length.
  private static func word<Word: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, _ at: Int) -> Word {
    var value: Word = 0
    let start = bytes.startIndex + at
    for index in 0..<MemoryLayout<Word>.size {
      value |= Word(truncatingIfNeeded: bytes[start + index]) << Word(8 * index)
    }
    return value
  }
}

/// The first reading: which instruments there are, and what the file has of them.
struct DatabentoSurvey {
  private(set) var dataset = ""
  private(set) var instruments: [CapturedInstrument] = []
  /// Places in the table by the file's numbers.
  private(set) var numbers: [UInt32: UInt32] = [:]
  private(set) var firstTime: Int64?

  init(_ source: ImportSource) throws(ImportFailure) {
    var reader = try DatabentoReader(source)
    dataset = reader.metadata.dataset
    var names: Set<String> = []
    for (number, symbol) in reader.metadata.symbols { add(number, symbol, &names) }
    while let message = reader.next() {
      guard message.schema != .other else { continue }
      if firstTime == nil { firstTime = message.sessionTime }
      if numbers[message.instrument] == nil { add(message.instrument, "", &names) }
      guard let place = numbers[message.instrument] else { continue }
      let isTrade = message.action == 0x54
      instruments[Int(place)].contents.insert(
        message.schema == .quotes ? .quotes : isTrade ? .trades : .orders)
      if isTrade { instruments[Int(place)].contents.insert(.trades) }
    }
  }

  /// A symbol that stands for several numbers in turn has the number behind it from the second on.
  private mutating func add(_ number: UInt32, _ symbol: String, _ names: inout Set<String>) {
    guard numbers[number] == nil, instruments.count < CaptureHeader.instrumentsMax else { return }
    for name in [symbol, "\(symbol)#\(number)", "id:\(number)"] {
      let instrument = CapturedInstrument(symbol: name, priceExponent: -9, quantityExponent: 0)
      guard instrument.problem == nil, !names.contains(name) else { continue }
      names.insert(name)
      numbers[number] = UInt32(truncatingIfNeeded: instruments.count)
      instruments.append(instrument)
      return
    }
  }
}

/// Turns messages into records, and knows which orders live.
struct DatabentoBooks {
  private struct Order: Hashable {
    var instrument: UInt32
    var number: UInt64
  }

  private let numbers: [UInt32: UInt32]
  private var live: [Order: Int64] = [:]
  private var begun: Set<UInt32> = []
  /// The last record, until it is known whether its event ends with it.
  private var pending: (record: FeedRecord, receiveTime: Int64)?

  init(_ numbers: [UInt32: UInt32]) { self.numbers = numbers }

  mutating func flush(_ output: inout ImportOutput) throws(ImportFailure) {
    guard let last = pending else { return }
    pending = nil
    try output.write(last.record, receiveTime: last.receiveTime)
  }

  private mutating func put(
    _ record: FeedRecord, _ message: DatabentoMessage, _ output: inout ImportOutput
  ) throws(ImportFailure) {
    try flush(&output)
    pending = (record, DatabentoMessage.time(message.receiveTime) ?? 0)
  }

  mutating func apply(
    _ message: DatabentoMessage, _ name: String, _ output: inout ImportOutput
  ) throws(ImportFailure) {
    guard message.schema != .other, let instrument = numbers[message.instrument] else {
      output.report.count("other messages")
      return
    }
    try begin(message, instrument, &output)
    var record = FeedRecord(.trade, instrument: instrument, at: message.sessionTime)
    record.sequence = UInt64(message.sequence)
    record.price = message.price == DatabentoMessage.undefinedPrice ? 0 : message.price
    record.quantity = Int64(message.size)
    record.reference = message.order
    record.side = message.side == 0x42 ? FeedRecord.buy : message.side == 0x41 ? FeedRecord.sell : 0
    if message.isSnapshot { record.flags.insert(.snapshot) }
    if message.schema == .quotes {
      try quote(record, message, &output)
    } else if let kind = kind(message, &output.report) {
      record.kind = kind.rawValue
      try put(record, message, &output)
    } else if message.action != 0x46, message.action != 0x4e {
      output.report.malformed("\(name) offset \(message.offset): action \(message.action)")
    }
    // What made no record may end an event all the same.
    if message.isLast, pending?.record.instrument == instrument {
      pending?.record.flags.insert(.last)
    }
  }

  /// Before the first message of an instrument, and where its book may be bad.
  private mutating func begin(
    _ message: DatabentoMessage, _ instrument: UInt32, _ output: inout ImportOutput
  ) throws(ImportFailure) {
    let isFirst = begun.insert(instrument).inserted
    guard message.schema == .orders else { return }
    let isWhole = message.isSnapshot || message.action == 0x52
    guard (isFirst && message.action != 0x52) || message.mayBeBad else { return }
    let kind: FeedRecord.Kind = isFirst && isWhole && !message.mayBeBad ? .clear : .gap
    var record = FeedRecord(kind, instrument: instrument, at: message.sessionTime)
    record.sequence = UInt64(message.sequence)
    if kind == .clear {
      record.flags = .snapshot
    } else if !isFirst {
      output.report.gaps += 1
    }
    try put(record, message, &output)
  }

  /// nil where it makes no record.
  private mutating func kind(
    _ message: DatabentoMessage, _ report: inout ImportReport
  ) -> FeedRecord.Kind? {
    let order = Order(instrument: message.instrument, number: message.order)
    let size = Int64(message.size)
    switch message.action {
    case 0x41:
      live[order] = size
      return .add
    case 0x4d:
      if live.updateValue(size, forKey: order) == nil {
        live[order] = nil
        report.unknownOrders += 1
      }
      return .modify
    case 0x43:
      guard let left = live[order] else {
        report.unknownOrders += 1
        return .cancel
      }
      live[order] = left > size ? left - size : nil
      return .cancel
    case 0x52:
      live = live.filter { $0.key.instrument != message.instrument }
      return .clear
    case 0x54: return .trade
    case 0x46:
      report.count("fills beside their trades")
      return nil
    default:
      if message.action == 0x4e { report.count("messages that change nothing") }
      return nil
    }
  }

  private mutating func quote(
    _ message: FeedRecord, _ from: DatabentoMessage, _ output: inout ImportOutput
  ) throws(ImportFailure) {
    if from.action == 0x54 { try put(message, from, &output) }
    var record = message
    record.kind = FeedRecord.Kind.quote.rawValue
    record.side = 0
    record.reference = 0
    let (bid, ask) = (from.bid, from.ask)
    let isBid = bid.price != DatabentoMessage.undefinedPrice
    let isAsk = ask.price != DatabentoMessage.undefinedPrice
    record.price = isBid ? bid.price : 0
    record.quantity = isBid ? Int64(bid.size) : 0
    record.askPrice = isAsk ? ask.price : 0
    record.askQuantity = isAsk ? Int64(ask.size) : 0
    try put(record, from, &output)
  }
}
