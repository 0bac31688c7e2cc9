/// How a journal is kept.
public struct JournalOptions: Sendable {
  /// What becomes of a record before its order may leave. A mode that waits for the disk is not built yet.
  public enum Mode: String, Sendable, CaseIterable {
    /// Appended to anonymous memory, copied to the file in the background: what was not yet copied is
    /// lost with the process.
    case memory
    /// Appended to the mapped file: survives SIGKILL of the process, not a power cut.
    case shared
  }
  public static var segmentBytesMin: Int { 64 << 10 }
  public static var segmentBytesMax: Int { 1 << 30 }

  public var mode = Mode.shared
  /// Size of one segment file, preallocated and held twice (the one in use and the next): a multiple
  /// of 4096 from ``segmentBytesMin`` to ``segmentBytesMax``.
  public var segmentBytes = 64 << 20
  /// Bytes of each segment kept for cancels and reports; nil is a sixteenth of the segment.
  public var reserveBytes: Int?
  /// Sleep of the journal thread between two looks, in microseconds: 50 to 100,000.
  public var pollMicroseconds = 500
  /// CPU of the journal thread; -1 is any that the process may use. Not the engine's.
  public var cpu: Int32 = -1
  /// Flush to the disk when so many bytes wait, or after this many polls.
  public var flushBytes = 1 << 20
  public var flushPolls = 400
  /// What the segment headers say of their making.
  public var facts: JournalFacts
  /// Take a directory whose orders or positions are open, or that another build's rules come to otherwise, to go on
  /// with it (``Engine/recover(from:lane:memory:)``). Off: it is refused.
  public var acceptsUnfinished = false
  /// For tests: makes disk operations fail.
  public var faults: JournalFaults?

  public init(facts: JournalFacts = JournalFacts(build: "needletail")) { self.facts = facts }

  var reserve: Int { reserveBytes ?? segmentBytes / 16 }

  /// Refuses what is outside its range, naming the range.
  func validate(_ directory: String) throws(JournalError) {
    func invalid(_ what: String) -> JournalError {
      JournalError(.invalid, what, file: directory, remedy: "change the journal's settings")
    }
    let sizes = JournalOptions.segmentBytesMin...JournalOptions.segmentBytesMax
    guard sizes.contains(segmentBytes), segmentBytes % 4096 == 0 else {
      throw invalid(
        "a segment of \(segmentBytes) bytes is not a multiple of 4096 from \(sizes.lowerBound)"
          + " to \(sizes.upperBound)")
    }
    guard (0...segmentBytes / 4).contains(reserve) else {
      throw invalid("a reserve of \(reserve) bytes is not between 0 and a quarter of the segment")
    }
    guard (50...100_000).contains(pollMicroseconds), flushBytes > 0, flushPolls > 0 else {
      throw invalid("poll must be 50 to 100000 microseconds, and the flush limits above 0")
    }
    guard facts.build.utf8.count <= 32 else {
      throw invalid("the build's name has more than 32 bytes")
    }
  }
}
