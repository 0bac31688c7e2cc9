public import ExecutionCore

/// Makes a recording of QuantConnect Lean's US equity ticks: `20131007_quote.zip` and `20131007_trade.zip`, each of one
/// symbol and day, merged by time.
///
/// Lean has the quotes of each venue by itself, and none is the best of all: so each venue of a symbol is an instrument
/// of its own, `BAC.Q`. A quote line speaks of both sides or of one (the other has a price and a size of 0); trades
/// have no aggressor. Lines that are marked as suspicious are counted and make no record, conditions are not recorded.
///
/// Format: github.com/QuantConnect/Lean, Data/equity/readme.md: milliseconds since midnight of New York, prices in
/// 10^-4 dollars.
public struct QuantConnectImport {
  public struct Options: Sendable {
    /// The session's day; out of each file's name where it is nil.
    public var day: SessionDate?
    /// Out of the member's name where it is nil.
    public var symbol: String?
    public var channel: String?
    /// Replace a recording that is there.
    public var replaces = false

    public init() {}
  }
  /// Files that are merged at once: each lies in memory.
  public static var sourcesMax: Int { 64 }

  /// Reads the sources and writes the recording `path`.
  public static func run(
    _ sources: [ImportSource], to path: String, options: Options = Options()
  ) throws(ImportFailure) -> ImportReport {
    guard sources.count <= sourcesMax else {
      throw .source(
        FeedError(
          path: path, offset: nil, cause: .data,
          problem: "\(sources.count) files are merged at once",
          remedy: "\(sourcesMax) are the most"))
    }
    var files: [LeanFile] = []
    for source in sources { files.append(try LeanFile(source, options)) }
    let (instruments, numbers) = try survey(files)
    var header = CaptureHeader(
      channel: options.channel ?? "quantconnect-us-equity", instruments: instruments)
    header.source = ImportSource.names(sources)
    header.day = files.map(\.day).min().map { Int32(clamping: $0.daysSince1970) }
    var output = try ImportOutput(path, header, replaces: options.replaces)
    try merge(files, numbers, &output)
    for file in files {
      output.report.messages += file.lines
      output.report.sourceBytes += UInt64(file.size)
      output.report.malformed += file.malformed
      if output.report.firstMalformed == nil { output.report.firstMalformed = file.firstMalformed }
      if file.suspicious > 0 { output.report.count("suspicious lines", file.suspicious) }
      if file.empty > 0 { output.report.count("quotes of no side", file.empty) }
    }
    return try output.finish()
  }

  /// The instruments, in the order of their symbols and venues.
  private static func survey(
    _ files: [LeanFile]
  ) throws(ImportFailure) -> ([CapturedInstrument], [String: UInt32]) {
    var contents: [String: CapturedInstrument.Contents] = [:]
    for file in files {
      while let tick = file.next() {
        contents[file.name(tick), default: []].insert(tick.isTrade ? .trades : .quotes)
      }
      file.rewind()
    }
    var instruments: [CapturedInstrument] = []
    var numbers: [String: UInt32] = [:]
    for (name, held) in contents.sorted(by: { $0.key < $1.key }) {
      var instrument = CapturedInstrument(symbol: name, priceExponent: -4, quantityExponent: 0)
      instrument.currency = "USD"
      instrument.contents = held
      if let problem = instrument.problem {
        throw .source(
          FeedError(
            path: files.first?.path ?? "", offset: nil, cause: .data,
            problem: "'\(name)': \(problem)",
            remedy: "give the symbol"))
      }
      numbers[name] = UInt32(truncatingIfNeeded: instruments.count)
      instruments.append(instrument)
    }
    return (instruments, numbers)
  }

  /// By time; of the same time in the order in which the files are named.
  private static func merge(
    _ files: [LeanFile], _ numbers: [String: UInt32], _ output: inout ImportOutput
  ) throws(ImportFailure) {
    var heads = files.map { $0.next() }
    // Each turn passes a tick.
    while true {
      var first: Int?
      for (index, head) in heads.enumerated() {
        guard let time = head?.record.sessionTime else { continue }
        if let found = first, let best = heads[found]?.record.sessionTime, best <= time { continue }
        first = index
      }
      guard let index = first, let tick = heads[index] else { return }
      var record = tick.record
      record.instrument = numbers[files[index].name(tick)] ?? FeedRecord.all
      try output.write(record, receiveTime: 0)
      heads[index] = files[index].next()
    }
  }
}

/// A line of a Lean file, and the venue's letter.
struct LeanTick {
  var record: FeedRecord
  var venue: String
  var isTrade: Bool
}

/// The lines of one of Lean's files.
final class LeanFile {
  let path: String
  let day: SessionDate
  let size: Int
  private let source: ImportSource
  private let symbol: String
  private let midnight: Int64
  private let isTrade: Bool
  private let content: [UInt8]
  private var at = 0
  private(set) var lines = 0
  private(set) var malformed = 0
  private(set) var firstMalformed: String?
  private(set) var suspicious = 0
  private(set) var empty = 0

  init(_ source: ImportSource, _ options: QuantConnectImport.Options) throws(ImportFailure) {
    let member: (name: String, content: [UInt8])
    do throws(FeedError) {
      let storage =
        switch source {
        case .file(let path): try CaptureStorage(path: path)
        case .bytes(let bytes, let name): CaptureStorage(bytes: bytes, path: name)
        }
      do throws(ZipFile.Problem) { member = try ZipFile.member(of: storage) } catch {
        throw FeedError(
          path: source.path, offset: error.offset, cause: .data, problem: error.text,
          remedy: "give a .zip of Lean's, and get it whole")
      }
    } catch { throw .source(error) }
    // 20131007_bac_Trade_Tick.csv
    let words = member.name.split(separator: "_").map(String.init)
    let kind = words.first { ["trade", "quote"].contains($0.lowercased()) }?.lowercased()
    guard let day = options.day ?? SessionDate(fileName: source.name), let kind,
      let symbol = options.symbol ?? (words.count > 2 ? words[1].uppercased() : nil)
    else {
      throw .source(
        FeedError(
          path: source.path, offset: nil, cause: .data,
          problem: "its member '\(member.name)' is no day's ticks of a symbol",
          remedy: "expected is 20131007_bac_Trade_Tick.csv or the same with Quote"))
    }
    self.source = source
    path = source.path
    self.day = day
    self.symbol = symbol
    content = member.content
    size = member.content.count
    isTrade = kind == "trade"
    midnight = SessionCalendar.midnight(day)
  }

  /// `BAC.Q`.
  func name(_ tick: LeanTick) -> String { "\(symbol).\(tick.venue)" }

  func rewind() {
    at = 0
    lines = 0
    malformed = 0
    firstMalformed = nil
    suspicious = 0
    empty = 0
  }

  /// The next line that makes a record; nil at the end.
  func next() -> LeanTick? {
    // Each turn passes a line.
    while at < content.count {
      let end = content[at...].firstIndex(of: 0x0a) ?? content.count
      let start = at
      at = end + 1
      lines += 1
      var last = end
      if last > start, content[last - 1] == 0x0d { last -= 1 }
      let read = unsafe content.withUnsafeBytes {
        unsafe tick(UnsafeRawBufferPointer(rebasing: $0[start..<last]))
      }
      if let tick = read { return tick }
    }
    return nil
  }

  /// nil, and counted, where the line makes no record.
  private func tick(_ line: UnsafeRawBufferPointer) -> LeanTick? {
    var fields = unsafe CSVFields(line)
    guard let time = fields.decimal(at: -6), time >= 0, time < 86_400_000_000_000 else {
      return wrong("no time")
    }
    var record = FeedRecord(isTrade ? .trade : .quote, instrument: 0, at: midnight + time)
    record.flags = .last
    guard let price = fields.integer(), let size = fields.integer(), size >= 0 else {
      return wrong("no price and size")
    }
    record.price = price
    record.quantity = size
    if !isTrade {
      guard let askPrice = fields.integer(), let askSize = fields.integer(), askSize >= 0 else {
        return wrong("no price and size of the offer")
      }
      record.askPrice = askPrice
      record.askQuantity = askSize
    }
    guard let venue = fields.text(), fields.next() != nil, let mark = fields.integer(),
      fields.isDone
    else { return wrong("no venue, condition and mark") }
    guard mark == 0 else {
      suspicious += 1
      return nil
    }
    if !isTrade {
      let isBid = record.price != 0 || record.quantity != 0
      let isAsk = record.askPrice != 0 || record.askQuantity != 0
      guard isBid || isAsk else {
        empty += 1
        return nil
      }
      record.side = isBid && isAsk ? 0 : isBid ? FeedRecord.buy : FeedRecord.sell
    }
    return LeanTick(record: record, venue: venue.isEmpty ? "-" : venue, isTrade: isTrade)
  }

  private func wrong(_ what: String) -> LeanTick? {
    malformed += 1
    if firstMalformed == nil { firstMalformed = "\(source.name) line \(lines): \(what)" }
    return nil
  }
}
