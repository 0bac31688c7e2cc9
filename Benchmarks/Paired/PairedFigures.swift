import BenchSupport
import Foundation

/// The short figures that two builds are compared by: p50 and p90 of blocks of operations, in
/// nanoseconds by operation.
///
/// `needletail-bench paired` answers, a line each: it says `ready` and its figures' names; then for each
/// name on standard input it runs a slice of some milliseconds, warm-up first, and prints the name, the
/// p50 and the p90, and of a strategy `requests=N`, what it sent. It ends with its input. The other build may
/// be an old one: those before the p90 print the name and the p50, and what comes anew comes behind.
enum PairedFigures {
  /// One figure.
  struct Item {
    var name: String
    /// Nanoseconds of one operation in a slice, p50 and p90, with `plant` percent of work on top that are
    /// not counted: put in on purpose, for the self-test of the gate.
    var slice: (_ plant: Int) throws -> [Double]
    /// What the strategy sent in the last slice; nil: this is no figure of a strategy.
    var requests: () -> Int? = { nil }
  }

  /// What is judged of each figure, and how its name ends.
  static let percentiles = [(name: "", rank: 0.5), (name: " p90", rank: 0.9)]

  /// Makes a figure when it is asked for first: one that nobody asks for needs no memory.
  typealias Maker = () throws -> Item

  /// In the order in which they are measured. The last is the user's own strategy, where their executable
  /// gives one.
  static func makers(
    processors: [Int32], strategy: BenchStrategy?
  ) -> [(name: String, make: Maker)] {
    var all: [(String, Maker)] = [
      ("decode", decode), ("books", books), ("prices", prices), ("risk", risk), ("place", place),
      ("tick", tick), ("pool", pool), ("append", append), ("histogram", histogram),
    ]
    // Two spinning ends need two processors.
    if processors.count >= 2 {
      all.append(("ring", { try ring(processors) }))
      all.append(("wire", { try wire(processors) }))
    }
    if let strategy { all.append((strategyName, { try deciding(strategy) })) }
    return all
  }

  static func names(_ strategy: BenchStrategy?) -> [String] {
    // One that cannot be measured here is not judged, and said so.
    makers(processors: [0, 1], strategy: strategy).map(\.name)
  }

  static func serve(plant: Int, processors: [Int32], strategy: BenchStrategy?) throws {
    pin(processors[processors.count - 1])
    let makers = makers(processors: processors, strategy: strategy)
    var items: [String: Item] = [:]
    say("ready " + makers.map(\.name).joined(separator: " "))
    while let name = readLine() {
      guard let maker = makers.first(where: { $0.name == name }) else {
        throw BenchError("no figure '\(name)'")
      }
      let item = try items[name] ?? maker.make()
      items[name] = item
      let times = try item.slice(plant).map { "\(($0 * 1_000).rounded() / 1_000)" }
      let requests = item.requests().map { ["requests=\($0)"] } ?? []
      say(([name] + times + requests).joined(separator: " "))
    }
  }

  private static func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// The percentiles of blocks of operations.
  static func percentiles(of samples: [UInt32], by operations: Int) -> [Double] {
    let all = Distribution(samples)
    return percentiles.map { all.percentile($0.rank) / Double(operations) }
  }
}
