package import ExecutionCore
package import Gateways

/// A made market: every instrument trades at 100.00, one cent wide.
package enum BenchMarket {
  /// More orders than any market here makes.
  package static let ordersPerDayMax = 1 << 21

  package static func symbol(_ i: Int) -> UInt64 { SymbolCode.encode("B\(i)") ?? 0 }

  /// Breakers and data-quality gates are on, with the ages that a run has: who places orders lets the
  /// market go on, each instrument within a minute and the feed within five seconds of session time.
  package static func configuration(
    instruments: Int, strategies: Int = 1
  ) -> EngineConfiguration {
    let facts = (0..<instruments).map { i in
      var facts = InstrumentFacts(symbol: Symbol(code: symbol(i)))
      facts.previousClose = 100 * 100_000_000
      facts.averageVolume = 1_000_000
      facts.shortable = true
      facts.shortSale = .unrestricted
      facts.status = .trading
      return facts
    }
    var configuration = EngineConfiguration(
      instruments: facts, accounts: [AccountConfiguration(name: "bench")],
      strategies: (0..<strategies).map {
        StrategyConfiguration(name: "bench\($0)", account: AccountID(raw: 0))
      }, venues: [.nasdaq()])
    configuration.beginWithPortsUp()
    configuration.ordersPerDayMax = ordersPerDayMax
    configuration.firmLimits.messageRate = MessageRate(
      perSecond: 1_000_000, burst: 100_000, keptForCancels: 100)
    return configuration
  }

  /// Start of messages, directory, trading state, Reg SHO and a two-sided book for each instrument.
  package static func open<S: Strategy>(_ driver: inout Driver<S>, instruments: Int, at time: Int64)
  {
    var records: [MarketRecord] = []
    opening(instruments: instruments, at: time) { records.append($0) }
    for i in 0..<records.count { driver.ingest(&records[i], count: 1, machineTime: 0) }
  }

  /// The same as records, sequences from 1.
  package static func opening<E: Error>(
    instruments: Int, at time: Int64, _ take: (MarketRecord) throws(E) -> Void
  ) throws(E) {
    var sequence: UInt64 = 0
    func send(_ fill: (inout MarketRecord) -> Void) throws(E) {
      var record = MarketRecord()
      sequence += 1
      record.sequence = sequence
      record.sessionTime = time
      fill(&record)
      try take(record)
    }
    for code in "OSQ".utf8 {
      try send {
        $0.kind = ITCHDecoder.Kind.systemEvent
        $0.code = UInt16(code)
      }
    }
    for i in 0..<instruments {
      let locate = UInt16(i + 1)
      try send {
        $0.kind = ITCHDecoder.Kind.directory
        $0.locate = locate
        $0.symbol = symbol(i)
        $0.shares = 100
      }
      for (kind, code) in [
        (ITCHDecoder.Kind.tradingAction, UInt8(ascii: "T")),
        (ITCHDecoder.Kind.regSHO, UInt8(ascii: "0")),
      ] {
        try send {
          $0.kind = kind
          $0.locate = locate
          $0.symbol = symbol(i)
          $0.code = UInt16(code)
        }
      }
      for (side, price) in [(UInt8(ascii: "B"), UInt32(999_900)), (UInt8(ascii: "S"), 1_000_100)] {
        try send {
          $0.kind = ITCHDecoder.Kind.add
          $0.locate = locate
          $0.symbol = symbol(i)
          $0.side = side
          $0.price = price
          $0.shares = 1_000
          $0.reference = sequence
        }
      }
    }
  }

  /// A quote of the instrument comes and goes below the best, so that no gate finds its book old: what an
  /// open market does between two orders.
  /// - Parameters:
  ///   - sequence: of the feed, the next; two are taken.
  ///   - reference: of the order behind the quote, one that no other order has.
  package static func goOn(
    _ driver: inout Driver<NoStrategy>, instrument: Int, at time: Int64, sequence: inout UInt64,
    reference: UInt64
  ) {
    var record = MarketRecord()
    record.sessionTime = time
    record.locate = UInt16(instrument + 1)
    record.symbol = symbol(instrument)
    record.side = UInt8(ascii: "B")
    record.price = 999_800
    record.shares = 100
    record.reference = reference
    for kind in [ITCHDecoder.Kind.add, ITCHDecoder.Kind.delete] {
      record.kind = kind
      record.sequence = sequence
      sequence += 1
      driver.ingest(&record, count: 1, machineTime: 0)
    }
  }

  /// An OUCH gateway that has been logged in without a socket, its fuse's rates set wide.
  ///
  /// - Parameter symbols: by the engine's instrument numbers.
  package static func gateway(symbols: [UInt64]) throws -> OUCHGateway {
    guard let credentials = SoupCredentials(username: "bench", password: "bench") else {
      throw BenchError("the log-in is not valid")
    }
    var settings = OUCHGatewaySettings(
      session: SoupClientSettings(credentials: credentials), port: .first,
      account: AccountID(raw: 0), midnight: 0)
    settings.fuse.ordersPerSecondMax = .max
    settings.fuse.notionalPerSecondMax = .max
    var gateway = OUCHGateway(settings, symbols: symbols)
    gateway.connected(now: 1)
    gateway.sent(now: 1)
    let accepted = [UInt8]("\0\u{1f}Abench     \(String(repeating: " ", count: 19))1".utf8)
    let used = accepted.withUnsafeBytes { gateway.receive($0, now: 1) }
    guard used == accepted.count, gateway.isActive else {
      throw BenchError("the gateway did not take the log-in")
    }
    gateway.clearReports()
    // What it asks at log-in (the account query) goes nowhere.
    gateway.sent(now: 1)
    return gateway
  }
}

/// Why nothing could be measured.
package struct BenchError: Error {
  package var message: String
  package init(_ message: String) { self.message = message }
}
