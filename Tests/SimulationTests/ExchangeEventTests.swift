import ExecutionCore
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

/// What a server tells of who comes and goes, and why. (Its words are of the command's log: NodeTests.)
struct ExchangeEventTests {
  private final class Heard { var events: [ExchangeEvent] = [] }
  private let heard = Heard()

  private func exchange(
    _ limits: ExchangeServerLimits = ExchangeServerLimits()
  ) throws -> StandingExchange {
    try StandingExchange(limits, accounts: ["NTAIL1", "NTAIL2"]) { [heard] in
      heard.events.append($0)
    }
  }

  private static func client(
    _ peer: BarePeer, _ username: String? = "NTAIL1",
    _ service: ExchangeEvent.Service = .orderEntry
  ) throws -> ExchangeEvent.Client {
    ExchangeEvent.Client(service, from: try peer.endpoint, username: username)
  }

  /// Whether peers that are closed end the test: nothing else moves.
  private func run(_ bench: inout StandingExchange, _ peers: [BarePeer], until count: Int) {
    let isTold = bench.until(peers) { [heard] _ in heard.events.count >= count }
    #expect(isTold, "\(heard.events)")
  }

  @Test func `a log-in and an end are told with account, place and what was asked for`() throws {
    var bench = try exchange()
    let peer = try bench.peer(at: bench.server.orderEntry)
    peer.logIn()
    run(&bench, [peer], until: 1)
    let client = try Self.client(peer)
    let next = bench.session.eventCount(account: 0) + 1
    #expect(heard.events == [.loggedIn(client, asked: 1, next: next)])
    var order = Flow.enter(1, "B", 100, 100)
    order.symbol = bench.session.core.symbol(at: 1)
    peer.submit(order)
    #expect(bench.until([peer]) { $0[0].packets.count { $0.type == "S" } == 2 })
    peer.close()
    run(&bench, [], until: 2)
    #expect(heard.events.last == .closed(client, .ended, working: 1))
  }

  @Test func `who logs in anew ends the account's older connection, and both are told`() throws {
    var bench = try exchange()
    let peers = try (0..<2).map { _ in try bench.peer(at: bench.server.orderEntry) }
    peers[0].logIn()
    run(&bench, peers, until: 1)
    peers[1].logIn(sequence: 0)
    run(&bench, peers, until: 3)
    #expect(
      heard.events[1]
        == .closed(
          try Self.client(peers[0]), .replaced(by: try peers[1].endpoint), working: 0))
    let next = bench.session.eventCount(account: 0) + 1
    #expect(heard.events[2] == .loggedIn(try Self.client(peers[1]), asked: 0, next: next))
    #expect(bench.until(peers) { $0[0].isClosed } && !peers[1].isClosed)
  }

  @Test func `a refused log-in is told once, with the reason`() throws {
    var bench = try exchange()
    let peers = try (0..<4).map { _ in try bench.peer(at: bench.server.orderEntry) }
    func refused(_ index: Int, _ username: String?, _ why: ExchangeEvent.Refusal) throws {
      run(&bench, peers, until: index + 1)
      #expect(heard.events[index] == .refused(try Self.client(peers[index], username), why))
    }
    peers[0].logIn("NTAIL2", password: "guess")
    try refused(0, nil, .credentials(username: "NTAIL2    "))
    peers[1].logIn(session: "YESTERDAY")
    try refused(1, "NTAIL1", .session(try #require(SessionName("YESTERDAY"))))
    peers[2].logIn("NTAIL2", sequence: 99)
    let next = bench.session.eventCount(account: 1) + 1
    try refused(2, "NTAIL2", .sequence(99, next: next))
    bench.server.loginsRefused = [0: UInt8(ascii: "S")]
    peers[3].logIn()
    try refused(3, "NTAIL1", .setting)
    #expect(bench.until(peers) { $0.allSatisfy(\.isClosed) })
    #expect(heard.events.count == 4)
  }

  @Test func `silence, nonsense and too much are told apart`() throws {
    var limits = ExchangeServerLimits()
    limits.messagesPerSecond = 10
    var bench = try exchange(limits)
    let silent = try bench.peer(at: bench.server.orderEntry)
    silent.logIn()
    run(&bench, [silent], until: 2)
    #expect(heard.events.last == .closed(try Self.client(silent), .silent, working: 0))
    let wrong = try bench.peer(at: bench.server.orderEntry)
    wrong.logIn()
    run(&bench, [wrong], until: 3)
    wrong.send("S")
    run(&bench, [wrong], until: 4)
    #expect(
      heard.events.last
        == .closed(try Self.client(wrong), .fault(.unexpectedPacket), working: 0))
    let fast = try bench.peer(at: bench.server.orderEntry)
    fast.logIn("NTAIL2")
    run(&bench, [fast], until: 5)
    for _ in 0..<12 { fast.submit(Flow.numbered(.accountQuery, 0)) }
    run(&bench, [fast], until: 6)
    #expect(heard.events.last == .closed(try Self.client(fast, "NTAIL2"), .tooFast, working: 0))
    let polite = try bench.peer(at: bench.server.orderEntry)
    polite.logIn()
    run(&bench, [polite], until: 7)
    polite.send("O")
    run(&bench, [polite], until: 8)
    #expect(heard.events.last == .closed(try Self.client(polite), .loggedOut, working: 0))
  }

  @Test(arguments: [ExchangeEvent.Service.orderEntry, .snapshots])
  func `who never says who he is is told when he is closed`(
    _ service: ExchangeEvent.Service
  ) throws {
    var limits = ExchangeServerLimits()
    limits.strangersMax = 2
    var bench = try exchange(limits)
    let place = service == .orderEntry ? bench.server.orderEntry : bench.server.snapshot
    let peers = try (0..<3).map { _ in try bench.peer(at: place) }
    run(&bench, peers, until: 3)
    let strangers = try peers.map { try Self.client($0, nil, service) }
    let displaced = heard.events.compactMap {
      if case .closed(let client, .displaced, _) = $0 { client } else { nil }
    }
    let late = heard.events.compactMap {
      if case .closed(let client, .neverLoggedIn, _) = $0 { client } else { nil }
    }
    #expect(displaced.count == 1 && late.count == 2)
    #expect(Set(displaced + late) == Set(strangers))
  }

  @Test func `a log-in that waits for its turn is told once`() throws {
    var limits = ExchangeServerLimits()
    limits.loginsPerSecond = 1
    var bench = try exchange(limits)
    let peers = try (0..<2).map { _ in try bench.peer(at: bench.server.orderEntry) }
    peers[0].logIn()
    run(&bench, peers, until: 1)
    peers[1].logIn()
    run(&bench, peers, until: 4)
    let kinds = heard.events.map {
      switch $0 {
      case .loggedIn: "in"
      case .delayed: "waits"
      case .closed(_, .replaced, _): "replaced"
      default: "\($0)"
      }
    }
    #expect(kinds == ["in", "waits", "replaced", "in"])
  }

  @Test func `a snapshot is told as one`() throws {
    var bench = try exchange()
    let peer = try bench.peer(at: bench.server.snapshot)
    peer.logIn()
    run(&bench, [peer], until: 1)
    guard case .loggedIn(let client, _, _) = heard.events.first else {
      Issue.record("\(heard.events)")
      return
    }
    #expect(client == (try Self.client(peer, "NTAIL1", .snapshots)))
  }

  @Test func `a failed socket is told, each attempt to open it, and that it is open`() throws {
    let bench = try ServerBench(messages: 2_000) { [heard] in heard.events.append($0) }
    bench.server.reactor.inject(ReactorFault(.receive, errorNumber: 100))
    bench.server.reactor.inject(ReactorFault(.socket, errorNumber: 24))
    _ = [UInt8(1)].withUnsafeBytes {
      bench.reactor.sendDatagram($0, to: bench.server.rerequest, on: bench.request)
    }
    let isOpen = bench.until { _ in heard.events.count == 3 }
    #expect(isOpen)
    #expect(
      heard.events == [
        .socketFailed(.rerequests, errorNumber: 100),
        .socketNotOpened(.rerequests, errorNumber: 24), .socketOpened(.rerequests),
      ])
  }
}
