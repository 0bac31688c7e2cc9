import ExecutionCore
import Foundation
import Gateways
import Testing

/// One of each inbound message with its bytes written out by hand.
private let requests: [(OUCHRequest, [UInt8])] = {
  let symbol = SymbolCode.encode("AAPL")!
  let id = OUCHClOrdID(ClientOrderID(raw: 36), incarnation: 1)!
  let text = [UInt8](ascii: "00000000000101")
  var result: [(OUCHRequest, [UInt8])] = []
  var enter = OUCHRequest(.enter)
  enter.userRefNum = 7
  enter.side = UInt8(ascii: "B")
  enter.quantity = 100
  enter.symbol = symbol
  enter.price = 1_505_000
  enter.timeInForce = UInt8(ascii: "0")
  enter.display = UInt8(ascii: "Y")
  enter.capacity = UInt8(ascii: "P")
  enter.interMarketSweep = UInt8(ascii: "N")
  enter.crossType = UInt8(ascii: "N")
  enter.clOrdID = id
  let enterFixed: [UInt8] =
    [UInt8](ascii: "O") + [UInt8](be32: 7) + [UInt8](ascii: "B") + [UInt8](be32: 100)
    + [UInt8](ascii: "AAPL    ") + [UInt8](be64: 1_505_000) + [UInt8](ascii: "0YPNN") + text
  enter.options.isPresent = true
  result.append((enter, enterFixed + [0, 0]))
  enter.options.set(.postOnly, UInt64(UInt8(ascii: "P")))
  enter.options.set(.firm, 0x4142_4344)
  enter.options.set(.groupID, 0x0102)
  enter.options.set(.discretionPrice, 99)
  result.append(
    (
      enter,
      enterFixed + [0, 23, 2, 12, 0x50, 5, 2, 0x41, 0x42, 0x43, 0x44, 3, 24, 1, 2, 9, 9]
        + [UInt8](be64: 99)
    ))
  var replace = OUCHRequest(.replace)
  replace.originalUserRefNum = 7
  replace.userRefNum = 8
  replace.quantity = 999_999
  replace.price = OUCHLimits.marketPrice
  replace.timeInForce = UInt8(ascii: "3")
  replace.display = UInt8(ascii: "N")
  replace.interMarketSweep = UInt8(ascii: "Y")
  replace.clOrdID = id
  replace.options.isPresent = true
  result.append(
    (
      replace,
      [UInt8](ascii: "U") + [UInt8](be32: 7) + [UInt8](be32: 8) + [UInt8](be32: 999_999)
        + [UInt8](be64: 2_000_000_000) + [UInt8](ascii: "3NY") + text + [0, 0]
    ))
  var cancel = OUCHRequest(.cancel)
  cancel.userRefNum = 8
  cancel.quantity = 0
  result.append((cancel, [UInt8](ascii: "X") + [UInt8](be32: 8) + [UInt8](be32: 0)))
  cancel.options.set(.userReferenceIndex, 3)
  result.append(
    (cancel, [UInt8](ascii: "X") + [UInt8](be32: 8) + [UInt8](be32: 0) + [0, 3, 2, 28, 3]))
  var modify = OUCHRequest(.modify)
  modify.userRefNum = 8
  modify.side = UInt8(ascii: "T")
  modify.quantity = 50
  result.append(
    (modify, [UInt8](ascii: "M") + [UInt8](be32: 8) + [UInt8](ascii: "T") + [UInt8](be32: 50)))
  var mass = OUCHRequest(.massCancel)
  mass.userRefNum = 9
  mass.firm = 0x4652_4d20
  mass.symbol = symbol
  mass.options.set(.side, UInt64(UInt8(ascii: "S")))
  result.append(
    (
      mass,
      [UInt8](ascii: "C") + [UInt8](be32: 9) + [UInt8](ascii: "FRM AAPL    ") + [0, 3, 2, 27, 0x53]
    ))
  var disable = OUCHRequest(.disableEntry)
  disable.userRefNum = 10
  disable.firm = 0x4652_4d20
  disable.options.isPresent = true
  result.append(
    (disable, [UInt8](ascii: "D") + [UInt8](be32: 10) + [UInt8](ascii: "FRM ") + [0, 0]))
  var enable = OUCHRequest(.enableEntry)
  enable.userRefNum = 11
  enable.firm = 0x2020_2020
  enable.options.isPresent = true
  result.append(
    (enable, [UInt8](ascii: "E") + [UInt8](be32: 11) + [UInt8](ascii: "    ") + [0, 0]))
  result.append((OUCHRequest(.accountQuery), [UInt8](ascii: "Q")))
  return result
}()

/// One of each outbound message with its bytes written out by hand.
private let responses: [(OUCHResponse, [UInt8])] = {
  let time: UInt64 = 34_200_123_456_789
  let stamp = [UInt8](be64: time)
  let id = OUCHClOrdID(ClientOrderID(raw: .max), incarnation: 35)!
  let text = [UInt8](ascii: "3W5E11264SGSFZ")
  var result: [(OUCHResponse, [UInt8])] = []
  func make(_ kind: OUCHResponse.Kind, _ body: (inout OUCHResponse) -> Void) -> OUCHResponse {
    var response = OUCHResponse(kind)
    response.timestamp = time
    if kind != .systemEvent { response.userRefNum = 7 }
    body(&response)
    return response
  }
  let head: (String) -> [UInt8] = { [UInt8](ascii: $0) + stamp + [UInt8](be32: 7) }
  result.append(
    (
      make(.systemEvent) { $0.reason = UInt16(UInt8(ascii: "S")) },
      [UInt8](ascii: "S") + stamp + [UInt8](ascii: "S")
    ))
  let order: (inout OUCHResponse) -> Void = {
    $0.side = UInt8(ascii: "E")
    $0.quantity = 300
    $0.symbol = SymbolCode.encode("BRK.A")!
    $0.price = OUCHLimits.priceMax
    $0.timeInForce = UInt8(ascii: "0")
    $0.display = UInt8(ascii: "A")
    $0.orderReference = 1 << 63 | 5
    $0.capacity = UInt8(ascii: "A")
    $0.interMarketSweep = UInt8(ascii: "N")
    $0.crossType = UInt8(ascii: "C")
    $0.orderState = UInt8(ascii: "L")
    $0.clOrdID = id
    $0.options.isPresent = true
  }
  let orderBytes: [UInt8] =
    [UInt8](ascii: "E") + [UInt8](be32: 300) + [UInt8](ascii: "BRK.A   ")
    + [UInt8](be64: 1_999_999_900) + [UInt8](ascii: "0A") + [UInt8](be64: 1 << 63 | 5)
    + [UInt8](ascii: "ANCL") + text
  result.append((make(.accepted, order), head("A") + orderBytes + [0, 0]))
  result.append(
    (
      make(.accepted) {
        order(&$0)
        $0.options.set(.bboWeight, UInt64(UInt8(ascii: "0")))
        $0.options.set(.pegOffset, 0xffff_ff9c)
      }, head("A") + orderBytes + [0, 9, 2, 18, 0x30, 5, 7, 0xff, 0xff, 0xff, 0x9c]
    ))
  result.append(
    (
      make(.replaced) {
        order(&$0)
        $0.originalUserRefNum = 6
      }, [UInt8](ascii: "U") + stamp + [UInt8](be32: 6) + [UInt8](be32: 7) + orderBytes + [0, 0]
    ))
  result.append(
    (
      make(.canceled) {
        $0.quantity = 40
        $0.reason = UInt16(UInt8(ascii: "U"))
      }, head("C") + [UInt8](be32: 40) + [UInt8](ascii: "U")
    ))
  result.append(
    (
      make(.aiqCanceled) {
        $0.quantity = 40
        $0.reason = UInt16(UInt8(ascii: "Q"))
        $0.quantityPrevented = 41
        $0.price = 12_345
        $0.liquidityFlag = UInt8(ascii: "R")
        $0.aiqStrategy = UInt8(ascii: "D")
      },
      head("D") + [UInt8](be32: 40) + [UInt8](ascii: "Q") + [UInt8](be32: 41)
        + [UInt8](be64: 12_345) + [UInt8](ascii: "RD")
    ))
  result.append(
    (
      make(.executed) {
        $0.quantity = 60
        $0.price = 1_504_900
        $0.liquidityFlag = UInt8(ascii: "A")
        $0.matchNumber = 77
        $0.options.set(.referencePrice, 5)
        $0.options.set(.referencePriceType, UInt64(UInt8(ascii: "I")))
      },
      head("E") + [UInt8](be32: 60) + [UInt8](be64: 1_504_900) + [UInt8](ascii: "A")
        + [UInt8](be64: 77) + [0, 13, 9, 19] + [UInt8](be64: 5) + [2, 20, 0x49]
    ))
  result.append(
    (
      make(.brokenTrade) {
        $0.matchNumber = 77
        $0.reason = UInt16(UInt8(ascii: "S"))
        $0.clOrdID = id
      }, head("B") + [UInt8](be64: 77) + [UInt8](ascii: "S") + text
    ))
  result.append(
    (
      make(.rejected) {
        $0.reason = 0x001d
        $0.clOrdID = id
      }, head("J") + [0, 0x1d] + text
    ))
  result.append((make(.cancelPending) { _ in }, head("P")))
  result.append((make(.cancelReject) { _ in }, head("I")))
  result.append(
    (
      make(.priorityUpdate) {
        $0.price = 5
        $0.display = UInt8(ascii: "Y")
        $0.orderReference = 6
      }, head("T") + [UInt8](be64: 5) + [UInt8](ascii: "Y") + [UInt8](be64: 6)
    ))
  result.append(
    (
      make(.restated) {
        $0.reason = UInt16(UInt8(ascii: "R"))
        $0.options.set(.displayQuantity, 100)
        $0.options.set(.secondaryOrderReference, 8)
      },
      head("R") + [UInt8](ascii: "R") + [0, 16, 5, 22] + [UInt8](be32: 100) + [9, 1]
        + [UInt8](be64: 8)
    ))
  result.append(
    (
      make(.modified) {
        $0.side = UInt8(ascii: "S")
        $0.quantity = 10
      }, head("M") + [UInt8](ascii: "S") + [UInt8](be32: 10)
    ))
  result.append(
    (
      make(.massCancelResponse) {
        $0.firm = 0x4652_4d20
        $0.symbol = SymbolCode.encode("F")!
        $0.options.isPresent = true
      }, head("X") + [UInt8](ascii: "FRM F       ") + [0, 0]
    ))
  for (kind, letter) in [
    (OUCHResponse.Kind.disableEntryResponse, "G"), (.enableEntryResponse, "K"),
  ] {
    result.append(
      (
        make(kind) {
          $0.firm = 0x4652_4d20
          $0.options.isPresent = true
        }, head(letter) + [UInt8](ascii: "FRM ") + [0, 0]
      ))
  }
  result.append((make(.accountQueryResponse) { $0.userRefNum = 7 }, head("Q")))
  return result
}()

@Suite struct `OUCH 5.0 codec` {
  @Test func `every inbound message is byte exact in both directions`() {
    for (request, bytes) in requests {
      #expect(request.encoded().hex == bytes.hex, "type \(request.kind)")
      let (decoded, fault) = OUCHRequest.decoded(bytes)
      #expect(fault == nil, "type \(request.kind): \(String(describing: fault))")
      #expect(decoded == request, "type \(request.kind)")
    }
    #expect(Set(requests.map(\.0.kind)) == Set(OUCHRequest.Kind.allCases))
  }

  @Test func `every outbound message is byte exact in both directions`() {
    for (response, bytes) in responses {
      #expect(response.encoded().hex == bytes.hex, "type \(response.kind)")
      let (decoded, fault, skipped) = OUCHResponse.decoded(bytes)
      #expect(fault == nil, "type \(response.kind): \(String(describing: fault))")
      #expect(decoded == response, "type \(response.kind)")
      #expect(skipped == 0)
    }
    #expect(Set(responses.map(\.0.kind)) == Set(OUCHResponse.Kind.allCases))
  }

  @Test func `every truncation of an inbound message is a fault`() {
    for (request, bytes) in requests {
      for length in 0..<bytes.count {
        let whole = length == OUCHRequest.decoded(bytes).request.bytesWithoutOptionalAppendage
        let (_, fault) = OUCHRequest.decoded(Array(bytes.prefix(length)))
        #expect((fault == nil) == whole, "type \(request.kind) cut to \(length)")
      }
      #expect(
        OUCHRequest.decoded(bytes + [0]).fault != nil, "type \(request.kind) with a byte more")
    }
  }

  @Test func `a cut outbound message keeps its fixed part or is refused whole`() {
    for (response, bytes) in responses {
      for length in 0..<bytes.count {
        let (decoded, fault, _) = OUCHResponse.decoded(Array(bytes.prefix(length)))
        if let fault, !fault.isAppendage {
          #expect(length < 45 || response.kind == .accepted || response.kind == .replaced)
        } else {
          #expect(decoded.kind == response.kind)
          #expect(decoded.quantity == response.quantity)
          #expect(decoded.matchNumber == response.matchNumber)
        }
      }
    }
  }

  @Test func `an AIQ cancel of the older revision ends at the liquidity flag`() {
    let bytes = responses.first { $0.0.kind == .aiqCanceled }!.1
    let (decoded, fault, _) = OUCHResponse.decoded(Array(bytes.dropLast()))
    #expect(fault == nil)
    #expect(decoded.quantityPrevented == 41)
    #expect(decoded.aiqStrategy == 0)
  }

  @Test func `unknown types and empty messages are named`() {
    #expect(OUCHRequest.decoded([]).fault?.code == .empty)
    #expect(OUCHResponse.decoded([]).fault?.code == .empty)
    #expect(OUCHRequest.decoded([UInt8](ascii: "Z1234")).fault?.code == .unknownType)
    let fault = OUCHResponse.decoded([UInt8](ascii: "Z1234")).fault
    #expect(fault?.description == "OUCH message of unknown type Z")
  }

  @Test func `unknown outbound tags are stepped over and counted`() {
    let fixed = Array(responses.first { $0.0.kind == .executed }!.1.prefix(34))
    let tail: [UInt8] = [4, 99, 1, 2, 3, 2, 28, 5, 1, 200, 9, 19] + [UInt8](be64: 42)
    let (decoded, fault, skipped) = OUCHResponse.decoded(
      fixed + [UInt8](be16: UInt16(tail.count)) + tail)
    #expect(fault == nil)
    #expect(skipped == 2)
    #expect(decoded.options.value(.userReferenceIndex) == 5)
    #expect(decoded.options.value(.referencePrice) == 42)
    #expect(decoded.quantity == 60)
  }

  @Test func `a tag that its message may not carry is refused inbound and skipped outbound`() {
    var request = requests.first { $0.0.kind == .massCancel }!.0
    request.options.set(.postOnly, 0x50)
    var fault: OUCHFault?
    var out = [UInt8](repeating: 0, count: 256)
    let length = out.withUnsafeMutableBytes { request.encode(into: $0, &fault) }
    #expect(length == 0)
    #expect(fault == OUCHFault(.optionRefused, type: UInt8(ascii: "C"), tag: 12))
    let mass = Array(requests.first { $0.0.kind == .massCancel }!.1.prefix(17))
    #expect(OUCHRequest.decoded(mass + [0, 3, 2, 12, 0x50]).fault?.code == .optionRefused)
    #expect(OUCHRequest.decoded(mass + [0, 2, 1, 77]).fault?.code == .optionRefused)
    let accepted = Array(responses.first { $0.0.kind == .accepted }!.1.prefix(62))
    let (_, none, skipped) = OUCHResponse.decoded(accepted + [0, 3, 2, 20, 0x50])
    #expect(none == nil)
    #expect(skipped == 1)
  }

  @Test func `duplicate tags and lengths that lie are faults`() {
    let enter = Array(requests[0].1.prefix(45))
    let cases: [([UInt8], OUCHFault.Code)] = [
      ([0, 6, 2, 12, 0x50, 2, 12, 0x4e], .duplicateOption),
      ([0, 9, 2, 12, 0x50], .appendageLength),
      ([0, 2, 2, 12, 0x50], .appendageLength),
      ([0, 3, 3, 12, 0x50], .optionLength),
      ([0, 3, 0, 12, 0x50], .optionLength),
      ([0, 4, 3, 12, 0x50, 0x50], .optionLength),
      ([0, 3, 2, 2, 0x50], .optionLength),
      ([0, 1, 5], .optionLength),
    ]
    for (tail, code) in cases {
      #expect(OUCHRequest.decoded(enter + tail).fault?.code == code, "\(tail)")
    }
    // The fill behind such an appendage still counts.
    let executed = Array(responses.first { $0.0.kind == .executed }!.1.prefix(34))
    let (decoded, fault, _) = OUCHResponse.decoded(executed + [0, 9, 2, 28])
    #expect(fault?.isAppendage == true)
    #expect(decoded.quantity == 60)
    #expect(decoded.matchNumber == 77)
  }

  @Test func `an output that is too short is refused and not written`() {
    for (request, bytes) in requests {
      var out = [UInt8](repeating: 0xee, count: bytes.count - 1)
      var fault: OUCHFault?
      let length = out.withUnsafeMutableBytes { request.encode(into: $0, &fault) }
      #expect(length == 0)
      #expect(fault?.code == .noRoom)
      #expect(out.allSatisfy { $0 == 0xee })
    }
  }

  @Test func `random bytes never crash and what decodes strictly encodes to the same bytes`() {
    let seed: UInt64 = 0x00c4
    var random = Random(seed: seed)
    var good = 0
    for round in 0..<50_000 {
      var bytes =
        random.chance(50)
        ? requests[random.below(requests.count)].1 : random.bytes(random.below(80))
      for _ in 0..<random.below(3) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      let (request, fault) = OUCHRequest.decoded(bytes)
      if fault == nil {
        good += 1
        #expect(request.encoded().hex == bytes.hex, "seed \(seed) round \(round)")
      }
      _ = OUCHResponse.decoded(bytes)
    }
    #expect(good > 1_000)
  }
}

extension OUCHRequest {
  /// X, M and Q may end before their appendage; -1 for the others.
  fileprivate var bytesWithoutOptionalAppendage: Int {
    switch kind {
    case .cancel: 9
    case .modify: 10
    case .accountQuery: 1
    default: -1
    }
  }
}

@Suite struct `OUCH captures` {
  /// Skipped, and shown as such, where the captures are not at hand.
  @Test(.enabled(if: Shared.folder("moldudp64/OUCH50_soupbintcp") != nil))
  func `captures decode and encode byte for byte`() throws {
    let folder = try #require(Shared.folder("moldudp64/OUCH50_soupbintcp"))
    var types: [String] = []
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where file.hasSuffix(".pcap") {
      for payload in try NaivePcap.payloads(folder.appending(path: file)) {
        #expect(Int(payload[0]) << 8 | Int(payload[1]) == payload.count - 2, "\(file)")
        let message = Array(payload.dropFirst(3))
        switch Unicode.Scalar(payload[2]) {
        case "U":
          let (request, fault) = OUCHRequest.decoded(message)
          #expect(fault == nil, "\(file)")
          #expect(request.encoded() == message, "\(file)")
          types.append("in \(request.kind)")
        case "S":
          let (response, fault, skipped) = OUCHResponse.decoded(message)
          #expect(fault == nil && skipped == 0, "\(file)")
          #expect(response.encoded() == message, "\(file)")
          types.append("out \(response.kind)")
        default: #expect(message.isEmpty, "\(file)")
        }
      }
    }
    #expect(types.sorted() == ["in cancel", "in enter", "out accepted", "out canceled"])
  }
}

@Suite struct `ClOrdID` {
  @Test func `client order ids survive the fourteen characters`() {
    var random = Random(seed: 7)
    var values: [UInt64] = [0, 1, 35, 36, 2_176_782_335, 2_176_782_336, .max - 1, .max]
    for _ in 0..<2_000 { values.append(random.next() >> UInt64(random.below(64))) }
    for value in values {
      for incarnation: UInt8 in [0, 1, 9, 10, 35] {
        let id = OUCHClOrdID(ClientOrderID(raw: value), incarnation: incarnation)
        let back = id?.decoded
        #expect(back?.id.raw == value)
        #expect(back?.incarnation == incarnation)
        let digits = String(value, radix: 36).uppercased()
        let padded = String(repeating: "0", count: 13 - digits.count) + digits
        #expect(id?.description == padded + String(incarnation, radix: 36).uppercased())
      }
    }
    #expect(OUCHClOrdID(ClientOrderID(raw: 1), incarnation: 36) == nil)
  }

  @Test func `text that is not ours is not taken for ours`() {
    func decode(_ text: String) -> UInt64? {
      var request = OUCHRequest(.enter)
      request.options.isPresent = true
      var bytes = request.encoded()
      bytes.replaceSubrange(31..<45, with: Array(text.utf8))
      return OUCHRequest.decoded(bytes).request.clOrdID.decoded?.id.raw
    }
    #expect(decode("00000000000010") == 1)
    #expect(decode("NNH8FUB8IV    ") == nil)
    #expect(decode("0000000000001 ") == nil)
    #expect(decode("000000000000a0") == nil)
    // One above the largest number of 64 bits.
    #expect(decode("3W5E11264SGSG0") == nil)
    #expect(decode("ZZZZZZZZZZZZZ0") == nil)
  }
}
