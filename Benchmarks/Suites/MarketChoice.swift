import BenchSupport
import CSupport
import Foundation
import Node

/// Which market a strategy is measured in: the built-in one, or the user's own (`--feed`, `--config`).
///
/// Threading: the main thread.
struct MarketChoice {
  /// What `--feed` names: whatever `needletail run --feed` reads.
  var feed: String?
  /// What `--config` names: the YAML of `needletail run`.
  var configuration: String?
  /// The user's own options, which stand before ours: processes that this one starts have them too.
  var before: [String] = []

  /// Compared are so many messages, the market's first; of a market of the user's own, counted too.
  static let messagesMax = 56_000
  /// Of the built-in one.
  private static let countedMessages = 10_000

  init() {}

  /// Takes `--feed` and `--config` out of a command line.
  init(taking arguments: inout [String]) throws(AcceptedFileError) {
    var rest: [String] = []
    var words = arguments[...]
    while let option = words.popFirst() {
      guard option == "--feed" || option == "--config" else {
        rest.append(option)
        continue
      }
      guard let file = words.popFirst(), !file.isEmpty else {
        throw AcceptedFileError(code: 64, message: "\(option) needs a file")
      }
      if option == "--feed" { feed = file } else { configuration = file }
    }
    arguments = rest
  }

  var isOwn: Bool { feed != nil || configuration != nil }

  /// The command line that it was taken from: for processes that this one starts.
  var words: [String] {
    (feed.map { ["--feed", $0] } ?? []) + (configuration.map { ["--config", $0] } ?? [])
  }

  /// For people.
  var name: String {
    guard isOwn else { return "the built-in market" }
    let files = [feed, configuration].compactMap { $0 }
    return "the market of \(files.joined(separator: " with "))"
  }

  /// - Parameter messages: from its beginning, at the most.
  func market(messages: Int) throws -> StrategyMarket {
    guard isOwn else { return try StrategyMarket(messages: messages) }
    // Several processes read them, one after the other: what can be read once is no market.
    for file in [feed, configuration].compactMap({ $0 }) {
      var facts = stat()
      guard stat(file, &facts) == 0, ![S_IFREG, S_IFDIR].contains(facts.st_mode & S_IFMT) else {
        continue
      }
      throw AcceptedFileError(
        code: 65, message: "\(file) is a pipe or a device: give a file, which is read several times"
      )
    }
    let plan: MarketPlan
    do throws(CommandFailure) {
      plan = try MarketPlan(feed: feed, configuration: configuration, messagesMax: messages)
    } catch {
      throw AcceptedFileError(code: error.code.rawValue, message: error.message)
    }
    let checksum = plan.files.isEmpty ? nil : plan.files.reduce(0, Self.checksum)
    return try StrategyMarket(plan, messages: messages, checksum: checksum)
  }

  /// What is counted of it.
  func counted() throws -> StrategyMarket {
    try market(messages: isOwn ? Self.messagesMax : Self.countedMessages)
  }

  /// What is timed of it in pairs.
  func compared() throws -> StrategyMarket {
    let market = try market(messages: Self.messagesMax)
    guard market.messages >= PairedFigures.strategyMessagesMin else {
      throw AcceptedFileError(
        code: 65,
        message: "\(name) has \(market.messages) messages: compare needs "
          + "\(PairedFigures.strategyMessagesMin) at least; give a longer one with --feed")
    }
    return market
  }

  /// Files that are wrong are said before anything is measured, and options that nothing would heed.
  ///
  /// - Parameter arguments: the rest of the command line.
  func check(for arguments: [String], hasStrategy: Bool) throws {
    guard isOwn, Set(arguments).isDisjoint(with: ["--help", "-h", "--list"]) else { return }
    switch arguments.first {
    // They are started by this program, with a market that it has checked.
    case "counted", "paired": return
    case "count" where hasStrategy: say(try counted().notes)
    case "compare" where hasStrategy: say(try compared().notes)
    case let word? where !word.hasPrefix("-"): throw Self.unheeded("'\(word)'")
    default:
      let suites = zip(arguments, arguments.dropFirst()).filter { $0.0 == "--suite" }.map(\.1)
      guard suites.isEmpty || suites.contains(StrategySuite.name) else {
        throw Self.unheeded("no suite but '\(StrategySuite.name)'")
      }
      say(try market(messages: StrategySuite.messages).notes)
    }
  }

  private func say(_ notes: [String]) {
    for note in notes { Bench.say("\(name): \(note)") }
  }

  private static func unheeded(_ what: String) -> AcceptedFileError {
    AcceptedFileError(
      code: 64,
      message: "--feed and --config choose the market that a strategy plays; \(what) plays "
        + "\(what.hasPrefix("no ") ? "one" : "none"): leave them out; see \(Bench.command) --help")
  }

  private static func checksum(_ crc: UInt32, _ path: String) -> UInt32 {
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    return bytes.withUnsafeBytes { nt_crc32c(crc, $0.baseAddress, $0.count) }
  }
}
