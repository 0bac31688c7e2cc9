/// Pseudo-random numbers that are the same on every machine: xoshiro256** seeded by SplitMix64.
///
/// Not for secrets. Threading: one owner.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  public init(seed: UInt64) {
    var state = seed
    func mix() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    a = mix()
    b = mix()
    c = mix()
    d = mix()
  }

  @inlinable public mutating func next() -> UInt64 { step() }

  @usableFromInline mutating func step() -> UInt64 {
    let x = b &* 5
    let result = ((x << 7) | (x >> 57)) &* 9
    let t = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 45) | (d >> 19)
    return result
  }

  /// Uniform in 0..<bound; 0 for a bound of 0. Multiply-shift: the bias is below 2⁻³² for bounds below 2³².
  public mutating func below(_ bound: UInt64) -> UInt64 {
    next().multipliedFullWidth(by: bound).high
  }

  /// Uniform in 0..<bound; 0 when the bound is not positive.
  public mutating func below(_ bound: Int) -> Int {
    bound > 0 ? Int(truncatingIfNeeded: below(UInt64(truncatingIfNeeded: bound))) : 0
  }

  /// True with a probability of `partsPerMillion` in a million.
  public mutating func chance(partsPerMillion: UInt64) -> Bool {
    below(1_000_000) < partsPerMillion
  }

  /// Roughly normal with the given standard deviation: the sum of twelve uniform numbers, integers only.
  public mutating func gaussian(deviation: Int64) -> Int64 {
    var sum: Int64 = 0
    for _ in 0..<3 {
      let word = next()
      for shift in 0..<4 {
        sum &+= Int64(truncatingIfNeeded: (word >> (16 &* UInt64(shift))) & 0xffff)
      }
    }
    sum &-= 6 &* 65_536
    let product = sum.multipliedReportingOverflow(by: deviation)
    return product.overflow ? (sum < 0 ? -deviation : deviation) : product.partialValue / 65_536
  }

  /// Roughly exponential with the given mean: −mean × ln(u) by 64 equal steps of a fixed table.
  public mutating func exponential(mean: Int64) -> Int64 {
    let word = next()
    let step = Int(truncatingIfNeeded: word >> 58)
    let low = exponentialQuantiles(step)
    let high = exponentialQuantiles(step + 1)
    let fraction = Int64(truncatingIfNeeded: (word >> 26) & 0xffff_ffff)
    // Between two quantiles a straight line; unit 1/1024 of the mean.
    let quantile = low &+ (((high &- low) &* fraction) >> 32)
    let product = mean.multipliedReportingOverflow(by: quantile)
    return product.overflow ? mean : product.partialValue / 1024
  }

  /// 1024 × −ln(1 − k/64); the last is cut at 6.
  private func exponentialQuantiles(_ k: Int) -> Int64 {
    let table: [65 of Int16] = [
      0, 16, 33, 49, 66, 83, 101, 119, 137, 155, 174, 193, 213, 233, 253, 273, 295, 316, 338, 361,
      384, 407, 431, 456, 481, 507, 534, 561, 589, 618, 648, 678, 710, 742, 776, 811, 847, 884, 922,
      963, 1004, 1048, 1093, 1141, 1191, 1244, 1299, 1357, 1420, 1486, 1556, 1632, 1714, 1803, 1901,
      2009, 2129, 2266, 2424, 2611, 2839, 3134, 3549, 4259, 6144,
    ]
    return Int64(table[min(max(k, 0), 64)])
  }
}
