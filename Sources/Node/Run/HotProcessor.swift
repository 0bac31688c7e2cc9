import Foundation
import Trading

/// The processor of a run's hot thread, chosen before anything is made, and what is to be said about it.
struct HotProcessor: Sendable {
  let choice: ProcessorChoice
  /// As ``ProcessorChoice/note``, with who has the others; nil when the hot thread has a processor to itself.
  let note: String?

  /// Refuses one that is asked for and not to be had.
  init(
    _ wanted: Int, allowed: [Int32] = ProcessorChoice.allowed,
    folders: [String] = ProcessorClaim.folders
  ) throws(CommandFailure) {
    // Empty: the system does not say. Then the thread tells what it was not granted.
    guard wanted < 0 || allowed.isEmpty || allowed.contains(Int32(clamping: wanted)) else {
      throw CommandFailure(
        .configuration,
        "runtime.processor: processor \(wanted) is not there, or this process may not use it; it may use "
          + "\(ProcessorList.text(allowed.map { Int($0) })), and -1 is one that is free")
    }
    do throws(ProcessorChoice.Taken) {
      choice = try ProcessorChoice(wanted: wanted, allowed: allowed, folders: folders)
    } catch {
      throw CommandFailure(
        .tryAgain,
        "processor \(error.processor) is taken by another run's hot thread"
          + Self.holder(Int32(clamping: wanted), folders)
          + ", and two on one stop each other: give another as runtime.processor, or -1 for one that is free"
      )
    }
    guard let short = choice.note, allowed.count > 1 else {
      note = choice.note
      return
    }
    let rest = choice.others.map { "processor \($0) is left for everything else" }
    let taken = allowed.filter { ProcessorClaim.isTaken($0, folders: folders) }
      .map { "processor \($0) is taken" + Self.holder($0, folders) }
    note = ([short] + rest + taken).joined(separator: "; ")
  }

  /// ` (process 4242)`: of the lock on the processor's file, as far as the system names it.
  private static func holder(_ processor: Int32, _ folders: [String]) -> String {
    var status = stat()
    let files = folders.map { "\($0)/needletail-cpu\(processor).lock" }
    guard files.contains(where: { lstat($0, &status) == 0 }),
      let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return "" }
    // 2: FLOCK ADVISORY WRITE 4242 fe:00:16269398 0 EOF. Of another container the process is 0.
    for line in locks.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 8, words[1] == "FLOCK", words[5].hasSuffix(":\(status.st_ino)"),
        let process = Int(words[4]), process > 0
      {
        return " (process \(process))"
      }
    }
    return ""
  }
}
