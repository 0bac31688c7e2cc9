import ExecutionCore
import Simulation

/// Where a paper broker's market comes from, as the options say.
enum PaperOrigin {
  case recording(String)
  case generated(PriceGeneratorSettings)

  /// Nanoseconds from midnight in New York at which a generated market begins: with that of orders.
  static let begin: Int64 = 34_199_000_000_000
  private static let ofGenerated = ["date", "begin", "style", "symbols", "rate"]

  init(_ options: ParsedOptions) throws(CommandFailure) {
    guard let feed = options.text("feed") else {
      throw CommandFailure(
        .usage,
        "'--feed FILE' is needed: a recording (.ntc), as 'needletail capture import' makes it, or generated"
      )
    }
    guard feed == "generated" else {
      for name in Self.ofGenerated where options.text(name) != nil {
        throw CommandFailure(
          .usage, "'--\(name)' is of a generated market: give '--feed generated', or leave it out")
      }
      try InputFile.check(feed, what: "feed", option: "--feed")
      self = .recording(feed)
      return
    }
    let text = options.text("date") ?? "2020-01-02"
    guard let date = SessionDate(parsing: text) else {
      throw options.refuse("date", text, "a date as YYYY-MM-DD")
    }
    var settings = PriceGeneratorSettings(begin: SessionCalendar.midnight(date) + Self.begin)
    if let begin = try options.integer("begin", in: 0...Int(PriceGeneratorSettings.beginMax)) {
      settings.begin = Int64(begin)
    }
    settings.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    settings.style = try options.choice("style", of: MarketStyle.self) ?? .calm
    settings.instruments =
      try options.integer("symbols", in: 1...PriceGeneratorSettings.instrumentsMax) ?? 2
    settings.rate = Int64(
      try options.integer("rate", in: 1...Int(PriceGeneratorSettings.rateMax)) ?? 500)
    self = .generated(settings)
  }

  /// What it is, for people; the same name is the same market.
  var name: String {
    switch self {
    case .recording(let path): path
    case .generated(let s):
      "generated: seed \(s.seed), \(s.style.rawValue), \(s.instruments) instruments, "
        + "\(s.rate) records a second, from \(s.begin)"
    }
  }

  func source() throws(CommandFailure) -> PaperSource {
    switch self {
    case .recording(let path): try PaperSource(recording: path)
    case .generated(let settings): PaperSource(settings)
    }
  }
}
