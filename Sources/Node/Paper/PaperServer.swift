import CSupport
import Captures
import ExecutionCore
import Foundation
import Gateways
import Simulation
import Transport

/// How a ``PaperServer`` is run.
struct PaperServerSettings {
  var listen = Endpoint.loopback()
  /// Times the market's own speed, at 10⁻⁸.
  var speed: Int64 = 100_000_000
  /// The market begins at the first log-in, not at once.
  var startsAtLogin = false
  /// Machine nanoseconds since the market began, of one that goes on; nil: it begins.
  var elapsed: Int64?
  /// What happens without an order, in the order of its times.
  var actions: [PaperAction] = []
  /// Where the market is published; to nobody by default.
  var feed = PricePublisherSettings(session: .blank)
  var reactor = ReactorSettings()
}

/// The sockets of a ``PaperServer``, opened together.
struct PaperSockets: ~Copyable {
  var reactor: Reactor
  let endpoint: Endpoint
  var feed: PricePublisher

  init(_ settings: PaperServerSettings) throws(ReactorError) {
    var kernel = settings.reactor
    kernel.connections = max(kernel.connections, PaperServer.clientsMax + 16)
    var reactor = try Reactor(kernel)
    let listener = try reactor.listen(on: settings.listen, token: PaperServer.Token.listener)
    let place = try reactor.localEndpoint(of: listener)
    feed = try PricePublisher(settings.feed, on: &reactor, token: PaperServer.Token.feed)
    endpoint = place
    self.reactor = reactor
  }

  /// The kernel gives back the ports of a process that has ended a moment after that: they are tried for a second.
  static func patient(_ settings: PaperServerSettings) throws(ReactorError) -> PaperSockets {
    for _ in 0..<20 {
      do throws(ReactorError) {
        return try PaperSockets(settings)
      } catch {
        guard error.errorNumber == EADDRINUSE else { throw error }
        _ = StopSignal.wait(milliseconds: 50)
      }
    }
    return try PaperSockets(settings)
  }
}

/// The paper broker on a socket: clients, its file, and a market that is played to it and published.
///
/// Threading: one thread, ``turn()`` again and again.
struct PaperServer: ~Copyable {
  enum Token {
    static let listener: UInt64 = 1
    static let client: UInt64 = 2
    static let feed: UInt64 = 3
  }
  private struct Client {
    var connection: ConnectionID
    var number: Int
    /// Machine time since which it is connected and not logged in, or is to be closed.
    var since: Int64
    var isClosing = false
  }

  let endpoint: Endpoint
  let settings: PaperServerSettings
  private(set) var broker: PaperBroker
  private(set) var market: PaperMarket
  private(set) var feed: PricePublisher
  /// Why its file can't be written; nil while it can.
  private(set) var fileFailure: CommandFailure?
  private var reactor: Reactor
  private let file: PaperFile?
  /// nil where the market is played.
  let follower: PaperFollower?
  private var clients: [Client] = []
  /// Machine time at which the market began; nil: it waits for somebody.
  private(set) var startedAt: Int64?
  private(set) var isMarketClosed = false
  private var lastTurn: Int64
  /// There was more to play than one turn does.
  private var isBehind = false
  /// The place of the next one in ``PaperServerSettings/actions``, and those that could not be booked for everybody.
  private var nextAction = 0
  private(set) var actionsFailed = 0
  private let begins: () throws(CommandFailure) -> Void
  private let say: (Console.Level, String) -> Void

  private static let recordsPerTurn = 4_096
  private static let waitMax: Int64 = 10_000_000
  /// A live feed has sockets of its own, which nobody waits at.
  private static let liveWaitMax: Int64 = 100_000
  static let clientsMax = 256
  /// How long a client may take to log in, and to read its last bytes.
  private static let patience: Int64 = 10_000_000_000
  /// Connections that were too many, or never logged in.
  private(set) var strangers: UInt64 = 0

  /// - Parameter begins: called before anything of a market that begins is told.
  ///
  /// A market that goes on is brought to where it is now: what it published meanwhile can be asked for, and the broker
  /// sees it as it stands.
  init(
    _ broker: PaperBroker, _ market: consuming PaperMarket, follower: PaperFollower? = nil,
    file: PaperFile?, _ settings: PaperServerSettings, _ sockets: consuming PaperSockets,
    begins: @escaping () throws(CommandFailure) -> Void = {},
    say: @escaping (Console.Level, String) -> Void
  ) {
    self.begins = begins
    endpoint = sockets.endpoint
    lastTurn = sockets.reactor.now
    startedAt = settings.elapsed.map { sockets.reactor.now &- $0 }
    self.settings = settings
    self.broker = broker
    self.market = market
    nextAction = broker.actionsDone.next(of: settings.actions)
    if nextAction > 0 {
      say(
        .info, "\(nextAction) of \(settings.actions.count) actions lie behind those that are booked"
      )
    }
    self.file = file
    self.follower = follower
    self.say = say
    reactor = sockets.reactor
    feed = sockets.feed
    if startedAt != nil {
      let now = sessionTime(lastTurn)
      self.market.skip(to: now, &feed) { StopSignal.take(milliseconds: 0) != nil }
      self.market.show(to: &self.broker, now: now)
    }
    feed.begin(now: lastTurn)
  }

  /// Its places, as one JSON object on one line.
  var announcement: String {
    guard !feed.isOff else { return "{\"paper\":\"\(endpoint)\"}" }
    let lines = feed.settings.feedTo.map { "\"\($0)\"" }.joined(separator: ",")
    return
      "{\"paper\":\"\(endpoint)\",\"rerequest\":\"\(feed.rerequest)\",\"feed\":[\(lines)],"
      + "\"session\":\"\(feed.settings.session.trimmed)\"}"
  }

  /// The configuration with which a run attaches to it, in one line; nil where it does not send its market on.
  var configuration: String? {
    guard !feed.isOff, let account = broker.settings.accounts.first else { return nil }
    var lines = ""
    for (name, line) in zip(["line_a", "line_b"], feed.settings.feedTo) {
      lines += "\(name): '\(line)', "
    }
    return
      "{feeds: [{name: market, kind: prices, \(lines)rerequest: '\(feed.rerequest)', "
      + "session: \(feed.settings.session.trimmed)}], venues: [{name: paper, kind: paper, "
      + "attach: '\(endpoint)', username: \(account.name)}]}"
  }

  /// The number by which a ``NetworkLink`` knows it.
  var host: Int { reactor.host }

  /// Session time now: the market's begin and what has passed since, so many times as fast.
  private func sessionTime(_ now: Int64) -> Int64 {
    // Before its first message: that of the machine, which is long before any of a feed.
    if let follower { return max(follower.sessionTime, now) }
    guard let startedAt else { return market.begin }
    let passed = Int128(now &- startedAt) * Int128(settings.speed) / 100_000_000
    return Int64(clamping: Int128(market.begin) + passed)
  }
  /// When that will be.
  private func machineTime(_ session: Int64) -> Int64 {
    guard let startedAt else { return .max }
    let ahead = (Int128(session) - Int128(market.begin)) * 100_000_000
    let wait = (ahead + Int128(settings.speed) - 1) / Int128(settings.speed)
    return Int64(clamping: Int128(startedAt) + wait)
  }

  mutating func turn() {
    let longest = follower == nil ? Self.waitMax : Self.liveWaitMax
    let wait = follower == nil ? due &- reactor.now : longest
    let count = reactor.poll(.block(nanoseconds: max(0, min(longest, wait))))
    lastTurn = reactor.now
    let now = sessionTime(lastTurn)
    for index in 0..<max(0, count) { handle(reactor.event(index), now: now) }
    follower?.turn(&broker)
    start()
    if let follower, follower.isOver, !isMarketClosed { closeMarket(now: now) }
    if follower != nil { act(until: now) }
    if startedAt != nil, follower == nil {
      play(until: now)
      if market.isOver, !isMarketClosed { closeMarket(now: now) }
    }
    broker.tick(now: now)
    keep()
    for index in clients.indices { flush(index) }
    clients.removeAll { $0.connection == .none }
    feed.send(now: lastTurn, on: &reactor)
    _ = reactor.submit()
  }

  /// The market, and between its records what happens without an order.
  private mutating func play(until now: Int64) {
    while nextAction < settings.actions.count, settings.actions[nextAction].time <= now {
      let time = settings.actions[nextAction].time
      isBehind = !market.play(to: &broker, &feed, until: time, most: Self.recordsPerTurn)
      if isBehind { return }
      act(until: time)
    }
    isBehind = !market.play(to: &broker, &feed, until: now, most: Self.recordsPerTurn)
  }

  private mutating func act(until now: Int64) {
    while nextAction < settings.actions.count, settings.actions[nextAction].time <= now {
      let action = settings.actions[nextAction]
      nextAction += 1
      if broker.carryOut(action, now: now) {
        say(.info, "\(action.inWords) is booked")
      } else {
        actionsFailed += 1
        say(
          .error,
          "\(action.inWords) could not be booked for every position: nothing is quoted, or no sum holds it"
        )
      }
    }
  }

  private mutating func start() {
    guard startedAt == nil,
      !settings.startsAtLogin || clients.contains(where: { broker.isLoggedIn($0.number) })
    else { return }
    do throws(CommandFailure) {
      try begins()
      startedAt = lastTurn
    } catch {
      fail(error)
    }
  }

  /// Nobody is told what is not written: whoever waits for it asks whoever has the file next.
  private mutating func fail(_ failure: CommandFailure) {
    fileFailure = failure
    broker.fileFailed()
  }

  // Of the market and its feed, for who sums up.
  var marketFailure: FeedError? { market.source.failure }
  var unsentDatagrams: UInt64 { feed.lines.unsent }
  var feedSocketFailures: UInt64 { feed.socketFailures }
  var skippedMessages: UInt64 { feed.skipped }

  /// Machine time at which a turn has something to do if nothing arrives before; a moment of the past where it has
  /// already.
  var due: Int64 {
    mutating get {
      if isBehind { return .min }
      var session = broker.due
      if startedAt != nil, let next = market.nextTime() { session = min(session, next) }
      if startedAt != nil, nextAction < settings.actions.count {
        session = min(session, settings.actions[nextAction].time)
      }
      let idle = lastTurn &+ Self.waitMax
      let begins = startedAt == nil && !settings.startsAtLogin ? Int64.min : idle
      return min(
        reactor.due ?? .max, min(session == .max ? .max : machineTime(session), begins, feed.due))
    }
  }

  private mutating func closeMarket(now: Int64) {
    isMarketClosed = true
    for i in market.instruments.indices { broker.status(i, .closed, now: now) }
    if let failure = market.source.failure { say(.error, "\(failure)") }
    if let failure = follower?.failure { say(.error, failure.message) }
    feed.end(now: reactor.now, on: &reactor)
    say(
      .info,
      "the market is over, after \((follower?.messages ?? market.played).grouped) records: nothing trades any more"
    )
  }

  // MARK: Clients

  private mutating func handle(_ event: borrowing ReactorEvent, now: Int64) {
    if event.token == Token.feed {
      feed.handle(event, on: &reactor)
      return
    }
    switch event.kind {
    case .accepted:
      guard clients.count < Self.clientsMax else {
        strangers += 1
        reactor.close(event.connection)
        return
      }
      _ = reactor.setToken(Token.client, of: event.connection)
      clients.append(
        Client(
          connection: event.connection, number: broker.connected(now: now), since: reactor.now))
    case .received:
      guard let index = index(of: event.connection), !clients[index].isClosing else { return }
      _ = broker.receive(event.bytes, clients[index].number, now: now)
    case .ended, .failed:
      guard let index = index(of: event.connection) else { return }
      drop(index, now: now)
    default: break
    }
  }

  private func index(of connection: ConnectionID) -> Int? {
    clients.firstIndex { $0.connection == connection }
  }

  private mutating func drop(_ index: Int, now: Int64) {
    broker.disconnected(clients[index].number, now: now)
    reactor.close(clients[index].connection)
    clients[index].connection = .none
  }

  /// What the broker has told is on its way only when it is in the file.
  private mutating func flush(_ index: Int) {
    guard clients[index].connection != .none else { return }
    let connection = clients[index].connection
    // One piece at a time: what waits in the reactor is bounded.
    if reactor.unsentBytes(of: connection) == 0 {
      let bytes = broker.output(clients[index].number)
      let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(64 << 10))
      if piece.count > 0, reactor.send(piece, on: connection) == .queued {
        broker.sent(clients[index].number, piece.count)
      }
    }
    let isLate = reactor.now &- clients[index].since >= Self.patience
    guard broker.isClosing(clients[index].number) else {
      if isLate, !broker.isLoggedIn(clients[index].number) {
        strangers += 1
        drop(index, now: sessionTime(reactor.now))
      }
      return
    }
    if !clients[index].isClosing {
      clients[index].isClosing = true
      clients[index].since = reactor.now
      return
    }
    let isSent =
      broker.output(clients[index].number).isEmpty && reactor.unsentBytes(of: connection) == 0
    if isSent || isLate { drop(index, now: sessionTime(reactor.now)) }
  }

  // MARK: The file

  private mutating func keep() {
    do throws(CommandFailure) {
      try broker.keep { bytes throws(CommandFailure) in
        if fileFailure == nil { try file?.append(bytes) }
      }
    } catch {
      fail(error)
    }
  }

  /// Nothing more is taken; what was told has been sent, as far as that goes in a moment.
  ///
  /// - Parameter isOver: the feed says that it ends; a market that goes on when the broker is started again does not.
  mutating func finish(isOver: Bool) {
    keep()
    for index in clients.indices { flush(index) }
    if isOver { feed.end(now: reactor.now, on: &reactor) }
    _ = reactor.submit()
    for _ in 0..<10 { _ = reactor.poll(.block(nanoseconds: 1_000_000)) }
  }
}
