import ExecutionCore
import Gateways
import Testing

@Suite struct `OUCH gateway` {
  @Test func `a session comes up, drains and says that it has caught up`() {
    let port = OUCHPort()
    #expect(port.encode(venueRequest()) == .sessionDown)
    #expect(port.reports.first?.kind == .notSent)
    #expect(port.reports.first?.subject == VenueRequest.Kind.new.rawValue)
    #expect(port.reports.first?.reason == NotSentCause.sessionDown.rawValue)
    port.reports = []
    port.connect()
    #expect(port.kinds == [.sessionUp, .notice, .caughtUp])
    #expect(port.reports[0].streamSequence == 1)
    #expect(port.reports[1].venueReference == 0 && port.reports[2].venueReference == 1)
    #expect(port.isCaughtUp)
    #expect(port.gateway.session.leftJustified == soupSession)
  }

  @Test func `every kind of request becomes the message it should`() {
    let port = OUCHPort()
    port.connect()
    port.requests = []
    port.peer.unsequenced = []
    #expect(
      port.encode(
        venueRequest(reference: 7) {
          $0.side = .sellShort
          $0.timeInForce = .immediateOrCancel
          $0.flags = [.postOnly, .intermarketSweep]
          $0.incarnation = 2
          $0.display = .hidden
          $0.capacity = .agency
        }) == nil)
    #expect(
      port.encode(venueRequest(.replace, reference: 8, original: 7) { $0.flags = .market }) == nil)
    #expect(
      port.encode(venueRequest(.modify, reference: 8, original: 8) { $0.quantity = 50 }) == nil)
    port.send()
    #expect(
      port.encode(venueRequest(.cancel, reference: 8, original: 8) { $0.quantity = 0 }) == nil)
    #expect(port.encode(venueRequest(.massCancel, reference: 9) { $0.instrument = .none }) == nil)
    #expect(port.encode(venueRequest(.disableEntry, reference: 10)) == nil)
    #expect(port.encode(venueRequest(.enableEntry, reference: 11)) == nil)
    #expect(port.encode(venueRequest(.inquiry, reference: 8)) == nil)
    port.send()
    #expect(
      port.requests.map(\.kind) == [
        .enter, .replace, .modify, .cancel, .massCancel, .disableEntry, .enableEntry, .accountQuery,
      ])
    let enter = port.requests[0]
    #expect(enter.userRefNum == 7 && enter.quantity == 100 && enter.price == 1_505_000)
    #expect(enter.side == UInt8(ascii: "T") && enter.timeInForce == UInt8(ascii: "3"))
    #expect(enter.interMarketSweep == UInt8(ascii: "Y") && enter.crossType == UInt8(ascii: "N"))
    #expect(enter.display == UInt8(ascii: "N") && enter.capacity == UInt8(ascii: "A"))
    #expect(enter.symbol == SymbolCode.encode("AAPL"))
    #expect(enter.options.value(.postOnly) == UInt64(UInt8(ascii: "P")))
    #expect(enter.clOrdID.decoded?.id.raw == 1_007 && enter.clOrdID.decoded?.incarnation == 2)
    #expect(port.requests[1].originalUserRefNum == 7 && port.requests[1].userRefNum == 8)
    #expect(port.requests[1].price == OUCHLimits.marketPrice)
    #expect(port.requests[2].userRefNum == 8 && port.requests[2].side == UInt8(ascii: "B"))
    #expect(port.requests[3].userRefNum == 8 && port.requests[3].quantity == 0)
    #expect(port.requests[4].symbol == 0x2020_2020_2020_2020)
    #expect(port.requests[4].firm == 0x2020_2020)
  }

  @Test(arguments: [(Side.sell, "S"), (.sellShort, "T"), (.sellShortExempt, "E")])
  func `a replace of a sale carries its marking, which has no field of its own`(
    _ side: Side, _ letter: String
  ) {
    let port = OUCHPort()
    port.connect()
    port.requests = []
    port.peer.unsequenced = []
    #expect(port.encode(venueRequest(reference: 7) { $0.side = .sell }) == nil)
    #expect(
      port.encode(venueRequest(.replace, reference: 8, original: 7) { $0.side = side }) == nil)
    #expect(port.encode(venueRequest(.replace, reference: 9, original: 8)) == nil)
    port.send()
    #expect(port.requests.map(\.kind) == [.enter, .replace, .replace])
    #expect(port.requests[1].options.value(.side) == letter.utf8.first.map(UInt64.init))
    #expect(port.requests[2].options.value(.side) == nil, "a purchase has none")
  }

  @Test func `what does not convert exactly is not sent and says why`() {
    let port = OUCHPort { $0.fuse.notionalPerSecondMax = .max }
    port.connect()
    port.reports = []
    let cases: [(NotSentCause, (inout VenueRequest) -> Void)] = [
      (.priceNotExact, { $0.price = 15_050_005_000 }),
      (.priceRange, { $0.price = 0 }),
      (.priceRange, { $0.price = -1 }),
      (.priceRange, { $0.price = 20_000_000_000_000 }),
      (.priceRange, { $0.price = .max - .max % 10_000 }),
      (
        .priceRange,
        {
          $0.price = .max; $0.priceExponent = 127
        }
      ),
      (.quantityRange, { $0.quantity = 0 }),
      (.quantityRange, { $0.quantity = -5 }),
      (.quantityRange, { $0.quantity = 1_000_000 }),
      (
        .quantityRange,
        {
          $0.quantity = .max; $0.quantityExponent = 127
        }
      ),
      (
        .quantityNotExact,
        {
          $0.quantity = 15; $0.quantityExponent = -1
        }
      ),
      (.reference, { $0.venueReference = 0 }),
      (.reference, { $0.venueReference = 1 << 32 }),
      (.clientOrderID, { $0.incarnation = 36 }),
      (.unsupported, { $0.instrument = InstrumentID(raw: 1) }),
      (.unsupported, { $0.instrument = .none }),
      (.unsupported, { $0.account = AccountID(raw: $0.account.raw + 1) }),
    ]
    for (cause, change) in cases {
      let asked = venueRequest(.new, reference: 5, change)
      #expect(port.encode(asked) == cause)
      #expect(port.reports.last?.kind == .notSent)
      #expect(port.reports.last?.reason == cause.rawValue)
      #expect(port.reports.last?.subject == VenueRequest.Kind.new.rawValue)
      #expect(port.reports.last?.venueReference == asked.venueReference)
      #expect(port.reports.last?.clientOrderID == asked.clientOrderID)
    }
    #expect(port.reports.count == cases.count)
    #expect(port.encode(venueRequest(.replace, reference: 6)) == .reference, "no original")
    #expect(
      port.encode(venueRequest(.cancel, reference: 6) { $0.quantity = 1_000_000 }) == .quantityRange
    )
    // The limits themselves are good.
    for change: (inout VenueRequest) -> Void in [
      { $0.price = 19_999_999_000_000 }, { $0.price = 10_000 }, { $0.quantity = 999_999 },
      {
        $0.price = 1_505_000; $0.priceExponent = -4
      },
      {
        $0.price = 150; $0.priceExponent = 0
      },
      {
        $0.quantity = 1_000; $0.quantityExponent = -1
      },
    ] {
      #expect(port.encode(venueRequest(.new, reference: 5, change)) == nil)
    }
    #expect(port.gateway.fuse.tripped == nil)
  }

  @Test func `every outbound message becomes its report`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    let id = OUCHClOrdID(ClientOrderID(raw: 1_007), incarnation: 1)!
    port.say(.systemEvent) { $0.reason = 0x53 }
    port.say(.accepted) {
      $0.userRefNum = 7
      $0.side = UInt8(ascii: "T")
      $0.quantity = 100
      $0.price = 1_505_000
      $0.symbol = SymbolCode.encode("AAPL")!
      $0.orderReference = 55
      $0.orderState = UInt8(ascii: "L")
      $0.clOrdID = id
      $0.timeInForce = UInt8(ascii: "0")
      $0.display = UInt8(ascii: "Y")
    }
    port.say(.replaced) {
      $0.originalUserRefNum = 7
      $0.userRefNum = 8
      $0.quantity = 90
      $0.orderState = UInt8(ascii: "L")
      $0.clOrdID = id
    }
    port.say(.executed) {
      $0.userRefNum = 8
      $0.quantity = 40
      $0.price = 1_504_900
      $0.liquidityFlag = UInt8(ascii: "A")
      $0.matchNumber = 77
    }
    port.say(.canceled) {
      $0.userRefNum = 8
      $0.quantity = 10
      $0.reason = UInt16(UInt8(ascii: "U"))
    }
    port.say(.aiqCanceled) {
      $0.userRefNum = 8
      $0.quantity = 5
      $0.reason = UInt16(UInt8(ascii: "Q"))
    }
    port.say(.brokenTrade) {
      $0.userRefNum = 8
      $0.matchNumber = 77
      $0.reason = UInt16(UInt8(ascii: "S"))
      $0.clOrdID = id
    }
    port.say(.rejected) {
      $0.userRefNum = 9
      $0.reason = 0x1d
      $0.clOrdID = OUCHClOrdID.blank
    }
    port.say(.cancelPending) { $0.userRefNum = 8 }
    port.say(.cancelReject) { $0.userRefNum = 8 }
    port.say(.priorityUpdate) {
      $0.userRefNum = 8
      $0.price = 3
      $0.orderReference = 56
    }
    port.say(.restated) {
      $0.userRefNum = 8
      $0.reason = UInt16(UInt8(ascii: "R"))
      $0.options.set(.displayQuantity, 20)
      $0.options.set(.displayPrice, 4)
      $0.options.set(.secondaryOrderReference, 57)
    }
    port.say(.modified) {
      $0.userRefNum = 8
      $0.side = UInt8(ascii: "S")
      $0.quantity = 30
    }
    port.say(.massCancelResponse) { $0.userRefNum = 10 }
    port.say(.disableEntryResponse) { $0.userRefNum = 11 }
    port.say(.enableEntryResponse) { $0.userRefNum = 12 }
    #expect(
      port.kinds == [
        .notice, .accepted, .replaced, .executed, .canceled, .canceled, .broken, .rejected,
        .cancelPending, .cancelRejected, .priorityUpdated, .restated, .modified,
        .massCancelResponse, .entryDisabled, .entryEnabled,
      ])
    let r = port.reports
    #expect(r.map(\.streamSequence) == Array(2...17))
    #expect(r.allSatisfy { $0.venueTime == ouchMidnight + 34_200_000_000_000 && $0.port.raw == 3 })
    #expect(r.allSatisfy { $0.account.raw == 9 && $0.priceExponent == -4 })
    #expect(r[1].side == Side.sellShort.rawValue && r[1].venueOrderID.number == 55)
    #expect(r[1].bookReference == 55 | (1 as UInt64) << 63)
    #expect(r[1].clientOrderID.raw == 1_007 && r[1].incarnation == 1)
    #expect(r[1].standing == .working && r[1].price == 1_505_000)
    #expect(r[1].display == Display.displayed.rawValue + 1)
    #expect(r[2].venueReference == 8 && r[2].originalVenueReference == 7)
    #expect(
      r[3].executionID.number == 77 && r[3].quantity == 40 && r[3].liquidity == UInt8(ascii: "A"))
    #expect(r[3].clientOrderID == .none)
    #expect(r[4].reason == UInt16(UInt8(ascii: "U")) && r[4].quantity == 10)
    #expect(r[6].clientOrderID.raw == 1_007)
    #expect(r[7].reason == 0x1d && r[7].clientOrderID == .none)
    #expect(r[11].quantity == 20 && r[11].price == 4 && r[11].venueOrderID.number == 57)
    #expect(port.gateway.counters.foreignIdentifiers == 1)
  }

  @Test func `a message that cannot be decoded is reported and the next one still counts`() {
    let port = OUCHPort()
    port.connect()
    port.reports = []
    port.peer.append([UInt8](ascii: "Zxx"))
    port.peer.append([UInt8](ascii: "E123"))
    port.peer.append([])
    var executed = OUCHResponse(.executed)
    executed.userRefNum = 4
    executed.quantity = 6
    var bytes = executed.encoded()
    bytes[35] = 9
    port.peer.append(bytes)
    port.receive(port.peer.take())
    #expect(port.kinds == [.undecodable, .undecodable, .undecodable, .executed])
    #expect(port.reports.map(\.streamSequence) == [2, 3, 4, 5], "the sequence counts them all")
    #expect(port.gateway.counters.undecodable == 3)
    #expect(port.gateway.counters.damagedOptions == 1)
  }

  @Test func `requests leave in the order in which they were encoded, byte for byte`() {
    let seed: UInt64 = 0x0c4
    var random = Random(seed: seed)
    let port = OUCHPort()
    port.connect()
    port.requests = []
    port.peer.unsequenced = []
    var sent: [UInt32] = []
    for reference: UInt64 in 1...600 {
      let kind: VenueRequest.Kind = random.chance(30) ? .cancel : .new
      if port.encode(venueRequest(kind, reference: reference, original: reference)) == nil {
        sent.append(UInt32(reference))
      }
      if random.chance(20) { port.send() }
    }
    port.send()
    #expect(port.requests.map(\.userRefNum) == sent, "seed \(seed)")
    #expect(sent.count == 600 && port.peer.faults.isEmpty)
  }

  @Test func `the gateway allocates its reports once and stops reading when they are full`() {
    let port = OUCHPort()
    port.connect()
    var executed = OUCHResponse(.executed)
    executed.userRefNum = 4
    for _ in 0..<2_000 { port.peer.append(executed.encoded()) }
    let stream = port.peer.take()
    let used = stream.withUnsafeBytes { port.gateway.receive($0, now: 0) }
    #expect(used > 0 && used < stream.count)
    port.drainReports()
    port.reports = []
    port.receive(Array(stream.dropFirst(used)))
    #expect(port.gateway.nextSequence == 2_002)
  }
}
