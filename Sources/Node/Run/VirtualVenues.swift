import ExecutionCore
import Foundation
import Gateways
import Simulation
import Transport

/// The venues of a run in virtual time: their servers on its network, with the files that their processes would have.
///
/// Threading: the main thread.
final class VirtualVenues {
  private let plan: RunPlan
  private let directory: RunDirectory
  /// nil where the run has none.
  let exchange: ExchangeSession?
  private var exchangeServer: VirtualExchange?
  private var papers: [VirtualPaper] = []
  /// In the order of the venues.
  private(set) var servers: [any VirtualServer] = []

  /// The exchange keeps its inputs as its process does: every fill can be derived from them again.
  init(_ plan: RunPlan, _ directory: RunDirectory) throws(CommandFailure) {
    self.plan = plan
    self.directory = directory
    guard let exchange = plan.exchange else {
      self.exchange = nil
      return
    }
    var settings = ExchangeSessionSettings()
    settings.accounts = plan.configuration.usernames(at: exchange.venue)
    settings.exchange.fees = exchange.venue.fees.ofExchange
    settings.cancelsOnDisconnect = exchange.venue.cancelOnDisconnect
    settings.directory = directory.exchange
    settings.startsNewSession = true
    guard let feed = plan.feed else {
      throw CommandFailure(.internalError, "virtual time has no exchange to attach to")
    }
    do throws(StoreError) {
      self.exchange = try ExchangeSession(settings: settings, feed: feed)
    } catch {
      throw CommandFailure(.inputOutput, "\(error)")
    }
  }

  /// Opens their sockets; where they are.
  ///
  /// - Parameter lines: where each venue's feed is received.
  func open(
    on network: MemoryNetwork, lines: [FeedPlaces]
  ) throws(CommandFailure) -> [VenueServices] {
    var services: [VenueServices] = []
    for venue in plan.venues {
      let to = lines[Int(venue.number.raw)].all
      services.append(
        venue.venue.kind == .exchange
          ? try openExchange(venue, network, to) : try openPaper(venue, network, to))
      if !venue.feed.session.isEmpty {
        services[services.count - 1].session = SessionName(venue.feed.session)
      }
    }
    return services
  }

  private func openExchange(
    _ venue: VenuePlan, _ network: MemoryNetwork, _ lines: [Endpoint]
  ) throws(CommandFailure) -> VenueServices {
    guard let exchange else { throw CommandFailure(.internalError, "no exchange was made") }
    var settings = ExchangeServerSettings()
    settings.reactor.network = network
    settings.password = venue.venue.session.password.word
    settings.startsAtLogin = true
    settings.feedTo = lines
    if let factor = plan.speed.factor { settings.pace = .times(factor) }
    let server: VirtualExchange
    do throws(ReactorError) {
      server = VirtualExchange(
        try ExchangeServer(session: exchange, settings: settings, flow: nil))
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
    exchangeServer = server
    servers.append(server)
    var services = VenueServices(address: 0)
    services.orderEntry = server.server.orderEntry
    services.rerequest = server.server.rerequest
    services.snapshot = server.server.snapshot
    services.session = exchange.name
    return services
  }

  private func openPaper(
    _ venue: VenuePlan, _ network: MemoryNetwork, _ lines: [Endpoint]
  ) throws(CommandFailure) -> VenueServices {
    guard let origin = venue.origin else {
      throw CommandFailure(.internalError, "virtual time has no paper broker to attach to")
    }
    let market = try PaperMarket(try origin.source(), name: origin.name)
    var settings = venue.paperSettings(
      market.instruments, usernames: plan.configuration.usernames(at: venue.venue), origin)
    let speed = plan.speed.factor ?? 100_000_000
    settings.heartbeatInterval = max(1, speed * 10)
    let file = try PaperFile(directory.places(of: venue.venue).data)
    try file.putAside()
    try file.append(PaperBroker.header(settings))
    var serving = PaperServerSettings()
    serving.speed = speed
    serving.startsAtLogin = true
    serving.reactor.network = network
    serving.feed = PricePublisherSettings(
      session: SessionName("PAPER\(venue.number.raw)") ?? .blank)
    serving.feed.feedTo = lines
    let paper: VirtualPaper
    do throws(ReactorError) {
      paper = VirtualPaper(
        PaperServer(
          PaperBroker(settings), market, file: file, serving, try PaperSockets(serving),
          say: { _, _ in }))
    } catch {
      throw CommandFailure(.unavailable, "\(error)")
    }
    papers.append(paper)
    servers.append(paper)
    var services = VenueServices(address: 0)
    services.orderEntry = paper.server.endpoint
    services.rerequest = paper.server.feed.rerequest
    services.session = serving.feed.session
    return services
  }

  /// Their own accounts, in the order of the venues.
  var reports: [String] {
    servers.map { server in
      if let paper = server as? VirtualPaper { return PaperReport(paper.server.broker).json }
      guard let exchange, let exchangeServer else { return "" }
      return ExchangeReport(exchange, server: exchangeServer.server.counters).json
    }
  }
}

/// A paper broker as a server of a world.
final class VirtualPaper: VirtualServer {
  var server: PaperServer
  init(_ server: consuming PaperServer) { self.server = server }
  var due: Int64 { server.due }
  func turn() { server.turn() }
  func finish() { server.finish(isOver: true) }
}

extension VenuePlan {
  /// As its process would be told.
  func paperSettings(
    _ instruments: [InstrumentFacts], usernames: [String], _ origin: PaperOrigin
  ) -> PaperSettings {
    let fill = venue.fill
    var settings = PaperSettings(
      instruments: instruments,
      accounts: usernames.map {
        PaperSettings.Account(
          name: $0, password: venue.session.password.word, cash: Money(raw: Int128(fill.cash.raw)))
      })
    settings.fees = venue.paperFees.schedule
    settings.acceptLatency = Int64(fill.acceptLatencyMicroseconds) * 1_000
    settings.reportLatency = Int64(fill.reportLatencyMicroseconds) * 1_000
    settings.queue = fill.queue == .back ? .back : .front
    settings.fillShare = fill.sharePercent
    settings.slippage = Int64(fill.slippageBasisPoints)
    settings.impact = Int64(fill.impactBasisPoints)
    if case .generated(let market) = origin { settings.seed = market.seed }
    settings.rejects = PaperSettings.parts(fill.rejects)
    settings.forgets = PaperSettings.parts(fill.forgets)
    settings.delays = PaperSettings.parts(fill.delays)
    settings.doubles = PaperSettings.parts(fill.doubles)
    settings.contradicts = PaperSettings.parts(fill.contradicts)
    settings.dropInterval = Int64(fill.dropSeconds) * 1_000_000_000
    settings.cancelsOnDisconnect = venue.cancelOnDisconnect
    return settings
  }
}

extension PaperSettings {
  /// A probability in parts of a million.
  static func parts(_ probability: Decimal8) -> UInt32 {
    UInt32(clamping: probability.raw / 100)
  }
}

extension Configuration.PaperFees {
  /// By the broker's liquidity flags: A added, R removed. 10,000 parts of 10⁻⁸ of the notional are a basis point.
  var schedule: FeeSchedule {
    FeeSchedule(perNotional: [
      UInt8(ascii: "A"): addedBasisPoints.raw / 10_000,
      UInt8(ascii: "R"): removedBasisPoints.raw / 10_000,
    ])
  }
}
