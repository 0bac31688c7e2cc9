import ExecutionCore
import Foundation
import Gateways

/// When a paper broker's market began, kept beside its accounts: killed and started again it goes on where the market
/// would be by then. The end of its process in order ends the day.
final class PaperDay {
  let session: SessionName
  /// Nanoseconds since the market began, by the clock on the wall; nil: it begins.
  let elapsed: Int64?
  private let path: String?
  private let name: String
  private var isKept: Bool

  /// - Parameters:
  ///   - file: nil: nothing is kept.
  ///   - name: of the market; another one begins a day of its own.
  init(_ file: PaperFile?, _ name: String) throws(CommandFailure) {
    self.name = name
    path = file.map { $0.directory + "/day" }
    if let path, let kept = try Self.read(path), kept.name == name {
      session = kept.session
      elapsed = max(0, Self.clock() - kept.begun)
      isKept = true
      return
    }
    session = SessionName("PAPER\(UInt64.random(in: 10_000...99_999))") ?? .blank
    elapsed = nil
    isKept = false
  }

  /// The market has begun.
  func begin() throws(CommandFailure) {
    guard !isKept else { return }
    isKept = true
    guard let path else { return }
    try RunDirectory.replace(path, with: "\(session.trimmed)\n\(Self.clock())\n\(name)\n")
  }

  /// It is over: whoever is started next begins another one.
  func end() {
    if let path { unlink(path) }
  }

  private static func read(
    _ path: String
  ) throws(CommandFailure) -> (session: SessionName, begun: Int64, name: String)? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, let session = SessionName(lines[0]), !session.isBlank,
      let begun = Int64(lines[1]), begun > 0
    else {
      throw CommandFailure(
        .dataError, "\(path): does not say when the market began; remove it, and another one begins"
      )
    }
    return (session, begun, String(lines[2]))
  }

  /// CLOCK_REALTIME in nanoseconds.
  private static func clock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
