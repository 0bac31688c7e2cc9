import Foundation

/// Standard output and standard error, unbuffered and whole: short writes are continued, and a reader
/// that has gone away (`needletail book … | head`) ends the output without a word.
///
/// Threading: each call is one sequence of writes; callers on several threads may interleave calls.
public enum Console {
  /// Writes the text to standard output as it is.
  public static func out(_ text: String) { write(text, to: STDOUT_FILENO) }
  /// Writes the text and a line end to standard output.
  public static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
  /// Writes the text and a line end to standard error.
  public static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  public static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        return
      }
      rest = rest.dropFirst(count)
    }
  }
}
