import Foundation
import Synchronization
import Testing

@testable import Node
@testable import Trading

/// Hot threads of several runs on one machine keep out of each other's way.
@Suite final class ProcessorChoiceTests {
  private let path = NSTemporaryDirectory() + "processors-\(UUID().uuidString)"
  private var folders: [String] { [path] }

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func choose(_ wanted: Int, _ allowed: [Int32]) throws(ProcessorChoice.Taken)
    -> ProcessorChoice
  {
    try ProcessorChoice(wanted: wanted, allowed: allowed, folders: folders)
  }

  @Test func `the last free processor is taken, the rest is for everything else`() throws {
    let first = try choose(-1, [0, 1, 2, 3])
    #expect(first.processor == 3)
    #expect(first.others == [0, 1, 2])
    #expect(first.note == nil)
    let second = try choose(-1, [0, 1, 2, 3])
    #expect(second.processor == 2)
    #expect(second.others == [0, 1])
    withExtendedLifetime((first, second)) {}
  }

  @Test func `where only one is left the second run is not pinned, keeps away, and says so`() throws
  {
    let first = try choose(-1, [0, 1])
    #expect(first.processor == 1)
    let second = try choose(-1, [0, 1])
    #expect(second.processor == -1)
    #expect(second.others == [0])
    #expect(second.note?.contains("1 of 2 are taken by other runs") == true)
    withExtendedLifetime((first, second)) {}
  }

  @Test func `one processor is shared by all, and the note says so`() throws {
    let only = try choose(-1, [0])
    #expect(only.processor == -1)
    #expect(only.others == [])
    #expect(only.note?.contains("not worth quoting") == true)
  }

  @Test func `a processor that is asked for and taken is refused, and free again with its run`()
    throws
  {
    do {
      let first = try choose(1, [0, 1])
      #expect(first.processor == 1)
      #expect(first.others == [0])
      #expect(throws: ProcessorChoice.Taken.self) { try choose(1, [0, 1]) }
      withExtendedLifetime(first) {}
    }
    #expect(try choose(1, [0, 1]).processor == 1)
  }

  @Test func `a processor that there is not is left for the thread to report`() throws {
    let choice = try choose(1_000, [0, 1])
    #expect(choice.processor == 1_000)
    #expect(choice.others == [0, 1])
  }

  @Test func `a run is told who has what when nothing is left for it`() throws {
    let first = try HotProcessor(-1, allowed: [0, 1], folders: folders)
    #expect(first.choice.processor == 1 && first.note == nil)
    let note = try #require(HotProcessor(-1, allowed: [0, 1], folders: folders).note)
    #expect(note.hasPrefix("no processor is free for the hot thread"))
    #expect(note.contains("; processor 0 is left for everything else; processor 1 is taken"))
    let taken = #expect(throws: CommandFailure.self) {
      try HotProcessor(1, allowed: [0, 1], folders: folders)
    }
    #expect(taken?.code == .tryAgain)
    // Where the system lists locks, it names the process.
    if (try? String(contentsOfFile: "/proc/locks", encoding: .utf8))?.contains("FLOCK") == true {
      #expect(note.hasSuffix("processor 1 is taken (process \(getpid()))"))
      #expect(taken?.message.contains("hot thread (process \(getpid())), and two") == true)
    }
    withExtendedLifetime(first) {}
  }

  @Test func `a run refuses a processor that it cannot have, with those that it can`() throws {
    let refused = #expect(throws: CommandFailure.self) {
      try HotProcessor(99, allowed: [0, 1, 3], folders: folders)
    }
    #expect(refused?.code == .configuration)
    #expect(refused?.message.hasPrefix("runtime.processor: processor 99 is not there") == true)
    #expect(refused?.message.contains("it may use 0-1,3,") == true)
    #expect(try HotProcessor(99, allowed: [], folders: folders).choice.processor == 99)
  }

  @Test func `a symbolic link in place of the file is not followed`() throws {
    let target = path + "/target"
    try "x".write(toFile: target, atomically: true, encoding: .utf8)
    let link = path + "/needletail-cpu1.lock"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    #expect(ProcessorClaim(1, folders: folders) == nil)
    #expect(!ProcessorClaim.isTaken(1, folders: folders))
  }

  @Test func `the file can be opened by every user, whatever the umask`() throws {
    let folders = folders
    let claimed = Mutex<ProcessorClaim?>(nil)
    // A thread with a umask of its own: the process's is that of all tests beside this one.
    let cloneFilesystem: CInt = 0x200  // CLONE_FS, which Glibc's module leaves out
    let unshare = try #require(dlsym(nil, "unshare"))
    let leave = unsafeBitCast(unshare, to: (@convention(c) (CInt) -> CInt).self)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      if leave(cloneFilesystem) == 0 {
        umask(0o077)
        let claim = ProcessorClaim(5, folders: folders)
        claimed.withLock { $0 = claim }
      }
      done.signal()
    }
    thread.start()
    done.wait()
    #expect(claimed.withLock { $0 } != nil)
    var status = stat()
    #expect(stat(path + "/needletail-cpu5.lock", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o444)
  }

  @Test(arguments: [-1, 1])
  func `two that begin at the same moment never have one processor, nor each the other's`(
    _ wanted: Int
  ) throws {
    let folders = folders
    for _ in 0..<300 {
      let chosen = Mutex<[ProcessorChoice]>([])
      DispatchQueue.concurrentPerform(iterations: 2) { _ in
        let choice = try? ProcessorChoice(wanted: wanted, allowed: [0, 1], folders: folders)
        chosen.withLock { found in if let choice { found.append(choice) } }
      }
      let all = chosen.withLock { $0 }
      #expect(all.count { $0.processor >= 0 } <= 1)
      #expect(wanted < 0 || !all.isEmpty, "one of them has it")
    }
  }
}
