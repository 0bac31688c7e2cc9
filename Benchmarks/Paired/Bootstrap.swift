import Foundation

/// What the pairs of two builds say of one figure: the median of the ratios new / base, and where it
/// lies with a certainty of 95 %.
struct PairedEstimate: Equatable {
  var median: Double
  var low: Double
  var high: Double

  /// The percentile bootstrap of the median log ratio (Efron and Tibshirani, "An Introduction to the
  /// Bootstrap", chapter 13), 2,000 resamples from a seed.
  init(_ ratios: [Double], seed: UInt64 = 1) {
    let logs = ratios.map { log($0) }
    var random = BenchRandom(seed: seed)
    var medians: [Double] = []
    medians.reserveCapacity(Self.resamples)
    var sample = logs
    for _ in 0..<Self.resamples {
      for i in sample.indices { sample[i] = logs[Int(random.below(UInt64(logs.count)))] }
      medians.append(Self.middle(&sample))
    }
    medians.sort()
    var all = logs
    median = exp(Self.middle(&all))
    low = exp(medians[Self.resamples * 25 / 1_000])
    high = exp(medians[Self.resamples * 975 / 1_000 - 1])
  }

  private static let resamples = 2_000

  private static func middle(_ values: inout [Double]) -> Double {
    values.sort()
    let n = values.count
    guard n > 0 else { return .nan }
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2
  }

  /// Slower: certainly by more than 3 %, and by more than 5 % in the middle.
  var isSlower: Bool { low > 1.03 && median > 1.05 }
  /// The same the other way round.
  var isFaster: Bool { high < 1 / 1.03 && median < 1 / 1.05 }
}
