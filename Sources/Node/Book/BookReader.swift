import CSupport
import Captures
import ExecutionCore
import Gateways
import Transport

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

  // MoldUDP64 of a capture.
  private var datagrams = 0
  private var notMold = 0
  private var trailing = 0
  private var gapCount = 0
  private var gapMessages: UInt64 = 0
  private var duplicates = 0
  private var late = 0
  private var sessions: [SessionName: SequenceTrack] = [:]
  /// The first datagram with no well-formed message, in words; and what such datagrams look like.
  private var undecodable: String?
  private var guess: String?

  /// - Parameters:
  ///   - symbols: books to report; all when empty.
  ///   - levels: most levels of a side in the report.
  static func read(
    path: String, symbols: Set<String>, levels: Int
  ) throws(FeedError) -> Result {
    var input = try FeedInput(path: path)
    let kind = input.kind()
    let reader = try BookReader(path: path, size: input.sizeIfKnown)
    switch kind {
    case .framedITCH: reader.readFramed(FramedITCHFile(input: input, midnight: 0), path: path)
    case .pcap, .pcapng: try reader.readCapture(try PacketCapture(input: input), path: path)
    }
    return reader.result(path: path, symbols: symbols, levels: levels)
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

  // MARK: Framed files

  private func readFramed(_ opened: consuming FramedITCHFile, path: String) {
    var file = opened
    // Ends with the file.
    while true {
      let count = file.read(into: records, capacity: Self.batchMax)
      guard count > 0 else { break }
      apply(count)
    }
    malformed = file.malformed
    failure = file.failure
    bytes = file.offset
    if wellFormed == 0, malformed > 0, failure == nil {
      failure = FeedError(
        path: path, offset: 0, cause: .data, problem: "no well-formed message is in it",
        remedy:
          "expected is framed ITCH 5.0 (each message behind its length, two bytes big-endian), or a pcap "
          + "of MoldUDP64")
    }
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

  // MARK: Captures

  private func readCapture(
    _ opened: consuming PacketCapture, path: String
  ) throws(FeedError) {
    var capture = opened
    do throws(FeedError) {
      while let packet = try capture.next() {
        guard packet.transport == .udp else { continue }
        if !applyDatagram(packet.payload) { takeUndecodable(packet) }
      }
    } catch {
      failure = error
    }
    bytes = capture.offset
    let isUndecodable = wellFormed == 0 && (malformed > 0 || guess != nil)
    describe(capture, path: path, isMold: !isUndecodable)
    let problem =
      datagrams == 0
      ? "none of its \(capture.packets) packets is a MoldUDP64 datagram"
      : "none of its \(datagrams) datagrams holds a well-formed ITCH 5.0 message"
    guard datagrams == 0 ? capture.packets > 0 : isUndecodable, failure == nil else { return }
    failure = FeedError(
      path: path, offset: bytes, cause: .data,
      problem: problem + (guess.map { ", they look like \($0)" } ?? "") + (undecodable ?? ""),
      remedy: "give a capture of Nasdaq TotalView-ITCH 5.0 over MoldUDP64 (UDP)")
  }

  private var wellFormed: Int { counts.reduce(0, +) }

  /// Remembers what a datagram without a well-formed message was, while nothing else was read.
  private func takeUndecodable(_ packet: CapturedPacket) {
    if guess == nil { guess = DatagramGuess.name(packet.payload) }
    guard undecodable == nil else { return }
    let to = Endpoint(address: packet.destination, port: packet.destinationPort)
    undecodable =
      " (\(packet.payload.count) bytes to \(to) begin with "
      + "\(DatagramGuess.firstBytes(packet.payload)))"
  }

  private func describe(
    _ capture: borrowing PacketCapture, path: String, isMold: Bool
  ) {
    // Sequence numbers of another protocol tell nothing of gaps.
    if isMold {
      notes.append(
        "\(path): \(datagrams) MoldUDP64 packets, \(gapCount) gaps (\(gapMessages) messages missing), "
          + "\(duplicates) duplicate packets, \(late) late packets")
    }
    let others = [
      (capture.otherPackets, "neither UDP nor TCP over IPv4"),
      (capture.malformedPackets, "with lengths that do not fit"),
      (capture.fragments, "fragments"), (capture.cutPackets, "captured short"),
      (notMold, "UDP but not MoldUDP64"), (trailing, "with bytes behind their last message"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    if !others.isEmpty { notes.append("\(path): packets " + others.joined(separator: ", ")) }
  }

  /// False when it holds no well-formed message.
  private func applyDatagram(_ payload: UnsafeRawBufferPointer) -> Bool {
    guard let header = MoldHeader(parsing: payload), let base = payload.baseAddress else {
      notMold += 1
      return false
    }
    datagrams += 1
    guard !header.isEndOfSession else { return false }
    let expected = Int(header.count)
    follow(header)
    var at = MoldHeader.size
    var frames = 0
    var records = 0
    while frames < expected {
      let batch = ITCHDecoder.decodeFrames(
        (base + at).assumingMemoryBound(to: UInt8.self), count: payload.count - at, midnight: 0,
        firstSequence: 0, into: self.records, capacity: Self.batchMax, framesMax: expected - frames)
      guard batch.frames > 0 else { break }
      apply(batch.records)
      records += batch.records
      malformed += batch.malformed
      frames += batch.frames
      at += batch.consumed
    }
    // Fewer messages than the header says: the last one is cut.
    if frames < expected { malformed += 1 } else if at < payload.count { trailing += 1 }
    return records > 0
  }

  /// Counts gaps and duplicates; sequence 0 is unsequenced.
  private func follow(_ header: MoldHeader) {
    guard header.sequence != 0 else { return }
    var track = sessions[header.session] ?? SequenceTrack(expected: header.sequence)
    let (end, overflow) = header.sequence.addingReportingOverflow(UInt64(header.count))
    guard !overflow else { return }
    if header.sequence > track.expected {
      gapCount += 1
      gapMessages += header.sequence - track.expected
    } else if header.sequence < track.expected, header.count > 0 {
      if track.fill(header.sequence..<end) { late += 1 } else { duplicates += 1 }
    }
    track.advance(from: header.sequence, to: end)
    sessions[header.session] = track
  }
}
