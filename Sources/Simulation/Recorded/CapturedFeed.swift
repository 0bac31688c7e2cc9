import Captures
import ExecutionCore
import Gateways

/// The messages of one MoldUDP64 feed of a capture: each sequence once, in the order of the sequences, within a
/// bounded window.
///
/// Threading: one thread. Memory: the window (``DatagramWindow``), whatever the capture's size.
@safe struct CapturedFeed: ~Copyable {
  private var capture: PacketCapture
  private let midnight: Int64
  private let choice: CaptureChoice
  private let session: CaptureSurvey.Session?
  private let verdict: SequenceClusters.Verdict
  private let others: [String]
  private let emptiness: FeedError?

  private var track: SequenceTrack
  private var window = DatagramWindow()
  private var digests = MessageDigests()
  /// Above the highest sequence that has come so far.
  private var arrived: UInt64 = 0
  /// Sequences that were cut off by the capture, ascending, of which the stream has not come by; bounded.
  private var cutOff: [Range<UInt64>] = []
  private static let cutOffMax = 4_096

  /// The blocks of the datagram whose turn it is; `next` is the first that has not been taken.
  private var current: DatagramWindow.Held?
  private var next = 0
  private var at = 0
  private var currentIsSequenced = false
  private var currentWasNew = false
  private var isAtEnd = false
  private var counts = CapturedFeedCounts()

  /// - Parameter survey: of the same capture; it says which feed is read.
  init(
    _ capture: consuming PacketCapture, survey: CaptureSurvey, midnight: Int64
  ) throws(FeedError) {
    let chosen = try survey.session()
    session = chosen
    verdict = chosen?.numbering.verdict() ?? SequenceClusters.Verdict()
    others = chosen.map(survey.others) ?? []
    emptiness = survey.emptiness
    track = SequenceTrack(expected: verdict.start)
    self.capture = capture
    choice = survey.choice
    self.midnight = midnight
  }

  /// Decodes the next messages, at most `capacity`; 0 at the end.
  mutating func read(into records: UnsafeMutablePointer<MarketRecord>, capacity: Int) -> Int {
    var written = 0
    // Ends with the capture: every turn takes messages, or a datagram.
    while written < capacity {
      if current != nil {
        unsafe takeMessages(records, capacity, &written)
      } else if window.firstSequence.map({ $0 <= track.expected || window.isFull || isAtEnd })
        ?? false
      {
        takeHeld()
      } else if isAtEnd {
        break
      } else {
        takePacket()
      }
    }
    return written
  }

  // MARK: Datagrams

  private mutating func takePacket() {
    do throws(FeedError) {
      guard let packet = try capture.next() else {
        isAtEnd = true
        return
      }
      if packet.transport == .udp { take(packet) }
    } catch {
      counts.failure = error
      isAtEnd = true
    }
  }

  private mutating func take(_ packet: CapturedPacket) {
    guard let session, let datagram = MoldDatagram(packet) else {
      counts.foreign += 1
      return
    }
    let header = datagram.header
    guard header.session == session.name, choice.takes(packet) else {
      if datagram.evidence == .none { counts.foreign += 1 } else { counts.ofOthers += 1 }
      return
    }
    guard datagram.evidence != .none || session.lines[CaptureLine(packet)] != nil else {
      counts.foreign += 1
      return
    }
    counts.datagrams += 1
    if datagram.cutOff > 0 { counts.cutDatagrams += 1 }
    guard datagram.whole + datagram.cutOff > 0 || datagram.isTruncated else { return }
    guard verdict.believes(header.sequence) || datagram.whole + datagram.cutOff == 0 else {
      counts.disbelieve(header.sequence, messages: datagram.whole)
      return
    }
    if datagram.isTruncated { counts.malformed += 1 }
    if datagram.hasTrailing { counts.trailing += 1 }
    if datagram.cutOff > 0 { takeCut(datagram) }
    guard datagram.whole > 0 else { return }
    let blocks = unsafe [UInt8](packet.payload[MoldHeader.size..<datagram.end])
    let sequences = datagram.sequences
    let isSequenced = datagram.isSequenced && choice.dedups
    let held = DatagramWindow.Held(
      sequence: header.sequence, messages: datagram.whole, blocks: blocks,
      isLate: isSequenced && header.sequence < arrived)
    if isSequenced { arrived = max(arrived, sequences.upperBound) }
    if isSequenced, header.sequence > track.expected {
      window.insert(held)
    } else {
      begin(held, isSequenced: isSequenced)
    }
  }

  /// Remembers what the capture does not have of it.
  private mutating func takeCut(_ datagram: MoldDatagram) {
    counts.cutMessages += UInt64(datagram.cutOff)
    guard datagram.isSequenced, choice.dedups, cutOff.count < Self.cutOffMax else { return }
    let first = datagram.sequences.upperBound
    cutOff.append(first..<first + UInt64(datagram.cutOff))
  }

  private mutating func takeHeld() {
    guard let held = window.removeFirst() else { return }
    if held.sequence > track.expected {
      track.advance(from: held.sequence, to: held.sequence)
    }
    begin(held, isSequenced: true)
  }

  private mutating func begin(_ held: DatagramWindow.Held, isSequenced: Bool) {
    current = held
    currentIsSequenced = isSequenced
    currentWasNew = false
    next = 0
    at = 0
  }

  private mutating func end() {
    if let current, currentIsSequenced {
      if !currentWasNew { counts.duplicatePackets += 1 } else if current.isLate { counts.late += 1 }
    }
    current = nil
  }

  // MARK: Messages

  private mutating func takeMessages(
    _ records: UnsafeMutablePointer<MarketRecord>, _ capacity: Int, _ written: inout Int
  ) {
    guard let datagram = current else { return }
    unsafe datagram.blocks.withUnsafeBytes { blocks in
      while next < datagram.messages, written < capacity {
        let length = unsafe Int(blocks[at]) << 8 | Int(blocks[at + 1])
        let message = unsafe UnsafeRawBufferPointer(rebasing: blocks[at + 2..<at + 2 + length])
        let sequence = datagram.sequence &+ UInt64(next)
        at += 2 + length
        next += 1
        if currentIsSequenced, unsafe !isNew(message, sequence) { continue }
        currentWasNew = true
        guard let base = message.baseAddress, length > 0,
          unsafe ITCHDecoder.decode(
            base.assumingMemoryBound(to: UInt8.self), length: length, midnight: midnight,
            sequence: 0, into: records + written)
        else {
          counts.malformed += 1
          continue
        }
        written += 1
      }
    }
    if next >= datagram.messages { end() }
  }

  /// Whether the sequence has not been there before; counts what it is otherwise.
  private mutating func isNew(_ message: UnsafeRawBufferPointer, _ sequence: UInt64) -> Bool {
    if sequence >= track.expected {
      track.advance(from: sequence, to: sequence + 1)
      unsafe digests.keep(message, of: sequence)
      return true
    }
    if track.fill(sequence..<sequence + 1) {
      // It was given up, and what came behind it has been read.
      counts.tooLate += 1
      return false
    }
    counts.duplicates += 1
    if unsafe digests.differs(message, of: sequence) { counts.differ(sequence) }
    return false
  }

  // MARK: What was found

  /// Content bytes passed, after decompression.
  var offset: UInt64 { capture.offset }

  /// Final once ``read(into:capacity:)`` has given 0.
  var faults: RecordingFaults {
    var faults = RecordingFaults()
    faults.malformed = counts.malformed
    faults.gaps = UInt64(track.gaps.count) + (missingAtEnd > 0 ? 1 : 0)
    faults.missing = track.missing &+ counts.tooLate &+ missingAtEnd
    faults.failure = counts.failure ?? emptiness
    faults.damage = damage
    if session != nil { faults.capture = said(faults) }
    faults.passedOver = capture.passedOver + counts.passedOver
    return faults
  }

  private var damage: FeedError? {
    guard counts.malformed > 0, let session, session.messages > 0 else { return nil }
    return FeedError(
      path: capture.path, offset: nil, cause: .data,
      problem: "has \(counts.malformed) malformed messages",
      remedy: "get the whole capture again; all the others have been read")
  }

  private func said(_ faults: RecordingFaults) -> CaptureAccount {
    var account = CaptureAccount()
    account.line =
      choice.dedups
      ? "\(counts.datagrams) MoldUDP64 packets, \(faults.gaps) gaps (\(faults.missing) messages missing), "
        + "\(counts.duplicatePackets) duplicate packets, \(counts.late) late packets"
      : "\(counts.datagrams) MoldUDP64 packets, read as they were captured, copies too"
    account.notes += others
    account.notes += counts.notes
    if capture.fragments > 0 {
      account.notes.append(
        "\(capture.fragments) fragments of datagrams are without their others: what they held is missing"
      )
    }
    if counts.cutDatagrams > 0 {
      let cut = counts.cutMessages
      let lost = choice.dedups ? min(cut, cutOffMissing) : cut
      account.notes.append(
        "the capture has cut \(counts.cutDatagrams) datagrams (it holds less of them than was sent: a "
          + "snapshot length): \(lost) of their messages are missing")
    }
    if missingAtEnd > 0 {
      account.notes.append(
        "the session goes on to sequence \(verdict.announced - 1), and the capture's last message is "
          + "\(track.expected - 1): \(missingAtEnd) messages are missing at its end")
    }
    return account
  }

  /// Messages that were announced, and are not there.
  private var missingAtEnd: UInt64 {
    guard choice.dedups, isAtEnd, current == nil, track.expected > 0,
      verdict.announced > track.expected
    else { return 0 }
    return verdict.announced - track.expected
  }

  /// Sequences that were cut off and have come in no other way.
  private var cutOffMissing: UInt64 {
    var missing: UInt64 = 0
    for range in cutOff {
      // Behind the last message that was read nothing is missing yet for the track.
      if range.upperBound > track.expected {
        missing += range.upperBound - max(range.lowerBound, track.expected)
      }
      for gap in track.gaps {
        let common = gap.clamped(to: range)
        missing += common.upperBound - common.lowerBound
      }
    }
    return missing
  }
}
