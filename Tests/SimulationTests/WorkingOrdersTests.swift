import ExecutionCore
import Gateways
import Testing

@testable import Simulation

/// What a request costs is decided by what works, not by what has worked.
@Suite struct WorkingOrdersTests {
  /// An exchange with two accounts that trade one symbol without a market.
  private static func core() -> ExchangeCore {
    var core = ExchangeCore()
    var facts = InstrumentFacts(symbol: Flow.symbol)
    facts.status = .trading
    core.define(facts, locate: Flow.locate)
    _ = core.openAccount()
    _ = core.openAccount()
    core.clearOutput()
    return core
  }

  private static func massCancel(_ number: UInt32) -> OUCHRequest {
    var request = OUCHRequest(.massCancel)
    request.userRefNum = number
    return request
  }

  /// Shortest time of a mass cancel that finds nothing, of several.
  private static func time(_ core: inout ExchangeCore, from number: inout UInt32) -> Duration {
    let clock = ContinuousClock()
    var best = Duration.seconds(60)
    for _ in 0..<20 {
      number += 1
      let request = massCancel(number)
      best = min(best, clock.measure { core.submit(request, account: 1, at: 0) })
      core.clearOutput()
    }
    return best
  }

  @Test func `a mass cancel costs the same after a hundred thousand orders as before`() {
    var core = Self.core()
    var number: UInt32 = 0
    let fresh = Self.time(&core, from: &number)
    for order in 1...UInt32(100_000) {
      core.submit(Flow.enter(order, "B", 100, UInt64(order % 40 + 1) * 100), account: 0, at: 0)
    }
    core.clearOutput()
    core.submit(Self.massCancel(100_001), account: 0, at: 0)
    #expect(core.events.count == 100_001)
    core.clearOutput()
    #expect(core.workingOrders.isEmpty)
    let later = Self.time(&core, from: &number)
    #expect(later < fresh * 50, "\(fresh) at first, \(later) later")
  }
}
