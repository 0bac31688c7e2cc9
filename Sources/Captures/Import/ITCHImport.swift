public import ExecutionCore

/// Makes a recording of a file of framed NASDAQ TotalView-ITCH 5.0 messages (raw or .gz): its orders, executions,
/// trades and trading actions.
///
/// A and F become adds, E and C executes (of C at its price), X cancels, D deletes, U a delete and an add that share
/// their sequence, P and Q trades without an aggressor, H a status. What is said of an order that the file has not
/// added makes nothing and is counted. Where the file does not begin with the start of messages (system event O), an
/// instrument's first order stands behind a gap. The sequence is the message's place in the file, from 1.
public struct ITCHImport {
  public struct Options: Sendable {
    /// The session's day; out of the file's name where it is nil.
    public var day: SessionDate?
    public var channel: String?
    /// Replace a recording that is there.
    public var replaces = false

    public init() {}
  }

  /// Reads the source twice and writes the recording `path`. One that is cut gives what stands before, and
  /// ``ImportReport/failure``.
  public static func run(
    _ source: ImportSource, to path: String, options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    guard let day = options.day ?? SessionDate(fileName: source.name) else {
      throw .source(
        FeedError(
          path: source.path, offset: nil, cause: .data, problem: "has no day in its name",
          remedy: "name it as the venue does, or give the day"))
    }
    return try write(source.name, source.path, day, to: path, options) {
      (body) throws(ImportFailure) in try each(source, day, body)
    }
  }

  /// The same of messages that are made and not read.
  ///
  /// - Parameters:
  ///   - messages: gives them from the first one on, each time it is called.
  ///   - name: what the recording says that it was made of.
  public static func run(
    made messages: () -> () -> MarketRecord?, name: String, to path: String,
    options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    try write(name, name, options.day, to: path, options) { (body) throws(ImportFailure) in
      let next = messages()
      var end = End(frames: 0, malformed: 0, bytes: 0, failure: nil)
      // Ends with the messages.
      while var message = next() {
        end.frames += 1
        message.sequence = UInt64(end.frames)
        try body(message)
      }
      return end
    }
  }

  private typealias Body = (MarketRecord) throws(ImportFailure) -> Void

  /// - Parameter each: gives each message in order, and the same again when it is called again.
  private static func write(
    _ name: String, _ origin: String, _ day: SessionDate?, to path: String, _ options: Options,
    each: (Body) throws(ImportFailure) -> End
  ) throws(ImportFailure) -> ImportReport {
    var survey = ITCHSurvey()
    let first = try each { (record) throws(ImportFailure) in survey.take(record) }
    guard first.frames > first.malformed else {
      throw .source(
        first.failure
          ?? FeedError(
            path: origin, offset: 0, cause: .data,
            problem: "no well-formed message of ITCH 5.0 is in it",
            remedy: "expected is each message behind its length, two bytes big-endian"))
    }
    let (instruments, numbers) = survey.table()
    var header = CaptureHeader(channel: options.channel ?? "nasdaq-itch", instruments: instruments)
    header.source = name
    header.day = day.map { Int32(clamping: $0.daysSince1970) }
    var books = ITCHOrders(numbers, beginsWhole: survey.beginsWhole)
    var output = try ImportOutput(path, header, replaces: options.replaces)
    var report = ImportReport()
    var records: [FeedRecord] = []
    let end: End
    do throws(ImportFailure) {
      end = try each { (record) throws(ImportFailure) in
        books.apply(record, &records, &report)
        for record in records { try output.write(record, receiveTime: 0) }
        records.removeAll(keepingCapacity: true)
      }
    } catch { throw output.abandon(after: error) }
    report.messages = end.frames
    report.sourceBytes = end.bytes
    report.malformed = end.malformed
    if end.malformed > 0 { report.firstMalformed = "\(name): \(end.malformed) frames" }
    report.failure = end.failure
    output.report = report
    return try output.finish()
  }

  private struct End {
    var frames: Int
    var malformed: Int
    var bytes: UInt64
    var failure: FeedError?
  }

  private static func each(
    _ source: ImportSource, _ day: SessionDate, _ body: Body
  ) throws(ImportFailure) -> End {
    let capacity = 1_024
    var file = FramedITCHFile(
      input: try source.open(), midnight: SessionCalendar.midnight(day), firstSequence: 1)
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: capacity)
    unsafe records.initialize(repeating: MarketRecord(), count: capacity)
    defer { unsafe records.deallocate() }
    // Ends with the file.
    while true {
      let count = unsafe file.read(into: records, capacity: capacity)
      guard count > 0 else { break }
      for index in 0..<count { try body(unsafe records[index]) }
    }
    return End(
      frames: file.frames, malformed: file.malformed, bytes: file.offset, failure: file.failure)
  }
}

/// The first reading: the symbols of the locates that anything is recorded of.
struct ITCHSurvey {
  private var symbols: [UInt16: UInt64] = [:]
  private var contents: [UInt16: CapturedInstrument.Contents] = [:]
  private var isFirst = true
  /// The file begins with the start of messages: nothing was before it.
  private(set) var beginsWhole = false

  mutating func take(_ record: MarketRecord) {
    if isFirst {
      beginsWhole = record.kind == ITCHDecoder.Kind.systemEvent && record.code == 0x4f
    }
    isFirst = false
    typealias Kind = ITCHDecoder.Kind
    switch record.kind {
    case Kind.directory: symbols[record.locate] = record.symbol
    case Kind.add, Kind.addAttributed:
      if symbols[record.locate] == nil { symbols[record.locate] = record.symbol }
      contents[record.locate, default: []].insert(.orders)
    case Kind.executed, Kind.executedAtPrice, Kind.cancel, Kind.delete, Kind.replace:
      contents[record.locate, default: []].insert(.orders)
    case Kind.trade, Kind.cross:
      if symbols[record.locate] == nil { symbols[record.locate] = record.symbol }
      contents[record.locate, default: []].insert(.trades)
    case Kind.tradingAction:
      if symbols[record.locate] == nil { symbols[record.locate] = record.symbol }
      contents[record.locate, default: []].formUnion([])
    default: break
    }
  }

  /// In the order of the locates. A locate that no message names, or by a name that another has, is `locate:7`.
  func table() -> ([CapturedInstrument], [UInt16: UInt32]) {
    var instruments: [CapturedInstrument] = []
    var numbers: [UInt16: UInt32] = [:]
    var names: Set<String> = []
    for (locate, held) in contents.sorted(by: { $0.key < $1.key }) {
      let symbol = SymbolCode.decode(symbols[locate] ?? 0)
      var instrument = CapturedInstrument(symbol: symbol, priceExponent: -4, quantityExponent: 0)
      if instrument.problem != nil || names.contains(symbol) {
        instrument.symbol = "locate:\(locate)"
      }
      names.insert(instrument.symbol)
      instrument.currency = "USD"
      instrument.contents = held
      numbers[locate] = UInt32(truncatingIfNeeded: instruments.count)
      instruments.append(instrument)
    }
    return (instruments, numbers)
  }
}

/// Turns messages into records, and knows which orders live: a replacement does not say its side.
struct ITCHOrders {
  private struct Order {
    var side: UInt8
    var left: UInt32
  }
  private let numbers: [UInt16: UInt32]
  private var live: [UInt64: Order] = [:]
  private var begun: Set<UInt16> = []
  private let beginsWhole: Bool

  init(_ numbers: [UInt16: UInt32], beginsWhole: Bool) {
    self.numbers = numbers
    self.beginsWhole = beginsWhole
  }

  mutating func apply(
    _ message: MarketRecord, _ records: inout [FeedRecord], _ report: inout ImportReport
  ) {
    typealias Kind = ITCHDecoder.Kind
    guard let instrument = numbers[message.locate] else {
      report.count("other messages")
      return
    }
    var record = FeedRecord(.trade, instrument: instrument, at: message.sessionTime)
    record.sequence = message.sequence
    record.price = Int64(message.price)
    record.quantity = Int64(message.shares)
    record.reference = message.reference
    record.flags = .last
    switch message.kind {
    case Kind.add, Kind.addAttributed:
      guard live[message.reference] == nil else {
        report.count("orders added twice")
        return
      }
      begin(message, instrument, &records)
      live[message.reference] = Order(side: message.side, left: message.shares)
      record.kind = FeedRecord.Kind.add.rawValue
      record.side = message.side
    case Kind.executed, Kind.executedAtPrice, Kind.cancel, Kind.delete, Kind.replace:
      guard let order = live[message.reference] else {
        report.unknownOrders += 1
        return
      }
      record.side = order.side
      reduce(message, order, &record, &records)
    case Kind.trade: record.reference = message.matchNumber
    case Kind.cross:
      record.reference = message.matchNumber
      record.quantity = Int64(clamping: message.reference)
    case Kind.tradingAction:
      record = FeedRecord(.status, instrument: instrument, at: message.sessionTime)
      record.sequence = message.sequence
      record.detail = MarketStatus(itch: UInt8(truncatingIfNeeded: message.code)).rawValue
      record.flags = .last
    default:
      report.count("other messages")
      return
    }
    records.append(record)
  }

  private mutating func begin(
    _ message: MarketRecord, _ instrument: UInt32, _ records: inout [FeedRecord]
  ) {
    guard begun.insert(message.locate).inserted, !beginsWhole else { return }
    var gap = FeedRecord(.gap, instrument: instrument, at: message.sessionTime)
    gap.sequence = message.sequence
    records.append(gap)
  }

  private mutating func reduce(
    _ message: MarketRecord, _ order: Order, _ record: inout FeedRecord,
    _ records: inout [FeedRecord]
  ) {
    typealias Kind = ITCHDecoder.Kind
    switch message.kind {
    case Kind.executed, Kind.executedAtPrice: record.kind = FeedRecord.Kind.execute.rawValue
    case Kind.cancel: record.kind = FeedRecord.Kind.cancel.rawValue
    default:
      record.kind = FeedRecord.Kind.delete.rawValue
      live[message.reference] = nil
    }
    guard message.kind == Kind.replace else {
      if let left = live[message.reference]?.left {
        live[message.reference] =
          left > message.shares ? Order(side: order.side, left: left - message.shares) : nil
      }
      return
    }
    var delete = record
    delete.price = 0
    delete.quantity = 0
    delete.flags = []
    records.append(delete)
    live[message.newReference] = Order(side: order.side, left: message.shares)
    record.kind = FeedRecord.Kind.add.rawValue
    record.reference = message.newReference
  }
}
