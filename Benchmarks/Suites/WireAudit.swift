import BenchSupport
import Foundation
import Node
import Transport

/// The wire suite's product, sockets and all, for one who counts what its hot thread does while orders go
/// over the wire: quiet, and with a market going by.
package struct WireAudit {
  /// How the product's sockets are served: by plain calls, as a run's are; the same where io_uring is
  /// forbidden, so that the other line of the feed is left to epoll; or through io_uring.
  package enum Sockets: String, CaseIterable, Sendable {
    case direct, epoll
    case ioUring = "io_uring"

    fileprivate var backEnd: ReactorBackEnd {
      switch self {
      case .direct: .automatic
      case .epoll: .epoll
      case .ioUring: .ioUring
      }
    }

    /// Epoll is asked too in each look at the sockets.
    package var asksEpoll: Bool {
      self == .epoll || (self == .direct && Reactor.ioUringRefusal() != nil)
    }
  }

  /// The name of the product's hot thread.
  package static let threadName = "nt-hot"

  /// What went over the wire while it was counted.
  package struct Part: Sendable {
    package enum Kind: String, Sendable {
      case quiet
      case flow = "with the flow"
    }
    package let kind: Kind
    /// Each is a datagram in and an order out, then the exchange's rejection in and a second datagram in,
    /// which takes the bid back. With a market up to eight more datagrams come in before each.
    package fileprivate(set) var orders = 0
    /// Datagrams and answers of the exchange.
    package fileprivate(set) var received = 0
    /// Heartbeats of the product, which has sent no order for a second.
    package fileprivate(set) var heartbeats = 0
  }

  /// Why the kernel, or a container's filter, forbids sockets of this kind; nil where they work.
  package static func refusal(_ sockets: Sockets) -> String? {
    sockets == .ioUring ? Reactor.ioUringRefusal() : nil
  }

  /// Opens the market, trades until caches and pages are warm, and then trades `orders` orders in each part
  /// between `begin` and `end`, which are called while nothing is under way.
  ///
  /// - Parameter abandon: called before the hot thread is waited for, when something has failed in between.
  /// - Returns: orders lost, doubled or wrong, and whatever else was not as it must be, over the whole run.
  /// - Throws: a `BenchError` where there are no two processors, or no order comes.
  package static func run(
    orders: Int, sockets kind: Sockets, begin: () throws -> Void, end: (Part) throws -> Void,
    abandon: () -> Void
  ) throws -> Int {
    let processors = Machine.processors()
    guard processors.count >= 2 else { throw BenchError(OneProcessorError().message) }
    let folder = try ScratchFolder("needletail-audit")
    defer { folder.remove() }
    let sockets = try WireSockets()
    let isDirect = kind != .ioUring
    let product = WireSuite.Product(
      processors: processors, isDirect: isDirect, backEnd: kind.backEnd)
    let probe = try WireSuite.made(product, journal: folder.path, sockets)
    try sockets.connectDatagrams(to: try probe.start().port)
    do {
      try sockets.accept()
      let session = WireSession(exchange: try WireExchange(sockets), probe)
      try session.open()
      _ = try session.trips(200)
      try part(Part(kind: .quiet), session, begin, end) { _ = try session.trips(orders) }
      try part(Part(kind: .flow), session, begin, end) {
        _ = try session.flowTrips(orders, seed: 1)
      }
      let result = try session.close()
      try WireSuite.check(result.backEnd, isDirect: isDirect)
      return result.errors
    } catch {
      abandon()
      _ = try? probe.stop()
      throw error
    }
  }

  private static func part(
    _ part: Part, _ session: WireSession, _ begin: () throws -> Void,
    _ end: (Part) throws -> Void, _ trade: () throws -> Void
  ) throws {
    var part = part
    try session.settle()
    let exchange = session.exchange
    let before = (exchange.orders, exchange.datagrams + exchange.answers, exchange.heartbeats)
    try begin()
    try trade()
    try session.settle()
    part.orders = exchange.orders - before.0
    part.received = exchange.datagrams + exchange.answers - before.1
    part.heartbeats = exchange.heartbeats - before.2
    try end(part)
  }
}
