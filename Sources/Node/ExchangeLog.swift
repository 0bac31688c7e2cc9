import CSupport
import Foundation
import Simulation
import Transport

/// What an exchange says on standard error of its clients and its sockets, in as few lines as tell it: the first of
/// each kind one by one, and where more come in ``window`` only how many there were, and the last of them. While that
/// goes on, one line and that count are all that is said of the kind in each window, however many there are.
///
/// Threading: that of the exchange.
final class ExchangeLog {
  /// Nanoseconds in which ``linesMax`` lines of a kind are said at the most.
  static let window: Int64 = 60_000_000_000
  static let linesMax = 10

  private struct Tally {
    /// nil: none came since the last window ended, which was then.
    var begunAt: Int64?
    var endedAt = Int64.min / 2
    var said = 0
    var held: UInt64 = 0
    /// The last one that was not said.
    var last: ExchangeEvent?
    /// In the window before this one there were too many.
    var isFlood = false
  }
  private var tallies = [Tally](repeating: Tally(), count: Kind.allCases.count)
  private let say: (Console.Level, String) -> Void

  init(
    say: @escaping (Console.Level, String) -> Void = {
      Console.say($0, "needletail exchange: \($1)")
    }
  ) { self.say = say }

  /// Says it, or counts it.
  func take(_ event: ExchangeEvent, now: Int64 = nt_clock_now()) {
    guard let kind = Kind(event) else { return }
    look(kind, now: now)
    let place = kind.rawValue
    if tallies[place].begunAt == nil {
      let isQuiet = now - tallies[place].endedAt >= Self.window
      tallies[place].begunAt = now
      tallies[place].said = 0
      tallies[place].held = 0
      if isQuiet { tallies[place].isFlood = false }
    }
    guard tallies[place].said < (tallies[place].isFlood ? 1 : Self.linesMax) else {
      tallies[place].held += 1
      tallies[place].last = event
      return
    }
    tallies[place].said += 1
    say(kind.level, event.text)
  }

  /// Says what was counted in windows that are over. To be called now and then.
  func look(now: Int64 = nt_clock_now()) {
    for kind in Kind.allCases { look(kind, now: now) }
  }

  /// Says what was counted, at the end.
  func finish() {
    for kind in Kind.allCases { sum(kind) }
  }

  private func look(_ kind: Kind, now: Int64) {
    guard let begunAt = tallies[kind.rawValue].begunAt, now - begunAt >= Self.window else { return }
    tallies[kind.rawValue].isFlood = tallies[kind.rawValue].held > 0
    tallies[kind.rawValue].endedAt = begunAt + Self.window
    tallies[kind.rawValue].begunAt = nil
    sum(kind)
  }

  private func sum(_ kind: Kind) {
    let tally = tallies[kind.rawValue]
    guard tally.held > 0 else { return }
    tallies[kind.rawValue].held = 0
    say(
      kind.level,
      "\(tally.held.grouped) more \(kind.plural) in the last \(Self.window / 1_000_000_000) s; the last: "
        + (tally.last?.text ?? ""))
  }

  /// What is counted together.
  enum Kind: Int, CaseIterable {
    case logins, snapshots, refusals, delays, replacements, ends, breaks, faults, strangers
    case accepts, unsent, sockets

    /// nil: nothing is said of it.
    init?(_ event: ExchangeEvent) {
      switch event {
      case .loggedIn(let client, _, _): self = client.service == .orderEntry ? .logins : .snapshots
      case .refused: self = .refusals
      case .delayed: self = .delays
      case .closed(let client, let why, _):
        guard let kind = Self.of(why, client) else { return nil }
        self = kind
      case .notAccepted: self = .accepts
      case .unsent: self = .unsent
      case .socketFailed, .socketOpened, .socketNotOpened: self = .sockets
      }
    }

    private static func of(_ why: ExchangeEvent.Closing, _ client: ExchangeEvent.Client) -> Kind? {
      switch why {
      // Who has taken a snapshot goes.
      case .loggedOut, .ended, .madeRoom:
        if client.username == nil { return .strangers }
        return client.service == .orderEntry ? .ends : nil
      case .failed, .silent, .unread: return client.username == nil ? .strangers : .breaks
      case .neverLoggedIn, .displaced: return .strangers
      case .replaced, .overtaken: return .replacements
      case .fault, .tooFast, .roomUsedUp, .notTaken: return .faults
      }
    }

    var level: Console.Level {
      switch self {
      case .logins, .snapshots, .ends, .delays: .info
      case .refusals, .replacements, .breaks, .faults, .strangers, .accepts, .unsent: .warning
      case .sockets: .error
      }
    }

    var plural: String {
      switch self {
      case .logins: "log-ins"
      case .snapshots: "snapshots"
      case .refusals: "log-ins were refused"
      case .delays: "log-ins had to wait"
      case .replacements: "connections ended by a newer log-in of their account"
      case .ends: "clients that went"
      case .breaks: "connections of clients that broke"
      case .faults: "connections closed for what came by them"
      case .strangers: "connections that never logged in"
      case .accepts: "connections that could not be accepted"
      case .unsent: "failures to send datagrams"
      case .sockets: "failures of sockets"
      }
    }
  }
}

extension ExchangeEvent {
  /// In words, for a line of a log.
  var text: String {
    switch self {
    case .loggedIn(let client, let asked, let next):
      let name = client.username ?? "?"
      guard client.service == .orderEntry else {
        return "\(name) logged in to the snapshot service from \(client.peer)"
      }
      let from = asked == 0 ? "the newest message" : "message \(asked.grouped)"
      return
        "\(name) logged in from \(client.peer), and asked for its stream from \(from) on; it has "
        + "\((next - 1).grouped)"
    case .refused(let client, let refusal):
      return "the log-in of \(client.text) was refused: \(refusal.text)"
    case .delayed(let client):
      return "the log-in of \(client.text) waits for its turn: there are too many a second"
    case .closed(let client, let why, let working):
      let orders = working == 0 ? "" : "; \(working.grouped) of its orders work on"
      return "\(client.text) \(why.text(isStranger: client.username == nil))\(orders)"
    case .notAccepted(let error):
      return "a connection could not be accepted: \(Self.reason(error))"
    case .unsent(let socket, let error):
      return "datagrams \(socket.text) could not be sent: "
        + (error == 0 ? "the socket takes no more" : Self.reason(error))
    case .socketFailed(let socket, let error):
      return "the socket \(socket.text) failed (\(Self.reason(error))): it is opened again"
    case .socketOpened(let socket): return "the socket \(socket.text) is open again"
    case .socketNotOpened(let socket, let error):
      return "the socket \(socket.text) cannot be opened (\(Self.reason(error))): tried again"
    }
  }

  private static func reason(_ error: Int32) -> String {
    ReactorError.text(ofErrorNumber: error)
  }
}

extension ExchangeEvent.Client {
  fileprivate var text: String {
    let place = service == .orderEntry ? "" : " of the snapshot service"
    guard let username else { return "a connection\(place) from \(peer)" }
    return "\(username)\(place) from \(peer)"
  }
}

extension ExchangeEvent.Refusal {
  fileprivate var text: String {
    switch self {
    case .credentials(let username):
      "no account '\(username.trimmingCharacters(in: .whitespaces))' has the password that it gave"
    case .session(let name): "it asked for session '\(name.trimmed)', which is not this one"
    case .sequence(let asked, let next):
      "it asked for message \(asked.grouped) of a stream that has \((next - 1).grouped): it knows another exchange's"
    case .setting: "that was asked for"
    }
  }
}

extension ExchangeEvent.Closing {
  fileprivate func text(isStranger: Bool) -> String {
    switch self {
    case .loggedOut where isStranger, .ended where isStranger: "ended without having logged in"
    case .loggedOut: "logged out"
    case .ended: "closed its connection"
    case .failed(let error): "broke: \(ReactorError.text(ofErrorNumber: error))"
    case .silent: "is closed: nothing was heard of it any more, not even heartbeats"
    case .fault(let fault): "is closed: \(fault)"
    case .neverLoggedIn: "is closed: it did not log in in time"
    case .displaced: "is closed: it had not logged in, and newer ones came"
    case .replaced(let peer):
      "is closed: the account logged in from \(peer), and has one connection"
    case .overtaken: "is closed: a newer log-in waits in its place"
    case .unread: "is closed: it does not read what it is sent"
    case .tooFast: "is closed: it sent too many messages a second (--message-rate)"
    case .roomUsedUp: "is closed: its account has used up its room (--account-mebibytes)"
    case .notTaken: "is closed: what it sent could not be stored"
    case .madeRoom: "is closed: another client takes a snapshot"
    }
  }
}

extension ExchangeEvent.Socket {
  fileprivate var text: String {
    switch self {
    case .rerequests: "of re-requests"
    case .line(let index): "of line \(index == 0 ? "A" : "B")"
    }
  }
}
