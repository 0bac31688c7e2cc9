import CSupport
import Foundation

/// A distribution of latencies in nanoseconds, kept whole.
struct Distribution {
  private(set) var sorted: [UInt32]

  init(_ samples: [UInt32]) { sorted = samples.sorted() }

  /// `share` of 0 to 1.
  func percentile(_ share: Double) -> Double {
    guard !sorted.isEmpty else { return .nan }
    let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
    return Double(sorted[min(max(rank, 0), sorted.count - 1)])
  }

  /// The text that HdrHistogram's `outputPercentileDistribution` writes and its plotters read, in
  /// microseconds, five steps to each halving of what is left.
  func hgrm() -> String {
    var lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""]
    let count = sorted.count
    guard count > 0 else { return lines.joined(separator: "\n") + "\n" }
    var left = 1.0
    var step = 0
    while left * Double(count) > 1 {
      // Halvings of the rest, each in five steps.
      let share = 1 - left * (1 - Double(step) / 10)
      append(share, to: &lines)
      step += 1
      if step == 5 {
        step = 0
        left /= 2
      }
    }
    lines.append(String(format: "%12.3f %14.12f %10d", Double(sorted[count - 1]) / 1e3, 1.0, count))
    let mean = sorted.reduce(0) { $0 + Double($1) } / Double(count)
    let variance =
      sorted.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
    lines.append(
      String(
        format: "#[Mean    = %12.3f, StdDeviation   = %12.3f]", mean / 1e3,
        variance.squareRoot() / 1e3))
    lines.append(
      String(
        format: "#[Max     = %12.3f, Total count    = %12d]", Double(sorted[count - 1]) / 1e3, count
      ))
    lines.append(String(format: "#[Buckets = %12d, SubBuckets     = %12d]", 1, count))
    return lines.joined(separator: "\n") + "\n"
  }

  private func append(_ share: Double, to lines: inout [String]) {
    let value = percentile(share)
    // How many are not above the value, as the format counts.
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if Double(sorted[middle]) <= value { low = middle + 1 } else { high = middle }
    }
    lines.append(
      String(
        format: "%12.3f %14.12f %10d %14.2f", value / 1e3, share, low, 1 / max(1e-12, 1 - share)))
  }
}

/// What a suite measured beside its figures, for `--hgrm` and the report.
struct Curve: Codable {
  struct Point: Codable {
    /// Where on the horizontal axis: a rate, a number of symbols.
    var x: Double
    var values: [Double]
  }
  var name: String
  var title: String
  var xLabel: String
  var yLabel: String
  var series: [String]
  var xIsLogarithmic = true
  var yIsLogarithmic = false
  var points: [Point]

  var text: String {
    var lines = ["  \(title) (\(yLabel))"]
    lines.append("    " + left(xLabel, 16) + series.map { left($0, 14) }.joined())
    for point in points {
      lines.append(
        "    " + left(number(point.x), 16) + point.values.map { left(number($0), 14) }.joined())
    }
    return lines.joined(separator: "\n")
  }
}
