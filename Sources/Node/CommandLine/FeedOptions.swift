import Captures
import Gateways
import Simulation

/// Which feed of a capture is read: the same options, with the same words, wherever a recorded feed is named.
enum FeedOptions {
  static let definitions: [OptionDefinition] = [
    .value(
      "session", "NAME",
      "Of a capture: the MoldUDP64 session to read. Default: the one with most messages; what others there are "
        + "is said."),
    .value("port", "N", "Of a capture: read only datagrams to this UDP port. Default: any."),
    .value(
      "group", "ADDRESS",
      "Of a capture: read only datagrams to this multicast group or address. Default: any."),
    .flag(
      "dedup",
      "Of a capture: read each sequence once and in order, whichever line it came by. This is the default."
    ),
    .flag("no-dedup", "Of a capture: read every datagram as it was captured, copies too."),
  ]

  static let needCapture = CommandFailure(
    .usage,
    "'--session', '--port', '--group' and '--no-dedup' choose what of a capture is read: give one with "
      + "'--feed FILE', or leave them out")

  /// Which of these options are given, by their names.
  static func given(_ options: ParsedOptions) -> [String] {
    definitions.map(\.name).filter { options.flag($0) }
  }

  static func choice(_ options: ParsedOptions) throws(CommandFailure) -> CaptureChoice {
    var choice = CaptureChoice()
    if let text = options.text("session") {
      guard let name = SessionName(text), !name.isBlank else {
        throw options.refuse("session", text, "one to ten printable ASCII characters")
      }
      choice.session = name
    }
    choice.port = (try options.integer("port", in: 1...65_535)).map { UInt16($0) }
    if let text = options.text("group") {
      guard let address = CapturedAddress(parsing: text) else {
        throw options.refuse("group", text, "an address as 233.54.12.111 or ff15::1")
      }
      choice.group = address
    }
    choice.dedups = !options.flag("no-dedup")
    if options.flag("dedup"), !choice.dedups {
      throw CommandFailure(.usage, "'--dedup' and '--no-dedup' exclude each other")
    }
    return choice
  }

  /// The same as arguments, for a process of our own.
  static func arguments(_ choice: CaptureChoice) -> [String] {
    var arguments: [String] = []
    if let session = choice.session { arguments += ["--session", session.description] }
    if let port = choice.port { arguments += ["--port", "\(port)"] }
    if let group = choice.group { arguments += ["--group", "\(group)"] }
    if !choice.dedups { arguments.append("--no-dedup") }
    return arguments
  }
}
