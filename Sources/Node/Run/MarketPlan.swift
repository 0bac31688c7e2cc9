import Captures
package import ExecutionCore
package import Simulation
import Transport

/// A market and what may be traded in it, from the files that `needletail run --feed --config` takes: for a
/// benchmark, which plays its beginning without a run.
package struct MarketPlan {
  /// The messages, with the opening ones that a recording may lack.
  package let feed: ExchangeFeed
  /// The session day's midnight, US Eastern.
  package let midnight: Int64
  /// Instruments, accounts, limits, collars and data quality of the configuration, those of the market
  /// maker and the taker for its strategies; nil without a configuration.
  package let engine: EngineConfiguration?
  /// The files that decide beside the feed: the configuration's, and the instruments file that it names.
  package let files: [String]

  /// Of a recording whose day neither the configuration nor its name says.
  private static let anyDay = "2020-01-02"

  /// - Parameters:
  ///   - feed: framed ITCH or a capture of MoldUDP64, raw or .gz; nil: as the configuration says.
  ///   - configuration: the YAML of `needletail run`; nil: none.
  ///   - messagesMax: of the feed, about as many are read.
  package init(
    feed: String?, configuration file: String?, messagesMax: Int
  ) throws(CommandFailure) {
    var options = RunOptions()
    if let file { options.configuration = try Configuration.load(file) }
    if options.configuration.exchange != nil {
      options.configuration.keepVenues { $0.kind == .exchange }
    }
    if let feed { options.configuration.equities?.source = feed }
    options.configuration.exchange?.attach = ""
    let settings = options.configuration.equities ?? .equities
    if options.configuration.run.date.isEmpty, settings.instrumentsFile.isEmpty,
      !settings.isGenerated, SessionDate(fileName: settings.source) == nil
    {
      options.configuration.run.date = Self.anyDay
    }
    let plan = try RunPlan(options, messagesMax: messagesMax)
    guard let feed = plan.feed else {
      throw CommandFailure(.internalError, "a market that is played has a feed")
    }
    if let failure = feed.failure {
      throw CommandFailure(failure.cause.exitCode, "\(failure)")
    }
    self.feed = feed
    midnight = plan.midnight
    files = [file, settings.instrumentsFile].compactMap { $0 }.filter { !$0.isEmpty }
    engine =
      file == nil
      ? nil : try options.configuration.engine(instruments: plan.instruments, day: plan.day)
  }
}
