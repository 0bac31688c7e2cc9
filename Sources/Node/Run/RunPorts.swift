import ExecutionCore
import Gateways
import Trading
import Transport

/// A port of a run: the order session of one account at one venue.
struct PortPlan {
  enum Session {
    case ouch(OUCHGatewaySettings)
    case paper(PaperGatewaySettings)
  }
  let venue: VenuePlan
  let account: Int
  let username: String
  let session: Session
}

extension RunPlan {
  /// The ports of the engine by their numbers: each venue's accounts together; the same for real and for virtual time.
  func portPlans() throws(CommandFailure) -> [PortPlan] {
    var ports: [PortPlan] = []
    for venue in venues {
      for (account, username) in configuration.usernames(at: venue.venue).enumerated() {
        ports.append(
          PortPlan(
            venue: venue, account: account, username: username,
            session: try session(
              venue, PortID(raw: UInt16(clamping: ports.count)), account, username)))
      }
    }
    return ports
  }

  private func session(
    _ plan: VenuePlan, _ port: PortID, _ account: Int, _ username: String
  ) throws(CommandFailure) -> PortPlan.Session {
    let session = plan.venue.session
    let timeout = Int64(session.timeoutMilliseconds) * 1_000_000
    let fuse = FuseLimits(behind: configuration.limits, speed: speed)
    let account = AccountID(raw: UInt32(account))
    switch plan.venue.kind {
    case .exchange:
      guard let credentials = SoupCredentials(username: username, password: session.password.word)
      else {
        throw CommandFailure(
          .configuration, "venue '\(plan.venue.name)': user name or password is too long")
      }
      var soup = SoupClientSettings(credentials: credentials)
      soup.heartbeatInterval = Int64(session.heartbeatMilliseconds) * 1_000_000
      soup.timeout = timeout
      var settings = OUCHGatewaySettings(
        session: soup, port: port, account: account, midnight: midnight)
      settings.fuse = fuse
      return .ouch(settings)
    case .paper:
      var settings = PaperGatewaySettings(
        port: port, account: account, username: username, password: session.password.word)
      settings.timeout = timeout
      settings.fuse = fuse
      return .paper(settings)
    }
  }

  /// The channels of the feeds that end, one bit each: all but generated ones that a venue of ours goes on with for as
  /// long as it is there; where all are of these, all of them.
  var finiteFeeds: UInt8 {
    var all: UInt8 = 0
    var finite: UInt8 = 0
    for plan in venues {
      let bit: UInt8 = 1 << plan.channel
      all |= bit
      let isEndless = plan.venue.kind == .paper && plan.feed.isGenerated && !plan.venue.isAttached
      if !isEndless { finite |= bit }
    }
    return finite == 0 ? all : finite
  }
}

/// The sockets of all feeds of a run.
struct RunFeeds: ~Copyable {
  var orders: FeedClient
  let prices: PriceFeedClients
  /// By the venues' numbers.
  let places: [FeedPlaces]

  init(_ plan: RunPlan, on reactor: inout Reactor) throws(ReactorError) {
    var places: [FeedPlaces] = []
    var orders = FeedClient(off: plan.midnight)
    let priced = plan.prices
    let repair = plan.configuration.quality.repair
    if let venue = plan.orders {
      let (a, b) = venue.lines
      orders = try FeedClient(
        on: &reactor, lineA: a, lineB: b, interface: venue.address, midnight: plan.midnight,
        speed: plan.speed.factor, repair: repair)
    }
    let prices = try PriceFeedClients(count: priced.count) { place throws(ReactorError) in
      let (a, b) = priced[place].lines
      return try PriceFeedClient(
        on: &reactor, lineA: a, lineB: b, interface: priced[place].address,
        token: PriceFeedToken.first(of: place), channel: priced[place].channel,
        instruments: Array(plan.instruments[priced[place].instruments]),
        midnight: min(plan.midnight, plan.begin ?? plan.midnight),
        speed: plan.speed.factor, repair: repair)
    }
    for venue in plan.venues {
      if venue.feed.kind == .orders {
        places.append(try Self.places(of: orders.lines, reactor))
        continue
      }
      for i in 0..<prices.count where prices[i].channel == venue.channel {
        places.append(try Self.places(of: prices[i].lines, reactor))
      }
    }
    self.places = places
    self.orders = orders
    self.prices = prices
  }

  private static func places(
    of lines: borrowing FeedLines, _ reactor: borrowing Reactor
  ) throws(ReactorError) -> FeedPlaces {
    FeedPlaces(
      a: try reactor.localEndpoint(of: lines.lineA), b: try reactor.localEndpoint(of: lines.lineB))
  }
}

extension VenuePlan {
  /// Where its lines are received: as configured, or at any free ports of its address.
  fileprivate var lines: (Endpoint, Endpoint) {
    let any = Endpoint(address: address, port: 0)
    return (
      (try? Endpoint(parsing: feed.lineA)) ?? any, (try? Endpoint(parsing: feed.lineB)) ?? any
    )
  }
}
