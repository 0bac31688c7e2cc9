import ExecutionCore
import Gateways
import Simulation

/// The engine's configuration out of ours: names become dense numbers, decimals become mantissas.
extension Configuration {
  /// - Parameters:
  ///   - instruments: what is known of each, in the order of their numbers.
  ///   - day: year × 10,000 + month × 100 + day.
  ///   - shares: of each feed, the numbers of its instruments; without any they are all of the one feed.
  func engine(
    instruments: [InstrumentFacts], day: UInt32, shares: [Range<Int>] = []
  ) throws(CommandFailure) -> EngineConfiguration {
    let ordered = orderedStrategies
    var numbers: [String: AccountID] = [:]
    for (index, account) in accounts.enumerated() {
      numbers[account.name] = AccountID(raw: UInt32(index))
    }
    var engine = EngineConfiguration(
      instruments: instruments,
      accounts: accounts.map { AccountConfiguration(name: $0.name, limits: $0.limits.risk) },
      strategies: ordered.map {
        StrategyConfiguration(
          name: $0.name, account: numbers[$0.account] ?? AccountID(raw: 0), limits: $0.limits.risk)
      },
      venues: venues.map {
        $0.engine(instruments: owned(by: $0, shares), takesOddLots: feed(of: $0)?.kind == .orders)
      })
    engine.feeds = zip(feeds.indices, feeds).map { place, feed in
      FeedConfiguration(
        name: feed.name, kind: feed.kind == .orders ? .orders : .prices,
        instruments: instrumentSet(place, shares),
        // A market by price does not say when it is open: coins always are, and a recording is of one that was.
        hours: feed.kind == .orders ? .unknown : .open)
    }
    engine.firmLimits = limits.risk
    engine.restricted = try restrictedInstruments(instruments)
    engine.staticCollar = PriceCollar(
      basisPoints: collars.staticBasisPoints, absolute: collars.absoluteWidth.raw)
    engine.dynamicCollar = PriceCollar(
      basisPoints: collars.dynamicBasisPoints, absolute: collars.absoluteWidth.raw)
    engine.dataAgeMax = Int64(quality.dataAgeMaxMilliseconds) * 1_000_000
    engine.goodQuoteAgeMax = Int64(quality.goodQuoteAgeMaxMilliseconds) * 1_000_000
    engine.duplicateWindow = quality.duplicateWindowMicroseconds * 1_000
    engine.duplicatesMax = quality.duplicatesMax
    engine.acknowledgeTimeout = Int64(quality.acknowledgeTimeoutMilliseconds) * 1_000_000
    engine.outboxAgeMax = Int64(runtime.orderAgeMaxMicroseconds) * 1_000
    engine.tradingDay = day
    engine.poolCapacity = runtime.ordersMax
    // All accounts together have so many places at most, and each a power of two of them.
    let share = (1 << 26) / max(1, accounts.count)
    let most = 1 << (Int.bitWidth - 1 - share.leadingZeroBitCount)
    guard runtime.requestsPerDayMax <= most else {
      throw CommandFailure(
        .configuration,
        "runtime.requests_per_day_max: it is \(runtime.requestsPerDayMax); for \(accounts.count) accounts there "
          + "are up to \(most) each")
    }
    engine.ordersPerDayMax =
      runtime.requestsPerDayMax > 0 ? runtime.requestsPerDayMax : min(1 << 22, most)
    engine.executionsMax = runtime.executionsMax
    engine.portLatchesFirm = killSwitch.sessionDoubtStopsFirm
    engine.marketData = MarketDataSettings(capacity: BookCapacity(orders: runtime.bookOrdersMax))
    engine.memory = EngineMemory(
      numaNode: Int32(runtime.numaNode), hugePages: runtime.hugePages,
      isLocked: runtime.lockMemory)
    return engine
  }

  /// nil where there is one feed, whose instruments are all.
  private func owned(by venue: Venue, _ shares: [Range<Int>]) -> Set<InstrumentID>? {
    feeds.firstIndex { $0.name == venue.feed }.flatMap { instrumentSet($0, shares) }
  }
  private func instrumentSet(_ place: Int, _ shares: [Range<Int>]) -> Set<InstrumentID>? {
    guard feeds.count > 1 else { return nil }
    guard place < shares.count else { return [] }
    return Set(shares[place].map { InstrumentID(raw: UInt32($0)) })
  }

  /// Market makers first, then takers: the order in which the strategy set numbers them.
  var orderedStrategies: [Strategy] {
    strategies.filter { $0.kind == .marketMaker } + strategies.filter { $0.kind == .taker }
  }

  private func restrictedInstruments(
    _ instruments: [InstrumentFacts]
  ) throws(CommandFailure) -> Set<InstrumentID> {
    try Set(Self.numbers(of: restricted, among: instruments, setting: "restricted"))
  }

  /// The numbers of symbols; one that is not among the instruments is refused.
  static func numbers(
    of symbols: [String], among instruments: [InstrumentFacts], setting: String
  ) throws(CommandFailure) -> [InstrumentID] {
    var found: [InstrumentID] = []
    for symbol in symbols {
      guard let index = instruments.firstIndex(where: { "\($0.symbol)" == symbol }) else {
        throw CommandFailure(
          .configuration,
          "\(setting): '\(symbol)' is not among the \(instruments.count) instruments of this run"
            + Nearest.hint(symbol, among: instruments.map { "\($0.symbol)" }))
      }
      found.append(InstrumentID(raw: UInt32(index)))
    }
    return found
  }
}

extension Configuration.Limits {
  var risk: RiskLimits {
    RiskLimits(
      orderQuantity: orderQuantity, orderNotional: Money(raw: Int128(orderNotional.raw)),
      position: position, openOrders: Int(openOrders),
      messageRate: MessageRate(
        perSecond: Int(messagesPerSecond), burst: Int(messageBurst),
        keptForCancels: Int(cancelTokens)))
  }
}

extension Configuration.Quality {
  /// How holes of the feed are repaired.
  var repair: MoldReceiverSettings {
    var settings = MoldReceiverSettings()
    settings.arbitrationWait = arbitrationWaitMicroseconds * 1_000
    settings.repairWaitsMax = repairMaxMilliseconds * 1_000_000 / Int(settings.requestRetry)
    return settings
  }
}

extension Configuration.Fees {
  /// What an exchange of ours charges: the two must be one, or its account and ours never agree.
  var ofExchange: ExchangeFees {
    ExchangeFees(
      remove: removedPerShare.raw, addDisplayed: addedPerShare.raw,
      addHidden: addedHiddenPerShare.raw)
  }

  /// By the exchange's liquidity flags: A displayed, J hidden liquidity added, R removed.
  var schedule: FeeSchedule {
    FeeSchedule(
      perUnit: [
        UInt8(ascii: "A"): addedPerShare.raw, UInt8(ascii: "J"): addedHiddenPerShare.raw,
        UInt8(ascii: "R"): removedPerShare.raw,
      ],
      unknown: max(addedPerShare.raw, addedHiddenPerShare.raw, removedPerShare.raw))
  }
}

extension Configuration.Venue {
  /// - Parameter takesOddLots: shares are traded one by one.
  fileprivate func engine(
    instruments: Set<InstrumentID>?, takesOddLots: Bool
  ) -> VenueConfiguration {
    var venue =
      kind == .exchange
      ? VenueConfiguration.nasdaq(name: name, fees: fees.schedule)
      : .paper(name: name, fees: paperFees.schedule)
    if kind == .paper { venue.rules.takesOddLots = takesOddLots }
    venue.instruments = instruments
    return venue
  }
}
