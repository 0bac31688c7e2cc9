import ExecutionCore

/// What a person asks of a run by its control socket: one line of words between tabs, answered by one line.
///
/// `kill` or `rearm`, scope, cause (empty: every one), person, reason.
struct ControlRequest: Equatable {
  enum Verb: String, CaseIterable {
    case kill
    case rearm
  }
  enum Scope: Equatable {
    case firm
    case account(String)
    case strategy(String)
    case port(UInt16)
  }
  var verb: Verb
  var scope: Scope
  var cause: LatchCause?
  var person: String
  var reason: String

  /// Bytes of a line at most, and of what a command keeps.
  static let lineMax = 1_024
  static let personMax = 32
  static let reasonMax = 64

  /// `firm`, `account:NAME`, `strategy:NAME` or `port:NUMBER`.
  static func scope(_ text: String) -> Scope? {
    if text == "firm" { return .firm }
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    switch parts[0] {
    case "account": return .account(parts[1])
    case "strategy": return .strategy(parts[1])
    case "port": return UInt16(parts[1]).map { .port($0) }
    default: return nil
    }
  }

  static func cause(_ text: String) -> LatchCause? {
    LatchCause.allCases.first { "\($0)" == text }
  }

  /// As `--scope` takes it.
  var scopeText: String {
    switch scope {
    case .firm: "firm"
    case .account(let name): "account:\(name)"
    case .strategy(let name): "strategy:\(name)"
    case .port(let number): "port:\(number)"
    }
  }

  var line: String {
    [verb.rawValue, scopeText, cause.map { "\($0)" } ?? "", person, reason]
      .joined(separator: "\t") + "\n"
  }

  /// For people who read the log.
  var words: String {
    let cause = cause.map { " of \($0)" } ?? ""
    return "\(verb.rawValue) \(scopeText)\(cause) by \(person), because \(reason)"
  }

  /// What a line asks; a text that says what is wrong with it.
  static func parse(_ line: String) -> Result<ControlRequest, Malformed> {
    let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 5 else { return .failure(Malformed("five words between tabs are needed")) }
    guard let verb = Verb(rawValue: words[0]) else {
      return .failure(Malformed("'\(words[0])' is neither kill nor rearm"))
    }
    guard let scope = scope(words[1]) else {
      return .failure(
        Malformed(
          "the scope is firm, account:NAME, strategy:NAME or port:NUMBER, not '\(words[1])'"))
    }
    let cause = cause(words[2])
    guard words[2].isEmpty || cause != nil && verb == .rearm else {
      return .failure(Malformed("'\(words[2])' is no cause that \(verb.rawValue) takes"))
    }
    for (what, word, most) in [("person", words[3], personMax), ("reason", words[4], reasonMax)] {
      guard !word.allSatisfy(\.isWhitespace), word.utf8.count <= most, !word.utf8.contains(0) else {
        return .failure(Malformed("a \(what) is needed, of at most \(most) bytes"))
      }
    }
    return .success(
      ControlRequest(verb: verb, scope: scope, cause: cause, person: words[3], reason: words[4]))
  }

  struct Malformed: Error, Equatable {
    var why: String
    init(_ why: String) { self.why = why }
  }

  /// The command of the engine; nil when the scope's name is none of the run's.
  func command(accounts: [String], strategies: [String], ports: Int, user: UInt32) -> Command? {
    var command = Command(verb == .kill ? .kill : .rearm, scope: .firm)
      .named(person, because: reason)
    command.user = user
    switch scope {
    case .firm: break
    case .account(let name):
      guard let i = accounts.firstIndex(of: name) else { return nil }
      command.scope = .account
      command.account = AccountID(raw: UInt32(i))
    case .strategy(let name):
      guard let i = strategies.firstIndex(of: name) else { return nil }
      command.scope = .strategy
      command.strategy = StrategyID(raw: UInt32(i))
    case .port(let number):
      guard Int(number) < ports else { return nil }
      command.scope = .port
      command.port = PortID(raw: number)
    }
    if let cause { command.cause = cause.rawValue }
    return command
  }
}
