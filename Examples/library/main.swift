import ExecutionCore

/// Buys a hundred at the offer when four times as much is bid as offered.
struct Leaning: Strategy {
  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    guard desk.isTradable(instrument), desk.openOrderCount(instrument) == 0,
      quote.bidQuantity.raw > 4 * quote.askQuantity.raw
    else { return }
    _ = desk.place(
      instrument, .buy, price: quote.ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
  }
}

var apple = InstrumentFacts(symbol: "AAPL")
apple.previousClose = 100 * 100_000_000  // $100, in 10⁻⁸; without one the collar refuses all orders
let configuration = EngineConfiguration(
  instruments: [apple],
  accounts: [AccountConfiguration(name: "main")],
  strategies: [StrategyConfiguration(name: "leaning", account: AccountID(raw: 0))],
  venues: [VenueConfiguration(name: "mine")])  // its rules, capabilities and fees: all open here
// What it records is not kept: the durable journal is no product yet.
let lane = MemoryLane(bytes: 64 << 20)
var driver = Driver(engine: try Engine(configuration, lane: lane.lane), strategy: Leaning())
// unshown
// A session's start, and an offer of 100 below a bid of 500: as records of a feed.
let symbol = SymbolCode.encode("AAPL") ?? 0
func record(_ kind: String, code: String = " ", side: String = " ") -> MarketRecord {
  var record = MarketRecord()
  record.kind = kind.utf8.first ?? 0
  record.code = UInt16(code.utf8.first ?? 0)
  record.side = side.utf8.first ?? 0
  record.symbol = symbol
  record.locate = kind == "S" ? 0 : 1
  return record
}
func order(_ side: String, _ shares: UInt32, _ price: UInt32) -> MarketRecord {
  var order = record("A", side: side)
  (order.shares, order.price, order.reference) = (shares, price, UInt64(price))
  return order
}
let count = 8
let now: Int64 = 1
let start: Int64 = 1_577_716_200_000_000_000
let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: count)
records.initialize(
  from: [
    record("S", code: "O"), record("S", code: "S"), record("R"), record("H", code: "T"),
    record("Y", code: "0"), record("S", code: "Q"), order("B", 500, 1_000_000),
    order("S", 100, 1_000_100),
  ], count: count)
for i in 0..<count {
  records[i].sequence = UInt64(i + 1)
  records[i].sessionTime = start
}
// shown
// The venue is there, and has nothing to tell: until it says so no order passes. Its reports come this way too.
for kind in [VenueReport.Kind.sessionUp, .caughtUp] {
  let report = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
  driver.apply(report, sessionTime: start, machineTime: now)
}
// What ITCHDecoder.decodeFrames gave; now is in nanoseconds of CLOCK_MONOTONIC.
driver.ingest(records, count: count, machineTime: now)
while let request = driver.engine.nextRequest(machineTime: now) {
  // encode it for your venue: the gateways are no product yet either
  driver.engine.requestTaken()  // journalled before it can be on the wire
  // send it
  // unshown
  print("\(request.kind) \(request.side) \(request.quantity) at \(request.price)")
  // shown
}
