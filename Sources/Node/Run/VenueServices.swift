import Foundation
import Gateways
import Trading
import Transport

/// An exchange's services by their ports, where nothing else is said: so many above order entry's.
enum DefaultPort: UInt16 {
  case rerequest = 1
  case snapshot = 2
  case lineA = 3
  case lineB = 4

  /// The highest order entry port that leaves room for the others.
  static let orderEntryMax: UInt16 = .max - DefaultPort.lineB.rawValue

  /// nil where there is no such port: order entry has any free one, or one too high.
  func endpoint(above orderEntry: Endpoint) -> Endpoint? {
    guard orderEntry.port > 0, orderEntry.port <= Self.orderEntryMax else { return nil }
    return Endpoint(address: orderEntry.address, port: orderEntry.port + rawValue)
  }
}

/// Where a venue's services are, and those of its feed.
struct VenueServices: Equatable, Sendable {
  var orderEntry: Endpoint
  var rerequest: Endpoint
  /// Of an exchange.
  var snapshot: Endpoint
  /// Of the feed; nil where it is not said: the snapshot service names it then.
  var session: SessionName?

  /// Any free ports of an address.
  init(address: UInt32) {
    let any = Endpoint(address: address, port: 0)
    (orderEntry, rerequest, snapshot) = (any, any, any)
  }

  /// The line in which a venue says its ports; nil for any other text.
  init?(announcement: String) {
    let isPaper = announcement.hasPrefix("{\"paper\"")
    guard isPaper || announcement.hasPrefix("{\"order_entry\""),
      let parsed = try? JSONSerialization.jsonObject(with: Data(announcement.utf8)),
      let fields = parsed as? [String: Any],
      let orderEntry = Self.endpoint(fields[isPaper ? "paper" : "order_entry"]),
      let rerequest = Self.endpoint(fields["rerequest"]),
      let snapshot = isPaper ? .any(port: 0) : Self.endpoint(fields["snapshot"])
    else { return nil }
    (self.orderEntry, self.rerequest, self.snapshot) = (orderEntry, rerequest, snapshot)
    session = (fields["session"] as? String).flatMap { SessionName($0) }
  }

  private static func endpoint(_ value: Any?) -> Endpoint? {
    (value as? String).flatMap { try? Endpoint(parsing: $0) }
  }

  func publish(_ monitor: RunMonitor) {
    monitor.set(.rerequest, Self.word(rerequest))
    monitor.set(.snapshot, Self.word(snapshot))
    if let session {
      monitor.set(.sessionHigh, session.high)
      monitor.set(.sessionLow, UInt64(session.low) + 1)
    }
    monitor.set(.orderEntry, Self.word(orderEntry))
  }
  static func session(_ monitor: RunMonitor) -> SessionName? {
    let low = monitor.get(.sessionLow)
    guard low > 0 else { return nil }
    return SessionName(
      high: monitor.get(.sessionHigh), low: UInt16(truncatingIfNeeded: low &- 1))
  }
  static func word(_ endpoint: Endpoint) -> UInt64 {
    UInt64(endpoint.address) << 16 | UInt64(endpoint.port)
  }
  static func endpoint(_ word: UInt64) -> Endpoint {
    Endpoint(
      address: UInt32(truncatingIfNeeded: word >> 16), port: UInt16(truncatingIfNeeded: word))
  }
}
