import Captures

/// What the reading of a capture met, beside the messages.
struct CapturedFeedCounts {
  /// Of the session that is read.
  var datagrams = 0
  var malformed: UInt64 = 0
  var trailing = 0
  /// UDP, and no MoldUDP64 of any feed; of another feed.
  var foreign = 0
  var ofOthers = 0
  var duplicatePackets = 0
  var duplicates = 0
  /// Datagrams that came behind their turn and were put in order; messages that came behind the window.
  var late = 0
  var tooLate: UInt64 = 0
  var cutDatagrams = 0
  var cutMessages: UInt64 = 0
  private var differing = 0
  private var firstDiffering: UInt64 = 0
  private var disbelieved = 0
  private var disbelievedMessages = 0
  private var firstDisbelieved: UInt64 = 0
  var failure: FeedError?

  mutating func differ(_ sequence: UInt64) {
    if differing == 0 { firstDiffering = sequence }
    differing += 1
  }

  mutating func disbelieve(_ sequence: UInt64, messages: Int) {
    if disbelieved == 0 { firstDisbelieved = sequence }
    disbelieved += 1
    disbelievedMessages += messages
  }

  var notes: [String] {
    var notes: [String] = []
    if disbelieved > 0 {
      notes.append(
        "\(disbelieved) datagrams claim sequences far from all others, the first of them "
          + "\(firstDisbelieved): they are not believed, and their \(disbelievedMessages) messages not read"
      )
    }
    if late > 0 { notes.append("\(late) datagrams came out of order: they are read in order") }
    if tooLate > 0 {
      notes.append("\(tooLate) messages came too late to be put in order: they are missing")
    }
    if duplicates > 0 {
      notes.append(
        "\(duplicates) messages are there more than once (a second line, or sent again): each is read once"
      )
    }
    if differing > 0 {
      notes.append(
        "\(differing) of these differ from their first copy, which is read, at sequence \(firstDiffering) "
          + "first: damage, or two feeds of one name; choose one with --port or --group")
    }
    return notes
  }

  /// For ``RecordingFaults/passedOver``.
  var passedOver: [String] {
    [(foreign, "UDP but not MoldUDP64"), (trailing, "with bytes behind their last message")]
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
  }
}

/// What a capture was, in words.
struct CaptureAccount: Sendable {
  /// Packets, gaps, duplicates.
  var line = ""
  /// What is to be known of it besides.
  var notes: [String] = []
}

extension PacketCapture {
  /// Packets that were no datagrams, in words.
  var passedOver: [String] {
    [
      (otherPackets, "neither UDP nor TCP over IP"),
      (malformedPackets, "with lengths that do not fit"),
      (fragments, "fragments"), (cutPackets, "captured short"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
  }
}
