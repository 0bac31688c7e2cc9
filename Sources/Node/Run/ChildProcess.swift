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
  private(set) var pid: Int32

  /// Starts this very executable (or another) with the arguments, its output appended to `log`.
  ///
  /// - Parameters:
  ///   - input: a short text for its standard input: what must not stand among the arguments, which every
  ///     user of the machine can read.
  ///   - inherited: a descriptor that it has under the same number.
  init(
    executable: String = "/proc/self/exe", arguments: [String], input: String = "",
    inherited: Int32? = nil, log: String
  ) throws(CommandFailure) {
    let words = try Self.pipe(holding: input)
    defer { if words >= 0 { close(words) } }
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard output >= 0 else {
      throw CommandFailure(.cannotCreate, "\(log): \(String(cString: strerror(errno)))")
    }
    defer { close(output) }
    var list: [UnsafeMutablePointer<CChar>?] = (["needletail"] + arguments).map { strdup($0) }
    list.append(nil)
    defer { list.forEach { free($0) } }
    var started: Int32 = 0
    // This thread is the only one that starts processes.
    if let inherited { _ = fcntl(inherited, F_SETFD, 0) }
    defer { if let inherited { _ = fcntl(inherited, F_SETFD, FD_CLOEXEC) } }
    let code = nt_child_start(executable, list, words, output, &started)
    guard code == 0 else {
      throw CommandFailure(
        .unavailable, "\(executable) cannot be started: \(String(cString: strerror(code)))")
    }
    pid = started
  }

  /// The end of a pipe to read the text from, which fits what a pipe holds; −1 for none.
  private static func pipe(holding text: String) throws(CommandFailure) -> Int32 {
    guard !text.isEmpty else { return -1 }
    var ends: [Int32] = [-1, -1]
    guard Foundation.pipe(&ends) == 0 else {
      throw CommandFailure(.unavailable, "no pipe: \(String(cString: strerror(errno)))")
    }
    // This thread is the only one that starts processes.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let bytes = Array(text.utf8.prefix(4_096))
    let written = write(ends[1], bytes, bytes.count)
    close(ends[1])
    guard written == bytes.count else {
      close(ends[0])
      throw CommandFailure(.unavailable, "a pipe takes nothing")
    }
    return ends[0]
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
  ///
  /// - Parameter isPatient: asked every 10 ms, with whether a signal came meanwhile; false: it is killed now.
  mutating func stop(
    milliseconds: Int, isPatient: (_ waited: Int, _ hasSignal: Bool) -> Bool = { _, _ in true }
  ) -> End {
    guard pid > 0 else { return .exited(0) }
    terminate()
    for i in 0..<max(1, milliseconds / 10) {
      if let end = ended() { return end }
      let hasSignal = StopSignal.wait(milliseconds: 10)
      guard isPatient((i + 1) * 10, hasSignal) else { break }
    }
    kill()
    for _ in 0..<500 {
      if let end = ended() { return end }
      _ = StopSignal.wait(milliseconds: 10)
    }
    return .killed(signal: SIGKILL)
  }
}
