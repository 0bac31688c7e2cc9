import CSupport
import Trading

/// How the run goes: on a terminal one line that is written over once a second, else a line of the
/// log once a minute.
struct LiveLine {
  private let monitor: RunMonitor
  private let latency: LatencyRecorder
  private let isTerminal: Bool
  private let interval: Int64
  private let startedAt: Int64
  private var lastMessages: UInt64 = 0
  private var lastAt: Int64
  private var shown = 0

  init(_ monitor: RunMonitor, _ latency: LatencyRecorder, isTerminal: Bool = Console.isTerminal) {
    self.monitor = monitor
    self.latency = latency
    self.isTerminal = isTerminal
    interval = isTerminal ? 1_000_000_000 : 60_000_000_000
    startedAt = nt_clock_now()
    lastAt = startedAt
  }

  /// Writes the line when its time has come.
  mutating func tick() {
    let now = nt_clock_now()
    guard now - lastAt >= interval else { return }
    let messages = monitor.get(.messages)
    let rate = messages &- lastMessages
    let perSecond = UInt64(
      clamping: Int128(rate) * 1_000_000_000 / Int128(max(1, now - lastAt)))
    lastMessages = messages
    lastAt = now
    let text = Self.text(
      elapsed: now - startedAt, perSecond: perSecond, monitor: monitor,
      tickToOrder: RunSummary.Percentiles(latency.percentiles(.tickToOrder)))
    guard isTerminal else {
      Console.say(.info, "needletail run: \(text)")
      return
    }
    let line = Self.cut(text, columns: Console.columns)
    Console.overwrite("\r\(HelpText.pad(line, min(shown, Self.room(Console.columns))))")
    shown = line.count
  }

  /// Leaves the line, so that what follows begins on its own.
  mutating func end() {
    guard isTerminal, shown > 0 else { return }
    let width = min(shown, Self.room(Console.columns))
    Console.overwrite("\r" + String(repeating: " ", count: width) + "\r")
    shown = 0
  }

  /// Characters that a line may have without going on to the next: many terminals do that in the
  /// last column.
  private static func room(_ columns: Int?) -> Int { max(0, (columns ?? 80) - 1) }

  /// As much of the text as a terminal of that width shows on one line.
  static func cut(_ text: String, columns: Int?) -> String { String(text.prefix(room(columns))) }

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
