import Foundation
import Testing

// Not a dependency of this target: it would bring its malloc along.
private let audit = Program("hot-path-audit")
private let hasTwoProcessors = ProcessInfo.processInfo.activeProcessorCount >= 2

/// That the release build is clean, over sockets too, and that its audit sees what is planted there
/// (planted.sh), is for 'make gates': a debug build is not specialised, and counts references. Here: the audit
/// sees what is put in on purpose, and counts events that really happened; over sockets the system calls of
/// a debug build are those of a release.
@Suite(.serialized, .enabled(if: audit.isBuilt)) struct HotPathAuditTests {
  private func counts(_ plant: String?) throws -> (code: Int32, [String: Int]) {
    let end =
      try plant.map { try audit.run("--events", "5000", "--orders", "0", "--plant", $0) }
      ?? audit.run("--events", "5000", "--orders", "0")
    var found: [String: Int] = [:]
    let words = end.output.split { " ():,".contains($0) }
    for (number, what) in zip(words, words.dropFirst()) {
      if let n = Int(number) { found[String(what)] = n }
    }
    return (end.code, found)
  }

  @Test(arguments: [
    ("allocation", "allocations"), ("object", "objects"), ("retain", "retains"), ("lock", "locks"),
    ("syscall", "system"),
  ])
  func `one thing done on purpose is counted and fails the audit`(
    _ plant: String, _ counter: String
  ) throws {
    let (_, clean) = try counts(nil)
    let (code, planted) = try counts(plant)
    #expect(code == 1)
    let before = try #require(clean[counter])
    // A debug build's own retain of the planted object may be among them.
    #expect(try #require(planted[counter]) > before)
  }

  @Test func `the audited path trades`() throws {
    let (_, found) = try counts(nil)
    #expect(found["events"].map { $0 >= 5_000 } == true)
    for what in ["requests", "reports", "fills"] { #expect((found[what] ?? 0) > 100) }
  }

  /// Each order and each thing that came in, however long the threads had to wait for a processor.
  @Test(
    .enabled(if: hasTwoProcessors, "two ends spin, each on a processor"),
    arguments: ["direct", "epoll", "io_uring"])
  func `over sockets each order makes one send, and each thing received one receive`(
    _ sockets: String
  ) throws {
    let end = try audit.run(
      "--events", "1000", "--orders", "50", "--sockets", sockets, "--format", "json")
    guard end.code != 75 else {
      #expect(sockets == "io_uring" && end.errors.contains("NOT JUDGED: hot path"), "\(end.errors)")
      #expect(end.output.contains("\"not_judged\": 1"))
      return
    }
    #expect(
      end.output.components(separatedBy: "\"orders\": 50,").count == 3,
      "\(end.output)\(end.errors)")
    #expect(end.output.components(separatedBy: "\"sends\": 5").count == 3, "\(end.output)")
    for trouble in ["only socket input", " sends for ", " gave data ", "failed", "went wrong"] {
      #expect(!end.errors.contains(trouble), "\(end.errors)")
    }
  }

  @Test(
    .enabled(if: hasTwoProcessors, "two ends spin, each on a processor"),
    arguments: ["direct", "epoll", "io_uring"])
  func `one system call more in each send fails the audit, by its name`(
    _ sockets: String
  ) throws {
    let end = try audit.run(
      "--events", "1000", "--orders", "50", "--sockets", sockets, "--plant", "socket-syscall")
    if sockets == "io_uring", end.code == 75 { return }
    #expect(end.code == 1)
    for part in ["quiet", "with the flow"] {
      #expect(
        end.errors.contains("over sockets, \(sockets), \(part): 50 getppid"), "\(end.errors)")
    }
  }

  @Test(.enabled(if: hasTwoProcessors, "two ends spin, each on a processor"))
  func `a counter of system calls that hangs ends the audit, which says so`() throws {
    let end = try audit.run(
      "--events", "1000", "--orders", "10", "--sockets", "direct", "--plant", "tracer")
    #expect(end.code == 70)
    #expect(end.errors.contains("did not answer within 10 s"), "\(end.errors)")
  }

  @Test func `an impossible argument is refused`() throws {
    #expect(try audit.run("--sockets", "some").code == 64)
    #expect(try audit.run("--orders", "-1").code == 64)
    #expect(try audit.run("--plant").code == 64)
    #expect(try audit.run("--events", "0").code == 64)
    #expect(try audit.run("--plant", "nothing").code == 64)
    #expect(try audit.run("--nonsense").code == 64)
  }
}
