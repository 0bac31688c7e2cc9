public import Captures
public import ExecutionCore

/// Where the exchange's history comes from: a generated market, or a recorded one with the opening
/// messages that it may lack.
///
/// Reading it again from the start gives the same messages. Threading: one owner.
public final class ExchangeFeed {
  /// What is known of the symbols before the day begins.
  public let instruments: [InstrumentFacts]
  /// The feed's locate of each symbol.
  public let locates: [UInt64: UInt16]
  /// Session time of midnight Eastern.
  public let midnight: Int64
  /// What had to be assumed or added, in words.
  public let notes: [String]
  /// The same for the same messages: what a stored session is bound to.
  public let identity: String
  /// Why a file cannot be read to its end, or what of it is damaged; the feed is all the rest.
  public let failure: FeedError?

  /// Why reading it a second time, to play it, ended before its end; a file that has been cut since.
  public private(set) var lateFailure: FeedError?

  private var buffer: [MarketRecord] = []
  private var index = 0
  private var source: Source
  /// What it is read from, which may be there only as long as it is open.
  private let file: FeedFile?
  /// How a process of our own finds the same feed: a path, and the descriptor that it must inherit for it. nil
  /// where the feed's own path is as good.
  public let handOver: (path: String, descriptor: Int32)?

  private enum Source {
    case generated(MarketGenerator)
    case reader(any RecordReader)
    case done
  }

  static let batch = 1_024

  /// A generated market.
  public init(generated settings: GeneratorSettings) {
    let generator = MarketGenerator(settings: settings)
    instruments = generator.instruments
    var places: [UInt64: UInt16] = [:]
    for (rank, facts) in instruments.enumerated() { places[facts.symbol.code] = UInt16(rank + 1) }
    locates = places
    midnight = settings.midnight
    notes = []
    failure = nil
    identity = "generated \(settings)"
    file = nil
    handOver = nil
    source = .generated(generator)
  }

  /// Records in memory, passed on as they are.
  public init(
    records: [MarketRecord], instruments: [InstrumentFacts], midnight: Int64, identity: String
  ) {
    self.instruments = instruments
    self.midnight = midnight
    self.identity = identity
    var scan = InstrumentsScan()
    for record in records { scan.look(record) }
    locates = scan.locates
    let opening = Self.opening(of: instruments, scan: scan)
    notes = opening.notes
    failure = nil
    file = nil
    handOver = nil
    buffer = opening.records + records
    source = .done
  }

  /// A feed of these parts; see the convenience initialisers.
  init(
    reader: any RecordReader, scan: InstrumentsScan, faults: RecordingFaults,
    instruments given: [InstrumentFacts]?, midnight: Int64, identity: String,
    file: consuming FeedFile
  ) {
    let derived = scan.result()
    instruments = given ?? derived.instruments
    locates = scan.locates
    self.midnight = midnight
    self.identity = identity
    let opening = Self.opening(of: instruments, scan: scan)
    notes = (given == nil ? derived.assumptions : []) + opening.notes + faults.notes
    failure = faults.trouble
    buffer = opening.records
    source = .reader(reader)
    handOver = file.isFoundByPath ? nil : (file.inheritedPath, file.descriptor)
    self.file = consume file
  }

  /// The next message of history; nil after the last.
  public func next() -> MarketRecord? {
    guard let record = peek() else { return nil }
    index += 1
    return record
  }

  /// The next message without taking it.
  public func peek() -> MarketRecord? {
    if index < buffer.count { return buffer[index] }
    index = 0
    switch source {
    case .done:
      buffer = []
      return nil
    case .generated(var generator):
      buffer.removeAll(keepingCapacity: true)
      source = .done
      while buffer.count < Self.batch, let record = generator.next() { buffer.append(record) }
      source = .generated(generator)
      return buffer.first
    case .reader(let reader):
      reader.read(into: &buffer, atMost: Self.batch)
      if buffer.isEmpty {
        source = .done
        if failure == nil { lateFailure = reader.faults.trouble }
      }
      return buffer.first
    }
  }

  /// The S, R, H and Y that the feed lacks, at the time of its first message.
  private static func opening(
    of instruments: [InstrumentFacts], scan: InstrumentsScan
  ) -> (records: [MarketRecord], notes: [String]) {
    var records: [MarketRecord] = []
    let time = scan.firstTime ?? 0
    if !scan.hasSystemEvents { records += "OSQ".utf8.map { event($0, time: time) } }
    var known: [UInt64: InstrumentsScan.Found] = [:]
    for found in scan.found { known[found.facts.symbol.code] = found }
    var added = 0
    for facts in instruments {
      guard let found = known[facts.symbol.code] else { continue }
      let before = records.count
      if !found.hasDirectory { records.append(directory(facts, found.locate, time: time)) }
      if !found.hasTradingAction, facts.status.itch != 0 {
        var record = state(UInt8(ascii: "H"), facts, found.locate, time: time)
        record.code = UInt16(facts.status.itch) | 0x2000
        record.detail = 0x2020_2020
        records.append(record)
      }
      if !found.hasRegSHO, facts.shortSale.itch != 0 {
        var record = state(UInt8(ascii: "Y"), facts, found.locate, time: time)
        record.code = UInt16(facts.shortSale.itch)
        records.append(record)
      }
      if records.count > before { added += 1 }
    }
    var notes: [String] = []
    if !records.isEmpty {
      notes.append(
        "the feed lacks opening messages: \(records.count) published first (S, R, H, Y) for "
          + "\(added) symbols")
    }
    return (records, notes)
  }

  private static func event(_ code: UInt8, time: Int64) -> MarketRecord {
    var record = MarketRecord()
    record.kind = UInt8(ascii: "S")
    record.sessionTime = time
    record.code = UInt16(code)
    return record
  }

  private static func state(
    _ kind: UInt8, _ facts: InstrumentFacts, _ locate: UInt16, time: Int64
  ) -> MarketRecord {
    var record = MarketRecord()
    record.kind = kind
    record.sessionTime = time
    record.locate = locate
    record.symbol = facts.symbol.code
    return record
  }

  static func directory(
    _ facts: InstrumentFacts, _ locate: UInt16, time: Int64
  ) -> MarketRecord {
    var record = state(UInt8(ascii: "R"), facts, locate, time: time)
    record.shares = UInt32(clamping: max(1, facts.roundLot))
    record.side = UInt8(ascii: "N")
    // Market category Q, financial status N; the rest as for an ordinary listed share.
    record.code = UInt16(UInt8(ascii: "Q")) | UInt16(UInt8(ascii: "N")) << 8
    for (place, letter) in "CZ PNN1N".utf8.enumerated() {
      record.detail |= UInt64(letter) << UInt64(8 * place)
    }
    record.reference = UInt64(UInt8(ascii: "N"))
    return record
  }
}

/// Gives the records of a feed, some at a time.
protocol RecordReader: AnyObject {
  /// Replaces what is in `records` by the next ones; by none at the end.
  func read(into records: inout [MarketRecord], atMost count: Int)
  /// What was wrong with what has been read so far.
  var faults: RecordingFaults { get }
}
