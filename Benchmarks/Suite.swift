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
  /// A count of errors: a better repetition does not take it back.
  var isFinal = false
  /// The goal that it answers.
  var goal: Goal?

  /// What a figure should reach. The gate fails only when it is missed by more than the slack: the
  /// factor by which absolute times of one build differ on a shared machine. The users' own targets
  /// have none; their margin is in the numbers.
  struct Limit: Codable {
    var value: Double
    var atLeast: Bool
    var slack: Double

    init(value: Double, atLeast: Bool, slack: Double = 1) {
      self.value = value
      self.atLeast = atLeast
      self.slack = slack
    }
    /// What the gate holds the figure to.
    var gate: Double { atLeast ? value / slack : value * slack }
    func isMet(by x: Double) -> Bool { atLeast ? x >= value : x <= value }
    func passes(_ x: Double) -> Bool { atLeast ? x >= gate : x <= gate }
  }

  /// - Parameters:
  ///   - goal: sets the limit too, with `slack`, where no other is given.
  init(
    _ name: String, _ unit: String, _ runs: [Double], limit: Limit? = nil, goal: Goal? = nil,
    slack: Double = 2, note: String? = nil, isFinal: Bool = false
  ) {
    self.isFinal = isFinal
    self.goal = goal
    let sorted = runs.sorted()
    self.name = name
    self.unit = unit
    median = sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    min = sorted.first ?? .nan
    max = sorted.last ?? .nan
    self.runs = runs.count
    self.limit =
      limit ?? goal.map { .init(value: $0.bound.value, atLeast: $0.bound.atLeast, slack: slack) }
    self.note = note
  }

  /// Nothing measured is a miss, never a pass.
  var misses: Bool {
    guard let limit else { return false }
    return runs == 0 || median.isNaN || !limit.passes(median)
  }
  /// For people: `met`, `missed` within the slack, `MISSED` where the gate fails.
  var verdict: String {
    guard let limit else { return "" }
    return misses ? "MISSED" : limit.isMet(by: median) ? "met" : "missed, within the gate's slack"
  }
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
  /// What the suites leave beside their figures.
  private(set) var distributions: [String: Distribution] = [:]
  private(set) var curves: [Curve] = []

  init(_ options: BenchOptions, processors: [Int32], strategy: BenchStrategy?) {
    runs = options.runs
    quick = options.quick
    handicap = options.handicap
    scale = options.scale
    gate = options.gate
    self.processors = processors
    self.strategy = strategy
  }

  /// Keeps a distribution under a name that is a file's name: the last one stands.
  func keep(_ samples: [UInt32], as name: String) { distributions[name] = Distribution(samples) }
  func keep(_ curve: Curve) {
    curves.removeAll { $0.name == curve.name }
    curves.append(curve)
  }

  /// Where made streams are kept from run to run, under the current directory; never committed.
  static var cache: String { ".bench" }
}

/// One question and the figures that answer it.
protocol Suite {
  static var name: String { get }
  static var question: String { get }
  static func run(_ context: BenchContext) throws -> [Figure]
}
