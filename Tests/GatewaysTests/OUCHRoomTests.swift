import ExecutionCore
import Gateways
import Testing

/// A full buffer and full reports: what is kept, and what comes first.
@Suite struct `OUCH gateway room` {
  private func cancel(_ reference: UInt64) -> VenueRequest {
    venueRequest(.cancel, reference: reference, original: reference) { $0.quantity = 0 }
  }

  @Test func `any request has room until there is none, and again when the bytes have gone`() {
    let port = OUCHPort { $0.sendBytes = 1_024 }
    port.connect()
    var made: UInt64 = 0
    while port.hasRoom, made < 1_000 {
      made += 1
      #expect(
        port.gateway.encode(
          venueRequest(reference: made) { $0.flags = [.postOnly, .intermarketSweep] }, now: 0)
          == nil)
    }
    #expect(made > 5 && made < 100)
    #expect(port.gateway.reports.isEmpty, "asking gives nothing up")
    for request in [venueRequest(reference: 999), cancel(1), venueRequest(.inquiry)] {
      #expect(port.gateway.encode(request, now: 0) == .noRoom, "as the answer said")
    }
    port.drainReports()
    #expect(port.reports.suffix(3).map(\.reason) == [NotSentCause.noRoom.rawValue, 2, 2])
    port.send()
    #expect(port.hasRoom && port.encode(cancel(1)) == nil)
    #expect(port.requests.filter { $0.kind == .enter }.count == Int(made))
  }

  @Test func `a full buffer hides neither silence nor the next log-in nor a log-out`() {
    let port = OUCHPort { $0.sendBytes = 1_024 }
    port.connect()
    for reference: UInt64 in 1...1_000 where port.hasRoom {
      _ = port.gateway.encode(cancel(reference), now: 0)
    }
    let full = port.gateway.output.count
    port.gateway.tick(now: 1_000)
    port.gateway.logout()
    #expect(port.gateway.output.count == full + 6, "a heartbeat and a log-out")
    #expect(port.mustClose == nil)
    port.gateway.tick(now: 15_000)
    #expect(port.mustClose == .fault(.timedOut))
  }

  @Test func `what was lost with the line does not wear the fuse out`() {
    let port = OUCHPort { $0.fuse.openOrdersMax = 5 }
    port.connect()
    for round in 0..<20 {
      for reference: UInt64 in 1...4 {
        #expect(
          port.encode(venueRequest(reference: UInt64(round) * 4 + reference)) == nil,
          "round \(round)")
      }
      port.disconnect()
      #expect(port.openOrders == 4, "their fate is not known yet")
      port.connect()
      #expect(port.isCaughtUp && port.openOrders == 0, "the venue still expects the first number")
    }
  }

  @Test func `an order below the venue's next number stays counted by the fuse`() {
    let port = OUCHPort()
    port.connect()
    #expect(port.encode(venueRequest(reference: 1)) == nil)
    #expect(port.encode(venueRequest(reference: 2)) == nil)
    port.send()
    port.disconnect()
    port.peer.reconnect(now: 0)
    port.gateway.connected(now: 0)
    for _ in 0..<6 {
      port.send()
      port.answerQueries(next: 2)
      port.receive(port.peer.take())
    }
    #expect(port.isCaughtUp && port.openOrders == 1)
  }

  /// Fills the reports, without the caller's taking them, to the last place that a request may have.
  private func fillReports(_ port: OUCHPort) {
    for _ in 0..<10_000 where port.hasRoom {
      _ = port.gateway.encode(venueRequest(reference: 0), now: 0)
    }
  }

  @Test func `the session's end is reported when the reports are full`() {
    let port = OUCHPort()
    port.connect()
    fillReports(port)
    #expect(!port.hasRoom)
    let kept = port.gateway.reports.count
    #expect(port.gateway.encode(venueRequest(reference: 0), now: 0) == .reference)
    #expect(port.gateway.reports.count == kept, "there was no place to say it in")
    port.disconnect()
    #expect(port.kinds.last == .sessionDown)
  }

  @Test func `a message that can't be decoded is reported with its place in the stream`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    let sequence = port.gateway.nextSequence
    port.peer.append([UInt8(ascii: "z"), 1, 2, 3])
    port.receive(port.peer.take())
    #expect(port.kinds == [.undecodable])
    #expect(port.reports.first?.streamSequence == sequence)
    #expect(port.reports.first?.reason == UInt16(UInt8(ascii: "z")))
    #expect(port.gateway.counters.undecodable == 1)
  }
}
