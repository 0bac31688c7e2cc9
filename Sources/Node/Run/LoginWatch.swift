import Gateways
import Trading

/// Says when log-ins to order entry begin to be refused, and when one is taken again.
///
/// Threading: the main thread.
struct LoginWatch {
  private var said: RunMonitor.LoginRefusal?

  /// nil when there is nothing new.
  ///
  /// - Parameters:
  ///   - accounts: by port, their names.
  ///   - usernames: by port.
  mutating func look(
    _ monitor: RunMonitor, accounts: [String], usernames: [String]
  ) -> (level: Console.Level, text: String)? {
    let now = RunMonitor.LoginRefusal(word: monitor.get(.loginRefusal))
    guard now != said else { return nil }
    defer { said = now }
    guard let now else {
      return (.info, "the exchange takes log-ins again")
    }
    func name(_ names: [String]) -> String {
      names.indices.contains(now.port) ? names[now.port] : "\(now.port)"
    }
    let who = "port \(now.port) (account \(name(accounts)), user \(name(usernames)))"
    return (.warning, "the exchange refuses the log-in of \(who): \(Self.meaning(now))")
  }

  private static func meaning(_ refusal: RunMonitor.LoginRefusal) -> String {
    switch (refusal.kind, refusal.hasLoggedIn) {
    case (.notAuthorised, false):
      "not authorised; check the venue's username and password"
    case (.notAuthorised, true):
      "not authorised, and it took one before; \(LoginRefusals.unauthorisedMax) in a row end the run"
    case (_, false):
      "its session is not available; tried again for "
        + "\(LoginRefusals.unavailableMax / 1_000_000_000) s"
    case (_, true):
      "its session is not available; tried again as after a connection that broke"
    }
  }
}
