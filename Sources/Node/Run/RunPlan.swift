import Captures
import ExecutionCore
import Foundation
import Simulation
import Transport

/// A venue of a run, with the feed that it trades.
struct VenuePlan {
  let venue: Configuration.Venue
  let feed: Configuration.Feed
  /// Their places in the configuration, which are the engine's numbers.
  let number: VenueID
  let channel: UInt8
  /// The numbers of its instruments.
  let instruments: Range<Int>
  /// Where a paper broker's market comes from.
  let origin: PaperOrigin?

  var name: String { venue.inWords }
  var address: UInt32 { (try? Endpoint.parseAddress(venue.address)) ?? 0x7f00_0001 }
}

/// What a run will trade on: the feeds' facts, found before anything is started.
struct RunPlan {
  let options: RunOptions
  /// In the order of the configuration.
  let venues: [VenuePlan]
  let date: SessionDate
  let midnight: Int64
  /// Session time at which the feeds by price begin; nil where there are none.
  let begin: Int64?
  /// The history that this run's own exchange plays; read here for its instruments, and in virtual time for its
  /// messages. nil when the run has no exchange, or is attached to it: what runs there has a market of its own.
  let feed: ExchangeFeed?
  /// What is known of each before the day begins: the instruments file's, or the market's; those of a feed are
  /// together, in the order of the feeds.
  let instruments: [InstrumentFacts]
  /// Of each feed, the numbers of its instruments.
  let shares: [Range<Int>]
  /// What of these was assumed or overridden, in words.
  let notes: [String]
  /// The exchange; there is one at most.
  var exchange: VenuePlan? { venues.first { $0.venue.kind == .exchange } }
  /// The venue that trades the feed of orders, and those that trade feeds by price.
  var orders: VenuePlan? { venues.first { $0.feed.kind == .orders } }
  var prices: [VenuePlan] { venues.filter { $0.feed.kind == .prices } }
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
    let configuration = options.configuration
    let orders = try OrdersPlan(options, messagesMax: messagesMax)
    let given = SessionDate(parsing: configuration.run.date)
    let prices = try PricesPlan(
      configuration.feeds, seed: configuration.run.seed, date: orders.date ?? given,
      begin: orders.feed?.peek()?.sessionTime)
    begin = prices.begin
    let day = orders.date ?? prices.begin.flatMap(SessionDate.init(newYork:)) ?? OrdersPlan.anyDay
    date = day
    midnight = SessionCalendar.midnight(day)
    feed = orders.feed
    notes = options.notes + orders.notes + prices.notes
    var instruments: [InstrumentFacts] = []
    var shares: [Range<Int>] = []
    for feed in configuration.feeds {
      let own = feed.kind == .orders ? orders.instruments : prices.instruments[feed.name] ?? []
      shares.append(instruments.count..<(instruments.count + own.count))
      instruments += own
    }
    self.instruments = instruments
    self.shares = shares
    var venues: [VenuePlan] = []
    for (number, venue) in configuration.venues.enumerated() {
      guard let channel = configuration.feeds.firstIndex(where: { $0.name == venue.feed }) else {
        throw CommandFailure(
          .configuration, "venue '\(venue.name)': there is no feed '\(venue.feed)'")
      }
      let feed = configuration.feeds[channel]
      venues.append(
        VenuePlan(
          venue: venue, feed: feed, number: VenueID(raw: UInt16(clamping: number)),
          channel: UInt8(clamping: channel), instruments: shares[channel],
          origin: prices.origins[feed.name]))
    }
    self.venues = venues
    try check(given)
  }

  /// What a clock of one run cannot hold.
  private func check(_ given: SessionDate?) throws(CommandFailure) {
    if let given, given != date {
      throw CommandFailure(
        .configuration,
        "the session date \(given.text) is refused: the market begins on \(date.text), New York's day of its first "
          + "record; leave the date out")
    }
    guard let orders, orders.venue.isAttached,
      let started = prices.first(where: { !$0.venue.isAttached })
    else { return }
    throw CommandFailure(
      .configuration,
      "venue '\(started.venue.name)' is started here, and nobody knows what time it is at \(orders.name) "
        + "\(orders.venue.attach): attach both, or choose one with '--venues NAME'")
  }

  /// The order sessions by their ports' numbers: each venue's are together, one for each account.
  var ports: [String] {
    venues.flatMap { venue in
      configuration.accounts.map { "account \($0.name) at \(venue.name)" }
    }
  }

  /// Year × 10,000 + month × 100 + day.
  var day: UInt32 { UInt32(date.year * 10_000 + date.month * 100 + date.day) }

  /// The feeds' names without their folders, or the venues that the run is attached to: what may be written down.
  var sourceName: String {
    venues.map { plan in
      if plan.venue.isAttached { return "\(plan.venue.kind.rawValue) \(plan.venue.attach)" }
      if plan.feed.source == "-" { return "standard input" }
      return plan.feed.isGenerated
        ? "generated" : String(plan.feed.source.split(separator: "/").last ?? "")
    }.reduce(into: [String]()) { names, name in if !names.contains(name) { names.append(name) } }
      .joined(separator: ", ")
  }
}
