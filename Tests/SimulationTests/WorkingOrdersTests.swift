import ExecutionCore
import Gateways
import Testing

@testable import Simulation

/// What a request costs is decided by what works, not by what has worked.
@Suite struct WorkingOrdersTests {
  /// An exchange with two accounts that trade one symbol without a market.
  private static func core() -> ExchangeCore {
    var core = ExchangeCore()
    var facts = InstrumentFacts(symbol: Symbol(code: Flow.symbol))
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

  /// The orders that are done are made to look as if they were open: whoever walks over them finds them.
  @Test func `a mass cancel looks at none of a thousand orders that have been before it`() {
    var core = Self.core()
    for account in 0..<2 as Range<UInt32> {
      for order in 1...UInt32(1_000) {
        core.submit(
          Flow.enter(order, "B", 100, UInt64(order % 40 + 1) * 100), account: account, at: 0)
      }
      core.clearOutput()
      core.submit(Self.massCancel(1_001), account: account, at: 0)
      core.clearOutput()
    }
    #expect(core.workingOrders.isEmpty && core.own.count >= 1_000)
    for index in core.own.indices {
      core.own[index].isOpen = true
      core.own[index].total = 100
    }
    for account in 0..<2 {
      #expect(core.accounts[account].working.heads.isEmpty, "no list is left to be looked at")
    }
    for account in 0..<2 as Range<UInt32> {
      core.submit(Self.massCancel(1_002), account: account, at: 0)
    }
    #expect(core.events.map(\.event.kind) == [.massCancelResponse, .massCancelResponse])
    core.clearOutput()
    // What works beside them is found, and nothing else.
    core.submit(Flow.enter(1_003, "B", 100, 100), account: 1, at: 0)
    core.clearOutput()
    core.submit(Self.massCancel(1_003), account: 0, at: 0)
    core.submit(Self.massCancel(1_004), account: 1, at: 0)
    #expect(
      core.events.map(\.event.kind) == [.massCancelResponse, .massCancelResponse, .canceled])
  }
}
