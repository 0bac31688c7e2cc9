import BenchSupport
import Foundation

/// A build's `needletail-bench paired`, waiting for the name of a figure.
final class PairedProgram {
  let names: [String]
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors: ChildLog
  private let path: String
  private var rest: [UInt8] = []

  init(path: String, plant: Int = 0, arguments: [String] = []) throws {
    self.path = path
    errors = try ChildLog()
    // A child that has ended is found out by its answer.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["paired"] + (plant > 0 ? ["--plant", "\(plant)"] : []) + arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors.handle
    do { try process.run() } catch { throw BenchError("\(path): \(error)") }
    AtEnd.shared.remember(child: process.processIdentifier)
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

  /// Nanoseconds of one operation, from one slice: its shares.
  func time(_ name: String) throws -> [Double] {
    try? input.fileHandleForWriting.write(contentsOf: Data((name + "\n").utf8))
    let words = Self.line(output, &rest).split(separator: " ")
    let times = words.dropFirst().compactMap { Double($0) }
    guard words.first ?? "" == name, !times.isEmpty, times.count == words.count - 1,
      times.allSatisfy({ $0 > 0 })
    else { throw BenchError("\(path) paired gave no time of \(name)\(errors.said)") }
    return times
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    AtEnd.shared.forget(child: process.processIdentifier)
  }

  /// Empty at the end of the output.
  private static func line(_ output: Pipe, _ rest: inout [UInt8]) -> String {
    while !rest.contains(10) {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { return "" }
      rest += data
    }
    let end = rest.firstIndex(of: 10) ?? 0
    defer { rest.removeFirst(end + 1) }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}
