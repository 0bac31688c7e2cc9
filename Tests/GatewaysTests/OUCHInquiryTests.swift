import ExecutionCore
import Gateways
import Testing

/// An inquiry about an order, by the only question that OUCH has: which number is expected next.
@Suite struct `OUCH gateway inquiries` {
  private func connected() -> OUCHPort {
    let port = OUCHPort()
    port.connect()
    port.requests = []
    port.peer.unsequenced = []
    port.reports = []
    return port
  }
  private func answer(_ port: OUCHPort, next: UInt32) {
    var response = OUCHResponse(.accountQueryResponse)
    response.userRefNum = next
    port.peer.append(response.encoded())
    port.receive(port.peer.take())
  }
  private func told(_ port: OUCHPort) -> [String] {
    port.reports.filter { $0.kind != .notice }.map { "\($0.kind) \($0.venueReference)" }
  }

  @Test func `below the next number everything has been said, from it on nothing arrived`() {
    for (next, fate) in [(7 as UInt32, "neverArrived 7"), (8, "settled 7")] {
      let port = connected()
      #expect(port.encode(venueRequest(.inquiry, reference: 7)) == nil)
      port.send()
      #expect(port.requests.map(\.kind) == [.accountQuery])
      answer(port, next: next)
      #expect(told(port) == [fate, "inquiryAnswered 7"])
      #expect(port.reports.last?.reason == InquiryOutcome.answered.rawValue)
      #expect(port.reports.filter { $0.streamSequence > 0 }.count == 1, "of the venue's message")
    }
  }

  @Test func `a replace that is unresolved is told first`() {
    let port = connected()
    #expect(port.encode(venueRequest(.inquiry, reference: 7, original: 9)) == nil)
    port.send()
    answer(port, next: 9)
    #expect(told(port) == ["neverArrived 9", "settled 7", "inquiryAnswered 7"])
  }

  @Test func `inquiries behind each other share a query, one behind an order has its own`() {
    let port = connected()
    for reference: UInt64 in 1...3 {
      #expect(port.encode(venueRequest(.inquiry, reference: reference)) == nil)
    }
    #expect(port.encode(venueRequest(reference: 4)) == nil)
    #expect(port.encode(venueRequest(.inquiry, reference: 4)) == nil)
    port.send()
    #expect(port.requests.map(\.kind) == [.accountQuery, .enter, .accountQuery])
    answer(port, next: 3)
    #expect(
      told(port) == [
        "settled 1", "inquiryAnswered 1", "settled 2", "inquiryAnswered 2", "neverArrived 3",
        "inquiryAnswered 3",
      ])
    port.reports = []
    answer(port, next: 5)
    #expect(told(port) == ["settled 4", "inquiryAnswered 4"])
    // A query that has been answered will do for nobody else.
    #expect(port.encode(venueRequest(.inquiry, reference: 4)) == nil)
    port.send()
    #expect(port.requests.last?.kind == .accountQuery && port.requests.count >= 4)
  }

  @Test func `the answer to an older query settles nothing`() {
    let port = OUCHPort()
    // Two queries are under way when the line breaks: their answers stand in the replay.
    port.gateway.connected(now: 0)
    port.send()
    port.receive(port.peer.take())
    port.send()
    port.answerQueries(next: 5)
    port.disconnect()
    port.connect()
    #expect(port.isCaughtUp)
    port.reports = []
    #expect(port.encode(venueRequest(reference: 6)) == nil)
    #expect(port.encode(venueRequest(.inquiry, reference: 6)) == nil)
    let before = port.requests.count
    port.send()
    // Whatever was asked before the order is answered with a number that does not know it.
    for _ in 0..<4 where told(port).isEmpty {
      port.answerQueries(next: 7)
      port.receive(port.peer.take())
      port.send()
    }
    #expect(told(port) == ["settled 6", "inquiryAnswered 6"])
    #expect(port.requests.count > before)
  }

  @Test func `a break forgets what was asked: the engine asks again`() {
    let port = connected()
    #expect(port.encode(venueRequest(.inquiry, reference: 7)) == nil)
    port.send()
    port.disconnect()
    port.reports = []
    port.connect()
    #expect(port.kinds.allSatisfy { [.sessionUp, .notice, .caughtUp].contains($0) })
    #expect(port.isCaughtUp)
  }

  @Test func `thousands of answers come as the reports have room`() {
    let port = connected()
    for reference: UInt64 in 1...4_000 {
      #expect(port.encode(venueRequest(.inquiry, reference: reference)) == nil)
    }
    port.send()
    #expect(port.requests.filter { $0.kind == .accountQuery }.count == 1)
    var response = OUCHResponse(.accountQueryResponse)
    response.userRefNum = 2_001
    port.peer.append(response.encoded())
    let bytes = port.peer.take()
    let used = bytes.withUnsafeBytes { port.gateway.receive($0, now: 0) }
    #expect(used == bytes.count && port.gateway.reports.count < 1_024)
    for _ in 0..<100 {
      port.drainReports()
      port.gateway.tick(now: 0)
    }
    let told = told(port)
    #expect(told.count == 8_000)
    #expect(told.filter { $0.hasPrefix("settled") }.count == 2_000)
    #expect(told.filter { $0.hasPrefix("neverArrived") }.count == 2_000)
  }

  @Test func `one more than there is room for is refused, and can be asked again`() {
    let port = OUCHPort { $0.inquiriesMax = 2 }
    port.connect()
    port.reports = []
    for reference: UInt64 in 1...2 {
      #expect(port.encode(venueRequest(.inquiry, reference: reference)) == nil)
    }
    #expect(port.encode(venueRequest(.inquiry, reference: 3)) == .noRoom)
    #expect(port.reports.last?.subject == VenueRequest.Kind.inquiry.rawValue)
  }
}
