import ExecutionCore
import Foundation
import Gateways

/// When a paper broker's market began, kept beside its accounts: started again, whatever ended it, it goes on where the
/// market would be by then.
final class PaperDay {
  let session: SessionName
  /// Nanoseconds since the market began, by the clock on the wall; nil: it begins.
  let elapsed: Int64?
  /// What was kept is not gone on with, in words; nil where it is, or there was nothing.
  let note: String?
  private let path: String?
  private let name: String
  private var isKept = false

  /// - Parameters:
  ///   - file: nil: nothing is kept.
  ///   - name: of the market and its speed; another one begins a day of its own.
  ///   - longest: nanoseconds by the clock on the wall after which it is not gone on with.
  ///   - isNew: it is not gone on with in any case.
  init(
    _ file: PaperFile?, _ name: String, longest: Int64, isNew: Bool
  ) throws(CommandFailure) {
    self.name = name
    path = file.map { $0.directory + "/day" }
    let kept = isNew ? nil : try path.flatMap { path throws(CommandFailure) in try Self.read(path) }
    if let kept, kept.name == name, kept.begun == 0 {
      (session, elapsed, note) = (kept.session, nil, nil)
      return
    }
    if let kept, kept.name == name {
      let since = max(0, Self.clock() - kept.begun)
      if since < longest {
        (session, elapsed, note) = (kept.session, since, nil)
        isKept = true
        return
      }
    }
    session = SessionName("PAPER\(UInt64.random(in: 10_000...99_999))") ?? .blank
    elapsed = nil
    note = kept.map {
      $0.name == name
        ? "the market that began there is over, or began too long ago: it begins anew"
        : "another market was played there ('\($0.name)'): this one begins"
    }
    // Before anybody is told the session: a broker that dies before its market begins has it still.
    try keep(begun: 0)
  }

  /// The market has begun.
  func begin() throws(CommandFailure) {
    guard !isKept else { return }
    isKept = true
    try keep(begun: Self.clock())
  }

  /// - Parameter begun: by the clock on the wall; 0: it waits for somebody.
  private func keep(begun: Int64) throws(CommandFailure) {
    guard let path else { return }
    try RunDirectory.replace(path, with: "\(session.trimmed)\n\(begun)\n\(name)\n")
  }

  private static func read(
    _ path: String
  ) throws(CommandFailure) -> (session: SessionName, begun: Int64, name: String)? {
    guard access(path, F_OK) == 0 else { return nil }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw CommandFailure(
        .inputOutput, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, let session = SessionName(lines[0]), !session.isBlank,
      let begun = Int64(lines[1]), begun >= 0
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
