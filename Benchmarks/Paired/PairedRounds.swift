import Foundation

/// Who runs beside each other in a round, each a process of its own.
enum PairedSide: CaseIterable {
  /// The build to compare with, and the one of the last look at creep.
  case base, creep
  /// This build, once more, and with a tenth more work put in.
  case new, same, more
}

/// What is compared: the ratio of two sides that ran beside each other.
enum PairedComparison: CaseIterable {
  case base, creep
  /// The self-test: nothing is to be seen in the first, and a tenth in the second.
  case same, more

  /// Nanoseconds of the first by those of the second.
  var sides: (PairedSide, PairedSide) {
    switch self {
    case .base: (.new, .base)
    case .creep: (.new, .creep)
    case .same: (.same, .new)
    case .more: (.more, .new)
    }
  }
}

/// The ratios of one percentile of one figure, round by round.
struct PairedSamples {
  private(set) var ratios: [PairedComparison: [Double]] = [:]
  /// Nanoseconds of this build, round by round.
  private(set) var times: [Double] = []
  /// What a strategy sent in a slice, the same every time.
  private(set) var requests: [PairedSide: Int] = [:]

  mutating func add(_ round: [PairedSide: Double], requests: [PairedSide: Int] = [:]) {
    self.requests.merge(requests) { $1 }
    for comparison in PairedComparison.allCases {
      let (a, b) = comparison.sides
      guard let above = round[a], let below = round[b] else { continue }
      ratios[comparison, default: []].append(above / below)
    }
    if let time = round[.new] { times.append(time) }
  }

  mutating func add(_ other: PairedSamples) {
    ratios.merge(other.ratios) { $0 + $1 }
    times += other.times
    requests.merge(other.requests) { $1 }
  }

  /// nil: it was not measured.
  func estimate(_ comparison: PairedComparison) -> PairedEstimate? {
    ratios[comparison].map { PairedEstimate($0) }
  }

  /// On this machine now a tenth more work is seen, and nothing is seen where nothing is.
  var isProven: Bool {
    guard let same = estimate(.same), let more = estimate(.more) else { return false }
    return !same.isSlower && !same.isFaster && more.isSlower
  }

  /// How the build stands to the other one: slower, by a cycle at least; not a tenth slower, certainly; or
  /// nobody can tell. nil: the other has no such figure, or not in every round.
  func verdict(_ comparison: PairedComparison) -> Verdict? {
    guard ratios[comparison]?.count == times.count, let found = estimate(comparison) else {
      return nil
    }
    // A strategy that sends nothing is no measure of one that does.
    if requests[comparison.sides.1] == 0 { return .idle }
    if found.isSlower, slowdown(found) >= Self.cycle { return .slower(found) }
    return found.high < Self.tenth ? .passed : .untold
  }

  /// Nanoseconds of an operation that this build takes more.
  private func slowdown(_ found: PairedEstimate) -> Double {
    middle(times) * (1 - 1 / found.median)
  }
  enum Verdict {
    case slower(PairedEstimate)
    case passed, untold, idle
  }
  private static let tenth = 1.1
  /// Nanoseconds: about one of the processor. Where a loop's code lies decides as much, whatever it does.
  static let cycle = 0.3

  /// More rounds could still tell something.
  var isOpen: Bool {
    guard isProven else { return true }
    return [PairedComparison.base, .creep].contains { comparison in
      if case .untold? = verdict(comparison) { true } else { false }
    }
  }
}

/// Rounds of processes that take turns of some milliseconds on one processor, to and fro: a machine that grows
/// slower or faster hits all of them alike, and what a figure is worth on it now is measured in the same moments.
struct PairedRounds {
  /// Programs of the sides that there are.
  let programs: [PairedSide: String]
  /// What a strategy plays, and with which options of its user's.
  let market: MarketChoice
  /// Percent of work put in on purpose.
  static let plant = 10
  /// Of one round. The suite's figure over sockets takes one, for each of its slices is a run of its own.
  private static func turns(_ name: String) -> Int { name == "wire" ? 1 : 3 }

  init(base: String, creep: String?, market: MarketChoice = MarketChoice()) {
    let own = Machine.executable
    var programs: [PairedSide: String] = [.base: base, .new: own, .same: own, .more: own]
    programs[.creep] = creep
    self.programs = programs
    self.market = market
  }

  /// - Parameter names: figures, without their percentiles.
  /// - Returns: by percentile.
  func measure(_ names: [String], rounds: Int) throws -> [String: PairedSamples] {
    var samples: [String: PairedSamples] = [:]
    for round in 0..<rounds {
      // New processes for each round: where pages and code lie differs from process to process, and no
      // number of turns within one would show it.
      let running = try start()
      defer { for (_, program) in running { program.end() } }
      for name in names {
        let able = running.filter { $0.program.names.contains(name) }
        guard able.contains(where: { $0.side == .new }) else { continue }
        var requests: [PairedSide: Int] = [:]
        for (percentile, times) in try turns(name, able, first: round, &requests) {
          samples[percentile, default: PairedSamples()].add(times, requests: requests)
        }
      }
    }
    return samples
  }

  private typealias Running = [(side: PairedSide, program: PairedProgram)]

  private func start() throws -> Running {
    var running: Running = []
    do {
      for side in PairedSide.allCases {
        guard let path = programs[side] else { continue }
        running.append(
          (
            side,
            try PairedProgram(
              path: path, plant: side == .more ? Self.plant : 0, market: market)
          ))
      }
    } catch {
      for (_, program) in running { program.end() }
      throw error
    }
    return running
  }

  /// The medians over the turns, by percentile and side. Each turn is a palindrome, and begins with another side.
  private func turns(
    _ name: String, _ running: Running, first: Int, _ requests: inout [PairedSide: Int]
  ) throws -> [String: [PairedSide: Double]] {
    var all: [PairedSide: [[Double]]] = [:]
    for turn in 0..<Self.turns(name) {
      let start = (first + turn) % running.count
      let order = Running(running[start...] + running[..<start])
      var times: [PairedSide: [[Double]]] = [:]
      for (side, program) in order + order.reversed() {
        let slice = try program.slice(name)
        times[side, default: []].append(slice.times)
        requests[side] = slice.requests
      }
      for (side, two) in times {
        all[side, default: []].append(zip(two[0], two[1]).map { ($0 * $1).squareRoot() })
      }
    }
    var found: [String: [PairedSide: Double]] = [:]
    for (i, percentile) in PairedFigures.percentiles.enumerated() {
      for (side, turns) in all where turns.allSatisfy({ $0.count > i }) {
        found[name + percentile.name, default: [:]][side] = middle(turns.map { $0[i] })
      }
    }
    return found
  }
}
