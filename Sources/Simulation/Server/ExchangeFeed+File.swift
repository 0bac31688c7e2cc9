public import Captures
public import ExecutionCore
import Gateways

extension ExchangeFeed {
  /// A recorded feed: framed ITCH messages, or a pcap or pcapng of MoldUDP64, raw or .gz. Read once here
  /// for what the opening lacks.
  ///
  /// - Parameters:
  ///   - instruments: the instruments file's; nil derives them from the feed.
  ///   - messagesMax: soon after so many it is not looked at further, for who plays only its beginning:
  ///     instruments, identity and failure are those of that part.
  public convenience init(
    file path: String, instruments: [InstrumentFacts]?, midnight: Int64, messagesMax: Int = .max
  ) throws(FeedError) {
    var scan = InstrumentsScan()
    var checksum: UInt64 = 0xCBF2_9CE4_8422_2325
    let first = try Self.reader(path, midnight: midnight)
    var records: [MarketRecord] = []
    // Ends with the file: each turn reads something.
    repeat {
      first.read(into: &records, atMost: Self.batch)
      for record in records {
        scan.look(record)
        checksum = Self.mix(checksum, record)
      }
    } while !records.isEmpty && scan.messages < UInt64(messagesMax)
    guard scan.messages > 0 else {
      throw FeedError(
        path: path, offset: nil, cause: .data,
        problem: "has no ITCH 5.0 message (\(first.faults.malformed) malformed)",
        remedy: "give a file of framed ITCH messages, or a capture of MoldUDP64")
    }
    self.init(
      reader: try Self.reader(path, midnight: midnight), scan: scan, faults: first.faults,
      instruments: instruments, midnight: midnight,
      identity: "file \(scan.messages) messages, checksum \(checksum)")
  }

  private static func reader(
    _ path: String, midnight: Int64
  ) throws(FeedError) -> any RecordReader {
    var input = try FeedInput(path: path)
    switch input.kind() {
    case .framedITCH: return FileReader(FramedITCHFile(input: input, midnight: midnight))
    case .pcap, .pcapng:
      return CaptureReader(try PacketCapture(input: input), midnight: midnight)
    }
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

  var faults: RecordingFaults {
    RecordingFaults(malformed: UInt64(file.malformed), failure: file.failure)
  }

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

/// Messages of a capture of MoldUDP64 in capture order, each sequence of a session once; sequence 0 means
/// unsequenced.
private final class CaptureReader: RecordReader {
  private var capture: PacketCapture
  private let midnight: Int64
  private var sessions: [SessionName: SequenceTrack] = [:]
  private var isDone = false
  private var found = RecordingFaults()
  var faults: RecordingFaults {
    var faults = found
    for track in sessions.values {
      faults.gaps += UInt64(track.gaps.count)
      faults.missing += track.missing
    }
    return faults
  }

  init(_ capture: consuming PacketCapture, midnight: Int64) {
    self.capture = capture
    self.midnight = midnight
  }

  func read(into records: inout [MarketRecord], atMost count: Int) {
    records.removeAll(keepingCapacity: true)
    // Ends with the capture: every turn takes a packet. A datagram may go beyond the count.
    while records.count < count, !isDone {
      do throws(FeedError) {
        guard let packet = try capture.next() else {
          isDone = true
          return
        }
        if packet.transport == .udp { unsafe take(packet.payload, into: &records) }
      } catch {
        found.failure = error
        isDone = true
      }
    }
  }

  private func take(_ payload: UnsafeRawBufferPointer, into records: inout [MarketRecord]) {
    guard let header = unsafe MoldHeader(parsing: payload),
      var blocks = unsafe MoldBlocks(payload)
    else { return }
    let isSequenced = header.sequence != 0
    var track = sessions[header.session] ?? SequenceTrack(expected: header.sequence)
    defer { if isSequenced { sessions[header.session] = track } }
    var sequence = header.sequence
    while let message = unsafe blocks.next() {
      defer { sequence &+= 1 }
      // A second line or a re-request may have been here before.
      if isSequenced, !track.take(sequence) { continue }
      var record = MarketRecord()
      guard let base = message.baseAddress,
        unsafe ITCHDecoder.decode(
          base.assumingMemoryBound(to: UInt8.self), length: message.count, midnight: midnight,
          sequence: 0, into: &record)
      else {
        found.malformed &+= 1
        continue
      }
      records.append(record)
    }
  }
}
