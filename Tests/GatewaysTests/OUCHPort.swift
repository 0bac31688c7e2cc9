import ExecutionCore
import Gateways
import Testing

let ouchMidnight: Int64 = 1_577_682_000_000_000_000

private func settings(
  _ change: (inout OUCHGatewaySettings) -> Void = { _ in }
) -> OUCHGatewaySettings {
  var session = SoupClientSettings(credentials: soupCredentials)
  session.heartbeatInterval = 1_000
  session.timeout = 15_000
  var settings = OUCHGatewaySettings(
    session: session, port: PortID(raw: 3), account: AccountID(raw: 9), midnight: ouchMidnight)
  change(&settings)
  return settings
}

func venueRequest(
  _ kind: VenueRequest.Kind = .new, reference: UInt64 = 1, original: UInt64 = 0,
  _ change: (inout VenueRequest) -> Void = { _ in }
) -> VenueRequest {
  var request = VenueRequest(
    kind: kind, port: PortID(raw: 3), instrument: InstrumentID(raw: 0), account: AccountID(raw: 9),
    strategy: StrategyID(raw: 0))
  request.venueReference = reference
  request.originalVenueReference = original
  request.clientOrderID = ClientOrderID(raw: 1_000 + reference)
  request.price = 15_050_000_000
  request.quantity = 100
  change(&request)
  return request
}

/// A gateway and the venue that it talks to, joined by byte arrays.
final class OUCHPort {
  var gateway: OUCHGateway
  let peer = SoupPeer()
  var reports: [VenueReport] = []
  /// Messages that the venue got, decoded.
  var requests: [OUCHRequest] = []
  private var answered = 0

  init(_ change: (inout OUCHGatewaySettings) -> Void = { _ in }) {
    gateway = OUCHGateway(settings(change), symbols: [SymbolCode.encode("AAPL")!])
  }
  func drainReports() {
    reports += Array(gateway.reports)
    gateway.clearReports()
  }
  /// Everything that has been encoded to the venue.
  func send(now: Int64 = 0) {
    let bytes = [UInt8](gateway.output)
    drainReports()
    gateway.sent(now: now)
    take(bytes, now: now)
  }
  func take(_ bytes: [UInt8], now: Int64 = 0) {
    peer.receive(bytes, now: now)
    while requests.count < peer.unsequenced.count {
      let (request, fault) = OUCHRequest.decoded(peer.unsequenced[requests.count])
      #expect(fault == nil)
      requests.append(request)
    }
  }
  func receive(_ bytes: [UInt8], now: Int64 = 0) {
    var rest = bytes
    for _ in 0..<10_000 {
      let used = rest.withUnsafeBytes { gateway.receive($0, now: now) }
      rest.removeFirst(used)
      drainReports()
      if rest.isEmpty || gateway.mustClose != nil { break }
    }
  }
  /// Lets the venue answer account queries, with this next number.
  func answerQueries(next: UInt32 = 1) {
    while answered < requests.count {
      if requests[answered].kind == .accountQuery {
        var response = OUCHResponse(.accountQueryResponse)
        response.userRefNum = next
        peer.append(response.encoded())
      }
      answered += 1
    }
  }
  func exchange(now: Int64 = 0) {
    for _ in 0..<12 {
      send(now: now)
      answerQueries()
      receive(peer.take(now: now), now: now)
    }
  }
  func connect(now: Int64 = 0) {
    peer.reconnect(now: now)
    gateway.connected(now: now)
    exchange(now: now)
  }
  func disconnect(now: Int64 = 0) {
    gateway.disconnected(now: now)
    drainReports()
  }
  func say(_ kind: OUCHResponse.Kind, _ change: (inout OUCHResponse) -> Void) {
    var response = OUCHResponse(kind)
    response.timestamp = 34_200_000_000_000
    change(&response)
    peer.append(response.encoded())
    receive(peer.take())
  }
  /// As the loop does it: with room.
  func encode(_ request: VenueRequest, now: Int64 = 0) -> NotSentCause? {
    if !gateway.hasRoom { send(now: now) }
    defer { drainReports() }
    return gateway.encode(request, now: now)
  }
  var hasRoom: Bool { gateway.hasRoom }
  func rearm(by person: String, now: Int64) -> Bool { gateway.rearmFuse(by: person, now: now) }
  var kinds: [VenueReport.Kind] { reports.map(\.kind) }
  var tripped: LastHopFuse.Cap? { gateway.fuse.tripped }
  var openOrders: Int { gateway.fuse.openOrders }
  var isCaughtUp: Bool { gateway.isCaughtUp }
  var mustClose: OUCHCloseReason? { gateway.mustClose }
}
