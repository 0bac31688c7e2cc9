import BenchSupport
import CSupport
import Foundation

/// A program that ends with this one.
enum OwnChild {
  /// Whether it can be started at all.
  static func check(_ path: String) throws {
    var facts = stat()
    guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
      throw AcceptedFileError(code: 66, message: "\(path) is no program: build it first")
    }
  }

  /// Starts it with the words, what it prints on our standard error, and waits for its end.
  ///
  /// - Parameter processors: those it may run on, whatever this thread has been pinned to.
  /// - Returns: its exit code, or 256 + the signal that killed it.
  static func run(_ path: String, _ words: [String], processors: [Int32]) throws -> Int32 {
    // The child inherits them; a suite pins the thread anew.
    _ = nt_thread_pin_self(processors, UInt32(processors.count))
    var pid: Int32 = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) } + [nil]
    defer { for word in arguments { free(word) } }
    let error = nt_child_start(path, &arguments, -1, STDERR_FILENO, &pid)
    guard error == 0 else {
      throw BenchError("cannot start \(path): \(String(cString: strerror(error)))")
    }
    var status: Int32 = 0
    while !nt_child_ended(pid, &status) { usleep(100_000) }
    return status
  }
}
