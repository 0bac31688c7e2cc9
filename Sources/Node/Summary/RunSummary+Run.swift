import CSupport
import ExecutionCore
import Gateways
import Simulation
import Trading
import Transport

extension RunSummary {
  /// What the plan says and the loop has found; who knows the exchange adds what that says.
  init(_ plan: RunPlan, _ result: HotResult, _ latency: LatencyRecorder) {
    self.init()
    describe(plan)
    run.elapsedNanoseconds = result.elapsed
    run.sessionNanoseconds = result.sessionSpan
    run.endedBy = result.end?.inWords ?? ""
    take(
      result.state, accounts: plan.configuration.accounts.map(\.name),
      strategies: plan.configuration.orderedStrategies.map(\.name),
      instruments: plan.instruments)
    takeLeft(
      result.state, symbols: plan.instruments.map { "\($0.symbol)" },
      accounts: plan.configuration.accounts.map(\.name))
    take(
      result.mold, datagrams: result.datagrams, bytes: result.bytes, malformed: result.malformed)
    take(result.gateway, fuse: result.fuseTripped)
    take(result.lines, skipped: result.skipped, times: result.implausibleTimes)
    feed.socketFailures = result.socketFailures
    feed.snapshots = result.snapshots
    feed.symbolsWhole = result.symbolsWhole
    feed.lag = Percentiles(latency.percentiles(.lag))
    watchdog = Watching(
      stalls: result.watchdog.stalls, longestNanoseconds: result.watchdog.longestStall,
      pulls: result.watchdog.pulls, lates: result.watchdog.lates,
      sightedNanoseconds: result.sight.sightedFor, blindNanoseconds: result.sight.blindFor)
    noteBlindness()
    takeDirectory(
      result.state.feed.directory, of: plan.orders?.instruments.count ?? 0,
      unnamed: result.firstUnnamed)
    self.latency.network = result.backEnd
    self.latency.stages = Self.stages(latency)
    if plan.options.isVirtualTime {
      self.latency.clock = "virtual"
    } else {
      memory = Memory(
        arenaBytes: result.arenaBytes, peakResidentBytes: ProcessMemory.peakResidentBytes)
      self.latency.clock = String(cString: nt_clock_source())
      self.latency.tickToOrder = Percentiles(latency.percentiles(.tickToOrder))
    }
    takeVenues(plan, result)
    takePrices(plan, result)
  }
}

extension RunSummary {
  mutating func describe(_ plan: RunPlan) {
    run.source = plan.sourceName
    run.seed = plan.configuration.isAttached ? nil : plan.configuration.run.seed
    run.speed = plan.configuration.run.speed.text
    run.sessionDate = plan.date.text
    run.isVirtualTime = plan.options.isVirtualTime
    run.faults = plan.configuration.faults.text
    notes += plan.notes
    if let orders = plan.orders,
      plan.instruments[orders.instruments].allSatisfy({ $0.lowerBand == 0 && $0.upperBand == 0 })
    {
      notes.append(
        "limit-up/limit-down bands are neither in the feed nor in an instruments file: not checked")
    }
  }

  /// A run that saw the market for a part of its time only traded that part.
  private mutating func noteBlindness() {
    let (sighted, blind) = (watchdog.sightedNanoseconds, watchdog.blindNanoseconds)
    guard blind > 0, blind > (sighted + blind) / 20 else { return }
    notes.append(
      "new orders could not rest on the market for \(Self.seconds(blind)) of \(Self.seconds(sighted + blind)) s: "
        + "it was read late, silent or incomplete, or no order session was up (see the log)")
  }

  /// What of the faults that were asked for came about.
  mutating func take(_ network: NetworkCounters) {
    guard !run.faults.isEmpty else { return }
    notes.append(
      "faults (\(run.faults)): of \(network.datagrams.grouped) datagrams \(network.lost.grouped) lost, "
        + "\(network.duplicated.grouped) doubled, \(network.reordered.grouped) late; of "
        + "\(network.pieces.grouped) pieces of streams sent again \(network.retransmitted.grouped) times; "
        + "\(network.resets.grouped) streams reset, \(network.halfOpens.grouped) left half open; "
        + "\(network.cut.grouped) packets met a cut")
  }

  /// How the feed's directory and the instruments agree.
  ///
  /// - Parameters:
  ///   - count: of our instruments that are the feed's.
  ///   - unnamed: one that it has not named.
  mutating func takeDirectory(_ directory: FeedDirectory, of count: Int, unnamed: String?) {
    feed.symbolsNamed = directory.named
    feed.symbolsUnlisted = directory.unlisted
    feed.unequalLots = directory.unequalLots
    if directory.unlisted > 0 {
      notes.append(
        "symbols of the feed that are not among the instruments, and not traded: "
          + "\(UInt64(directory.unlisted).grouped), such as \(SymbolCode.decode(directory.lastUnlisted))"
      )
    }
    if directory.unequalLots > 0 {
      notes.append(
        "round lots that are others in the feed than the instruments': "
          + "\(UInt64(directory.unequalLots).grouped), such as \(SymbolCode.decode(directory.lastUnequalLot))'s, "
          + "\(directory.lastLot) there: is their file of another day or venue?")
    }
    if let unnamed, directory.named > 0 {
      notes.append(
        "instruments that the feed has never named, and that were not traded: "
          + "\((count - Int(directory.named)).grouped), such as \(unnamed)")
    }
  }

  /// What must hold at every end.
  mutating func close(_ result: HotResult) {
    let state = result.state
    feed.lost = state.feed.missing + result.prices.reduce(0) { $0 + $1.lost }
    invariants.append(
      Invariant(
        "no market data lost", holds: feed.lost == 0, "\(feed.lost.grouped) messages missing"))
    let full = state.books.full
    invariants.append(
      Invariant(
        "the books had room", holds: full == 0,
        full == 0
          ? "for every order"
          : "\(full.grouped) orders of the feed found none, and their books were not whole: raise "
            + "runtime.book_orders_max"))
    invariants.append(
      Invariant(
        "nothing left open", holds: orders.working == 0 && orders.unknown == 0,
        "\(orders.working) orders working, \(orders.unknown) of unknown fate"))
  }

  /// Ours against the venue's own account. One that was attached gives it to whoever started it, and only at its end.
  mutating func reconcile(
    _ venue: VenuePlan, _ found: (report: ReportedAccount?, trouble: String)?,
    _ state: EngineSnapshot, usernames: [String]
  ) {
    guard let found else {
      notes.append(
        "not checked: fills, positions, cash and fees against the own account of \(venue.name), which one that "
          + "was attached does not give; compare with what its '--report FILE' says when it has ended"
      )
      return
    }
    guard let account = found.report else {
      invariants.append(
        Invariant("the own account of \(venue.name)", holds: false, found.trouble))
      return
    }
    venues[Int(venue.number.raw)].account = Venue.Account(
      fills: account.fills, shares: account.shares, unknownReferences: account.unknownReferences)
    if account.unknownReferences > 0 {
      notes.append(
        "\(account.unknownReferences.grouped) messages of the recording name orders that it does not "
          + "have: the queue ahead of our orders is a lower bound")
    }
    invariants += account.reconcile(
      state.positions.filter { venue.instruments.contains(Int($0.instrument.raw)) },
      usernames: usernames, at: venue.name)
  }

  /// What was found of the feeds by price: counted with the other, and by itself where something is to be said.
  mutating func takePrices(_ plan: RunPlan, _ result: HotResult) {
    for found in result.prices {
      let name = plan.configuration.feeds[Int(found.channel)].name
      feed.datagrams &+= found.datagrams
      feed.bytes &+= found.bytes
      feed.malformed &+= found.malformed &+ found.mold.malformed &+ found.books.malformed
      feed.gaps &+= found.mold.gaps
      feed.duplicates &+= found.mold.duplicates
      feed.reordered &+= found.mold.buffered
      feed.requests &+= found.mold.requests
      feed.requestsUnsent &+= found.mold.requestsUnsent
      feed.disagreements &+= found.mold.disagreements
      feed.foreignSession &+= found.mold.foreignSession
      feed.unidentified &+= found.mold.unidentified
      feed.implausible &+= found.mold.implausible &+ found.mold.snapshotsImplausible
      feed.doubtedLines &+= found.mold.doubtedLines
      feed.implausibleTimes &+= found.implausibleTimes
      feed.socketFailures &+= found.socketFailures
      feed.recovered &+= found.lines.last?.firstMessages ?? 0
      feed.prices.append(Prices(name, found))
      if found.unequal > 0 {
        notes.append(
          "feed '\(name)' names instruments of ours with other exponents, multiplier or currency: they were not "
            + "traded")
      }
      if found.losses > 0 {
        notes.append(
          "feed '\(name)': messages were given up \(found.losses.grouped) times, \(found.lost.grouped) in all; each "
            + "instrument was traded again when the feed had told it anew")
      }
      if found.books.unrepresentable > 0 || found.books.orders > 0 {
        notes.append(
          "feed '\(name)': \((found.books.unrepresentable + found.books.orders).grouped) records could not be held in a "
            + "book by price, and their instruments were not whole")
      }
    }
  }
}
