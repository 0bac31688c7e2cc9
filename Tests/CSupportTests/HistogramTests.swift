import CSupport
import Testing

/// The histogram against a sorted array of what was recorded.
@Suite struct HistogramTests {
  @Test func `every value falls into a bucket whose top is at most a 128th above it`() {
    var values: [UInt64] = (0..<70_000).map { $0 }
    for bit in 0..<63 {
      let power = UInt64(1) << UInt64(bit)
      values += [power - 1, power, power + 1, power + power / 2, power &* 2 - 1]
    }
    values.append(UInt64(Int64.max))
    for value in values where value <= UInt64(Int64.max) {
      let index = nt_histogram_index(value)
      #expect(index < NT_HISTOGRAM_BUCKETS)
      let top = UInt64(nt_histogram_bucket_top(index))
      #expect(top >= value && top - value <= value / 128, "value \(value)")
      #expect(nt_histogram_index(top) == index)
      if top < UInt64(Int64.max) { #expect(nt_histogram_index(top + 1) == index + 1) }
    }
    #expect(nt_histogram_index(UInt64(Int64.max)) == NT_HISTOGRAM_BUCKETS - 1)
  }

  @Test(arguments: [1, 2, 3, 10, 1_000, 20_000], [8, 20, 40, 62] as [UInt64])
  func `percentiles agree with a sorted array`(count: Int, bits: UInt64) {
    let seed = UInt64.random(in: 1..<UInt64.max)
    var random = Generator(state: seed)
    let histogram = Histogram()
    var values: [Int64] = []
    for _ in 0..<count {
      // Skewed like latencies: every order of magnitude is as likely.
      let value = Int64(random.next() >> (64 - (1 + random.next() % bits)))
      values.append(value)
      nt_histogram_record(histogram.pointer, value)
    }
    values.sort()
    let ranks: [UInt32] = [0, 1, 100_000, 500_000, 900_000, 990_000, 999_000, 999_999, 1_000_000]
    var found = [Int64](repeating: -1, count: ranks.count)
    nt_histogram_percentiles(histogram.pointer, ranks, &found, UInt32(ranks.count))
    for (parts, value) in zip(ranks, found) {
      let rank = max(1, (count * Int(parts) + 999_999) / 1_000_000)
      let exact = values[rank - 1]
      #expect(value >= exact && value - exact <= exact / 128, "seed \(seed) parts \(parts)")
      #expect(value <= values.last!)
      #expect(nt_histogram_percentile(histogram.pointer, parts) == value)
    }
    #expect(nt_histogram_count(histogram.pointer) == UInt64(count))
    #expect(nt_histogram_minimum(histogram.pointer) == values.first!)
    #expect(nt_histogram_maximum(histogram.pointer) == values.last!)
    let sum = values.reduce(UInt64(0)) { $0 &+ UInt64($1) }
    #expect(nt_histogram_mean(histogram.pointer) == sum / UInt64(count))
  }

  @Test func `merged histograms are the histogram of all values`() {
    var random = Generator(state: 7)
    let (a, b, both) = (Histogram(), Histogram(), Histogram())
    for i in 0..<5_000 {
      let value = Int64(random.next() >> (random.next() % 63 + 1))
      nt_histogram_record(i % 3 == 0 ? a.pointer : b.pointer, value)
      nt_histogram_record(both.pointer, value)
    }
    nt_histogram_merge(a.pointer, b.pointer)
    #expect(a.bytes == both.bytes)
    nt_histogram_reset(a.pointer)
    #expect(a.bytes == Histogram().bytes)
  }

  @Test func `an empty histogram answers zero and negative values are counted apart`() {
    let histogram = Histogram()
    #expect(nt_histogram_percentile(histogram.pointer, 500_000) == 0)
    #expect(nt_histogram_minimum(histogram.pointer) == 0)
    #expect(nt_histogram_maximum(histogram.pointer) == 0)
    #expect(nt_histogram_mean(histogram.pointer) == 0)
    nt_histogram_record(histogram.pointer, -5)
    nt_histogram_record(histogram.pointer, Int64.min)
    nt_histogram_record(histogram.pointer, 3)
    #expect(histogram.pointer.pointee.negative == 2)
    #expect(nt_histogram_count(histogram.pointer) == 3)
    #expect(nt_histogram_percentile(histogram.pointer, 500_000) == 0)
    #expect(nt_histogram_maximum(histogram.pointer) == 3)
  }

  @Test func `only bytes that hold a whole histogram of this version are attached`() {
    let histogram = Histogram()
    let size = nt_histogram_bytes()
    #expect(nt_histogram_attach(histogram.pointer, size) != nil)
    #expect(nt_histogram_attach(histogram.pointer, size - 1) == nil)
    #expect(nt_histogram_attach(nil, size) == nil)
    for offset in [0, 8, 12] {
      let damaged = Histogram()
      let byte = UnsafeMutableRawPointer(damaged.pointer) + offset
      byte.storeBytes(of: byte.load(as: UInt8.self) ^ 1, as: UInt8.self)
      #expect(nt_histogram_attach(damaged.pointer, size) == nil)
    }
  }
}

/// A histogram in memory of its own.
final class Histogram {
  let memory: UnsafeMutableRawPointer
  let pointer: UnsafeMutablePointer<nt_histogram>

  init() {
    memory = .allocate(byteCount: Int(nt_histogram_bytes()), alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(nt_histogram_bytes()))
    pointer = nt_histogram_initialise(memory)
  }

  deinit { memory.deallocate() }

  var bytes: [UInt8] {
    Array(UnsafeRawBufferPointer(start: memory, count: Int(nt_histogram_bytes())))
  }
}
