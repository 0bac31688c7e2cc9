/// What a suite measured: one figure with its spread over the runs, in one unit.
struct Figure: Codable {
  var name: String
  var unit: String
  /// Median, least and greatest over the runs.
  var median: Double
  var min: Double
  var max: Double
  var runs: Int
  /// The goal, and what `--gate` makes of it.
  var limit: Limit?
  var note: String?
  /// The goal that it answers.
  var goal: Goal?

  /// What a figure should reach. A user's target, whose margin is in the numbers, `--gate` holds as it
  /// stands. A goal says how far we want to go on a good machine: it is shown, and fails nothing.
  struct Limit: Codable {
    var value: Double
    var atLeast: Bool
    var isGoal = false

    init(value: Double, atLeast: Bool) {
      self.value = value
      self.atLeast = atLeast
    }
    init(goal: Double, atLeast: Bool) {
      self.init(value: goal, atLeast: atLeast)
      isGoal = true
    }
    func isMet(by x: Double) -> Bool { atLeast ? x >= value : x <= value }
  }

  /// - Parameters:
  ///   - goal: sets the limit too, where no other is given.
  init(
    _ name: String, _ unit: String, _ runs: [Double], limit: Limit? = nil, goal: Goal? = nil,
    note: String? = nil
  ) {
    self.goal = goal
    self.name = name
    self.unit = unit
    median = middle(runs)
    min = runs.min() ?? .nan
    max = runs.max() ?? .nan
    self.runs = runs.count
    self.limit = limit ?? goal?.bound.map { .init(goal: $0.value, atLeast: $0.atLeast) }
    self.note = note
  }

  /// A target that is not met; nothing measured is a miss, never a pass.
  var misses: Bool {
    guard let limit, !limit.isGoal else { return false }
    return runs == 0 || median.isNaN || !limit.isMet(by: median)
  }
  /// Errors, of which there may be none.
  var countsErrors: Bool { limit.map { !$0.isGoal && !$0.atLeast && $0.value == 0 } ?? false }
  /// For people: `met`, `not met`, or `MISSED` where the gate fails.
  var verdict: String {
    guard let limit else { return "" }
    return misses ? "MISSED" : limit.isMet(by: median) ? "met" : "not met"
  }
}

/// The median; of an even number the mean of the middle two.
func middle(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  let n = sorted.count
  guard n > 0 else { return .nan }
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2
}

/// Everything a suite may know: how long it may take, and the handicap that shows a gate can fail.
final class BenchContext {
  let runs: Int
  let quick: Bool
  /// Busy nanoseconds added to every operation under test (`--handicap`), never to a floor.
  let handicap: Int64
  /// Messages of the scale suite (`--scale`); nil: what fits into its usual time.
  let scale: Int?
  /// Allowed processors, lowest first; a suite that needs two says so when there is one.
  let processors: [Int32]
  /// With the gate, the parts that hold no figure of it are left out: curves and sweeps.
  let gate: Bool
  /// The user's strategy, for the suite `strategy`.
  let strategy: BenchStrategy?
  /// The market that it trades in.
  let market: MarketChoice
  /// Why the gate cannot judge the strategy; nil: it can.
  var unjudged: String?
  /// What the suites leave beside their figures.
  private(set) var distributions: [String: Distribution] = [:]
  private(set) var curves: [Curve] = []
  /// Why a goal's figure could not be measured here.
  private(set) var leftOut: [Goal: String] = [:]

  init(
    _ options: BenchOptions, processors: [Int32], strategy: BenchStrategy?,
    market: MarketChoice? = nil
  ) {
    runs = options.runs
    quick = options.quick
    handicap = options.handicap
    scale = options.scale
    gate = options.gate
    self.processors = processors
    self.strategy = strategy
    self.market = market ?? strategy?.market ?? MarketChoice()
  }

  /// Keeps a distribution under a name that is a file's name: the last one stands.
  func keep(_ samples: [UInt32], as name: String) { distributions[name] = Distribution(samples) }
  func keep(_ curve: Curve) {
    curves.removeAll { $0.name == curve.name }
    curves.append(curve)
  }

  func leaveOut(_ goal: Goal, because why: String) { leftOut[goal] = why }

  /// Where made streams are kept from run to run, under the current directory; never committed.
  static var cache: String { ".bench" }
}

/// What two threads do that both spin cannot be measured on one processor: that is no fault of what is measured.
struct OneProcessorError: Error {
  let message = "needs two processors, there is one: two threads that spin would share it"
}

/// One question and the figures that answer it.
protocol Suite {
  static var name: String { get }
  static var question: String { get }
  static func run(_ context: BenchContext) throws -> [Figure]
}
