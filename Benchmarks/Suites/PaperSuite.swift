import BenchSupport
import CSupport
import ExecutionCore
import Gateways

/// How many orders a second does the paper broker take: bytes in, checked, recorded, filled or put to rest, told?
///
/// One account, one instrument. Of four orders two take and are filled, two rest and are cancelled: each cancel is a
/// request more, which is not counted. What it would write to its file and to the socket is taken from it and left.
enum PaperSuite: Suite {
  static let name = "paper"
  static let question = "how many orders a second does the paper broker take?"

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    let orders = context.quick ? 4_000 : 400_000
    var runs: [Double] = []
    // The first warms up.
    for run in 0...context.runs {
      let bench = try PaperBench(orders: orders)
      let start = nanoseconds()
      try bench.enter(handicap: context.handicap)
      let time = Double(nanoseconds() - start)
      if run > 0 { runs.append(Double(orders) * 1_000 / time) }
    }
    return [Figure("orders entered, half of them filled", "M/s", runs, goal: .paperOrders)]
  }
}

/// A broker with one client, which is logged in.
private final class PaperBench {
  private var broker: PaperBroker
  private let client: Int
  private var now: Int64 = 1_723_161_255_000_000_000
  private var number: UInt64 = 0
  private static let account = "bench"

  private let orders: Int
  private var batches: [[UInt8]] = []
  private static let batch = 400

  /// - Parameter orders: a multiple of 400; their bytes are made here.
  init(orders: Int) throws {
    self.orders = orders
    var facts = InstrumentFacts(symbol: "BTC-USD")
    facts.priceExponent = -2
    facts.quantityExponent = -6
    facts.tick = 1
    facts.roundLot = 1
    facts.status = .trading
    var settings = PaperSettings(
      instruments: [facts],
      accounts: [PaperSettings.Account(name: Self.account, password: Self.account)])
    settings.fees = FeeSchedule(
      perNotional: [UInt8(ascii: "A"): 10_000, UInt8(ascii: "R"): 40_000])
    broker = PaperBroker(settings)
    client = broker.connected(now: now)
    var login: [UInt8] = [0, 42, UInt8(ascii: "L"), PaperProtocol.version]
    for _ in 0..<2 {
      login += Array(Self.account.utf8)
      login += [UInt8](repeating: 0, count: 16 - Self.account.utf8.count)
    }
    login += [UInt8](repeating: 0, count: 8)
    _ = login.withUnsafeBytes { broker.receive($0, client, now: now) }
    guard broker.counters.logins == 1 else { throw BenchError("the broker refuses the log-in") }
    for _ in 0..<orders / Self.batch { batches.append(frames(Self.batch)) }
  }

  private func identifier(_ number: UInt64) -> [UInt8] {
    var digits = Array("\(number)".utf8)
    digits = [UInt8](repeating: 0x30, count: 20 - digits.count) + digits
    return Array("paper-bench-0000".utf8) + digits
  }
  private func big(_ value: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> Int64(56 - 8 * $0)) }
  }
  private func order(_ number: UInt64, isBuy: Bool, price: Int64) -> [UInt8] {
    var frame: [UInt8] = [0, 90, UInt8(ascii: "N")]
    frame += identifier(number)
    frame += Array("BTC-USD".utf8) + [UInt8](repeating: 0, count: 25)
    frame += [isBuy ? 1 : 2, 0, 0, UInt8(bitPattern: -2), UInt8(bitPattern: -6)]
    return frame + big(price) + big(1_000)
  }
  private func cancel(_ number: UInt64) -> [UInt8] {
    [0, 37, UInt8(ascii: "X")] + identifier(number)
  }

  /// Bytes of as many orders, and the cancels of those that rest.
  private func frames(_ orders: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for i in 0..<orders {
      number += 1
      let isBuy = i % 2 == 0
      let takes = i % 4 < 2
      bytes += order(number, isBuy: isBuy, price: takes == isBuy ? 60_001_00 : 60_000_00)
      if !takes { bytes += cancel(number) }
    }
    return bytes
  }

  func enter(handicap: Int64) throws {
    var written = 0
    for (i, bytes) in batches.enumerated() {
      broker.quote(
        0,
        Quote(
          bid: Price(raw: 60_000_00), ask: Price(raw: 60_001_00),
          bidQuantity: Quantity(raw: 1_000_000_000 + Int64(i)),
          askQuantity: Quantity(raw: 1_000_000_000 + Int64(i))), now: now)
      let used = bytes.withUnsafeBytes { broker.receive($0, client, now: now) }
      guard used == bytes.count else { throw BenchError("the broker does not read on") }
      for _ in 0..<(handicap > 0 ? Self.batch : 0) { spend(handicap) }
      broker.keep { written += $0.count }
      broker.sent(client, broker.output(client).count)
      now += 1_000_000
    }
    let counters = broker.counters
    guard counters.newOrders == UInt64(orders), counters.rejected == 0, counters.refusals == 0,
      counters.executions == UInt64(orders / 2), broker.openOrders(Self.account) == 0, written > 0
    else { throw BenchError("the broker did not do what it was asked: \(counters)") }
  }
}
