import CSupport
import ExecutionCore
import Foundation
import Gateways
import Transport

/// The paper broker on a socket: clients, its file, and a market that is played to it.
///
/// Threading: one thread, ``turn()`` again and again.
struct PaperServer: ~Copyable {
  private enum Token {
    static let listener: UInt64 = 1
    static let client: UInt64 = 2
  }
  private struct Client {
    var connection: ConnectionID
    var number: Int
    /// Machine time since which it is connected and not logged in, or is to be closed.
    var since: Int64
    var isClosing = false
  }

  let endpoint: Endpoint
  private(set) var broker: PaperBroker
  private(set) var market: PaperMarket
  /// Why its file can't be written; nil while it can.
  private(set) var fileFailure: CommandFailure?
  private var reactor: Reactor
  private let file: PaperFile?
  private var clients: [Client] = []
  /// Machine time at which the market began, and how fast it goes, at 10⁻⁸.
  private let startedAt: Int64
  private let speed: Int64
  private var isMarketClosed = false
  private let say: (Console.Level, String) -> Void

  private static let recordsPerTurn = 4_096
  private static let waitMax: Int64 = 10_000_000
  private static let clientsMax = 256
  /// How long a client may take to log in, and to read its last bytes.
  private static let patience: Int64 = 10_000_000_000
  /// Connections that were too many, or never logged in.
  private(set) var strangers: UInt64 = 0

  init(
    _ broker: PaperBroker, _ market: consuming PaperMarket, file: PaperFile?, at place: Endpoint,
    speed: Int64, say: @escaping (Console.Level, String) -> Void
  ) throws(ReactorError) {
    var settings = ReactorSettings()
    settings.connections = Self.clientsMax + 8
    var reactor = try Reactor(settings)
    let listener = try reactor.listen(on: place, token: Token.listener)
    endpoint = try reactor.localEndpoint(of: listener)
    startedAt = reactor.now
    self.reactor = reactor
    self.broker = broker
    self.market = market
    self.file = file
    self.speed = speed
    self.say = say
  }

  /// Session time now: the recording's begin and what has passed since, so many times as fast.
  private func sessionTime(_ now: Int64) -> Int64 {
    let passed = Int128(now &- startedAt) * Int128(speed) / 100_000_000
    return Int64(clamping: Int128(market.begin) + passed)
  }

  mutating func turn() {
    let count = reactor.poll(.block(nanoseconds: waiting()))
    let now = sessionTime(reactor.now)
    for index in 0..<max(0, count) { handle(reactor.event(index), now: now) }
    _ = market.play(to: &broker, until: now, most: Self.recordsPerTurn)
    if market.isOver, !isMarketClosed { closeMarket(now: now) }
    broker.tick(now: now)
    keep()
    for index in clients.indices { flush(index) }
    clients.removeAll { $0.connection == .none }
    _ = reactor.submit()
  }

  /// Machine nanoseconds until something is due.
  private mutating func waiting() -> Int64 {
    var due = broker.due
    if let next = market.nextTime() { due = min(due, next) }
    guard due != .max else { return Self.waitMax }
    let left = Int128(due) - Int128(sessionTime(reactor.now))
    return Int64(max(0, min(Int128(Self.waitMax), left * 100_000_000 / Int128(speed))))
  }

  private mutating func closeMarket(now: Int64) {
    isMarketClosed = true
    for i in market.instruments.indices { broker.status(i, .closed, now: now) }
    if let failure = market.failure {
      say(.error, "\(failure)")
    }
    say(
      .info,
      "the recording is over, after \(market.played.grouped) records: nothing trades any more")
  }

  // MARK: Clients

  private mutating func handle(_ event: borrowing ReactorEvent, now: Int64) {
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
      // Nobody is told what is not written: whoever waits for it asks whoever has the file next.
      fileFailure = error
      broker.fileFailed()
    }
  }

  /// Nothing more is taken; what was told has been sent, as far as that goes in a moment.
  mutating func finish() {
    keep()
    for index in clients.indices { flush(index) }
    _ = reactor.submit()
    for _ in 0..<10 { _ = reactor.poll(.block(nanoseconds: 1_000_000)) }
  }
}
