import ExecutionCore
import Gateways
import Testing

/// Full queues and full reports: what is kept, and what comes first.
@Suite struct `OUCH gateway room` {
  private func cancel(_ reference: UInt64) -> VenueRequest {
    venueRequest(.cancel, reference: reference, original: reference) { $0.quantity = 0 }
  }

  @Test func `a cancel without room can wait with the caller until there is some`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    for reference: UInt64 in 1...32 { #expect(port.encode(cancel(reference)) == nil) }
    #expect(!port.hasRoom(for: cancel(33)))
    #expect(port.reports.isEmpty, "asking gives nothing up")
    #expect(port.encode(cancel(33)) == .queueFull, "as the answer said")
    port.send()
    #expect(port.hasRoom(for: cancel(33)))
    #expect(port.encode(cancel(33)) == nil)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `room is there exactly when the queue takes the request`(seed: UInt64) {
    var state = seed
    func below(_ n: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % n
    }
    let port = OUCHPort()
    port.connect()
    var next: UInt64 = 1
    for step in 0..<800 {
      var asked = venueRequest(reference: next)
      switch below(8) {
      case 0, 1: next += 1
      case 2:
        asked = venueRequest(.replace, reference: next, original: max(1, next - 1))
        next += 1
      case 3: asked = venueRequest(.accountQuery, reference: 0)
      case 4 where below(40) == 0:
        port.send()
        continue
      default: asked = cancel(1 + below(next))
      }
      let room = port.hasRoom(for: asked)
      #expect((port.encode(asked) != .queueFull) == room, "seed \(seed) step \(step)")
    }
  }

  @Test func `a full urgent queue hides neither silence nor the next log-in`() {
    let port = OUCHPort()
    port.connect()
    for reference: UInt64 in 1...32 { #expect(port.encode(cancel(reference)) == nil) }
    port.gateway.tick(now: 1_000)
    port.gateway.tick(now: 2_000)
    port.gateway.tick(now: 3_000)
    #expect(port.mustClose == nil)
    port.gateway.tick(now: 15_000)
    #expect(port.mustClose == .fault(.timedOut))
  }

  @Test func `what was withdrawn by a break or never arrived does not wear the fuse out`() {
    let port = OUCHPort { $0.fuse.openOrdersMax = 5 }
    port.connect()
    for round in 0..<20 {
      for reference: UInt64 in 1...4 {
        #expect(
          port.encode(venueRequest(reference: UInt64(round) * 4 + reference)) == nil,
          "round \(round)")
      }
      port.disconnect()
      #expect(port.openOrders == 0)
      port.connect()
    }
    // These leave, and are lost with the line; the venue still expects the first number.
    #expect(port.encode(venueRequest(reference: 101)) == nil)
    #expect(port.encode(venueRequest(reference: 102)) == nil)
    let lost = [UInt8](port.gateway.prepareSend(now: 0))
    port.gateway.sent(lost.count, now: 0)
    port.disconnect()
    #expect(port.openOrders == 2, "their fate is not known yet")
    port.connect()
    #expect(port.isCaughtUp && port.openOrders == 0)
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
    for _ in 0..<10_000 {
      guard port.hasRoom(for: cancel(1)) else { return }
      _ = port.gateway.encode(venueRequest(reference: 0), now: 0)
    }
  }

  @Test func `the session's end is reported when the reports are full`() {
    let port = OUCHPort()
    port.connect()
    fillReports(port)
    #expect(port.encode(venueRequest(reference: 0)) == .reference)
    #expect(port.gateway.reports.isEmpty)
    fillReports(port)
    port.disconnect()
    #expect(port.kinds.last == .sessionDown)
  }

  @Test func `an order that is too old is not sent when its withdrawal can't be reported`() {
    let port = OUCHPort { $0.ageMax = 1_000 }
    port.connect()
    port.requests = []
    port.peer.unsequenced = []
    #expect(port.encode(venueRequest(reference: 7) { $0.createdAt = 100 }, now: 100) == nil)
    fillReports(port)
    #expect(port.gateway.prepareSend(now: 5_000).isEmpty)
    port.gateway.sent(0, now: 5_000)
    port.reports = []
    port.drainReports()
    port.reports = []
    port.send(now: 5_000)
    #expect(port.requests.isEmpty)
    #expect(port.reports.map(\.orderState) == [NotSentCause.tooOld.rawValue])
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
