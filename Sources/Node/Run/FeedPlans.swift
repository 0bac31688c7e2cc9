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
  /// Session time at which they begin, in which all feeds of the run begin together; nil where there are none.
  private(set) var begin: Int64?
  private(set) var notes: [String] = []

  /// - Parameters:
  ///   - seed: of generated markets, each by its place.
  ///   - date: of the feed of orders, or as it was given.
  ///   - begin: of the feed of orders; nil: there is none, or nobody knows.
  init(
    _ feeds: [Configuration.Feed], seed: UInt64, date: SessionDate?, begin: Int64?
  ) throws(CommandFailure) {
    var starts: [Int64] = []
    for feed in feeds where feed.kind == .prices && !feed.isGenerated {
      try InputFile.check(feed.source, what: "feed", option: "--feed")
      starts.append(try PaperSource(recording: feed.source).begin)
    }
    // Where a recording says it, a generated market is of its time.
    let opening = SessionCalendar.midnight(date ?? OrdersPlan.anyDay) + PaperOrigin.begin
    let start = begin ?? starts.max() ?? opening
    for (place, feed) in feeds.enumerated() where feed.kind == .prices {
      self.begin = start
      let own = starts.count == 1 && begin == nil
      try add(feed, seed: seed &+ UInt64(place), at: start, isAlone: own)
    }
  }

  private mutating func add(
    _ feed: Configuration.Feed, seed: UInt64, at begin: Int64, isAlone: Bool
  ) throws(CommandFailure) {
    guard feed.isGenerated else {
      let origin = PaperOrigin.recording(feed.source, from: isAlone ? nil : begin)
      origins[feed.name] = origin
      instruments[feed.name] = try Self.completed(origin)
      notes.append(
        "\(feed.source) does not say previous closes and whether its instruments may be sold short: the first "
          + "middle of each stands for its close, and the paper broker takes short sales")
      return
    }
    var settings = PriceGeneratorSettings(begin: begin)
    settings.seed = seed
    settings.style = feed.generator.style
    settings.instruments = feed.generator.symbols
    settings.rate = Int64(feed.generator.messagesPerSecond)
    let origin = PaperOrigin.generated(settings)
    origins[feed.name] = origin
    instruments[feed.name] = try origin.source().instruments
  }

  /// The instruments of a recording, with what it does not say: the close, of its first quotes.
  private static func completed(
    _ origin: PaperOrigin
  ) throws(CommandFailure) -> [InstrumentFacts] {
    var source = try origin.source()
    var completed = source.instruments
    let market: PriceMarket
    do throws(EngineConfigurationError) { market = try PriceMarket(completed) } catch {
      throw CommandFailure(.dataError, "\(origin.name): \(error)")
    }
    for i in completed.indices {
      completed[i].shortable = true
      completed[i].shortSale = .unrestricted
    }
    var left = completed.count
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
      let middle = quote.bid.raw / 2 + quote.ask.raw / 2
      completed[i].previousClose = middle - middle % completed[i].tick
      left -= 1
    }
    return completed
  }
}
