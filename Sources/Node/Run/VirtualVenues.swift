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
    var seed = plan.configuration.run.seed
    if case .generated(let market) = origin { seed = market.seed }
    var settings = PaperSettings(
      instruments: market.instruments, names: plan.configuration.usernames(at: venue.venue),
      password: venue.venue.session.password.word, fees: venue.venue.paperFees,
      fill: venue.venue.fill, seed: seed)
    settings.cancelsOnDisconnect = venue.venue.cancelOnDisconnect
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

  /// All feeds that end have nothing more to send.
  var areFeedsDone: Bool {
    for (venue, server) in zip(plan.venues, servers)
    where plan.finiteFeeds >> venue.channel & 1 != 0 {
      let isDone =
        (server as? VirtualPaper)?.server.isMarketClosed ?? exchange?.isFeedDone ?? true
      guard isDone else { return false }
    }
    return true
  }

  /// Their own accounts, in the order of the venues.
  var reports: [String] {
    servers.map { server in
      if let paper = server as? VirtualPaper {
        return PaperReport(paper.server.broker, paper.server.marketFailure).json
      }
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
