import Trading

/// Says what the end of a run waits for where it takes long: nobody is to think that it hangs, or to kill it while its
/// orders work.
///
/// Threading: the main thread.
struct EndWatch {
  /// Nanoseconds of the run's clock that an end may take without a word, and between two words.
  static let patience: Int64 = 1_000_000_000
  static let pause: Int64 = 5_000_000_000

  private var since: Int64?
  private var saidAt: Int64?
  /// A signal came while orders were not confirmed: the next one is meant.
  private var isAsked = false
  private var askedAt: Int64 = .min / 2

  /// nil where there is nothing to say.
  ///
  /// - Parameters:
  ///   - ports: how many order sessions there are.
  ///   - now: of the run's clock.
  mutating func look(_ monitor: RunMonitor, ports: Int, now: Int64) -> String? {
    guard monitor.phase == .stopping else { return nil }
    let since = since ?? now
    self.since = since
    guard now - (saidAt ?? since + Self.patience - Self.pause) >= Self.pause else { return nil }
    saidAt = now
    return "the run has been ending for \(RunSummary.seconds(now - since)) s, and awaits "
      + Self.awaited(monitor, ports: ports)
  }

  private static func awaited(_ monitor: RunMonitor, ports: Int) -> String {
    var all: [String] = []
    let open = monitor.get(.openOrders)
    if open > 0 { all.append("the exchange's word on \(orders(open))") }
    let down = ports - Int(clamping: monitor.get(.portsReady))
    if down > 0 { all.append("\(down) of \(ports) order sessions, which are down") }
    switch TradingSight(rawValue: monitor.get(.sight)) ?? .clear {
    case .gap: all.append("missing messages of the feed")
    case .snapshot: all.append("the books from the snapshot service")
    case .clear, .silent: break
    }
    return all.isEmpty ? "its last steps" : all.joined(separator: ", ")
  }

  /// A person has asked for the end.
  mutating func begin(now: Int64) { askedAt = now }

  /// A person asks once more for an end that is under way. Where nothing of ours may work any more it ends at once;
  /// else only who asks again leaves orders without the exchange's word on them. Signals within a second are one wish:
  /// a terminal that is closed and a supervisor that stops a service send several.
  ///
  /// - Parameter now: machine time.
  mutating func hurry(_ monitor: RunMonitor, now: Int64) -> String? {
    defer { askedAt = now }
    guard now - askedAt >= Self.patience else { return nil }
    let open = monitor.get(.openOrders)
    if open > 0, !isAsked {
      isAsked = true
      return
        "the run is ending: \(Self.orders(open)) of ours may work until the exchange says that they do not; "
        + "once more ends the run without its word"
    }
    monitor.stopReason = .atOnce
    return open == 0
      ? "the run ends at once"
      : "the run ends at once: \(Self.orders(open)) of ours MAY STILL WORK at the exchange"
  }

  private static func orders(_ count: UInt64) -> String {
    count == 1 ? "1 order" : "\(count.grouped) orders"
  }
}
