import ExecutionCore
import Foundation

/// `needletail kill` and `needletail rearm`: to a run by its control socket.
enum ControlCommand {
  static let definitions = [kill, rearm]

  private static let shared: [OptionDefinition] = [
    .value("data", "DIR", "The data directory of the run, as it was given to 'run --data'."),
    .value(
      "scope", "SCOPE",
      "firm (the default), account:NAME, strategy:NAME, or port:NUMBER (an order session)."),
    .value("person", "NAME", "Who asks: it is journalled. Up to 32 bytes."),
    .value("reason", "TEXT", "Why: it is journalled. Up to 64 bytes."),
  ]

  static let kill = CommandDefinition(
    name: "kill",
    summary: "Stop new orders of a run, and cancel what works.",
    discussion: """
      No new order and no replace leaves the scope any more; its working orders are cancelled, and
      cancels pass. It stays so, over the end of the run too, until 'needletail rearm'.
      A run in virtual time is stopped just so, and is not repeatable then: its bytes depend on when.
      Exits 0 when the run has done it, 1 when it refused, 69 when there is no run to be asked or it
      has not answered.
      """, options: shared
  ) { try ask(.kill, $0) }

  static let rearm = CommandDefinition(
    name: "rearm",
    summary: "Let new orders of a run pass again.",
    discussion: """
      A scope is stopped by a set of causes, and new orders pass when the set is empty. This clears
      them, or the one that --cause names. The kill file's stays while the file is there: take it away
      first. Look before you re-arm: what a cause says may have been a fill that is not in the books.
      A run in virtual time is re-armed just so, and is not repeatable then: its bytes depend on when.
      Exits 0 when the run has done it, 1 when it refused, 69 when there is no run to be asked or it
      has not answered.
      """,
    options: shared + [
      .value(
        "cause", "CAUSE",
        "This one alone: \(LatchCause.allCases.map { "\($0)" }.joined(separator: ", ")).")
    ]
  ) { try ask(.rearm, $0) }

  private static func ask(
    _ verb: ControlRequest.Verb, _ options: ParsedOptions
  ) throws(CommandFailure) -> ExitCode {
    guard let data = options.text("data") else {
      throw CommandFailure(.usage, "--data DIR is needed: the data directory of the run")
    }
    let scopeText = options.text("scope") ?? "firm"
    guard let scope = ControlRequest.scope(scopeText) else {
      throw options.refuse("scope", scopeText, "firm, account:NAME, strategy:NAME or port:NUMBER")
    }
    var request = ControlRequest(verb: verb, scope: scope, cause: nil, person: "", reason: "")
    request.person = try text("person", options, most: ControlRequest.personMax)
    request.reason = try text("reason", options, most: ControlRequest.reasonMax)
    if verb == .rearm, let name = options.text("cause") {
      guard let cause = ControlRequest.cause(name) else {
        let names = LatchCause.allCases.map { "\($0)" }
        throw options.refuse(
          "cause", name,
          "one of \(names.joined(separator: ", "))\(Nearest.hint(name, among: names))")
      }
      request.cause = cause
    }
    let answer = try exchange(request.line, RunDirectory.control(in: data))
    Console.line(answer)
    if answer.hasPrefix("done") { return .ok }
    return answer.hasPrefix("refused") ? .failed : .unavailable
  }

  private static func text(
    _ name: String, _ options: ParsedOptions, most: Int
  ) throws(CommandFailure) -> String {
    guard let text = options.text(name), !text.allSatisfy(\.isWhitespace) else {
      throw CommandFailure(.usage, "--\(name) is needed: it is journalled with the command")
    }
    guard text.utf8.count <= most,
      !text.contains(where: { $0.isNewline || $0 == "\t" || $0 == "\0" })
    else { throw options.refuse(name, text, "at most \(most) bytes in one line, without tabs") }
    return text
  }

  /// The run's answer to one line.
  private static func exchange(
    _ line: String, _ path: String
  ) throws(CommandFailure) -> String {
    let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard client >= 0 else { throw unavailable(path, errno) }
    defer { close(client) }
    guard ControlSocket.with(path, { connect(client, $0, $1) }) == 0 else {
      throw unavailable(path, errno)
    }
    ControlSocket.write(line, to: client)
    guard let answer = ControlSocket.readLine(client, within: 5_000) else {
      throw CommandFailure(
        .unavailable,
        "\(path): the run has not answered; a kill is done as soon as it looks, and its journal says so "
          + "(the kill file stops it too: kill_switch.file of its configuration, by default 'kill' beside the socket)"
      )
    }
    return answer
  }

  private static func unavailable(_ path: String, _ code: Int32) -> CommandFailure {
    let exit: ExitCode = code == EACCES || code == EPERM ? .noPermission : .unavailable
    // A run takes its socket away when it ends; one that was killed leaves it, and nobody answers there.
    let why =
      code == ENOENT || code == ECONNREFUSED
      ? "no run goes on with this --data: it has ended, or has not begun"
      : "the run cannot be asked"
    return CommandFailure(exit, "\(path): \(String(cString: strerror(code))); \(why)")
  }
}
