import BenchSupport
import CSupport
import ExecutionCore
import Foundation
import Gateways

/// Figures made of blocks: `body(n)` does n operations. A block lasts a microsecond at least, for what a stamp costs,
/// and the clock's smallest step, would hide a difference.
extension PairedFigures.Item {
  /// - Parameters:
  ///   - block: operations of a block; a tenth of them is a whole number.
  ///   - blocks: of a slice, behind a quarter as many that warm up.
  init(
    name: String, block: Int, blocks: Int, body: @escaping (Int) -> Void,
    begin: @escaping () throws -> Void = {}, end: @escaping () throws -> Void = {}
  ) {
    self.init(name: name) { plant in
      let operations = block + block * plant / 100
      var samples = [UInt32](repeating: 0, count: blocks)
      try begin()
      for _ in 0..<blocks / 4 { body(operations) }
      for i in 0..<blocks {
        let start = nanoseconds()
        body(operations)
        samples[i] = UInt32(clamping: nanoseconds() - start)
      }
      try end()
      return PairedFigures.percentiles(of: samples, by: block)
    }
  }
}

extension PairedFigures {
  /// As many records as a full datagram has.
  private static let booksBatch = 32

  static func decode() throws -> Item {
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

  static func books() throws -> Item {
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

  /// Levels of books by price, as ``PriceSuite`` changes them.
  static func prices() throws -> Item {
    let bench = Kept(try PriceBench(seed: 1))
    return Item(name: "prices", block: 100, blocks: 2_400) { bench.value.change($0) }
  }

  static func risk() throws -> Item {
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
  static func place() throws -> Item {
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

  static func tick() throws -> Item {
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

  /// Slots of the order pool, taken and given back.
  static func pool() throws -> Item {
    let bench = try OrderBench()
    let slots = 10
    var isWhole = true
    return Item(
      name: "pool", block: 400, blocks: 1_200,
      body: { operations in
        for _ in 0..<operations / slots {
          if !bench.driver.pointee.engine.takeAndGive(slots: slots) { isWhole = false }
        }
      },
      end: { if !isWhole { throw BenchError("the order pool is too small") } })
  }

  /// Records of 128 bytes onto the journal's lane.
  static func append() throws -> Item {
    let size = 4 << 20
    let lane = Kept(MemoryLane(bytes: size))
    let header = RecordHeader(type: .orderState)
    var payload = AppendedPayload()
    var isWhole = true
    return Item(
      name: "append", block: 100, blocks: 1_000,
      body: { operations in
        if lane.value.records.count > size / 2 { lane.value.rewind() }
        let before = lane.value.records.count
        for i in 0..<operations {
          payload.words[0] = UInt64(truncatingIfNeeded: i)
          _ = lane.value.lane.append(header, payload, privileged: false)
        }
        if lane.value.records.count - before != 128 * operations { isWhole = false }
      },
      end: { if !isWhole { throw BenchError("the lane did not take 128 bytes a record") } })
  }

  /// Latencies as ``RecordSuite`` has them, into a histogram in the caches.
  static func histogram() throws -> Item {
    let bench = try RecordBench()
    return Item(
      name: "histogram", block: 1_000, blocks: 800, body: { bench.record($0) },
      end: { if bench.count == 0 { throw BenchError("the histogram counted nothing") } })
  }

  static func ring(_ processors: [Int32]) throws -> Item {
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
