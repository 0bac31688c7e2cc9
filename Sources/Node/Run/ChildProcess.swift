import CSupport
import Foundation

/// A process of this program that ends with us; see nt_child.h.
///
/// Threading: the main thread.
struct ChildProcess {
  enum End: Equatable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    var description: String {
      switch self {
      case .exited(let code): "ended with exit code \(code)"
      case .killed(let signal): "was killed by signal \(signal)"
      }
    }
  }
  let arguments: [String]
  private(set) var pid: Int32

  /// Starts this very executable (or another) with the arguments, its output appended to `log`.
  init(
    executable: String = "/proc/self/exe", arguments: [String], log: String
  ) throws(CommandFailure) {
    self.arguments = arguments
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard output >= 0 else {
      throw CommandFailure(.cannotCreate, "\(log): \(String(cString: strerror(errno)))")
    }
    defer { close(output) }
    var words: [UnsafeMutablePointer<CChar>?] = (["needletail"] + arguments).map { strdup($0) }
    words.append(nil)
    defer { words.forEach { free($0) } }
    var started: Int32 = 0
    let code = nt_child_start(executable, words, output, &started)
    guard code == 0 else {
      throw CommandFailure(
        .unavailable, "\(executable) cannot be started: \(String(cString: strerror(code)))")
    }
    pid = started
  }

  /// How it ended; nil while it runs.
  mutating func ended() -> End? {
    var status: Int32 = 0
    guard pid > 0, nt_child_ended(pid, &status) else { return nil }
    pid = 0
    return status >= 256 ? .killed(signal: status - 256) : .exited(status)
  }

  func terminate() { _ = nt_child_signal(pid, SIGTERM) }
  func kill() { _ = nt_child_signal(pid, SIGKILL) }

  /// Asks it to end, waits so long, then kills it. How it ended.
  mutating func stop(milliseconds: Int) -> End {
    guard pid > 0 else { return .exited(0) }
    terminate()
    for _ in 0..<max(1, milliseconds / 10) {
      if let end = ended() { return end }
      _ = StopSignal.wait(milliseconds: 10)
    }
    kill()
    for _ in 0..<500 {
      if let end = ended() { return end }
      _ = StopSignal.wait(milliseconds: 10)
    }
    return .killed(signal: SIGKILL)
  }
}
