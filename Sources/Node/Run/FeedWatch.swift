import Gateways
import Trading

/// Says once, when it happens first, what of the feed was not believed.
///
/// Threading: the main thread.
struct FeedWatch {
  private var saidForeign = false
  private var saidImplausible = false
  private var saidTimes = false
  private var saidSkipped = false
  private var saidMalformed = false
  private var saidDisagreements = false
  private var saidUnlisted = false
  private var saidLots = false

  /// nil when there is nothing new.
  mutating func look(_ monitor: RunMonitor) -> [String]? {
    var lines: [String] = []
    func once(_ said: inout Bool, _ word: RunMonitor.Word, _ text: () -> String) {
      guard !said, monitor.get(word) > 0 else { return }
      said = true
      lines.append(text())
    }
    once(&saidForeign, .foreign) {
      let name = SessionName(
        high: monitor.get(.foreignHigh),
        low: UInt16(truncatingIfNeeded: monitor.get(.foreignLow)))
      return "datagrams of another session, '\(name)', come on our lines: they are not applied"
    }
    once(&saidImplausible, .implausible) {
      "a sequence number lies where nothing else supports it: it is not believed (feed.implausible counts)"
    }
    once(&saidTimes, .implausibleTimes) {
      "a message's time lies far from those around it: the clock is not moved by it "
        + "(feed.implausible_times counts)"
    }
    once(&saidSkipped, .skipped) {
      "messages of a type that is not known are passed over (feed.skipped counts)"
    }
    once(&saidMalformed, .malformed) {
      "a message cannot be read: the books are taken from a snapshot (feed.malformed counts)"
    }
    once(&saidDisagreements, .disagreements) {
      "a message comes in two forms under one number: the books are taken from a snapshot "
        + "(feed.disagreements counts)"
    }
    once(&saidUnlisted, .unlisted) {
      "symbols of the feed are not among the instruments: not traded (feed.symbols_unlisted counts)"
    }
    once(&saidLots, .unequalLots) {
      "a round lot is another one in the feed than the instruments': is their file of another day or venue? "
        + "(feed.unequal_lots counts)"
    }
    return lines.isEmpty ? nil : lines
  }
}
