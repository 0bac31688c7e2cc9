import BenchSupport
import Foundation

/// What one slice of a figure gave.
struct PairedSlice {
  /// Nanoseconds of one operation: its percentiles.
  var times: [Double]
  /// What a strategy sent in it; nil: it is no strategy's, or the build is too old to say.
  var requests: Int?

  /// - Parameter words: of the answer, behind the figure's name; nil where they are no times.
  init?(_ words: some Sequence<Substring>) {
    times = []
    for word in words {
      if let count = word.firstMatch(of: /^requests=([0-9]+)$/), let n = Int(count.1) {
        requests = n
      } else if let time = Double(word), time > 0, time.isFinite {
        times.append(time)
      } else {
        return nil
      }
    }
    if times.isEmpty { return nil }
  }
}

/// A build's `needletail-bench paired`, waiting for the name of a figure.
final class PairedProgram {
  let names: [String]
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors: ChildLog
  private let path: String
  private var rest: [UInt8] = []

  /// - Parameter market: the user's own options, and the market's.
  init(path: String, plant: Int = 0, market: MarketChoice = MarketChoice()) throws {
    self.path = path
    errors = try ChildLog()
    // A child that has ended is found out by its answer.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments =
      market.before + ["paired"] + (plant > 0 ? ["--plant", "\(plant)"] : []) + market.words
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors.handle
    do { try AtEnd.shared.start(process) } catch { throw BenchError("\(path): \(error)") }
    let words = Self.line(output, &rest).split(separator: " ").map(String.init)
    guard words.first == "ready" else {
      try? input.fileHandleForWriting.close()
      process.terminate()
      process.waitUntilExit()
      AtEnd.shared.forget(child: process.processIdentifier)
      throw BenchError(
        "\(path) has no mode 'paired': is it a build from before it?\(errors.said)")
    }
    names = Array(words.dropFirst())
  }

  func slice(_ name: String) throws -> PairedSlice {
    try? input.fileHandleForWriting.write(contentsOf: Data((name + "\n").utf8))
    let words = Self.line(output, &rest).split(separator: " ")
    guard words.first ?? "" == name, let slice = PairedSlice(words.dropFirst()) else {
      throw BenchError("\(path) paired gave no time of \(name)\(errors.said)")
    }
    return slice
  }

  func end() {
    try? input.fileHandleForWriting.close()
    // Whoever does not end with its input is ended.
    for _ in 0..<200 where process.isRunning { usleep(10_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    AtEnd.shared.forget(child: process.processIdentifier)
  }

  /// Milliseconds that an answer may take on a loaded machine, and bytes that a line may have.
  private static let answerMax: Int32 = 180_000
  private static let lineMax = 1 << 16

  /// Empty at the end of the output, and where no answer comes.
  private static func line(_ output: Pipe, _ rest: inout [UInt8]) -> String {
    while !rest.contains(10) {
      // A program that does not answer is not waited for for ever.
      var ready = pollfd(
        fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&ready, 1, answerMax) != 0, rest.count < lineMax else { return "" }
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { return "" }
      rest += data
    }
    let end = rest.firstIndex(of: 10) ?? 0
    defer { rest.removeFirst(end + 1) }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}
