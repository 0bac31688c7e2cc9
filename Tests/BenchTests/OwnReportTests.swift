import Testing

private let bench = Program("own-strategy-bench")

/// Goals of the product are not a user's.
@Suite(.serialized, .enabled(if: bench.isBuilt)) struct OwnReportTests {
  @Test(arguments: ["--goals", "--audit", "--peers", "--base", "--quoted"])
  func `an option about the product's goals is none of a user's`(_ option: String) throws {
    let end = try bench.run(option, "x")
    #expect(end.code == 64)
    #expect(end.errors.contains("unknown option '\(option)'"))
    #expect(!(try bench.run("--help")).output.contains(option))
  }

  @Test func `a user's help offers what is theirs`() throws {
    let help = try bench.run("--help").output
    for word in ["--feed FILE", "--config FILE", "--gate", "'leaning'", "own-strategy-bench count"]
    {
      #expect(help.contains(word))
    }
    #expect(!help.contains("goal"))
    for command in ["count", "compare"] {
      let help = try bench.run(command, "--help").output
      #expect(help.contains("[--feed FILE] [--config FILE]"))
      #expect(!(try Program("needletail-bench").run(command, "--help")).output.contains("--feed"))
    }
  }

  @Test func `no target of ours stands beside a figure, no table below, and none in the JSON`()
    throws
  {
    let words = ["--suite", "itch", "--quick", "--runs", "1"]
    // What misses ours by far is no failure of theirs.
    let text = try bench.run(words + ["--gate", "--handicap", "1000"])
    #expect(text.code == 0 && text.errors.isEmpty, "\(text.errors)")
    for word in [">=", "<=", " met", "MISSED", "goals:"] { #expect(!text.output.contains(word)) }
    let json = try bench.run(words + ["--format", "json"]).output
    for key in ["\"goals\"", "\"goal\"", "\"limit\""] { #expect(!json.contains(key)) }
  }

  @Test func `errors are judged`() throws {
    let end = try bench.run("--suite", "strategy", "--quick", "--runs", "1")
    let errors = end.output.split(separator: "\n").filter { $0.contains("<=") }
    #expect(errors.count == 1 && errors[0].contains("  errors  "), "\(end.output)")
  }
}
