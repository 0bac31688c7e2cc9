import ExecutionCore
import Gateways

/// A venue behind the order bytes: takes what the gateway sends and writes what it reads next, with
/// every fate that an order can have, without allocating.
struct AuditVenue: ~Copyable {
  private static let capacity = 1 << 14

  private let out: UnsafeMutableRawBufferPointer
  private var used = 0
  private var request = OUCHRequest(.accountQuery)
  private var match: UInt64 = 0
  private var orders: UInt64 = 0
  private var resting: UInt32 = 0
  private(set) var wrong = 0

  init() { out = .allocate(byteCount: Self.capacity, alignment: 64) }
  deinit { out.deallocate() }

  /// What there is for the gateway to read; the next request overwrites it.
  var answers: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: out[..<used]) }
  mutating func clear() { used = 0 }

  /// SoupBinTCP packets of the client.
  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    var at = 0
    while at + 3 <= bytes.count {
      let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
      guard length > 0, at + 2 + length <= bytes.count else { break }
      if bytes[at + 2] == SoupPacketType.unsequencedData {
        answer(UnsafeRawBufferPointer(rebasing: bytes[(at + 3)..<(at + 2 + length)]))
      }
      at += 2 + length
    }
    if at != bytes.count { wrong += 1 }
  }

  private mutating func answer(_ message: UnsafeRawBufferPointer) {
    guard request.decode(message) == nil else {
      wrong += 1
      return
    }
    switch request.kind {
    case .enter: enter()
    // Of an order that is gone: silence, as the rules have it.
    case .cancel: if request.userRefNum == resting { say(canceled(quantity: 100)) }
    case .accountQuery: break
    default: wrong += 1
    }
  }

  /// By turns: filled, rejected, cancelled by the venue, left to rest until the strategy cancels it.
  private mutating func enter() {
    orders += 1
    if orders % 4 == 1 {
      var rejected = OUCHResponse(.rejected)
      rejected.userRefNum = request.userRefNum
      rejected.reason = 1
      rejected.clOrdID = request.clOrdID
      say(rejected)
      return
    }
    var accepted = OUCHResponse(.accepted)
    accepted.userRefNum = request.userRefNum
    accepted.side = request.side
    accepted.quantity = request.quantity
    accepted.symbol = request.symbol
    accepted.price = request.price
    accepted.timeInForce = request.timeInForce
    accepted.display = request.display
    accepted.capacity = request.capacity
    accepted.interMarketSweep = request.interMarketSweep
    accepted.crossType = request.crossType
    accepted.orderReference = 1_000_000_000 + orders
    accepted.orderState = UInt8(ascii: "L")
    accepted.clOrdID = request.clOrdID
    say(accepted)
    if orders % 4 == 3 { resting = request.userRefNum }
    if orders % 4 == 2 { say(canceled(quantity: request.quantity)) }
    if orders % 4 == 0 {
      match += 1
      var executed = OUCHResponse(.executed)
      executed.userRefNum = request.userRefNum
      executed.quantity = request.quantity
      executed.price = request.price
      executed.liquidityFlag = UInt8(ascii: "R")
      executed.matchNumber = match
      say(executed)
    }
  }

  private func canceled(quantity: UInt32) -> OUCHResponse {
    var canceled = OUCHResponse(.canceled)
    canceled.userRefNum = request.userRefNum
    canceled.quantity = quantity
    canceled.reason = UInt16(UInt8(ascii: "U"))
    return canceled
  }

  private mutating func say(_ response: OUCHResponse) {
    var fault: OUCHFault?
    let room = UnsafeMutableRawBufferPointer(rebasing: out[(used + 3)...])
    let length = response.encode(into: room, &fault)
    guard length > 0 else {
      wrong += 1
      return
    }
    out[used] = UInt8((length + 1) >> 8)
    out[used + 1] = UInt8((length + 1) & 0xff)
    out[used + 2] = SoupPacketType.sequencedData
    used += 3 + length
  }
}
