import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

@Suite(.serialized) struct ExchangeLimitsTests {
  @Test func `strangers that send heartbeats keep no account out`() throws {
    var bench = try StandingExchange()
    let strangers = try (0..<20).map { _ in try bench.peer(at: bench.server.orderEntry) }
    #expect(bench.until(strangers) { peers in peers.count { $0.isClosed } >= 12 })
    for stranger in strangers { stranger.heartbeat() }
    let client = try bench.peer(at: bench.server.orderEntry)
    client.logIn()
    #expect(bench.until(strangers + [client]) { $0.last?.has("S") == true })
    #expect(!client.isClosed)
    let counters = bench.server.counters
    #expect(counters.strangersDisplaced == 13)
    #expect(counters.logins == 1)
    // The client's place is its own: more strangers do not displace it.
    let more = try (0..<20).map { _ in try bench.peer(at: bench.server.orderEntry) }
    #expect(bench.until(more) { peers in peers.count { $0.isClosed } >= 12 })
    client.submit(Flow.numbered(.accountQuery, 0))
    #expect(bench.until([client]) { $0[0].packets.count { $0.type == "S" } == 2 })
  }

  @Test(arguments: [true, false])
  func `who has not logged in in time is closed, whatever he sends`(
    _ isOrderEntry: Bool
  ) throws {
    var limits = ExchangeServerLimits()
    limits.loginTimeout = 50_000_000
    var bench = try StandingExchange(limits)
    let service = isOrderEntry ? bench.server.orderEntry : bench.server.snapshot
    let stranger = try bench.peer(at: service)
    #expect(
      bench.until([stranger]) {
        if !$0[0].isClosed { $0[0].heartbeat() }
        return $0[0].isClosed
      })
    let timedOut = bench.server.counters.loginsTimedOut
    #expect(timedOut == 1)
  }

  @Test func `strangers keep nobody from the snapshot service either`() throws {
    var bench = try StandingExchange()
    let strangers = try (0..<20).map { _ in try bench.peer(at: bench.server.snapshot) }
    #expect(bench.until(strangers) { peers in peers.count { $0.isClosed } >= 12 })
    let client = try bench.peer(at: bench.server.snapshot)
    client.logIn()
    #expect(bench.until([client]) { $0[0].packets.last?.payload.first == UInt8(ascii: "G") })
  }

  @Test(arguments: ["NTAIL1", "NTAIL2"])
  func `whoever may trade may have a snapshot`(_ username: String) throws {
    var bench = try StandingExchange(accounts: ["NTAIL1", "NTAIL2"])
    let client = try bench.peer(at: bench.server.snapshot)
    client.logIn(username)
    #expect(bench.until([client]) { $0[0].packets.last?.payload.first == UInt8(ascii: "G") })
  }

  @Test func `nobody unknown gets a snapshot made`() throws {
    var bench = try StandingExchange()
    let stranger = try bench.peer(at: bench.server.snapshot)
    stranger.logIn(password: "guess")
    #expect(bench.until([stranger]) { $0[0].isClosed })
    #expect(stranger.has("J"))
    let counters = bench.server.counters
    #expect(counters.snapshots == 0)
    #expect(counters.loginsRefused == 1)
  }

  @Test func `snapshots beyond the rate wait, and one is used again while nothing happens`() throws
  {
    var limits = ExchangeServerLimits()
    limits.snapshotsPerSecond = 4
    limits.snapshotsMax = 3
    var bench = try StandingExchange(limits)
    let clients = try (0..<7).map { _ in try bench.peer(at: bench.server.snapshot) }
    for client in clients { client.logIn() }
    #expect(
      bench.until(clients) { peers in
        peers.allSatisfy { $0.packets.last?.payload.first == UInt8(ascii: "G") || $0.isClosed }
      })
    for client in clients { #expect(client.has("S"), "each got its own, closed since or not") }
    let counters = bench.server.counters
    #expect(counters.snapshots == 7)
    // A message of the feed may come in between.
    #expect(counters.snapshotsReused >= 4)
    #expect(counters.loginsDelayed > 0)
  }

  @Test func `log-ins of one account beyond the rate wait for their turn`() throws {
    var limits = ExchangeServerLimits()
    limits.loginsPerSecond = 3
    var bench = try StandingExchange(limits)
    for _ in 0..<5 {
      let client = try bench.peer(at: bench.server.orderEntry)
      client.logIn()
      #expect(bench.until([client]) { $0[0].has("A") })
    }
    let counters = bench.server.counters
    #expect(counters.logins == 5)
    #expect((1...2).contains(counters.loginsDelayed))
  }

  @Test func `who waits for his turn makes room for a newer log-in of his, and for no stranger`()
    throws
  {
    var limits = ExchangeServerLimits()
    limits.loginsPerSecond = 1
    var bench = try StandingExchange(limits)
    let first = try bench.peer(at: bench.server.orderEntry)
    first.logIn()
    #expect(bench.until([first]) { $0[0].has("A") })
    let older = try bench.peer(at: bench.server.orderEntry)
    older.logIn()
    for _ in 0..<10 {
      bench.turn()
      older.read()
    }
    let newer = try bench.peer(at: bench.server.orderEntry)
    newer.logIn()
    #expect(bench.until([older, newer]) { $0[0].isClosed })
    let strangers = try (0..<20).map { _ in try bench.peer(at: bench.server.orderEntry) }
    #expect(bench.until(strangers) { peers in peers.count { $0.isClosed } >= 12 })
    #expect(bench.until([newer]) { $0[0].has("A") })
    #expect(!newer.isClosed && !older.has("A"))
    let counters = bench.server.counters
    #expect(counters.logins == 2 && counters.slowReaders == 0)
  }

  @Test func `a client that does not read what it is sent is closed`() throws {
    var limits = ExchangeServerLimits()
    limits.drainTimeout = 100_000_000
    var bench = try StandingExchange(limits)
    // More than the window takes.
    let symbol = bench.session.core.symbol(at: 1)
    for number in 1...UInt32(150_000) {
      var request = Flow.enter(number, "B", 0, 100)
      request.symbol = symbol
      DurableSessionTests.submit(request, to: bench.session)
    }
    let client = try bench.peer(at: bench.server.orderEntry, receiveBuffer: 4_096)
    client.logIn()
    // Its log-in leaves; then it is not run any more.
    for _ in 0..<4 where !client.has("A") {
      bench.turn()
      client.read()
    }
    let reader = try bench.peer(at: bench.server.snapshot)
    reader.logIn()
    let limit = bench.network.now + ServerBench.timeMax
    while bench.server.counters.slowReaders == 0, bench.network.now < limit {
      bench.turn()
      reader.read()
    }
    let counters = bench.server.counters
    #expect(counters.slowReaders == 1)
    #expect(counters.logins == 1)
    #expect(counters.disconnects == 1)
    #expect(!reader.isClosed, "who reads stays")
  }

  @Test func `a client that sends more than its rate is closed and told why`() throws {
    var limits = ExchangeServerLimits()
    limits.messagesPerSecond = 100
    var bench = try StandingExchange(limits)
    let client = try bench.peer(at: bench.server.orderEntry)
    client.logIn()
    #expect(bench.until([client]) { $0[0].has("A") })
    // Twice what a second allows and a second's pause saves up.
    for _ in 0..<10_000 { client.send("U", [0xFF]) }
    #expect(bench.until([client]) { $0[0].isClosed })
    let counters = bench.server.counters
    #expect(counters.ratesExceeded == 1)
    let said = client.packets.last { $0.type == "+" }
    #expect(
      said.map { String(decoding: $0.payload, as: UTF8.self) } == "more than 100 messages a second")
  }

  @Test func `an account whose room is used up is refused orders, and may cancel`() throws {
    var bench = try StandingExchange(accountBytesMax: 20_000)
    var client = try bench.peer(at: bench.server.orderEntry)
    client.logIn()
    #expect(bench.until([client]) { $0[0].has("A") })
    let symbol = bench.session.core.symbol(at: 1)
    for number in 1...UInt32(1_000) {
      var request = Flow.enter(number, "B", 100, 100)
      request.symbol = symbol
      client.submit(request)
    }
    #expect(bench.until([client]) { $0[0].isClosed })
    let said = client.packets.last { $0.type == "+" }
    #expect(
      said.map { String(decoding: $0.payload, as: UTF8.self) }
        == "account NTAIL1 has used up its room of 20000 bytes; cancels are taken")
    #expect(bench.session.bytesTaken(account: 0) <= 20_000)
    let working = bench.session.core.workingOrders
    #expect(working.count > 50)
    client = try bench.peer(at: bench.server.orderEntry)
    client.logIn()
    for order in working { client.submit(Flow.cancel(order.userRefNum)) }
    let session = bench.session
    #expect(bench.until([client]) { _ in session.core.workingOrders.isEmpty })
    let report = ExchangeReport(session, server: bench.server.counters)
    #expect(report.refusedFull == 1)
    #expect(report.notes.contains { $0.contains("used up its 20000 bytes") })
    #expect(report.json.contains("\"refused_full\":1,"))
    #expect(report.violations == [])
  }
}
