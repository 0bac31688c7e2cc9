import Captures
import Gateways

/// What feeds a capture holds: found in one pass over it, before any of them is read.
public struct CaptureSurvey: Sendable {
  /// Sessions, and lines of one, that are told apart; more are no feed's.
  static let sessionsMax = 256
  static let linesMax = 64

  struct Session: Sendable {
    var name: SessionName
    /// Well-formed messages by line, copies included.
    var lines: [CaptureLine: Int] = [:]
    var samples = LineSamples()
    var messages = 0
    var datagrams = 0
    var numbering = SequenceClusters()
  }

  let path: String
  let choice: CaptureChoice
  /// What a survey of more than this one's lines found.
  private var remarks: [String] = []
  /// In the order in which they came.
  private(set) var sessions: [Session] = []
  private var places: [SessionName: Int] = [:]
  /// Sessions that the choice of port or group leaves out, with their messages.
  private var elsewhere: [String: Int] = [:]
  private(set) var packets = 0
  /// Datagrams with room for a header.
  private var datagrams = 0
  /// Capture time of the first packet; nil without one.
  public private(set) var firstTime: Int64?
  /// The first datagram that is of no feed, in words; and what such datagrams look like.
  private var undecodable: String?
  private var guess: String?

  /// Reads the capture; what ends it before its time is found again, and told, by who reads its messages.
  init(_ capture: consuming PacketCapture, path: String, choice: CaptureChoice) {
    self.path = path
    self.choice = choice
    do throws(FeedError) {
      // Ends with the capture.
      while let packet = try capture.next() {
        if firstTime == nil { firstTime = packet.time }
        if packet.transport == .udp { take(packet) }
      }
    } catch {}
    packets = capture.packets
  }

  private mutating func take(_ packet: CapturedPacket) {
    if unsafe packet.payload.count >= MoldHeader.size { datagrams += 1 }
    guard let datagram = MoldDatagram(packet), datagram.evidence != .none else {
      // Of a line that is known: messages of other types than ours.
      if let datagram = MoldDatagram(packet), datagram.isFitting, choice.takes(packet),
        let place = places[datagram.header.session],
        sessions[place].lines[CaptureLine(packet)] != nil
      {
        sessions[place].datagrams += 1
        sessions[place].numbering.take(datagram)
      }
      return takeUndecodable(packet)
    }
    let name = datagram.header.session
    guard choice.takes(packet) else {
      let place = "session \(name.inWords) to \(CaptureLine(packet))"
      if elsewhere.count < Self.linesMax || elsewhere[place] != nil {
        elsewhere[place, default: 0] += datagram.wellFormed
      }
      return
    }
    guard let place = places[name] ?? add(name) else { return }
    sessions[place].messages += datagram.wellFormed
    sessions[place].datagrams += 1
    let line = CaptureLine(packet)
    if sessions[place].lines.count < Self.linesMax || sessions[place].lines[line] != nil {
      sessions[place].lines[line, default: 0] += datagram.wellFormed
      sessions[place].samples.take(packet, datagram, line)
    }
    sessions[place].numbering.take(datagram)
  }

  private mutating func add(_ name: SessionName) -> Int? {
    guard sessions.count < Self.sessionsMax else { return nil }
    places[name] = sessions.count
    sessions.append(Session(name: name))
    return sessions.count - 1
  }

  private mutating func takeUndecodable(_ packet: CapturedPacket) {
    let payload = unsafe packet.payload
    if guess == nil { guess = unsafe DatagramGuess.name(payload) }
    guard undecodable == nil, unsafe !payload.isEmpty else { return }
    let firstBytes = unsafe DatagramGuess.firstBytes(payload)
    undecodable =
      " (\(payload.count) bytes to \(CaptureLine(packet)) begin with \(firstBytes))"
  }

  // MARK: The choice

  /// The session that is read: the one that was asked for, or the one with most messages.
  func session() throws(FeedError) -> Session? {
    var best: Session?
    for session in sessions {
      if let wanted = choice.session, session.name.leftJustified != wanted.leftJustified {
        continue
      }
      let isMore =
        best.map { (session.messages, session.datagrams) > ($0.messages, $0.datagrams) } ?? true
      if isMore { best = session }
    }
    if let best { return best }
    guard !choice.words.isEmpty, !sessions.isEmpty || !elsewhere.isEmpty else { return nil }
    let others =
      sessions.map(Self.words)
      + elsewhere.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        "\($0.key) (\($0.value) messages)"
      }
    throw FeedError(
      path: path, offset: nil, cause: .data,
      problem: "has no MoldUDP64 feed of \(choice.words); it has \(others.joined(separator: ", "))",
      remedy: "choose one of these with --session, --port and --group")
  }

  /// Why there is nothing to read in it; nil when there is something, or not even a packet.
  var emptiness: FeedError? {
    guard sessions.isEmpty, packets > 0 else { return nil }
    let problem =
      datagrams == 0
      ? "none of its \(packets) packets is a MoldUDP64 datagram"
      : "none of its \(datagrams) datagrams holds a well-formed ITCH 5.0 message"
    return FeedError(
      path: path, offset: nil, cause: .data,
      problem: problem + (guess.map { ", they look like \($0)" } ?? "") + (undecodable ?? ""),
      remedy: "give a capture of Nasdaq TotalView-ITCH 5.0 over MoldUDP64 (UDP)")
  }

  /// What else is in it than the session that is read.
  func others(than chosen: Session) -> [String] {
    guard remarks.isEmpty else { return remarks }
    let others = sessions.filter { $0.name != chosen.name }
    guard !others.isEmpty else { return [] }
    return [
      "the capture holds \(others.count + 1) feeds: \(Self.words(chosen)) is read, and not "
        + others.map(Self.words).joined(separator: ", ")
        + "; choose with --session, --port or --group"
    ]
  }

  /// The choice of one feed where the session's name stands for several, and what is to be said of it; nil where
  /// its lines say the same.
  func narrowed() throws(FeedError) -> (choice: CaptureChoice, remarks: [String])? {
    guard let session = try session() else { return nil }
    let feeds = session.samples.feeds(of: session.lines)
    guard feeds.count > 1, let first = feeds.first else { return nil }
    var narrower = choice
    narrower.session = session.name
    narrower.lines = Set(first)
    let words = feeds.map { lines in
      let messages = lines.reduce(0) { $0 + (session.lines[$1] ?? 0) }
      return lines.sorted().map(\.description).joined(separator: " and ")
        + " (\(messages) messages)"
    }
    let remark =
      "session \(session.name.inWords) is of \(feeds.count) feeds that differ: what went to \(words[0]) is "
      + "read, and not what went to \(words.dropFirst().joined(separator: ", "))"
      + "; choose with --port or --group"
    return (narrower, others(than: session) + [remark])
  }

  /// The same survey with what a wider one found.
  func remarking(_ remarks: [String]) -> CaptureSurvey {
    var survey = self
    survey.remarks = remarks
    return survey
  }

  private static func words(_ session: Session) -> String {
    let lines = session.lines.keys.sorted().map(\.description).joined(separator: " and ")
    return "session \(session.name.inWords) to \(lines) (\(session.messages) messages)"
  }
}
