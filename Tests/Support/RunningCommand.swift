package import Foundation

/// The command that is running: started without waiting for it.
///
/// Started by a test, it ends with ``finish()``; one that is given up is killed.
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
  package var exchange: Int32? {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int32(entry),
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
        status.contains("\nPPid:\t\(process.processIdentifier)\n"),
        !status.contains("\nState:\tZ")
      else { continue }
      return pid
    }
    return nil
  }

  /// Asks until it is true; bounded by about a minute.
  package func wait(until holds: () -> Bool) -> Bool {
    for _ in 0..<6_000 {
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

  /// Whether an execution is in the journal.
  package var hasTraded: Bool {
    let data = directory + "/data"
    guard
      let result = try? CommandProcess.run([
        "journal", "show", data, "--format", "json", "--type", "execution",
      ])
    else { return false }
    return result.output.contains("\n")
  }

  /// What it has said on standard error so far.
  package var complaints: String {
    (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
  }

  /// What it has printed so far.
  package var printed: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

  package func finish() throws -> CommandProcess {
    process.waitUntilExit()
    return CommandProcess(
      status: process.terminationStatus,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }
}
