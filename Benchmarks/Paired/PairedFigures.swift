import BenchSupport
import CSupport
import ExecutionCore
import Foundation
import Gateways

/// The short figures that two builds are compared by: p50 and p90 of blocks of operations, in
/// nanoseconds by operation.
///
/// `needletail-bench paired` answers, a line each: it says `ready` and its figures' names; then for each
/// name on standard input it runs a slice of some milliseconds, warm-up first, and prints the name, the
/// p50 and the p90. It ends with its input. The other build may be an old one: those before the p90 print
/// the name and the p50, and what comes anew comes behind.
enum PairedFigures {
  /// One figure: `body(n)` does n operations; a block is `block` of them, a slice `blocks` blocks. A block
  /// has sixteen at least, for what a stamp costs would hide a difference.
  struct Item {
    var name: String
    var block: Int
    var blocks: Int
    var body: (Int) -> Void
    var begin: () throws -> Void = {}
    var end: () throws -> Void = {}
  }

  /// What is judged of each figure, and how its name ends.
  static let shares = [(name: "", share: 0.5), (name: " p90", share: 0.9)]

  /// As many records as a full datagram has.
  private static let booksBatch = 32
  private static let own = ["decode", "books", "risk", "place", "tick", "ring"]

  /// The last is the user's own strategy, where their executable gives one.
  static func names(_ strategy: BenchStrategy?) -> [String] {
    own + (strategy == nil ? [] : ["strategy"])
  }

  /// - Parameter plant: percent of operations done on top and not counted: work put in on purpose, for
  ///   the self-test of the gate.
  static func serve(plant: Int, processors: [Int32], strategy: BenchStrategy?) throws {
    pin(processors[processors.count - 1])
    var items = try [decode, books, risk, place, tick].map { try $0() }
    // Two spinning ends need two processors.
    if processors.count >= 2 { items.append(try ring(processors)) }
    if let strategy { items.append(try deciding(strategy)) }
    say("ready " + items.map(\.name).joined(separator: " "))
    while let name = readLine() {
      guard let item = items.first(where: { $0.name == name }) else {
        throw BenchError("no figure '\(name)'")
      }
      let times = try slice(item, plant).map { "\(($0 * 1_000).rounded() / 1_000)" }
      say(([name] + times).joined(separator: " "))
    }
  }

  private static func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// p50 and p90.
  private static func slice(_ item: Item, _ plant: Int) throws -> [Double] {
    let operations = item.block + item.block * plant / 100
    var samples = [UInt32](repeating: 0, count: item.blocks)
    try item.begin()
    for _ in 0..<item.blocks / 4 { item.body(operations) }
    for i in 0..<item.blocks {
      let start = nanoseconds()
      item.body(operations)
      samples[i] = UInt32(clamping: nanoseconds() - start)
    }
    try item.end()
    let all = Distribution(samples)
    return shares.map { all.percentile($0.share) / Double(item.block) }
  }

  // MARK: The figures

  private static func decode() throws -> Item {
    let flow = Flow()
    let bytes = try flow.frames()
    guard let base = bytes.baseAddress else { throw BenchError("the flow is empty") }
    return Item(name: "decode", block: 500, blocks: 1_600) { operations in
      var left = operations
      var at = 0
      while left > 0 {
        let batch = ITCHDecoder.decodeFrames(
          base + at, count: bytes.count - at, midnight: 0, firstSequence: 1,
          into: flow.scratch, capacity: min(left, Flow.scratchCount))
        left -= batch.records
        at = batch.consumed == 0 || at + batch.consumed >= bytes.count ? 0 : at + batch.consumed
      }
    }
  }

  private static func books() throws -> Item {
    let flow = Flow()
    let books = try BenchBooks(MarketDataSettings(capacity: .small))
    let market = books.market
    var next = 0
    return Item(name: "books", block: 100, blocks: 2_400) { operations in
      // As a run takes a datagram's records.
      var left = operations
      while left > 0 {
        let count = min(left, booksBatch, flow.count - next)
        for i in 0..<count {
          _ = market.apply(flow.records + next, at: i, count: count)
        }
        next = next + count == flow.count ? 0 : next + count
        left -= count
      }
      withExtendedLifetime(books) {}
    }
  }

  private static func risk() throws -> Item {
    let bench = try OrderBench()
    var next = 0
    return Item(name: "risk", block: 20, blocks: 2_400) { operations in
      for _ in 0..<operations {
        _ = bench.driver.pointee.engine.check(bench.requests[next])
        next = (next + 1) % OrderBench.orders
      }
    }
  }

  /// Placed and rejected, so that nothing stays.
  private static func place() throws -> Item {
    let bench = try OrderBench()
    var next = 0
    return Item(
      name: "place", block: 20, blocks: 600,
      body: { operations in
        for _ in 0..<operations { bench.placeAndReject(&next) }
        bench.lane.rewind()
      },
      // What is refused is not placed, and would be timed as if it were.
      end: {
        let refused = bench.driver.pointee.engine.counters.refused
        guard refused == 0 else { throw BenchError("\(refused) orders of 'place' were refused") }
      })
  }

  private static func tick() throws -> Item {
    let bench = Kept(try EngineBench(instruments: 100))
    var failure: (any Error)?
    return Item(
      name: "tick", block: 20, blocks: 200,
      body: { operations in
        // Rise, order, rejection, fall.
        do { _ = try bench.value.ticks(operations, handicap: 0) } catch { failure = error }
      },
      // A tick without its order would be timed as a fast one.
      end: { if let failure { throw failure } })
  }

  /// A message of a made market with the user's strategy, the venue's answers in it.
  private static func deciding(_ strategy: BenchStrategy) throws -> Item {
    // A slice and its warm-up, with a tenth more work planted.
    let market = try StrategyMarket(messages: 56_000, symbols: StrategySuite.symbols)
    var bench: StrategyBench?
    let gateway = Kept(try BenchMarket.gateway())
    func fresh() throws {
      bench = try StrategyBench(strategy, market)
      gateway.value = try BenchMarket.gateway()
    }
    return Item(
      name: "strategy", block: 160, blocks: 240,
      body: { operations in
        var left = operations
        while left > 0, let now = bench {
          let done = now.play(left, &gateway.value)
          left -= done
          // Its end is reached with much planted only.
          guard done == 0 else { continue }
          guard (try? fresh()) != nil else { fatalError("no memory for another engine") }
        }
      },
      // Every slice plays the same part of the market.
      begin: fresh)
  }

  private static func ring(_ processors: [Int32]) throws -> Item {
    let there = try RingEnds(payload: 8, capacity: 4_096)
    let back = try RingEnds(payload: 8, capacity: 4_096)
    var thread: PinnedThread?
    func trip(_ word: UInt64) {
      var word = word
      while !nt_spsc_push(there.producer, &word, 8) {}
      while nt_ring_peek(back.consumer) == nil {}
      nt_ring_release(back.consumer, 1)
    }
    return Item(
      name: "ring", block: 20, blocks: 1_000,
      body: { operations in for i in 0..<operations { trip(UInt64(i)) } },
      begin: {
        // Spins only as long as the slice.
        thread = try PinnedThread(name: "ring-echo", cpu: processors[0]) {
          while true {
            guard let item = nt_ring_peek(there.consumer) else { continue }
            var word = item.load(as: UInt64.self)
            nt_ring_release(there.consumer, 1)
            while !nt_spsc_push(back.producer, &word, 8) {}
            if word == .max { return }
          }
        }
      },
      end: {
        trip(.max)
        thread?.join()
      })
  }
}
