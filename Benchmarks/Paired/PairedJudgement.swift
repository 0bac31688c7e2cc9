import BenchSupport
import Foundation

/// What the pairs say of every figure, by the rule of ``PairedEstimate/isSlower``, and what they do not.
struct PairedJudgement {
  /// A percentile of a figure beside one of the other builds.
  struct Case: Hashable {
    var name: String
    var comparison: PairedComparison
  }
  /// Not judged, and why.
  private(set) var unjudged: [(Case, why: String)] = []
  private(set) var passed: [Case] = []
  /// Slower at the first look; at the second they are the failures.
  private(set) var slower: [(Case, PairedEstimate)] = []

  /// - Parameters:
  ///   - figures: that were asked for.
  ///   - programs: the builds that there are.
  ///   - idle: why the strategy's figure was not measured.
  init(
    _ samples: [String: PairedSamples], figures: [String], programs: [PairedSide: String],
    idle: String? = nil
  ) {
    let others: [PairedComparison] = [.base, .creep].filter { programs[$0.sides.1] != nil }
    for figure in figures {
      for comparison in others {
        for percentile in PairedFigures.percentiles {
          let one = Case(name: figure + percentile.name, comparison: comparison)
          if let idle, figure == PairedFigures.strategyName {
            unjudged.append((one, idle))
          } else {
            judge(one, samples[one.name])
          }
        }
      }
    }
  }

  private mutating func judge(_ one: Case, _ samples: PairedSamples?) {
    guard let samples, samples.isProven else {
      return unjudged.append((one, "this machine now does not tell a tenth more from nothing"))
    }
    switch samples.verdict(one.comparison) {
    case nil: unjudged.append((one, "it is not in that build"))
    case .idle?: unjudged.append((one, "the strategy of that build sends no order in this market"))
    case .slower(let estimate)?: slower.append((one, estimate))
    case .untold?:
      unjudged.append((one, "it may be a tenth slower or not: the machine is too noisy"))
    case .passed?: passed.append(one)
    }
  }

  /// Shares, each once.
  var suspects: [String] {
    slower.map(\.0.name).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
  func isSuspect(_ figure: String) -> Bool {
    PairedFigures.percentiles.contains { suspects.contains(figure + $0.name) }
  }

  /// The second look, in rounds of its own: only what is slower in these too stays so.
  mutating func look(_ again: [String: PairedSamples]) {
    let first = slower.map(\.0)
    slower = []
    for one in first { judge(one, again[one.name]) }
  }

  /// Says what failed and what was not judged; 0, 1 or 75.
  func say(_ rounds: PairedRounds) -> Int32 {
    for (one, why) in unjudged {
      Bench.notJudged("\(Self.gate(one.comparison)): \(one.name)", why)
    }
    for line in lines(rounds) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    let all = passed.count + slower.count + unjudged.count
    print("paired: judged \(passed.count + slower.count) of \(all)")
    return slower.isEmpty ? unjudged.isEmpty ? 0 : Bench.notJudgedCode : 1
  }

  /// A line for each failure.
  func lines(_ rounds: PairedRounds) -> [String] {
    slower.map { failure($0.0, $0.1, rounds) }
  }

  static func gate(_ comparison: PairedComparison) -> String {
    comparison == .creep ? "creep" : "paired"
  }

  private func failure(
    _ one: Case, _ estimate: PairedEstimate, _ rounds: PairedRounds
  ) -> String {
    let other = one.comparison == .creep ? "the build that creep is held against" : "the base"
    let factor = PairedTable.factor
    let words = [
      "--figure", figure(one.name), "--base", rounds.programs[one.comparison.sides.1] ?? "",
    ]
    return
      "gate: \(Self.gate(one.comparison)): \(one.name) is \(factor(estimate.median)) of \(other) "
      + "[\(factor(estimate.low)) - \(factor(estimate.high))], must be at most 1.05 and not certainly "
      + "above 1.03; see \(Bench.command) compare "
      + (words + rounds.market.words).map(Bench.quoted).joined(separator: " ")
  }

  /// Of a percentile.
  private func figure(_ name: String) -> String {
    let ending = PairedFigures.percentiles.map(\.name).first { !$0.isEmpty && name.hasSuffix($0) }
    return String(name.dropLast(ending?.count ?? 0))
  }
}

/// The pairs' ratios for people.
enum PairedTable {
  static func text(_ samples: [String: PairedSamples], title: String) -> String {
    var lines = [
      "\(title); median [95 %]",
      "  " + pad("", 14) + left("ns here", 10) + left("new / base", 24) + left("new / creep", 24)
        + left("same build", 24) + left("a tenth more", 24),
    ]
    for name in samples.keys.sorted(by: { order($0) < order($1) }) {
      guard let found = samples[name] else { continue }
      lines.append(
        "  " + pad(name, 14) + left(number(middle(found.times)), 10)
          + PairedComparison.allCases.map { cell(found.estimate($0)) }.joined()
          + (found.isProven ? "" : "  not told"))
    }
    if let requests = samples[PairedFigures.strategyName]?.requests, let own = requests[.new] {
      let others = [(PairedSide.base, "base"), (.creep, "creep")].compactMap { side, name in
        requests[side].map { ", \(name) \($0)" }
      }
      lines.append(
        "  \(PairedFigures.strategyName): requests in a slice: new \(own)\(others.joined())")
    }
    return lines.joined(separator: "\n")
  }

  private static func order(_ name: String) -> (Int, String) {
    let names = PairedFigures.makers(processors: [0, 1], strategy: nil).map(\.name)
    let figure = name.split(separator: " ").first.map(String.init) ?? name
    return (names.firstIndex(of: figure) ?? names.count, name)
  }

  private static func cell(_ estimate: PairedEstimate?) -> String {
    left(
      estimate.map { "\(factor($0.median)) [\(factor($0.low))-\(factor($0.high))]" } ?? "-", 24)
  }

  static func factor(_ x: Double) -> String { String(format: "%.3f", x) }
}
