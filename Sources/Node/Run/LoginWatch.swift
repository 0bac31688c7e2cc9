import Gateways
import Trading

/// Says when log-ins to order entry begin to be refused, and when one is taken again.
///
/// Threading: the main thread.
struct LoginWatch {
  private var said: RunMonitor.LoginRefusal?

  /// nil when there is nothing new.
  mutating func look(
    _ monitor: RunMonitor, _ plan: RunPlan
  ) -> (level: Console.Level, text: String)? {
    let now = RunMonitor.LoginRefusal(word: monitor.get(.loginRefusal))
    guard now != said else { return nil }
    defer { said = now }
    guard let now else {
      let name = said.flatMap { Self.venue($0.port, plan)?.name } ?? "the venue"
      return (.info, "\(name) takes log-ins again")
    }
    guard let venue = Self.venue(now.port, plan) else { return nil }
    let account = plan.configuration.accounts[now.port % plan.configuration.accounts.count]
    let who =
      "port \(now.port) (account \(account.name), user \(account.username(at: venue.venue)))"
    return (.warning, "\(venue.name) refuses the log-in of \(who): \(Self.meaning(now))")
  }

  /// Each venue's ports are together, one for each account.
  private static func venue(_ port: Int, _ plan: RunPlan) -> VenuePlan? {
    let place = port / max(1, plan.configuration.accounts.count)
    return plan.venues.indices.contains(place) ? plan.venues[place] : nil
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
