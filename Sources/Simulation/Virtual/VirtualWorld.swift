public import ExecutionCore
public import Gateways
public import Journal
public import Trading
public import Transport

/// A server of a ``VirtualWorld``: it has its turn when it says that it has something to do.
@usableFromInline package protocol VirtualServer: AnyObject {
  /// Machine time at which a turn has something to do if nothing arrives before; a moment of the past where it has
  /// already.
  var due: Int64 { get }
  func turn()
  /// The world ends.
  func finish()
}

/// An exchange as a server of a world.
package final class VirtualExchange: VirtualServer {
  package var server: ExchangeServer
  package init(_ server: consuming ExchangeServer) { self.server = server }
  package var due: Int64 { server.due }
  package func turn() { server.turn() }
  package func finish() { server.finish() }
}

/// The core's loop, the venues' servers and the journal as turns of one thread, over a network in memory: virtual time.
///
/// It is the product's own loop with its clients, sessions and timers, and the venues' own servers; only the network
/// and its clock are others. At each moment each server has its turn, then the core; when none has more to do the
/// clock moves on to what comes next: an arrival, a timer, the next message of history. Where the journal needs a new
/// segment the clock stands until it is there. The same inputs give the same bytes, at any load of the machine.
///
/// Threading: one thread. Inlinable, so that the loop is made for its strategy where both are known.
@safe @usableFromInline
package struct VirtualWorld<S: Strategy, Gateway: OrderEntryGateway & ~Copyable>: ~Copyable {
  @usableFromInline package let network: MemoryNetwork
  @usableFromInline package var loop: TradingLoop<S, Gateway>
  @usableFromInline let servers: [any VirtualServer]
  @usableFromInline let journal: JournalWriter?
  @usableFromInline var faults: FaultSchedule
  /// Turns at one moment so far.
  @usableFromInline var turnsNow = 0
  /// Times that the clock was moved on although somebody said that there was still something to do.
  @usableFromInline package internal(set) var pushes: UInt64 = 0
  /// More turns than anything takes at one moment.
  @usableFromInline var turnsMax = 1_000_000

  /// - Parameters:
  ///   - loop: on `network`, as the servers are; begins with the first ``step()``.
  ///   - journal: without a thread of its own; nil where the engine's lane has no journal behind it.
  @inlinable package init(
    network: MemoryNetwork, loop: consuming TradingLoop<S, Gateway>,
    servers: [any VirtualServer], journal: JournalWriter?,
    faults: VirtualFaults = VirtualFaults()
  ) {
    self.network = network
    self.loop = loop
    self.servers = servers
    self.journal = journal
    self.faults = FaultSchedule(faults, from: network.now)
    self.loop.begin()
  }

  /// What has to be done at this moment, once; then the clock moves on, if it was all.
  @inlinable package mutating func step() {
    let now = network.now
    faults.act(on: network, now: now)
    for server in servers where server.due <= now { server.turn() }
    if !loop.isFinished, faults.stalledUntil <= now, loop.due <= now {
      journal?.keepAhead()
      loop.turn()
    }
    turnsNow += 1
    var next = min(network.next ?? .max, faults.next)
    for server in servers { next = min(next, server.due) }
    if !loop.isFinished { next = min(next, max(loop.due, faults.stalledUntil)) }
    if next <= now {
      guard turnsNow >= turnsMax else { return }
      pushes &+= 1
      next = now + 1_000
    }
    turnsNow = 0
    network.advance(to: next)
  }

  /// Until the clock has come to `time` or the loop has ended.
  @inlinable package mutating func run(until time: Int64 = .max) {
    while !loop.isFinished, network.now < time { step() }
  }

  /// What is under way when the loop has ended reaches the servers, which then end too.
  @inlinable package mutating func finish() {
    let end = network.last ?? network.now
    while network.now <= end { step() }
    for server in servers { server.finish() }
  }
}
