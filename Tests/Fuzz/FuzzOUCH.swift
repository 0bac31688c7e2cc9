import ExecutionCore
import Gateways

/// Input: one message, and the same bytes as a stream into a gateway that is logged in. What decodes
/// strictly encodes to the same bytes; a gateway never stops on what a venue sends.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  var out = [UInt8](repeating: 0, count: 512)
  var fault: OUCHFault?
  var request = OUCHRequest(.accountQuery)
  if request.decode(bytes) == nil {
    let length = out.withUnsafeMutableBytes { request.encode(into: $0, &fault) }
    precondition(
      fault == nil && out.prefix(length).elementsEqual(bytes), "an inbound message changed")
    _ = request.clOrdID.decoded
  }
  var response = OUCHResponse(.systemEvent)
  var skipped: UInt64 = 0
  if response.decode(bytes, skipped: &skipped) == nil, skipped == 0 {
    let length = out.withUnsafeMutableBytes { response.encode(into: $0, &fault) }
    precondition(fault == nil, "an outbound message cannot be encoded")
    // Shorter forms that are taken leniently grow; any other stays as it was.
    precondition(
      length > size || out.prefix(length).elementsEqual(bytes), "an outbound message changed")
  }
  stream(bytes)
  return 0
}

private func stream(_ bytes: UnsafeRawBufferPointer) {
  var settings = OUCHGatewaySettings(
    session: SoupClientSettings(
      credentials: SoupCredentials(username: "TRADER", password: "SECRET")!),
    port: .first, account: AccountID(raw: 0), midnight: 0)
  settings.fuse.openOrdersMax = 8
  var gateway = OUCHGateway(settings, symbols: [0x2020_2020_4c50_4141])
  gateway.connected(now: 0)
  gateway.sent(now: 0)
  let accepted = Array(("\0\u{1f}A    NT0001" + String(repeating: " ", count: 19) + "1").utf8)
  _ = accepted.withUnsafeBytes { gateway.receive($0, now: 0) }
  // The message as one packet of the stream, then the bytes as packets of their own making.
  var packet = [UInt8((bytes.count + 1) >> 8 & 0xf), UInt8((bytes.count + 1) & 0xff), 0x53]
  packet += bytes.prefix(0xffe)
  packet += bytes
  var at = 0
  for turn in 0..<2_000 where at < packet.count && gateway.mustClose == nil {
    let used = packet.withUnsafeBytes {
      gateway.receive(UnsafeRawBufferPointer(rebasing: $0[at...]), now: Int64(turn))
    }
    at += used
    for report in gateway.reports { precondition(report.streamSequence < 1 << 40) }
    gateway.clearReports()
    if turn % 3 == 0 {
      let kind: VenueRequest.Kind = turn % 2 == 0 ? .inquiry : .new
      var request = VenueRequest(
        kind: kind, port: .first, instrument: InstrumentID(raw: 0), account: AccountID(raw: 0),
        strategy: StrategyID(raw: 0))
      request.venueReference = UInt64(turn + 1)
      (request.price, request.quantity) = (10_000_000_000, 100)
      _ = gateway.encode(request, now: Int64(turn))
    }
    if turn % 5 != 0 { gateway.sent(now: Int64(turn)) }
    gateway.tick(now: Int64(turn))
  }
  precondition(at == packet.count || gateway.mustClose != nil, "the gateway stopped reading")
  gateway.disconnected(now: 1)
}

func seeds() -> [[UInt8]] {
  var result: [[UInt8]] = []
  var out = [UInt8](repeating: 0, count: 512)
  var fault: OUCHFault?
  for kind in OUCHRequest.Kind.allCases {
    var request = OUCHRequest(kind)
    request.clOrdID = OUCHClOrdID(ClientOrderID(raw: 4_711), incarnation: 3)!
    for tag: OUCHTag? in [nil, .userReferenceIndex, .postOnly, .side] {
      if let tag { request.options.set(tag, 80) }
      fault = nil
      let length = out.withUnsafeMutableBytes { request.encode(into: $0, &fault) }
      if fault == nil { result.append(Array(out.prefix(length))) }
    }
  }
  for kind in OUCHResponse.Kind.allCases {
    var response = OUCHResponse(kind)
    response.userRefNum = 5
    response.clOrdID = OUCHClOrdID(ClientOrderID(raw: 4_711), incarnation: 3)!
    for tag: OUCHTag? in [nil, .userReferenceIndex, .bboWeight, .displayPrice] {
      if let tag { response.options.set(tag, 80) }
      fault = nil
      let length = out.withUnsafeMutableBytes { response.encode(into: $0, &fault) }
      if fault == nil { result.append(Array(out.prefix(length))) }
    }
  }
  return result
}
