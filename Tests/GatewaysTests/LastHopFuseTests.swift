import ExecutionCore
import Gateways
import Testing

@Suite struct `Last-hop fuse` {
  @Test func `too many orders in a second stop new ones until a person arms it again`() {
    let port = OUCHPort { $0.fuse.ordersPerSecondMax = 3 }
    port.connect()
    port.reports = []
    for reference: UInt64 in 1...3 {
      #expect(port.encode(venueRequest(reference: reference)) == nil)
    }
    #expect(port.encode(venueRequest(reference: 4)) == .fuse)
    #expect(port.tripped == .ordersPerSecond)
    #expect(
      port.encode(venueRequest(reference: 5), now: 60_000_000_000) == .fuse,
      "time alone cures nothing")
    #expect(port.encode(venueRequest(.replace, reference: 6, original: 1)) == .fuse)
    #expect(port.reports.last?.reason == NotSentCause.fuse.rawValue)
    #expect(port.encode(venueRequest(.cancel, reference: 1, original: 1)) == nil)
    #expect(port.encode(venueRequest(.massCancel, reference: 7)) == nil)
    #expect(!port.rearm(by: "", now: 1))
    #expect(!port.rearm(by: "  ", now: 1))
    #expect(port.rearm(by: "Ada Lovelace", now: 61_000_000_000))
    #expect(port.encode(venueRequest(reference: 8), now: 61_000_000_000) == nil)
    let by = port.gateway.fuse.rearmedBy
    #expect(by == "Ada Lovelace")
  }

  @Test func `the second slides`() {
    let port = OUCHPort {
      $0.fuse.ordersPerSecondMax = 10
    }
    port.connect()
    // Nine a second for an hour of machine time, and never a trip.
    for i: UInt64 in 1...400 {
      #expect(
        port.encode(venueRequest(reference: i) { $0.quantity = 1 }, now: Int64(i) * 125_000_000)
          == nil)
    }
    #expect(port.tripped == nil)
    for i: UInt64 in 401...404 {
      _ = port.encode(venueRequest(reference: i) { $0.quantity = 1 }, now: 50_000_000_001)
    }
    #expect(port.tripped == .ordersPerSecond)
  }

  @Test func `notional is counted from the price on the wire, market orders at the sentinel`() {
    let port = OUCHPort { $0.fuse.notionalPerSecondMax = 1_505_000 * 250 }
    port.connect()
    #expect(port.encode(venueRequest(reference: 1)) == nil)
    #expect(port.encode(venueRequest(reference: 2)) == nil)
    #expect(port.encode(venueRequest(reference: 3)) == .fuse)
    #expect(port.tripped == .notionalPerSecond)
    let market = OUCHPort { $0.fuse.notionalPerSecondMax = 1_505_000 * 250 }
    market.connect()
    #expect(
      market.encode(
        venueRequest(reference: 1) {
          $0.flags = .market
          $0.quantity = 1
        }) == .fuse)
  }

  @Test func `open orders are followed through their fills, cancels and replaces`() {
    let port = OUCHPort { $0.fuse.openOrdersMax = 4 }
    port.connect()
    for reference: UInt64 in 1...4 {
      #expect(port.encode(venueRequest(reference: reference)) == nil)
    }
    #expect(port.openOrders == 4)
    port.send()
    port.say(.executed) {
      $0.userRefNum = 1
      $0.quantity = 60
    }
    #expect(port.openOrders == 4)
    port.say(.executed) {
      $0.userRefNum = 1
      $0.quantity = 40
    }
    port.say(.canceled) {
      $0.userRefNum = 2
      $0.quantity = 100
    }
    port.say(.rejected) { $0.userRefNum = 3 }
    #expect(port.openOrders == 1)
    port.say(.replaced) {
      $0.originalUserRefNum = 4
      $0.userRefNum = 9
      $0.quantity = 30
      $0.orderState = UInt8(ascii: "L")
    }
    #expect(port.openOrders == 1)
    port.say(.executed) {
      $0.userRefNum = 9
      $0.quantity = 30
    }
    #expect(port.openOrders == 0)
    for reference: UInt64 in 10...13 {
      #expect(port.encode(venueRequest(reference: reference)) == nil)
    }
    #expect(port.encode(venueRequest(reference: 14)) == .fuse)
    #expect(port.tripped == .openOrders)
  }

  @Test func `open orders agree with a plain model over a long day`() {
    let seed: UInt64 = 0xf05e
    var random = Random(seed: seed)
    let port = OUCHPort {
      $0.fuse.openOrdersMax = 60
      $0.fuse.ordersPerSecondMax = 1 << 30
      $0.fuse.notionalPerSecondMax = .max
    }
    port.connect()
    var model: [UInt32: UInt32] = [:]
    var next: UInt32 = 1
    for _ in 0..<4_000 {
      if model.count < 50, random.chance(55) {
        #expect(port.encode(venueRequest(reference: UInt64(next))) == nil)
        model[next] = 100
        next += 1
        port.send()
      } else if let reference = model.keys.sorted().randomElement(using: &random) {
        let quantity = UInt32(1 + random.below(60))
        let kind: OUCHResponse.Kind = random.chance(50) ? .executed : .canceled
        port.say(kind) {
          $0.userRefNum = reference
          $0.quantity = quantity
        }
        let left = model[reference]!
        model[reference] = left > quantity ? left - quantity : nil
      }
      #expect(port.openOrders == model.count, "seed \(seed)")
    }
  }
}
