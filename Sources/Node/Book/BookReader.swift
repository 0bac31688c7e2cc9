import CSupport
import Captures
import ExecutionCore
import Simulation

/// Reads a whole recorded feed into books.
final class BookReader {
  struct Result {
    var report: BookReport
    /// For people, on standard error: gaps, duplicates, what was passed over.
    var notes: [String]
    /// Why the file could not be read to its end.
    var failure: FeedError?
  }

  private static let batchMax = 4096
  /// More live orders than a NASDAQ day has at its peak, twice over.
  private static let ordersMax = 1 << 22
  private let arena: OpaquePointer
  private let books: OrderBooks
  private let records: UnsafeMutablePointer<MarketRecord>
  private let resting: UnsafeMutablePointer<RestingOrder>
  private var counts = [Int](repeating: 0, count: 256)
  private var malformed = 0
  private var notes: [String] = []
  private var failure: FeedError?
  private var bytes: UInt64 = 0

  /// - Parameters:
  ///   - choice: of the feeds of a capture.
  ///   - symbols: books to report; all when empty.
  ///   - levels: most levels of a side in the report.
  static func read(
    _ file: borrowing FeedFile, choice: CaptureChoice, symbols: Set<String>, levels: Int
  ) throws(FeedError) -> Result {
    let survey = try RecordedFeed.survey(file, choice)
    let feed = try RecordedFeed(file, survey: survey, midnight: 0)
    let size = try file.input().sizeIfKnown
    let reader = try BookReader(path: file.path, size: size)
    reader.read(feed, isCapture: survey != nil, path: file.path)
    return reader.result(path: file.path, symbols: symbols, levels: levels)
  }

  private init(path: String, size: Int?) throws(FeedError) {
    // The shortest message that makes an order has 38 bytes with its length word.
    let orders = min(max((size ?? .max) / 38, 1024), Self.ordersMax)
    var capacity = BookCapacity(orders: orders)
    capacity.levels = orders
    capacity.ladderSlots = orders * 4 + 16 * min(OrderBooks.locates, orders)
    var made: OpaquePointer?
    let options = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
    let bytes = OrderBooks.bytes(for: capacity)
    let code = nt_arena_create(&made, bytes, options, nil)
    guard code == 0, let arena = made, let books = OrderBooks(capacity: capacity, arena: arena)
    else {
      if let made { nt_arena_destroy(made) }
      throw FeedError(
        path: path, offset: nil, cause: .system(code), problem: "no memory for its books",
        remedy: "\(bytes >> 20) MiB of address space are needed")
    }
    self.arena = arena
    self.books = books
    records = .allocate(capacity: Self.batchMax)
    records.initialize(repeating: MarketRecord(), count: Self.batchMax)
    resting = .allocate(capacity: 1)
    resting.initialize(to: RestingOrder())
  }

  deinit {
    records.deallocate()
    resting.deallocate()
    nt_arena_destroy(arena)
  }

  private func result(path: String, symbols: Set<String>, levels: Int) -> Result {
    var report = BookReport()
    report.bytes = bytes
    report.malformed = malformed
    for kind in ITCHDecoder.kinds where counts[Int(kind)] > 0 {
      report.types[kind] = counts[Int(kind)]
    }
    report.collect(books, symbols: symbols, levels: levels)
    if !symbols.isEmpty {
      let named = Set((0..<OrderBooks.locates).map { books.symbol(UInt16(truncatingIfNeeded: $0)) })
      for symbol in symbols.sorted() where !named.contains(SymbolCode.encode(symbol) ?? 0) {
        notes.append("\(path): it has no order of a symbol \(symbol)")
      }
    }
    let counters = report.counters
    if counters.overExecuted > 0 {
      notes.append("\(path): \(counters.overExecuted) executions or cancels of more than was left")
    }
    if counters.badSide > 0 {
      notes.append("\(path): \(counters.badSide) orders of neither side were not booked")
    }
    if counters.symbolMismatch > 0 {
      notes.append(
        "\(path): \(counters.symbolMismatch) orders named another stock than their locate")
    }
    if counters.full > 0, failure == nil {
      failure = FeedError(
        path: path, offset: bytes, cause: .data,
        problem: "\(counters.full) orders found no room, the books are not whole",
        remedy: "more than \(Self.ordersMax) live orders, or levels of one side, are not held")
    }
    return Result(report: report, notes: notes, failure: failure)
  }

  // MARK: The feed

  private func read(_ opened: consuming RecordedFeed, isCapture: Bool, path: String) {
    var feed = opened
    // Ends with the recording.
    while true {
      let count = feed.read(into: records, capacity: Self.batchMax)
      guard count > 0 else { break }
      apply(count)
    }
    let faults = feed.faults
    malformed = Int(clamping: faults.malformed)
    bytes = feed.offset
    notes += faults.account.map { "\(path): \($0)" }
    failure = faults.trouble
    guard counts.reduce(0, +) == 0, malformed > 0, !isCapture, faults.failure == nil else {
      return
    }
    failure = FeedError(
      path: path, offset: 0, cause: .data, problem: "no well-formed message is in it",
      remedy:
        "expected is framed ITCH 5.0 (each message behind its length, two bytes big-endian), or a pcap "
        + "of MoldUDP64")
  }

  private func apply(_ count: Int) {
    for index in 0..<count {
      let record = records + index
      books.prefetch(records, at: index, count: count)
      let kind = record.pointee.kind
      counts[Int(kind)] += 1
      if kind == ITCHDecoder.Kind.directory {
        books.setSymbol(record.pointee.locate, record.pointee.symbol)
      } else {
        _ = books.apply(record, resting: resting)
      }
    }
  }
}
