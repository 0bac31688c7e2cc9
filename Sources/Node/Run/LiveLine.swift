import CSupport
import Trading

/// One line that is written over once a second, on a terminal only.
struct LiveLine {
  private let monitor: RunMonitor
  private let latency: LatencyRecorder
  private let isOn: Bool
  private let startedAt: Int64
  private var lastMessages: UInt64 = 0
  private var lastAt: Int64
  private var shown = 0

  init(_ monitor: RunMonitor, _ latency: LatencyRecorder, isOn: Bool = Console.isTerminal) {
    self.monitor = monitor
    self.latency = latency
    self.isOn = isOn
    startedAt = nt_clock_now()
    lastAt = startedAt
  }

  /// Writes the line when a second has passed.
  mutating func tick() {
    let now = nt_clock_now()
    guard isOn, now - lastAt >= 1_000_000_000 else { return }
    let messages = monitor.get(.messages)
    let rate = messages &- lastMessages
    let perSecond = UInt64(
      clamping: Int128(rate) * 1_000_000_000 / Int128(max(1, now - lastAt)))
    lastMessages = messages
    lastAt = now
    let text = Self.text(
      elapsed: now - startedAt, perSecond: perSecond, monitor: monitor,
      tickToOrder: RunSummary.Percentiles(latency.percentiles(.tickToOrder)))
    Console.out("\r\(HelpText.pad(text, shown))")
    shown = text.count
  }

  /// Leaves the line, so that what follows begins on its own.
  mutating func end() {
    guard isOn, shown > 0 else { return }
    Console.out("\r" + String(repeating: " ", count: shown) + "\r")
    shown = 0
  }

  static func text(
    elapsed: Int64, perSecond: UInt64, monitor: RunMonitor, tickToOrder: RunSummary.Percentiles
  ) -> String {
    let profit = Int128(Int64(bitPattern: monitor.get(.netProfit))) * 10_000
    return "\(RunSummary.seconds(elapsed)) s  \(perSecond.grouped) ticks/s"
      + "  orders \(monitor.get(.ordersSent).grouped)  fills \(monitor.get(.fills).grouped)"
      + "  position \(monitor.get(.grossPosition).grouped)  P&L \(RunSummary.dollars(profit))"
      + "  tick to order p50 \(RunSummary.microseconds(tickToOrder.p50))"
      + " p99 \(RunSummary.microseconds(tickToOrder.p99)) µs"
  }
}
