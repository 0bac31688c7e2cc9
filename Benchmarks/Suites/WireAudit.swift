import BenchSupport
import Foundation
import Node
import Transport

/// The wire suite's product, direct sockets and all, for one who counts what its hot thread does while
/// orders go over the wire.
package struct WireAudit {
  /// The name of the product's hot thread.
  package static let threadName = "nt-hot"

  /// Orders of the counted part: each is a datagram in and an order out, then the exchange's rejection
  /// in and a second datagram in, which takes the bid back.
  package let orders: Int
  /// Datagrams and answers of the exchange that the product received in the counted part.
  package let received: Int
  /// Orders lost, doubled or wrong, and whatever else was not as it must be, over the whole run.
  package let errors: Int

  /// Opens the market, trades until caches and pages are warm, and then trades `orders` orders between
  /// `begin` and `end`, which are called while nothing is under way.
  ///
  /// Throws a `BenchError` where there are no two processors, or no order comes.
  package init(orders: Int, begin: () throws -> Void, end: () throws -> Void) throws {
    let context = BenchContext(
      try BenchOptions(["--quick"], suites: []), processors: Machine.processors(), strategy: nil)
    guard context.processors.count >= 2 else {
      throw BenchError("needs two processors, there is one: two spinning ends would share it")
    }
    let folder = try ScratchFolder("needletail-audit")
    defer { folder.remove() }
    let sockets = try WireSockets()
    let probe = try WireSuite.made(folder.path, sockets, isDirect: true, context)
    try sockets.connectDatagrams(to: try probe.start().port)
    do {
      try sockets.accept()
      let session = WireSession(exchange: try WireExchange(sockets), probe)
      try session.open()
      _ = try session.trips(200)
      try session.settle()
      let published = session.exchange.published
      let before = session.exchange.orders
      try begin()
      _ = try session.trips(orders)
      try session.settle()
      try end()
      self.orders = session.exchange.orders - before
      received = Int(session.exchange.published - published) + self.orders
      errors = try session.close().errors
    } catch {
      _ = try? probe.stop()
      throw error
    }
  }
}
