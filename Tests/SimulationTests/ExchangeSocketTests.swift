import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

/// What becomes of the exchange's own datagram sockets when they fail, and of answers that do not leave.
@Suite struct ExchangeSocketTests {
  /// A bench whose feed stands at the window, and which is told what else comes to its request socket.
  private static func standing() throws -> ServerBench {
    let bench = try ServerBench(messages: 2_000)
    bench.consumes = false
    #expect(bench.until { $0.flow?.published == FlowControl.windowMax })
    return bench
  }

  private static func ask(_ bench: ServerBench) {
    var bytes = [UInt8](repeating: 0, count: MoldHeader.size)
    _ = bytes.withUnsafeMutableBytes {
      MoldHeader(session: bench.server.session.name, sequence: 1, count: 3).write(into: $0)
    }
    _ = bytes.withUnsafeBytes {
      bench.reactor.sendDatagram($0, to: bench.server.rerequest, on: bench.request)
    }
    bench.reactor.submit()
  }

  @Test func `a failed socket of re-requests is opened where it was, and lost messages come again`()
    throws
  {
    var faults = FeedFaults()
    faults.seed = 3
    faults.loss = 100_000
    let bench = try ServerBench(faults: faults)
    #expect(bench.until { $0.messages.count > 100 })
    // Nothing but re-requests comes to the server.
    bench.server.reactor.inject(ReactorFault(.receive, errorNumber: ENETDOWN))
    #expect(bench.until { $0.server.counters.socketFailures == 1 })
    #expect(bench.until { $0.receiver.ended })
    #expect(bench.messages == bench.expected)
    #expect(bench.server.counters.socketFailures == 1)
    #expect(bench.server.counters.answers > 0)
  }

  @Test func `a socket that cannot be opened is tried again, ever more rarely`() throws {
    let bench = try Self.standing()
    let before = bench.server.reactor.operations(.socket)
    bench.server.reactor.inject(ReactorFault(.receive, errorNumber: ENETDOWN))
    bench.server.reactor.inject(ReactorFault(.socket, times: 3, errorNumber: EMFILE))
    Self.ask(bench)
    #expect(bench.until { $0.server.counters.socketFailures == 1 })
    let failedAt = bench.network.now
    #expect(bench.until { $0.server.rerequestSocket != .none })
    #expect(bench.server.reactor.operations(.socket) - before == 4)
    #expect(bench.network.now - failedAt >= 7 * Reopening.first)
    Self.ask(bench)
    #expect(bench.until { $0.server.counters.answers == 1 })
  }

  @Test func `a failed socket of a line is opened again, and the feed goes on there`() throws {
    let bench = try Self.standing()
    let socket = bench.server.lines[0].socket
    // What comes to it from outside is read, and fails it.
    let place = try bench.server.reactor.localEndpoint(of: socket)
    bench.server.reactor.inject(ReactorFault(.receive, errorNumber: ENETDOWN))
    _ = [UInt8(1)].withUnsafeBytes {
      bench.reactor.sendDatagram($0, to: place, on: bench.request)
    }
    #expect(bench.until { $0.server.counters.socketFailures == 1 })
    bench.consumes = true
    #expect(bench.until { $0.receiver.ended })
    #expect(bench.messages == bench.expected)
    #expect(bench.server.lines[0].socket != socket)
  }

  @Test func `waits between attempts grow to a bound, and begin anew where a socket has lasted`() {
    var reopening = Reopening()
    var now: Int64 = 1
    var attempts: [Int64] = []
    while now < 100_000_000_000 {
      if reopening.isDue(now: now) { attempts.append(now) }
      now += 10_000_000
    }
    let waits = zip(attempts.dropFirst(), attempts).map { $0 - $1 }
    #expect(waits.prefix(3) == [250_000_000, 500_000_000, 1_000_000_000])
    #expect(waits.max() == Reopening.longest)
    now += 2 * Reopening.longest
    let found = [0, Reopening.first - 1, Reopening.first].map { reopening.isDue(now: now + $0) }
    #expect(found == [true, false, true])
  }

  @Test func `an answer that does not leave is not counted as one`() throws {
    let bench = try Self.standing()
    bench.server.reactor.inject(ReactorFault(.send, times: .max, errorNumber: EPERM))
    for _ in 0..<3 {
      Self.ask(bench)
      let before = bench.server.counters.answersUnsent
      #expect(bench.until { $0.server.counters.answersUnsent > before })
    }
    #expect(bench.server.counters.answers == 0)
    bench.server.reactor.inject(ReactorFault(.send, nth: 0))
    Self.ask(bench)
    #expect(bench.until { $0.server.counters.answers == 1 })
    let unsent = bench.server.counters.answersUnsent
    #expect(unsent >= 3)
  }
}
