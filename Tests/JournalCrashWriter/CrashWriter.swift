import ExecutionCore
import Glibc
import Journal

/// The child of the kill tests: `journal-crash-writer DIRECTORY MODE` appends records for as long as it
/// lives and writes the sequence of each to standard output once it has been appended. Its parent
/// kills it in the middle of that and reads the journal back.
///
/// Payload: the sequence, repeated; so that the reader can tell what must be there.
@main struct CrashWriter {
  static let recordsMax: UInt64 = 1_000_000

  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let mode = JournalOptions.Mode(rawValue: arguments[2]) else {
      exit(64)
    }
    var options = JournalOptions(facts: JournalFacts(build: "crash"))
    options.mode = mode
    options.segmentBytes = JournalOptions.segmentBytesMin
    options.pollMicroseconds = 50
    do throws(JournalError) {
      let writer = try JournalWriter.open(arguments[1], options)
      try writer.start()
      run(writer.lane)
      try writer.close()
    } catch {
      let text = "\(error)\n"
      _ = write(2, text, text.utf8.count)
      exit(74)
    }
  }

  static func run(_ lane: RecordLane) {
    for _ in 0..<recordsMax {
      let sequence = lane.nextSequence
      let words = [UInt64](repeating: sequence, count: Int(sequence % 40))
      let header = RecordHeader(type: .strategyState)
      let done = words.withUnsafeBytes {
        var done: UInt64 = 0
        while done == 0 {
          done = lane.append(header, $0.baseAddress, $0.count, privileged: false)
          if lane.failure != 0 { exit(74) }
          if done == 0 { sched_yield() }
        }
        return done
      }
      let acknowledged = withUnsafeBytes(of: done) { write(1, $0.baseAddress, 8) }
      if acknowledged != 8 { return }
    }
  }
}
