public import ExecutionCore
public import Transport

extension ExchangeFeed {
  /// A file of framed ITCH messages, raw or .gz; read once here for what the opening lacks.
  ///
  /// - Parameter instruments: the instruments file's; nil derives them from the feed.
  public convenience init(
    file path: String, instruments: [InstrumentFacts]?, midnight: Int64
  ) throws(FeedError) {
    var scan = InstrumentsScan()
    var checksum: UInt64 = 0xCBF2_9CE4_8422_2325
    let first = FileReader(try FramedITCHFile(path: path, midnight: midnight))
    var records: [MarketRecord] = []
    // Ends with the file: each turn reads something.
    repeat {
      first.read(into: &records, atMost: Self.batch)
      for record in records {
        scan.look(record)
        checksum = Self.mix(checksum, record)
      }
    } while !records.isEmpty
    self.init(
      reader: FileReader(try FramedITCHFile(path: path, midnight: midnight)), scan: scan,
      instruments: instruments, midnight: midnight,
      identity: "file \(scan.messages) messages, checksum \(checksum)")
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

/// Holds the file, which cannot be copied.
private final class FileReader: RecordReader {
  private var file: FramedITCHFile

  init(_ file: consuming FramedITCHFile) { self.file = file }

  var malformed: UInt64 { UInt64(file.malformed) }
  var failure: String? { file.failure?.description }

  func read(into records: inout [MarketRecord], atMost count: Int) {
    if records.count < count {
      records = [MarketRecord](repeating: MarketRecord(), count: count)
    }
    let found = unsafe records.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe file.read(into: base, capacity: buffer.count)
    }
    records.removeLast(records.count - found)
  }
}
