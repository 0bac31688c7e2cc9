public import Captures
public import ExecutionCore

extension ExchangeFeed {
  /// A recorded feed: framed ITCH messages, or a pcap or pcapng of MoldUDP64, raw or .gz. Read once here
  /// for what the opening lacks.
  ///
  /// - Parameters:
  ///   - instruments: the instruments file's; nil derives them from the feed.
  ///   - choice: of the feeds of a capture.
  ///   - messagesMax: soon after so many it is not looked at further, for who plays only its beginning:
  ///     instruments, identity and failure are those of that part.
  public convenience init(
    file path: String, instruments: [InstrumentFacts]?, midnight: Int64,
    choice: CaptureChoice = CaptureChoice(), messagesMax: Int = .max
  ) throws(FeedError) {
    try self.init(
      file: FeedFile(path: path), instruments: instruments, midnight: midnight, choice: choice,
      messagesMax: messagesMax)
  }

  /// The same of an open file, which it keeps.
  public convenience init(
    file: consuming FeedFile, instruments: [InstrumentFacts]?, midnight: Int64,
    choice: CaptureChoice = CaptureChoice(), messagesMax: Int = .max
  ) throws(FeedError) {
    var scan = InstrumentsScan()
    var checksum: UInt64 = 0xCBF2_9CE4_8422_2325
    let survey = try RecordedFeed.survey(file, choice)
    let first = RecordingReader(
      try RecordedFeed(file, survey: survey, midnight: midnight))
    var records: [MarketRecord] = []
    // Ends with the file: each turn reads something.
    repeat {
      first.read(into: &records, atMost: Self.batch)
      for record in records {
        scan.look(record)
        checksum = Self.mix(checksum, record)
      }
    } while !records.isEmpty && scan.messages < UInt64(messagesMax)
    let faults = first.faults
    guard scan.messages > 0 else {
      if let failure = faults.failure { throw failure }
      throw FeedError(
        path: file.path, offset: nil, cause: .data,
        problem: "has no ITCH 5.0 message (\(faults.malformed) malformed)",
        remedy: "give a file of framed ITCH messages, or a capture of MoldUDP64")
    }
    let second = RecordingReader(
      try RecordedFeed(file, survey: survey, midnight: midnight))
    self.init(
      reader: second, scan: scan, faults: faults, instruments: instruments, midnight: midnight,
      identity: "file \(scan.messages) messages, checksum \(checksum)", file: file)
  }

  /// FNV-1a over the fields that tell messages apart.
  private static func mix(_ hash: UInt64, _ record: MarketRecord) -> UInt64 {
    var hash = hash
    for word in [
      UInt64(bitPattern: record.sessionTime), record.reference, record.second,
      UInt64(record.shares) << 32 | UInt64(record.price),
      UInt64(record.kind) << 16 | UInt64(record.locate),
    ] {
      hash = (hash ^ word) &* 0x0000_0100_0000_01B3
    }
    return hash
  }
}

/// Holds the recording, which cannot be copied.
private final class RecordingReader: RecordReader {
  private var recording: RecordedFeed

  init(_ recording: consuming RecordedFeed) { self.recording = recording }

  var faults: RecordingFaults { recording.faults }

  func read(into records: inout [MarketRecord], atMost count: Int) {
    if records.count < count {
      records = [MarketRecord](repeating: MarketRecord(), count: count)
    }
    let found = unsafe records.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe recording.read(into: base, capacity: buffer.count)
    }
    records.removeLast(records.count - found)
  }
}
