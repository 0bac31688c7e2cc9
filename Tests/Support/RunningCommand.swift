package import Foundation

/// The command that is running: started without waiting for it.
///
/// Started by a test, it ends with ``finish()``; one that is given up is killed. How long anything takes
/// depends on what else the machine does: a test waits for what the command has done, then ends it.
package final class RunningCommand {
  package let process = Process()
  private let directory: String
  private let output: String
  private let errors: String

  /// Starts it with its output in files of `directory`, which also holds the run's `data`.
  package init(_ arguments: [String], directory: String) throws {
    self.directory = directory
    output = directory + "/out"
    errors = directory + "/err"
    process.executableURL = try CommandProcess.located()
    process.arguments = arguments
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// The process id of the exchange that this run has started; nil when there is none now.
  package var exchange: Int32? { child("exchange") }
  /// The same of the first paper broker.
  package var paper: Int32? { child("paper") }

  /// A child process of `needletail NAME`.
  private func child(_ name: String) -> Int32? {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(entry),
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
        status.contains("\nPPid:\t\(process.processIdentifier)\n"),
        !status.contains("\nState:\tZ"),
        let command = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8),
        command.split(separator: "\0").dropFirst().first.map(String.init) == name
      else { continue }
      return pid
    }
    return nil
  }

  /// A run that goes on until the test, or what happens to it, ends it; it writes to `data` in `directory`.
  package static func run(in directory: String, _ more: String...) throws -> RunningCommand {
    // The duration only keeps it from going on for ever.
    try RunningCommand(
      ["run", "--duration", "600", "--data", directory + "/data", "--summary", "json"] + more,
      directory: directory)
  }

  /// Asks until it is true; bounded by some minutes, after which it will not become true any more.
  package func wait(until holds: () -> Bool) -> Bool {
    for _ in 0..<30_000 {
      if holds() { return true }
      guard process.isRunning else { return holds() }
      Self.pause(milliseconds: 10)
    }
    return false
  }

  /// Between two looks at a condition.
  package static func pause(milliseconds: Int) {
    var time = timespec(tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
    nanosleep(&time, nil)
  }

  /// The run's journal so far: its records of a type, oldest first.
  package func journalled(_ type: String) -> [[String: Any]] {
    let shown = try? CommandProcess.run([
      "journal", "show", directory + "/data", "--format", "json", "--type", type,
    ])
    return (shown?.output ?? "").split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  /// Whether an execution is in the journal.
  package var hasTraded: Bool { !journalled("execution").isEmpty }

  /// Times that the order session has come up.
  package var sessions: Int {
    journalled("report").count { $0["report"] as? String == "sessionUp" }
  }

  /// Messages of the first feed that went by between the first request that rested on it and the last one.
  package var messagesTraded: Int {
    let places = journalled("intent").compactMap { intent -> Int? in
      guard let place = intent["feedPosition"] as? [String: Any],
        (place["channel"] as? NSNumber)?.intValue == 0
      else { return nil }
      return (place["sequence"] as? NSNumber)?.intValue
    }
    return (places.last ?? 0) - (places.first ?? 0)
  }

  /// What it has said on standard error so far.
  package var complaints: String {
    (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
  }

  /// What it has printed so far.
  package var printed: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

  /// Asks it to end, as Ctrl-C does, and waits until it has.
  package func interrupt(_ signal: Int32 = SIGINT) throws -> CommandProcess {
    kill(process.processIdentifier, signal)
    return try finish()
  }

  package func finish() throws -> CommandProcess {
    process.waitUntilExit()
    return CommandProcess(
      status: process.terminationStatus,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }
}
