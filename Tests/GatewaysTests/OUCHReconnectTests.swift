import ExecutionCore
import Gateways
import Testing

@Suite struct `OUCH gateway reconnects` {
  private func answer(next: UInt32) -> [UInt8] {
    var response = OUCHResponse(.accountQueryResponse)
    response.userRefNum = next
    return response.encoded()
  }
  private func executed(of reference: UInt32) -> [UInt8] {
    var response = OUCHResponse(.executed)
    response.userRefNum = reference
    return response.encoded()
  }

  @Test func `the session is reported as down once, and nothing of it goes out later`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    #expect(port.encode(venueRequest(reference: 1)) == nil)
    port.disconnect()
    #expect(port.kinds == [.sessionDown])
    #expect(port.gateway.output.isEmpty)
    port.reports = []
    port.disconnect()
    #expect(port.kinds.isEmpty, "down is said once")
  }

  @Test func `the stream resumes at the next sequence and nothing comes twice`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    for i: UInt32 in 1...5 {
      var executed = OUCHResponse(.executed)
      executed.userRefNum = i
      port.peer.append(executed.encoded())
    }
    let stream = port.peer.take()
    port.receive(Array(stream.prefix(stream.count / 2)))
    port.disconnect()
    port.connect()
    let executions = port.reports.filter { $0.kind == .executed }
    #expect(executions.map(\.venueReference) == [1, 2, 3, 4, 5])
    #expect(port.kinds.last == .caughtUp)
    #expect(port.kinds.filter { $0 == .caughtUp }.count == 1)
  }

  @Test func `an answer of an earlier connection in the replay is not the drain marker`() {
    let port = OUCHPort()
    // The query arrives, the answer does not come back: the line breaks first.
    port.gateway.connected(now: 0)
    port.send()
    port.receive(port.peer.take())
    port.send()
    port.answerQueries(next: 5)
    port.disconnect()
    port.reports = []
    // Meanwhile a fill.
    var executed = OUCHResponse(.executed)
    executed.userRefNum = 4
    port.peer.append(executed.encoded())
    port.peer.reconnect()
    port.gateway.connected(now: 0)
    port.send()
    port.receive(port.peer.take())
    #expect(port.kinds == [.sessionUp, .notice, .executed])
    #expect(!port.isCaughtUp, "that answer is older than the fill")
    port.exchange()
    #expect(port.isCaughtUp)
    #expect(port.kinds.filter { $0 == .caughtUp }.count == 1)
    // The next connection needs one query again.
    port.disconnect()
    let before = port.peer.unsequenced.count
    port.connect()
    #expect(port.isCaughtUp)
    #expect(port.peer.unsequenced.count <= before + 2)
  }

  @Test func `what an earlier client asked is no drain marker, however often it asked`() {
    let port = OUCHPort()
    // Two answers and a fill between them, of a client that is gone; more came after.
    port.peer.append(answer(next: 1))
    port.peer.append(executed(of: 1))
    port.peer.append(answer(next: 2))
    for reference: UInt32 in 2...40 { port.peer.append(executed(of: reference)) }
    port.connect()
    #expect(port.mustClose == .historyFound)
    #expect(port.kinds.isEmpty && port.peer.unsequenced.isEmpty)
    port.disconnect()
    #expect(port.kinds.isEmpty, "no session was up")
    port.peer.reconnect()
    port.gateway.connected(now: 0)
    port.send()
    // The replay, message by message: none of it tells that it is drained.
    let replay = port.peer.take()
    for byte in replay {
      port.receive([byte])
      #expect(!port.isCaughtUp)
    }
    #expect(port.kinds.filter { $0 == .notice }.count == 2)
    #expect(port.kinds.filter { $0 == .executed }.count == 40)
    port.send()
    port.answerQueries(next: 41)
    port.receive(port.peer.take())
    #expect(port.isCaughtUp)
    #expect(port.kinds.last == .caughtUp)
    #expect(port.reports.last?.venueReference == 41)
    #expect(port.reports.last?.streamSequence == 43)
  }

  @Test func `a query that never arrived does not keep us from catching up`() {
    let port = OUCHPort()
    for _ in 0..<5 {
      port.peer.reconnect()
      port.gateway.connected(now: 0)
      port.send()
      port.receive(port.peer.take())
      port.gateway.sent(now: 0)
      port.disconnect()
    }
    port.connect()
    #expect(port.isCaughtUp)
  }

  /// Logged in, with heartbeats and nothing else: nothing could be sent or cancelled for ever.
  @Test func `a venue that does not answer what was asked at the log-in is left`() {
    let port = OUCHPort()
    port.peer.reconnect()
    port.gateway.connected(now: 0)
    port.send()
    port.receive(port.peer.take())
    #expect(port.gateway.isActive && !port.isCaughtUp)
    for now in stride(from: Int64(1_000), through: 15_000, by: 1_000) {
      port.receive([0, 1, 0x48], now: now)
      port.gateway.tick(now: now)
      #expect(port.mustClose == nil)
    }
    // The history goes on: that is no silence.
    port.peer.append(executed(of: 1))
    port.receive(port.peer.take(), now: 15_500)
    port.receive([0, 1, 0x48], now: 16_000)
    port.gateway.tick(now: 16_000)
    #expect(port.mustClose == nil)
    for now in stride(from: Int64(17_000), through: 31_000, by: 1_000) {
      port.receive([0, 1, 0x48], now: now)
      port.gateway.tick(now: now)
    }
    #expect(port.mustClose == .unanswered && port.gateway.closing == .later)
  }

  @Test func `refused log-ins, a server behind and silence close the connection`() {
    let refused = OUCHPort {
      $0.session.credentials = SoupCredentials(username: "X", password: "Y")!
    }
    refused.connect()
    #expect(refused.mustClose == .loginRejected(0x41))
    #expect(refused.gateway.closing == .notAuthorised)
    #expect(refused.mustClose?.description.contains("password") == true)
    #expect(refused.kinds.isEmpty)
    let silent = OUCHPort()
    silent.connect()
    silent.gateway.tick(now: 15_000)
    #expect(silent.mustClose == .fault(.timedOut))
    let broken = OUCHPort()
    broken.connect()
    broken.receive([0, 0])
    #expect(broken.mustClose == .fault(.zeroLength))
    broken.disconnect()
    broken.connect()
    #expect(broken.mustClose == nil)
    #expect(broken.isCaughtUp)
    let ended = OUCHPort()
    ended.connect()
    ended.receive([0, 1, 0x5a])
    #expect(ended.mustClose == .endOfSession)
    #expect(ended.gateway.closing == .never)
    // A venue that lost its stream offers an earlier sequence.
    let behind = OUCHPort { $0.session.nextSequence = 5 }
    behind.connect()
    #expect(behind.mustClose == .historyFound)
    behind.disconnect()
    behind.connect()
    #expect(behind.peer.logins.map(\.sequence) == [0, 5])
    #expect(behind.mustClose == .loginRejected(0x53))
    #expect(behind.gateway.closing == .notAvailable)
    #expect(behind.kinds.isEmpty)
  }

  @Test func `heartbeats are sent while it is quiet`() {
    let port = OUCHPort()
    port.connect()
    port.gateway.tick(now: 999)
    #expect(port.gateway.output.isEmpty)
    port.gateway.tick(now: 1_000)
    #expect([UInt8](port.gateway.output) == [0, 1, 0x52])
    port.gateway.sent(now: 1_000)
    port.gateway.logout()
    #expect([UInt8](port.gateway.output) == [0, 1, 0x4f])
  }

  @Test func `a new day begins another session from its first message`() {
    let port = OUCHPort()
    port.connect()
    #expect(port.encode(venueRequest()) == nil)
    #expect(port.openOrders == 1)
    port.gateway.newDay(now: 0)
    port.drainReports()
    #expect(port.openOrders == 0)
    #expect(port.gateway.nextSequence == 1)
    port.connect()
    #expect(port.isCaughtUp)
  }
}
