import ExecutionCore
import Foundation
import NeedletailBench

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

let arguments = Array(CommandLine.arguments.dropFirst())
exit(Bench.run(arguments, strategy: BenchStrategy("leaning") { Leaning() }))
