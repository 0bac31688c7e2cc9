import ExecutionCore
import Gateways
import Testing

/// An order without options goes straight into its packet; one with an option goes the general way.
@Suite struct OUCHEnterTests {
  private struct Dice {
    var state: UInt64
    mutating func below(_ n: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % n
    }
  }

  private func order(_ dice: inout Dice, reference: UInt64) -> VenueRequest {
    venueRequest(reference: dice.below(30) == 0 ? [0, 1 << 32][Int(dice.below(2))] : reference) {
      $0.side = [Side.buy, .sell, .sellShort, .sellShortExempt][Int(dice.below(4))]
      $0.timeInForce = dice.below(2) == 0 ? .day : .immediateOrCancel
      $0.display = [Display.displayed, .hidden, .attributed][Int(dice.below(3))]
      $0.capacity = [OrderCapacity.principal, .agency, .risklessPrincipal][Int(dice.below(3))]
      $0.incarnation = UInt8(dice.below(38))
      $0.flags = dice.below(2) == 0 ? [] : .intermarketSweep
      $0.clientOrderID = ClientOrderID(
        raw: [dice.below(100), 1 << 40 + dice.below(1_000), .max - dice.below(9)][
          Int(dice.below(3))])
      $0.price = Int64(dice.below(2_100_000_000)) * 10_000 + (dice.below(9) == 0 ? 1 : 0)
      $0.priceExponent = dice.below(5) == 0 ? -6 : -8
      $0.quantity = Int64(dice.below(1_050_000)) - 20_000
      $0.quantityExponent = Int8(dice.below(8) == 0 ? dice.below(3) : 0) - 1
      if dice.below(3) > 0 { $0.quantityExponent = 0 }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `an order without options says the same as one with a single option more`(seed: UInt64) {
    var dice = Dice(state: seed)
    let wide = { (settings: inout OUCHGatewaySettings) in
      settings.fuse.ordersPerSecondMax = .max
      settings.fuse.notionalPerSecondMax = .max
    }
    let plain = OUCHPort(wide)
    let twin = OUCHPort(wide)
    for port in [plain, twin] {
      port.connect()
      port.requests = []
      port.peer.unsequenced = []
    }
    var sent = 0
    for i in 1...400 as ClosedRange<UInt64> {
      let asked = order(&dice, reference: i)
      var more = asked
      more.flags.insert(.postOnly)
      let cause = plain.encode(asked)
      #expect(cause == twin.encode(more), "seed \(seed) order \(i)")
      if cause == nil { sent += 1 }
      plain.send()
      twin.send()
    }
    #expect(sent > 50 && plain.requests.count == sent && twin.requests.count == sent)
    for (request, other) in zip(plain.requests, twin.requests) {
      #expect(request.options.count == 0 && other.options.count == 1)
      var (a, b) = (request, other)
      a.options = OUCHOptions()
      b.options = OUCHOptions()
      #expect(a == b)
    }
  }
}
