import ExecutionCore
import Glibc
import Journal
import Testing

/// A `journal-crash-writer` process and the pipe of its acknowledgements.
private struct Child {
  let process: pid_t
  let acknowledgements: Int32

  /// The helper is built beside the test program.
  static var program: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes {
      readlink("/proc/self/exe", $0.baseAddress!, $0.count)
    }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
      + "/journal-crash-writer"
  }
  static var isBuilt: Bool { access(program, X_OK) == 0 }

  init(_ directory: String, _ mode: JournalOptions.Mode) throws {
    var ends: [Int32] = [0, 0]
    let piped = pipe(&ends)
    try #require(piped == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    let arguments = [Child.program, directory, mode.rawValue].map { (text: String) in strdup(text) }
    defer { for argument in arguments { free(argument) } }
    var made: pid_t = 0
    let code = posix_spawn(&made, Child.program, &actions, nil, arguments + [nil], environ)
    close(ends[1])
    try #require(code == 0)
    process = made
    acknowledgements = ends[0]
  }

  /// The next acknowledged sequence; nil at the end of the pipe.
  func next() -> UInt64? {
    var value: UInt64 = 0
    let count = withUnsafeMutableBytes(of: &value) { read(acknowledgements, $0.baseAddress, 8) }
    return count == 8 ? value : nil
  }

  /// SIGKILL, then everything that was acknowledged before it: the last sequence.
  func kill(after last: UInt64) -> UInt64 {
    Glibc.kill(process, SIGKILL)
    var last = last
    while let more = next() { last = more }
    close(acknowledgements)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    #expect(status & 0x7f == SIGKILL)
    return last
  }
}

@Suite(.enabled(if: Child.isBuilt, "journal-crash-writer is not built beside the tests"))
struct KillTests {
  private static func check(_ record: JournalRecord) -> Bool {
    let sequence = record.header.sequence
    return record.payloadCount == 8 * Int(sequence % 40)
      + (record.payloadCount - 8 * Int(sequence % 40)) % 8
      && (0..<Int(sequence % 40)).allSatisfy { record.load(8 * $0, as: UInt64.self) == sequence }
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `what a killed process had acknowledged in mode shared is there`(seed: UInt64) throws {
    print("seed \(seed)")
    let scratch = ScratchDirectory(onDisk: true)
    var random = SplitMix64(state: seed)
    var acknowledged: UInt64 = 0
    for cycle in 1...6 {
      let child = try Child(scratch.path, .shared)
      let goal = acknowledged + UInt64.random(in: 1...1500, using: &random)
      while acknowledged < goal {
        let next = try #require(child.next(), "cycle \(cycle): the child ended by itself")
        // What was whole but not yet acknowledged at the last kill was kept, and is not used again.
        #expect(next > acknowledged)
        acknowledged = next
      }
      acknowledged = child.kill(after: acknowledged)
      var whole = true
      let back = ReadBack(scratch.path) { whole = whole && KillTests.check($0) }
      #expect(back.error == nil && whole, "cycle \(cycle)")
      #expect(back.end?.isBeingWritten == false, "the lock goes with the process")
      #expect(back.sequences.count >= Int(acknowledged), "cycle \(cycle)")
      #expect(back.sequences == back.sequences.indices.map { UInt64($0) + 1 })
    }
    #expect(names(in: scratch.path).count > 6)
  }

  @Test func `a process killed in mode memory leaves a whole beginning`() throws {
    let scratch = ScratchDirectory(onDisk: true)
    let child = try Child(scratch.path, .memory)
    var acknowledged: UInt64 = 0
    while acknowledged < 2000 { acknowledged = try #require(child.next()) }
    acknowledged = child.kill(after: acknowledged)
    var whole = true
    let back = ReadBack(scratch.path) { whole = whole && KillTests.check($0) }
    #expect(back.error == nil && whole)
    #expect(back.sequences == back.sequences.indices.map { UInt64($0) + 1 })
  }

  @Test func `another process is refused while one writes, and may read`() throws {
    let scratch = ScratchDirectory(onDisk: true)
    let child = try Child(scratch.path, .shared)
    var acknowledged: UInt64 = 0
    while acknowledged < 300 { acknowledged = try #require(child.next()) }
    let error = #expect(throws: JournalError.self) {
      try JournalWriter.open(scratch.path, smallOptions())
    }
    #expect(error?.kind == .locked)
    let back = ReadBack(scratch.path)
    #expect(back.error == nil && back.end?.isBeingWritten == true)
    #expect(back.sequences.count >= Int(acknowledged))
    _ = child.kill(after: acknowledged)
    try JournalWriter.open(scratch.path, smallOptions()).close()
  }
}
