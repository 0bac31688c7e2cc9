import Foundation
import Synchronization

/// Standard output and standard error, unbuffered and whole: short writes are continued, and a reader
/// that has gone away (`needletail book … | head`) ends the output without a word.
///
/// Threading: each call is one sequence of writes; callers on several threads may interleave calls.
public enum Console {
  /// How much a line on standard error matters to who reads it.
  public enum Level: String, Sendable { case info, warning, error }

  /// To be called before anything is opened: where standard input, output or error is closed, the null device
  /// stands in its place. Else the next file opened has its number, and what is printed goes into the journal.
  public static func holdDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest number that is free, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Writes the text to standard output as it is.
  public static func out(_ text: String) {
    guard outputFailure == nil else { return }
    let code = send(text, to: STDOUT_FILENO)
    if code != 0 { outputError.store(code, ordering: .relaxed) }
  }
  /// Writes the text and a line end to standard output.
  public static func line(_ text: String) { out(text + "\n") }

  /// Why standard output takes no more, as an errno; nil while it does. What was printed is cut off there.
  static var outputFailure: Int32? {
    let code = outputError.load(ordering: .relaxed)
    return code == 0 ? nil : code
  }
  private static let outputError = Atomic<Int32>(0)
  /// Writes the text and a line end to standard error.
  public static func error(_ text: String) { say(.error, text) }

  /// Writes the text and a line end to standard error, as lines of a log once ``startLog()`` was
  /// called.
  public static func say(_ level: Level, _ text: String) {
    complain(isLog.load(ordering: .relaxed) ? logged(level, text) : text + "\n")
  }

  /// Writes to standard error what is to be written over.
  static func overwrite(_ text: String) {
    write(text, to: STDERR_FILENO, patience: patience.load(ordering: .relaxed))
  }

  /// From here on each line on standard error begins with the time and its level, for who reads a
  /// log; on a terminal, for who watches, nothing changes.
  static func startLog() { isLog.store(!isTerminal, ordering: .relaxed) }
  private static let isLog = Atomic<Bool>(false)

  /// Lines of a log: UTC by RFC 3339 with milliseconds, the level, the text.
  static func logged(_ level: Level, _ text: String, at time: timespec? = nil) -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    if let time { now = time }
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    var stamp = [CChar](repeating: 0, count: 32)
    let length = strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%S", &parts)
    let seconds = String(
      decoding: stamp.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fraction = String(1_000 + now.tv_nsec / 1_000_000).dropFirst()
    let head = "\(seconds).\(fraction)Z \(level.rawValue) "
    return text.split(separator: "\n", omittingEmptySubsequences: true)
      .map { head + $0 + "\n" }.joined()
  }

  /// The text of a line of a log, without time and level; any other line as it is.
  static func unlogged(_ line: Substring) -> Substring {
    let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, words[0].count == 24, words[0].hasSuffix("Z"),
      Level(rawValue: String(words[1])) != nil
    else { return line }
    return words[2]
  }

  /// Standard error is one: somebody watches.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal; nil when standard error is none, or does not say.
  static var columns: Int? {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Milliseconds that a write to standard error may wait for its reader; below 0: as long as it takes. Who watches
  /// over trading waits for nobody: a pager that stands still must stop neither signals nor the kill switch.
  static func wait(milliseconds: Int32) { patience.store(milliseconds, ordering: .relaxed) }
  private static let patience = Atomic<Int32>(-1)
  /// Lines that found no room on standard error since the last one that did.
  private static let lost = Atomic<Int>(0)
  /// All of them.
  static var linesLost: Int { lostInAll.load(ordering: .relaxed) }
  private static let lostInAll = Atomic<Int>(0)

  private static func complain(_ text: String) {
    let before = lost.load(ordering: .relaxed)
    let gap = "lines before this one were lost: nobody read standard error"
    let said = before == 0 ? "" : logged(.warning, "\(before) \(gap)")
    if write(said + text, to: STDERR_FILENO, patience: patience.load(ordering: .relaxed)) {
      lost.store(0, ordering: .relaxed)
    } else {
      lost.store(before + 1, ordering: .relaxed)
      lostInAll.store(linesLost + 1, ordering: .relaxed)
    }
  }

  /// What a pipe, and what a terminal, takes without waiting where `poll` says that it is ready.
  private static let pipePart = 4_096
  private static let terminalPart = 256

  /// False when the reader was not there in time.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32, patience: Int32 = -1) -> Bool {
    send(text, to: descriptor, patience: patience) != ETIMEDOUT
  }

  /// 0, ETIMEDOUT when the reader was not there in time, or why nothing more can be written there.
  private static func send(_ text: String, to descriptor: Int32, patience: Int32 = -1) -> Int32 {
    var rest = Array(text.utf8)[...]
    let part = isatty(descriptor) == 1 ? terminalPart : pipePart
    var mustAsk = patience >= 0
    while !rest.isEmpty {
      if mustAsk {
        var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = poll(&asked, 1, patience)
        if ready < 0, errno == EINTR { continue }
        guard ready > 0 else { return ETIMEDOUT }
      }
      let count = rest.prefix(mustAsk ? part : .max).withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 {
        if errno == EAGAIN { mustAsk = true }
        if errno == EINTR || errno == EAGAIN { continue }
        return errno
      }
      rest = rest.dropFirst(count)
    }
    return 0
  }
}
