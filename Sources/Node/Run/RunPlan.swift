import Captures
import ExecutionCore
import Foundation
import Simulation
import Transport

/// What a run will trade on: the feed's facts, found before anything is started.
struct RunPlan {
  let options: RunOptions
  /// What it trades at, and what that trades.
  let exchange: Configuration.Venue
  let equities: Configuration.Feed
  let date: SessionDate
  let midnight: Int64
  /// The history that this run's own exchange plays; read here for its instruments, and in virtual time for its
  /// messages. nil when the run is attached: what runs there has a market of its own.
  let feed: ExchangeFeed?
  /// What is known of each before the day begins: the instruments file's, or the history's.
  let instruments: [InstrumentFacts]
  /// What of these was assumed or overridden, in words.
  let notes: [String]
  var configuration: Configuration { options.configuration }

  /// Machine time to session time. Virtual time goes as fast as it can in any case: what it is asked to do at max it
  /// does at the feed's own pace.
  var speed: Configuration.Speed {
    options.isVirtualTime && configuration.run.speed == .max
      ? .times(Decimal8(raw: 100_000_000)) : configuration.run.speed
  }

  /// How long a run in virtual time lasts by its own clock: what is asked for is session time.
  var machineDuration: Int64 {
    guard let duration = configuration.durationNanoseconds, let factor = speed.factor else {
      return .max
    }
    let whole = Int128(duration) * 100_000_000
    return Int64(clamping: (whole + Int128(factor) - 1) / Int128(factor))
  }

  /// - Parameter messagesMax: of a file, for who plays only its beginning.
  init(_ options: RunOptions, messagesMax: Int = .max) throws(CommandFailure) {
    self.options = options
    (exchange, equities) = try Self.tradable(options.configuration)
    let settings = equities
    let run = options.configuration.run
    let isAttached = exchange.isAttached
    if !isAttached, !settings.isGenerated, settings.source != "-" {
      try InputFile.check(settings.source, what: "feed", option: "--feed")
    }
    let file = try InputFile.instruments(settings.instrumentsFile)
    let recording = isAttached || settings.isGenerated ? nil : try Self.open(settings.source)
    var signs: SessionDay.Signs?
    switch recording {
    case .some(let recording):
      signs = SessionDay.Signs(file: settings.source, feed: recording)
    case .none: break
    }
    let day = try SessionDay(
      given: SessionDate(parsing: run.date), instruments: file?.date, signs: signs)
    date = day.date
    midnight = SessionCalendar.midnight(date)
    feed =
      isAttached
      ? nil
      : try Self.feed(
        settings, seed: run.seed, recording, file?.instruments, midnight: midnight,
        choice: options.choice,
        messagesMax: messagesMax)
    instruments = feed?.instruments ?? file?.instruments ?? []
    var notes = day.notes + (feed?.notes ?? [])
    if let file, file.date != date {
      notes.append(
        "the session date is \(date.text), as it was given, and not the instruments file's "
          + file.date.text)
    }
    self.notes = notes
    guard instruments.isEmpty else { return }
    throw CommandFailure(
      .dataError,
      "\(settings.source): no instrument is in it; give '--instruments FILE', or "
        + "instruments_file of the feed '\(settings.name)' in the configuration")
  }

  /// What a run trades. This is the one place that refuses what it cannot trade yet: a venue or a feed beside an
  /// exchange and its feed of orders.
  private static func tradable(
    _ configuration: Configuration
  ) throws(CommandFailure) -> (Configuration.Venue, Configuration.Feed) {
    guard let exchange = configuration.exchange, let equities = configuration.equities,
      configuration.venues.count == 1, configuration.feeds.count == 1
    else {
      let names = configuration.venues.map { "\($0.name) (\($0.kind.rawValue))" }
      throw CommandFailure(
        .configuration,
        "venues: a run trades at one of kind exchange, and at no other yet; configured are "
          + "\(names.joined(separator: ", ")): choose it with '--venues NAME'")
    }
    return (exchange, equities)
  }

  private static func open(_ path: String) throws(CommandFailure) -> FeedFile {
    do throws(FeedError) {
      return try FeedFile(path: path)
    } catch {
      throw CommandFailure(error.cause.exitCode, "\(error)")
    }
  }

  /// - Parameter recording: nil for a generated market.
  private static func feed(
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

  /// Year × 10,000 + month × 100 + day.
  var day: UInt32 { UInt32(date.year * 10_000 + date.month * 100 + date.day) }

  /// The feed's name without its folder, or the exchange that the run is attached to: what may be written down.
  var sourceName: String {
    guard !exchange.isAttached else { return "exchange \(exchange.attach)" }
    guard equities.source != "-" else { return "standard input" }
    return equities.isGenerated
      ? "generated" : String(equities.source.split(separator: "/").last ?? "")
  }

  /// The arguments of the exchange's process, which reads the accounts' password from its standard
  /// input.
  ///
  /// - Parameters:
  ///   - services: order entry, re-requests and snapshots; port 0 is any free one.
  func exchangeArguments(
    _ directory: RunDirectory, services: ExchangeServices, lines: [Endpoint], isFirst: Bool
  ) -> [String] {
    let run = configuration.run
    let generator = equities.generator
    let fees = exchange.fees
    var arguments = [
      "exchange", "--feed", feed?.handOver?.path ?? equities.source, "--seed", "\(run.seed)",
      "--speed", run.speed.text, "--date", date.text, "--listen", "\(services.orderEntry)",
      "--rerequest",
      "\(services.rerequest)", "--snapshot", "\(services.snapshot)", "--feed-to",
      lines.map(\.description).joined(separator: ","), "--username",
      configuration.usernames(at: exchange).joined(separator: ","), "--password-file", "-",
      "--data", directory.exchange, "--start-on-login", "--flow-control", directory.flowControl,
      "--report",
      directory.exchangeReport, "--fee-added", "\(fees.addedPerShare)", "--fee-added-hidden",
      "\(fees.addedHiddenPerShare)", "--fee-removed", "\(fees.removedPerShare)",
    ]
    if equities.isGenerated {
      arguments += [
        "--style", generator.scenario.rawValue, "--symbols", "\(generator.symbols)", "--rate",
        "\(generator.messagesPerSecond)",
      ]
    }
    arguments += FeedOptions.arguments(options.choice)
    if !equities.instrumentsFile.isEmpty {
      arguments += ["--instruments", equities.instrumentsFile]
    }
    if exchange.cancelOnDisconnect { arguments.append("--cancel-on-disconnect") }
    if isFirst { arguments.append("--new-session") }
    return arguments
  }
}

extension Configuration.Generator {
  func settings(seed: UInt64, midnight: Int64) -> GeneratorSettings {
    GeneratorSettings(
      seed: seed, style: MarketStyle(rawValue: scenario.rawValue) ?? .calm, symbols: symbols,
      rate: Int64(messagesPerSecond), midnight: midnight)
  }
}
