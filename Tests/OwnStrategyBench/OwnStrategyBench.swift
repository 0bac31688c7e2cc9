import ExecutionCore
import Foundation
import NeedletailBench

/// Buys a hundred at the offer when four times as much is bid as offered, and works as much more at
/// each change of a book as it is told to: a user's strategy, and the same made slower.
struct Leaning: Strategy {
  let work: Int
  /// It never orders.
  let isIdle: Bool
  var sum: UInt64 = 0

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    for i in 0..<work { sum = (sum ^ UInt64(i)) &* 0x9e37_79b9_7f4a_7c15 }
    let quote = desk.quote(instrument)
    guard !isIdle, desk.isTradable(instrument), desk.openOrderCount(instrument) == 0,
      quote.bidQuantity.raw > 4 * quote.askQuantity.raw
    else { return }
    _ = desk.place(
      instrument, .buy, price: quote.ask, quantity: Quantity(raw: 100),
      timeInForce: .immediateOrCancel)
  }
}

/// What a user makes to gate a strategy of their own (perf/README.md, "Your own strategy").
/// usage: own-strategy-bench [--work N] [--idle] [arguments of needletail-bench]
@main struct OwnStrategyBench {
  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    var work = 0
    if arguments.first == "--work", arguments.count > 1, let n = Int(arguments[1]), n >= 0 {
      work = n
      arguments.removeFirst(2)
    }
    let isIdle = arguments.first == "--idle"
    if isIdle { arguments.removeFirst() }
    let strategy = BenchStrategy("leaning") { Leaning(work: work, isIdle: isIdle) }
    exit(Bench.run(arguments, strategy: strategy))
  }
}
