import Trading

/// Says when the order sessions or the feed have been away for a while, and when they are there again; before trading
/// has begun nothing is missed.
///
/// Threading: the main thread.
struct SessionWatch {
  typealias Remark = (level: Console.Level, text: String)
  /// Nanoseconds of the run's clock that one may be away without a word, and between two words on the same.
  static let patience: Int64 = 1_000_000_000
  static let pause: Int64 = 60_000_000_000

  /// Since when something is away, and when that was said last; nil: it is there, or was not said.
  private struct Absence {
    var since: Int64?
    var saidAt: Int64?

    /// nil where there is nothing to say.
    mutating func look(_ isAway: Bool, now: Int64) -> (isAway: Bool, for: Int64)? {
      guard isAway else {
        defer { self = Absence() }
        guard let since, saidAt != nil else { return nil }
        return (false, now - since)
      }
      let since = since ?? now
      self.since = since
      guard now - since >= SessionWatch.patience else { return nil }
      if let saidAt, now - saidAt < SessionWatch.pause { return nil }
      saidAt = now
      return (true, now - since)
    }
  }
  private var sessions = Absence()
  private var feed = Absence()
  private var hasTraded = false

  /// - Parameters:
  ///   - ports: how many order sessions there are.
  ///   - now: of the run's clock.
  mutating func look(_ monitor: RunMonitor, ports: Int, now: Int64) -> [Remark] {
    hasTraded = hasTraded || monitor.phase == .trading
    guard hasTraded, monitor.phase == .trading || monitor.phase == .stopping else { return [] }
    var remarks: [Remark] = []
    let ready = Int(clamping: monitor.get(.portsReady))
    if let said = sessions.look(ready < ports, now: now) {
      let time = RunSummary.seconds(said.for)
      let orders = monitor.get(.openOrders).grouped
      remarks.append(
        said.isAway
          ? (
            .warning,
            "\(ports - ready) of \(ports) order sessions are down, for \(time) s by now: \(orders) orders of ours "
              + "may work at the exchange; tried again"
          ) : (.info, "the order sessions are up again after \(time) s: \(orders) orders work"))
    }
    let sight = TradingSight(rawValue: monitor.get(.sight)) ?? .clear
    if let said = feed.look(sight != .clear, now: now) {
      let time = RunSummary.seconds(said.for)
      remarks.append(
        said.isAway
          ? (.warning, "\(Self.meaning(sight)), for \(time) s by now: no new order rests on it")
          : (.info, "the feed is there again after \(time) s"))
    }
    return remarks
  }

  private static func meaning(_ sight: TradingSight) -> String {
    switch sight {
    case .clear: "the feed is there"
    case .silent: "the feed is silent"
    case .gap: "messages of the feed are missing, and asked for again"
    case .snapshot: "the books are awaited from a snapshot"
    }
  }
}
