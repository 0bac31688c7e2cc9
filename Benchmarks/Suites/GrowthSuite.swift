import BenchSupport
import CSupport
import ExecutionCore
import Foundation

/// What does a message cost with more of everything: symbols, live orders, instruments in the risk
/// chain, strategies? What grows beyond a cache costs its misses; perf/README.md explains the bends.
enum GrowthSuite: Suite {
  static let name = "growth"
  static let question =
    "what does a message cost with more symbols, orders, instruments, strategies?"

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    _ = nt_clock_calibrate()
    let caches = Caches.sizes()
    let grown = [
      try symbols(context), try liveOrders(context), try instruments(context),
      try strategies(context),
    ]
    let beside = caches.map { "L\($0.level) \(number($0.kibibytes)) KiB" }.joined(separator: ", ")
    var figures = caches.map { Figure("cache L\($0.level)", "KiB", [$0.kibibytes]) }
    for var curve in grown {
      if let first = curve.points.first, let last = curve.points.last,
        let least = first.values.first, let most = last.values.first
      {
        figures.append(
          Figure(
            "\(curve.xLabel): \(number(last.x)) against \(number(first.x))", "x", [most / least]))
      }
      if !beside.isEmpty { curve.title += "; caches \(beside)" }
      context.keep(curve)
    }
    return figures
  }

  private static func curve(
    _ name: String, _ title: String, _ xLabel: String, _ unit: String, _ points: [Curve.Point]
  ) -> Curve {
    Curve(
      name: "growth-\(name)", title: title, xLabel: xLabel, yLabel: unit,
      series: ["median", "least", "greatest"], points: points)
  }

  /// Median, least and greatest.
  private static func point(_ x: Int, _ runs: [Double]) -> Curve.Point {
    let figure = Figure("", "", runs)
    return .init(x: Double(x), values: [figure.median, figure.min, figure.max])
  }

  private static func measure<S: Strategy>(
    _ context: BenchContext, symbols: Int, live: Int, _ strategy: S
  ) throws -> [Double] {
    var bench = try ScaleBench(
      symbols: symbols, live: context.quick ? max(1_000, live / 100) : live, strategy: strategy)
    try bench.open()
    try bench.fill()
    let count = context.quick ? 5_000 : 400_000
    var runs: [Double] = []
    // The first warms up.
    for i in 0...context.runs {
      let nanoseconds = try bench.stretch(count, handicap: context.handicap)
      if i > 0 { runs.append(nanoseconds) }
    }
    try bench.check()
    return runs
  }

  private static func symbols(_ context: BenchContext) throws -> Curve {
    let sizes = context.quick ? [1, 100] : [1, 10, 100, 1_000, 3_000, 10_000]
    return curve(
      "symbols", "a message through the engine, 300,000 live orders, by symbols", "symbols", "ns",
      try sizes.map {
        point($0, try measure(context, symbols: $0, live: 300_000, NoStrategy()))
      })
  }

  private static func liveOrders(_ context: BenchContext) throws -> Curve {
    let sizes =
      context.quick
      ? [10_000, 100_000] : [10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000]
    return curve(
      "orders", "a message through the engine, 1,000 symbols, by live orders", "live orders", "ns",
      try sizes.map { point($0, try measure(context, symbols: 1_000, live: $0, NoStrategy())) })
  }

  private static func instruments(_ context: BenchContext) throws -> Curve {
    let sizes = context.quick ? [10, 100] : [10, 100, 1_000, 3_000, 10_000]
    return curve(
      "instruments", "the risk chain, p50 in batches of 16, a tenth refused, by instruments",
      "instruments", "ns",
      try sizes.map { size in
        // Every instrument several times, in random order.
        var bench = try RiskBench(
          instruments: size, turns: max(64, 4 * size / RiskSuite.batch), seed: UInt64(size))
        var runs: [Double] = []
        for i in 0...context.runs {
          let nanoseconds = try bench.chain(
            context.quick ? 500 : 20_000, context.handicap, from: 0)
          if i > 0 { runs.append(nanoseconds) }
        }
        return point(size, runs)
      })
  }

  private typealias Two = Pair<Watcher, Watcher>
  private typealias Four = Pair<Two, Two>
  private typealias Eight = Pair<Four, Four>
  private typealias Sixteen = Pair<Eight, Eight>
  private typealias ThirtyTwo = Pair<Sixteen, Sixteen>

  private static func strategies(_ context: BenchContext) throws -> Curve {
    let one = Watcher()
    let two = Two(one, one)
    let four = Four(two, two)
    let eight = Eight(four, four)
    let sixteen = Sixteen(eight, eight)
    let thirtyTwo = ThirtyTwo(sixteen, sixteen)
    func measured<S: Strategy>(_ strategy: S) throws -> Curve.Point {
      point(
        S.strategyCount, try measure(context, symbols: 100, live: 30_000, strategy))
    }
    return curve(
      "strategies", "a message through the engine, 100 symbols, by strategies that watch them all",
      "strategies", "ns",
      [
        try measured(one), try measured(two), try measured(four), try measured(eight),
        try measured(sixteen), try measured(thirtyTwo), try measured(Pair(thirtyTwo, thirtyTwo)),
      ])
  }
}

/// Looks at every change of a best price, and never trades.
private struct Watcher: Strategy {
  private(set) var leaning: Int64 = 0

  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    let quote = desk.quote(instrument)
    leaning &+= quote.bidQuantity.raw &- quote.askQuantity.raw
  }
}

/// The caches of the first processor, as the kernel lists them; none where it does not.
enum Caches {
  struct Cache: Equatable {
    var level: Int
    var kibibytes: Double
  }

  /// Data and unified caches, smallest level first.
  static func sizes(under directory: String = "/sys/devices/system/cpu/cpu0/cache") -> [Cache] {
    var found: [Cache] = []
    for index in 0..<8 {
      func read(_ name: String) -> String? {
        (try? String(contentsOfFile: "\(directory)/index\(index)/\(name)", encoding: .utf8))?
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
      guard read("type") != "Instruction", let level = read("level").flatMap({ Int($0) }),
        let size = read("size").flatMap(kibibytes)
      else { continue }
      found.append(Cache(level: level, kibibytes: size))
    }
    return found.sorted { $0.level < $1.level }
  }

  /// `48K`, `2M`, or a number of KiB.
  static func kibibytes(_ text: String) -> Double? {
    let digits = text.prefix { $0.isNumber }
    guard let size = Double(digits) else { return nil }
    switch text.dropFirst(digits.count) {
    case "", "K": return size
    case "M": return size * 1_024
    case "G": return size * 1_048_576
    default: return nil
    }
  }
}
