import Captures
import ExecutionCore
import Simulation

/// Where the records of a paper broker's market come from: a recording, or a generator.
struct PaperSource: ~Copyable {
  let instruments: [InstrumentFacts]
  /// Session time at which it begins, and of the last record of one that ends.
  let begin: Int64
  let end: Int64
  /// It tells each instrument again and again by itself.
  let refreshes: Bool
  /// Of a recording: a word for what is in it. Another file under its name is another market.
  private(set) var content = ""
  private(set) var isOver = false
  /// Why it ended before its end; nil while it goes on, and when all was played.
  private(set) var failure: FeedError?
  private var isLive = false
  /// One of the two is there, unless it is live.
  private var reader: CaptureReader?
  private var generator: PriceGenerator?
  private let records: UnsafeMutableBufferPointer<FeedRecord>
  private let stamps: UnsafeMutableBufferPointer<Int64>
  private var count = 0
  private var next = 0
  private static let batch = 4_096

  /// Without a record of its own: a live feed is followed beside it.
  init(live instruments: [InstrumentFacts]) {
    self.instruments = instruments
    begin = 0
    end = .max
    refreshes = true
    isLive = true
    records = .allocate(capacity: 1)
    records.initialize(repeating: FeedRecord())
    stamps = .allocate(capacity: 1)
    stamps.initialize(repeating: 0)
  }

  init(_ settings: PriceGeneratorSettings) {
    let generator = PriceGenerator(settings)
    self.generator = generator
    instruments = generator.instruments
    begin = generator.settings.begin
    end = .max
    refreshes = true
    records = .allocate(capacity: Self.batch)
    records.initialize(repeating: FeedRecord())
    stamps = .allocate(capacity: 1)
    stamps.initialize(repeating: 0)
  }

  /// Throws for a recording that can't be read, is empty, or of orders, and for a begin behind its end.
  ///
  /// - Parameter from: session time at which it is to begin; nil: with its first record.
  init(recording path: String, from: Int64? = nil) throws(CommandFailure) {
    let reader = try Self.open(path)
    guard let times = reader.timeRange else {
      throw CommandFailure(.dataError, "\(path): has no records; import one that has")
    }
    if reader.header.instruments.allSatisfy({
      $0.contents.isDisjoint(with: [.quotes, .levels])
    }) {
      throw CommandFailure(
        .dataError,
        "\(path): has no quotes for paper, which orders (L3) and trades alone are not; give a recording of quotes "
          + "or of books by price")
    }
    if let from, from > times.upperBound || from < times.lowerBound - 1_000_000_000 {
      throw CommandFailure(
        .dataError,
        "\(path): has nothing of the time at which it is to begin, \(from) ns since 1970: it is of another time or day, "
          + "\(times.lowerBound) to \(times.upperBound)")
    }
    instruments = reader.header.instruments.map(\.facts)
    begin = max(times.lowerBound, from ?? .min)
    end = times.upperBound
    refreshes = false
    content = ", \(reader.statedHash?.text ?? "\(reader.recordCount) records")"
    self.reader = consume reader
    records = .allocate(capacity: Self.batch)
    records.initialize(repeating: FeedRecord())
    stamps = .allocate(capacity: Self.batch)
    stamps.initialize(repeating: 0)
  }

  private static func open(_ path: String) throws(CommandFailure) -> CaptureReader {
    do throws(FeedError) { return try CaptureReader(path: path) } catch {
      throw CommandFailure(error.cause.exitCode, "\(error)")
    }
  }

  deinit {
    records.deallocate()
    stamps.deallocate()
  }

  /// The next record, which ``drop()`` goes behind; nil behind the last.
  mutating func peek() -> FeedRecord? {
    if next == count, !isOver { fill() }
    return next < count ? records[next] : nil
  }
  mutating func drop() { next += 1 }

  private mutating func fill() {
    next = 0
    count = 0
    if var reader = reader.take() {
      count = reader.read(
        into: records.baseAddress!, receiveTimes: stamps.baseAddress!, capacity: Self.batch)
      failure = reader.failure
      self.reader = consume reader
    } else if generator != nil {
      // Few at a time: they are looked at as their time comes.
      while count < 64 {
        records[count] = generator!.next()
        count += 1
      }
    }
    isOver = count == 0 && !isLive
  }
}
