import Foundation
import NeedletailBench

/// `needletail-bench`: the suites with the example strategies. For a strategy of one's own, an
/// executable like this one: perf/README.md, "Your own strategy".
@main struct BenchCommand {
  static func main() { exit(Bench.run(Array(CommandLine.arguments.dropFirst()))) }
}
