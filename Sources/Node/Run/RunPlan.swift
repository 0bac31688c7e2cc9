import Captures
import ExecutionCore
import Foundation
import Simulation
import Transport

/// What a run will trade on: the feed's facts, found before anything is started.
struct RunPlan {
  let options: RunOptions
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
    options.isVirtualTime && configuration.feed.speed == .max
      ? .times(Decimal8(raw: 100_000_000)) : configuration.feed.speed
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
    let settings = options.configuration.feed
    let isAttached = options.configuration.isAttached
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
      given: SessionDate(parsing: settings.date), instruments: file?.date, signs: signs)
    date = day.date
    midnight = SessionCalendar.midnight(date)
    feed =
      isAttached
      ? nil
      : try Self.feed(
        settings, recording, file?.instruments, midnight: midnight, choice: options.choice,
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
        + "feed.instruments_file in the configuration")
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
    _ settings: Configuration.Feed, _ recording: consuming FeedFile?,
    _ instruments: [InstrumentFacts]?, midnight: Int64, choice: CaptureChoice, messagesMax: Int
  ) throws(CommandFailure) -> ExchangeFeed {
    guard let recording else {
      return ExchangeFeed(
        generated: settings.generator.settings(seed: settings.seed, midnight: midnight))
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
    guard !configuration.isAttached else { return "exchange \(configuration.exchange.attach)" }
    guard configuration.feed.source != "-" else { return "standard input" }
    return configuration.feed.isGenerated
      ? "generated" : String(configuration.feed.source.split(separator: "/").last ?? "")
  }

  /// The arguments of the exchange's process, which reads the accounts' password from its standard
  /// input.
  ///
  /// - Parameters:
  ///   - services: order entry, re-requests and snapshots; port 0 is any free one.
  func exchangeArguments(
    _ directory: RunDirectory, services: ExchangeServices, lines: [Endpoint], isFirst: Bool
  ) -> [String] {
    let feed = configuration.feed
    let generator = feed.generator
    let fees = configuration.fees
    var arguments = [
      "exchange", "--feed", self.feed?.handOver?.path ?? feed.source, "--seed", "\(feed.seed)",
      "--speed", feed.speed.text,
      "--date", date.text, "--listen", "\(services.orderEntry)", "--rerequest",
      "\(services.rerequest)", "--snapshot", "\(services.snapshot)", "--feed-to",
      lines.map(\.description).joined(separator: ","), "--username",
      configuration.usernames.joined(separator: ","), "--password-file", "-", "--data",
      directory.exchange, "--start-on-login", "--flow-control", directory.flowControl, "--report",
      directory.exchangeReport, "--fee-added", "\(fees.addedPerShare)", "--fee-added-hidden",
      "\(fees.addedHiddenPerShare)", "--fee-removed", "\(fees.removedPerShare)",
    ]
    if feed.isGenerated {
      arguments += [
        "--style", generator.scenario.rawValue, "--symbols", "\(generator.symbols)", "--rate",
        "\(generator.messagesPerSecond)",
      ]
    }
    arguments += FeedOptions.arguments(options.choice)
    if !feed.instrumentsFile.isEmpty { arguments += ["--instruments", feed.instrumentsFile] }
    if configuration.exchange.cancelOnDisconnect { arguments.append("--cancel-on-disconnect") }
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
