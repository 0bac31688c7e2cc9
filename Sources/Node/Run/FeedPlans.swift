import Captures
import ExecutionCore
import Foundation
import Simulation

/// What is known of the market of the feed of orders before it begins: its day, its instruments, and what it plays.
struct OrdersPlan {
  /// nil where the run has no feed of orders.
  private(set) var date: SessionDate?
  /// nil where it is attached, too.
  private(set) var feed: ExchangeFeed?
  private(set) var instruments: [InstrumentFacts] = []
  private(set) var notes: [String] = []

  /// Of a market that has no day of its own.
  static let anyDay = SessionDate(year: 2020, month: 1, day: 2)!

  init(_ options: RunOptions, messagesMax: Int) throws(CommandFailure) {
    guard let (venue, settings) = options.configuration.orders else { return }
    let run = options.configuration.run
    if !venue.isAttached, !settings.isGenerated, settings.source != "-" {
      try InputFile.check(settings.source, what: "feed", option: "--feed")
    }
    let file = try InputFile.instruments(settings.instrumentsFile)
    let recording =
      venue.isAttached || settings.isGenerated ? nil : try InputFile.feed(settings.source)
    var signs: SessionDay.Signs?
    switch recording {
    case .some(let recording):
      signs = SessionDay.Signs(file: settings.source, feed: recording)
    case .none: break
    }
    let day = try SessionDay(
      given: SessionDate(parsing: run.date), instruments: file?.date, signs: signs)
    date = day.date
    if !venue.isAttached {
      feed = try Self.played(
        settings, seed: run.seed, recording, file?.instruments,
        midnight: SessionCalendar.midnight(day.date), choice: options.choice,
        messagesMax: messagesMax)
    }
    instruments = feed?.instruments ?? file?.instruments ?? []
    notes = day.notes + (feed?.notes ?? [])
    if let file, file.date != day.date {
      notes.append(
        "the session date is \(day.date.text), as it was given, and not the instruments file's "
          + file.date.text)
    }
    guard instruments.isEmpty else { return }
    throw CommandFailure(
      .dataError,
      "\(settings.source): no instrument is in it; give '--instruments FILE', or "
        + "instruments_file of the feed '\(settings.name)' in the configuration")
  }

  /// - Parameter recording: nil for a generated market.
  private static func played(
    _ settings: Configuration.Feed, seed: UInt64, _ recording: consuming FeedFile?,
    _ instruments: [InstrumentFacts]?, midnight: Int64, choice: CaptureChoice, messagesMax: Int
  ) throws(CommandFailure) -> ExchangeFeed {
    guard let recording else {
      return ExchangeFeed(
        generated: settings.generator.settings(seed: seed, midnight: midnight))
    }
    do throws(FeedError) {
      return try ExchangeFeed(
        file: recording, instruments: instruments, midnight: midnight, choice: choice,
        messagesMax: messagesMax)
    } catch {
      throw CommandFailure(error.cause.exitCode, "\(error)")
    }
  }
}

extension Configuration.Generator {
  func settings(seed: UInt64, midnight: Int64) -> GeneratorSettings {
    GeneratorSettings(
      seed: seed, style: style, symbols: symbols, rate: Int64(messagesPerSecond),
      midnight: midnight)
  }

  var style: MarketStyle { MarketStyle(rawValue: scenario.rawValue) ?? .calm }
}

/// The same of the markets of paper brokers, by the names of their feeds.
struct PricesPlan {
  private(set) var origins: [String: PaperOrigin] = [:]
  private(set) var instruments: [String: [InstrumentFacts]] = [:]
  private(set) var begins: [String: Int64] = [:]
  /// Of the first of them, in New York.
  private(set) var date: SessionDate?
  private(set) var notes: [String] = []

  /// - Parameters:
  ///   - seed: of a generated market.
  ///   - date: of the exchange's market, with which a generated one begins at `begin`; nil: there is none.
  mutating func add(
    _ feed: Configuration.Feed, seed: UInt64, date: SessionDate?, begin: Int64?,
    given: SessionDate?
  ) throws(CommandFailure) {
    let origin = try Self.origin(
      feed, seed: seed, begin: begin,
      midnight: SessionCalendar.midnight(date ?? given ?? OrdersPlan.anyDay))
    let source = try origin.source()
    origins[feed.name] = origin
    begins[feed.name] = source.begin
    var found = source.instruments
    if !feed.isGenerated {
      found = try Self.completed(found, origin)
      notes.append(
        "\(feed.source) does not say previous closes and whether its instruments may be sold short: the first "
          + "middle of each stands for its close, and the paper broker takes short sales")
    }
    instruments[feed.name] = found
    if self.date == nil { self.date = given ?? SessionDate(newYork: source.begin) }
  }

  private static func origin(
    _ feed: Configuration.Feed, seed: UInt64, begin: Int64?, midnight: Int64
  ) throws(CommandFailure) -> PaperOrigin {
    guard feed.isGenerated else {
      try InputFile.check(feed.source, what: "feed", option: "--feed")
      return .recording(feed.source)
    }
    var settings = PriceGeneratorSettings(begin: begin ?? midnight + PaperOrigin.begin)
    settings.seed = seed
    settings.style = feed.generator.style
    settings.instruments = feed.generator.symbols
    settings.rate = Int64(feed.generator.messagesPerSecond)
    return .generated(settings)
  }

  /// With what a recording does not say: the close, of its first quotes.
  private static func completed(
    _ instruments: [InstrumentFacts], _ origin: PaperOrigin
  ) throws(CommandFailure) -> [InstrumentFacts] {
    var completed = instruments
    var source = try origin.source()
    let market: PriceMarket
    do throws(EngineConfigurationError) { market = try PriceMarket(instruments) } catch {
      throw CommandFailure(.dataError, "\(origin.name): \(error)")
    }
    var left = instruments.count
    for i in completed.indices {
      completed[i].shortable = true
      completed[i].shortSale = .unrestricted
    }
    // Bounded: of a recording that never quotes one of them, its beginning is looked at.
    for _ in 0..<1_000_000 where left > 0 {
      guard let record = source.peek() else { break }
      source.drop()
      let effect = market.apply(record)
      let i = Int(effect.instrument.raw)
      guard effect.quoteChanged, i < completed.count, completed[i].previousClose == 0 else {
        continue
      }
      let quote = market.quotes.quote(effect.instrument)
      guard quote.bidQuantity.raw > 0, quote.askQuantity.raw > 0 else { continue }
      let middle = (quote.bid.raw + quote.ask.raw) / 2
      completed[i].previousClose = middle - middle % completed[i].tick
      left -= 1
    }
    return completed
  }
}
