import Testing

// Not a dependency of this target: it would bring its malloc along.
private let audit = Program("hot-path-audit")

/// That the release build is clean, over sockets too, and that its audit sees what is planted there
/// (planted.sh), is for 'make gates': a debug build is not specialised. Here: the audit sees what is put in on
/// purpose, and counts events that really happened.
@Suite(.enabled(if: audit.isBuilt)) struct HotPathAuditTests {
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

  @Test func `an impossible argument is refused`() throws {
    #expect(try audit.run("--orders", "-1").code == 64)
    #expect(try audit.run("--plant").code == 64)
    #expect(try audit.run("--events", "0").code == 64)
    #expect(try audit.run("--plant", "nothing").code == 64)
    #expect(try audit.run("--nonsense").code == 64)
  }
}
