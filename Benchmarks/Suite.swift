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

  init(
    _ name: String, _ unit: String, _ runs: [Double], limit: Limit? = nil, note: String? = nil,
    isFinal: Bool = false
  ) {
    self.isFinal = isFinal
    let sorted = runs.sorted()
    self.name = name
    self.unit = unit
    median = sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    min = sorted.first ?? .nan
    max = sorted.last ?? .nan
    self.runs = runs.count
    self.limit = limit
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
struct BenchContext {
  var runs: Int
  var quick: Bool
  /// Busy nanoseconds added to every operation under test (`--handicap`), never to a floor.
  var handicap: Int64
  /// Messages of the scale suite (`--scale`); nil: what fits into its usual time.
  var scale: Int?
  /// Allowed processors, lowest first; a suite that needs two says so when there is one.
  var processors: [Int32]
}

/// One question and the figures that answer it.
protocol Suite {
  static var name: String { get }
  static var question: String { get }
  static func run(_ context: BenchContext) throws -> [Figure]
}
