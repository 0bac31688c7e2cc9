import ExecutionCore
import Foundation
import TestSupport
import Simulation
import Testing

@testable import Node

struct RunPartsTests {
  /// Asks until the child has ended; bounded.
  private func end(of child: inout ChildProcess) -> ChildProcess.End? {
    for _ in 0..<60_000 {
      if let end = child.ended() { return end }
      _ = StopSignal.wait(milliseconds: 5)
    }
    return nil
  }

  private func shell(_ script: String, _ directory: String) throws -> ChildProcess {
    try ChildProcess(
      executable: "/bin/sh", arguments: ["-c", script], log: directory + "/log")
  }

  @Test func `a child's exit code and output arrive`() throws {
    let directory = try TemporaryDirectory()
    var child = try shell("echo out; echo err >&2; exit 7", directory.path)
    #expect(end(of: &child) == .exited(7))
    let log = try String(contentsOfFile: directory.path + "/log", encoding: .utf8)
    #expect(log == "out\nerr\n")
    #expect(child.ended() == nil, "it is told once")
  }

  @Test func `a child that is killed is told apart from one that exits`() throws {
    let directory = try TemporaryDirectory()
    var child = try shell("kill -9 $$", directory.path)
    #expect(end(of: &child) == .killed(signal: 9))
    var waiting = try shell("while :; do read x < /dev/zero; done", directory.path)
    #expect(waiting.ended() == nil)
    waiting.kill()
    #expect(end(of: &waiting) == .killed(signal: 9))
  }

  @Test func `a child is asked to stop, and killed when it does not`() throws {
    let directory = try TemporaryDirectory()
    // The shell says when its trap is set, so that the signal does not come before it.
    var polite = try shell(
      "trap 'exit 3' TERM; echo ready; while :; do :; done", directory.path)
    for _ in 0..<60_000 where !Self.said("ready", directory.path) {
      _ = StopSignal.wait(milliseconds: 5)
    }
    #expect(polite.stop(milliseconds: 300_000) == .exited(3))
    var stubborn = try shell(
      "trap '' TERM; echo deaf; while :; do :; done", directory.path)
    for _ in 0..<60_000 where !Self.said("deaf", directory.path) {
      _ = StopSignal.wait(milliseconds: 5)
    }
    #expect(stubborn.stop(milliseconds: 50) == .killed(signal: 9))
  }

  private static func said(_ word: String, _ directory: String) -> Bool {
    (try? String(contentsOfFile: directory + "/log", encoding: .utf8))?.contains(word) == true
  }

  @Test func `a program that is not there is an error with its name`() throws {
    let directory = try TemporaryDirectory()
    let log = directory.path + "/log"
    #expect {
      _ = try ChildProcess(executable: "/nonexistent/program", arguments: [], log: log)
    } throws: { error in
      let failure = error as? CommandFailure
      return failure?.code == .unavailable
        && failure?.message.contains("/nonexistent/program cannot be started: No such file") == true
    }
  }

  @Test func `a run directory is made, and a file in its place refused`() throws {
    let directory = try TemporaryDirectory()
    let run = try RunDirectory(path: directory.path + "/data")
    #expect(FileManager.default.fileExists(atPath: run.exchange))
    _ = try RunDirectory(path: directory.path + "/data")
    try RunDirectory.replace(run.summary, with: "one")
    try RunDirectory.replace(run.summary, with: "two")
    #expect(try String(contentsOfFile: run.summary, encoding: .utf8) == "two")
    #expect(throws: CommandFailure.self) { try RunDirectory(path: run.summary) }
    let deep = try RunDirectory(path: directory.path + "/a/b/c")
    #expect(FileManager.default.fileExists(atPath: deep.exchange))
    #expect {
      _ = try RunDirectory(path: run.summary + "/deep/data")
    } throws: { error in
      (error as? CommandFailure)?.code == .cannotCreate
    }
  }

  /// As root a file in the place of /dev/null is a machine that no program runs on any more.
  @Test func `what is no plain file is written to, and stays what it is`() throws {
    let directory = try TemporaryDirectory()
    let (target, link, pipe) = (
      directory.path + "/target", directory.path + "/link", directory.path + "/pipe"
    )
    try "old and longer".write(toFile: target, atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    try RunDirectory.checkPlace(of: link)
    try RunDirectory.replace(link, with: "new")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "new")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(throws: CommandFailure.self, "nobody reads it") {
      try RunDirectory.replace(pipe, with: "x")
    }
    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try RunDirectory.replace(pipe, with: "x")
    var byte: UInt8 = 0
    #expect(read(reader, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
    var status = stat()
    #expect(lstat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }

  private func options(_ arguments: String...) throws -> RunOptions {
    try RunOptions(ParsedOptions(arguments, of: RunCommand.definition))
  }
  private func refusal(_ arguments: String...) -> String {
    do throws(CommandFailure) {
      _ = try RunOptions(ParsedOptions(arguments, of: RunCommand.definition))
      return ""
    } catch {
      return "\(error.code.rawValue) \(error.message)"
    }
  }

  @Test func `options go before the configuration file`() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/c.yaml"
    try """
    run: {seed: 5, speed: 3}
    feeds: [{name: equities, source: a.itch}]
    """.write(toFile: file, atomically: true, encoding: .utf8)
    let options = try options(
      "--config", file, "--seed", "6", "--speed", "max", "--duration", "1.5", "--data", "d",
      "--summary", "json", "--strategy", "taker", "--virtual-time", "--instruments", "i.csv")
    let run = options.configuration.run
    #expect(run.seed == 6)
    #expect(run.speed == .max)
    #expect(run.durationSeconds == Decimal8("1.5"))
    let feed = options.configuration.equities
    #expect(feed?.source == "a.itch")
    #expect(feed?.instrumentsFile == "i.csv")
    #expect(options.dataDirectory == "d")
    #expect(options.isVirtualTime)
    #expect(options.configuration.summary.format == .json)
    #expect(options.configuration.strategies.map(\.name) == ["taker"])
  }

  @Test func `faults of the command line lie over those of the file, key by key`() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/c.yaml"
    try "faults: {loss: 5, cuts: 0.5}\n".write(toFile: file, atomically: true, encoding: .utf8)
    let faults = try options(
      "--config", file, "--virtual-time", "--faults", "loss=7.5,seed=3"
    ).configuration.faults
    #expect(
      refusal("--config", file)
        == """
        78 2 errors in the configuration
        \(file):1:16: faults.loss: \(Configuration.Faults.needVirtualTime)
        \(file):1:25: faults.cuts: \(Configuration.Faults.needVirtualTime)
        'needletail run --print-config' prints a commented example.
        """)
    #expect(refusal("--faults", "loss=5") == "64 \(Configuration.Faults.needVirtualTime)")
    #expect(faults.loss == Decimal8("7.5") && faults.cuts == Decimal8("0.5") && faults.seed == 3)
    #expect(faults.text == "loss=7.5,cuts=0.5,seed=3")
    #expect(faults.ofWorld(runSeed: 9).seed == 3)
    var unseeded = faults
    unseeded.seed = 0
    #expect(unseeded.ofWorld(runSeed: 9).seed == 9 && unseeded.text == "loss=7.5,cuts=0.5")
    #expect(Configuration.Faults().text.isEmpty)
  }

  @Test func `without options the defaults run`() throws {
    let options = try options()
    #expect(options.configuration == Configuration())
    #expect(options.dataDirectory == "needletail-data")
    #expect(options.configuration.durationNanoseconds == 30_000_000_000)
  }

  @Test func `a file runs to its end unless a duration is given`() throws {
    let whole = try options("--feed", "a.itch", "--date", "2019-12-30").configuration
    #expect(whole.durationNanoseconds == nil)
    #expect(whole.run.date == "2019-12-30")
    let part = try options("--feed", "a.itch", "--duration", "0.5").configuration
    #expect(part.durationNanoseconds == 500_000_000)
    #expect(refusal("--date", "2019-13-30").hasPrefix("64 '--date 2019-13-30' is refused"))
  }

  @Test func `an exchange's services are above its order entry unless they are configured`() throws
  {
    let feed = try options("--exchange", "127.0.0.1:26400", "--instruments", "i.csv")
      .configuration.equities
    #expect(feed?.rerequest == "127.0.0.1:26401")
    #expect(feed?.snapshot == "127.0.0.1:26402")
    #expect(feed?.lineA == "127.0.0.1:26403")
    #expect(feed?.lineB == "127.0.0.1:26404")
    let directory = try TemporaryDirectory()
    let file = directory.path + "/c.yaml"
    try "feeds: [{name: equities, line_a: \"233.54.12.111:26477\"}]\n".write(
      toFile: file, atomically: true, encoding: .utf8)
    let mixed = try options(
      "--exchange", "127.0.0.1:65531", "--config", file, "--instruments", "i.csv"
    ).configuration
    #expect(mixed.equities?.lineA == "233.54.12.111:26477")
    #expect(mixed.equities?.lineB == "127.0.0.1:65535")
    #expect(
      refusal("--exchange", "127.0.0.1:65532", "--instruments", "i.csv")
        .contains("above port 65531 configure"))
    #expect(try options().configuration.equities == .equities)
  }

  @Test func `a run that attaches knows its instruments from a file, and nothing from a feed`()
    throws
  {
    let without = refusal("--exchange", "127.0.0.1:26400")
    #expect(without.hasPrefix("64 '--exchange 127.0.0.1:26400' needs '--instruments FILE'"))
    #expect(without.contains("needletail exchange --write-instruments FILE"))
    let both = refusal(
      "--exchange", "127.0.0.1:26400", "--instruments", "i.csv", "--feed", "a_20191230.itch")
    #expect(both.hasPrefix("64 '--feed a_20191230.itch' is refused"))
    let directory = try TemporaryDirectory()
    let file = try SomeInstruments.write(in: directory.path)
    let plan = try RunPlan(
      options("--exchange", "127.0.0.1:26400", "--instruments", file))
    #expect(
      refusal("--exchange", "127.0.0.1:26400", "--instruments", file, "--seed", "7")
        .contains("leave '--seed' out"))
    #expect(plan.feed == nil)
    #expect(plan.instruments.count == 1)
    #expect(plan.date.text == "2020-01-02")
    #expect(plan.notes == [])
    #expect(plan.configuration.durationNanoseconds == nil)
    var summary = RunSummary()
    summary.describe(plan)
    #expect(summary.run.source == "exchange 127.0.0.1:26400")
    #expect(summary.run.seed == nil)
    let other = try RunPlan(
      options(
        "--exchange", "127.0.0.1:26400", "--instruments", file, "--date", "2021-05-04"))
    #expect(other.date.text == "2021-05-04")
    #expect(other.notes.first?.contains("not the instruments file's 2020-01-02") == true)
  }

  @Test func `some of the venues are kept with the feeds that they trade`() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/c.yaml"
    try """
    feeds: [{name: equities}, {name: coins, kind: prices}]
    venues: [{name: exchange}, {name: paper, kind: paper, fill: {queue: front}}]
    """.write(toFile: file, atomically: true, encoding: .utf8)
    func kept(_ arguments: String...) throws -> [String] {
      let read = try RunOptions(
        ParsedOptions(["--config", file] + arguments, of: RunCommand.definition)
      ).configuration
      return read.venues.map(\.name) + read.feeds.map(\.name)
    }
    #expect(try kept() == ["exchange", "paper", "equities", "coins"])
    #expect(try kept("--venues", "paper") == ["paper", "coins"])
    #expect(try kept("--venues", "paper,exchange") == kept())
    #expect(try kept("--venues", "exchange", "--speed", "max") == ["exchange", "equities"])
    #expect(try kept("--feed", "a.itch") == ["exchange", "equities"])
    #expect(
      try kept("--exchange", "127.0.0.1:9", "--instruments", "i.csv") == ["exchange", "equities"])
    #expect(
      refusal("--config", file, "--venues", "exchange,papper")
        == "64 '--venues exchange,papper' is refused: there is no venue 'papper'; configured are exchange, "
        + "paper; did you mean 'paper'?")
    #expect(refusal("--venues", "").contains("there is no venue ''; configured are exchange"))
    #expect(
      refusal("--config", file, "--venues", "paper", "--feed", "a.itch")
        == "64 '--feed a.itch' is refused: it is of a venue of kind exchange, and the run has paper"
    )
    #expect(
      refusal("--config", file, "--speed", "max")
        .contains("max goes with one feed: give a number, or one feed"))
  }

  @Test func `feeds of different days, and a started venue beside an attached one, are refused`()
    throws
  {
    let directory = try TemporaryDirectory()
    let recording = directory.path + "/coins.ntc"
    #expect(
      CaptureCommand.run(arguments: [
        "generate", recording, "--seconds", "2", "--date", "2024-08-08",
      ]) == 0)
    var options = RunOptions()
    options.configuration.feeds[1].source = recording
    #expect {
      _ = try RunPlan(options)
    } throws: {
      let failure = $0 as? CommandFailure
      return failure?.code == .dataError
        && failure?.message.contains("it is of another time or day") == true
    }
    options = RunOptions()
    options.configuration.exchange?.attach = "127.0.0.1:9"
    options.configuration.equities?.instrumentsFile = try SomeInstruments.write(in: directory.path)
    #expect {
      _ = try RunPlan(options)
    } throws: {
      let failure = $0 as? CommandFailure
      return failure?.code == .configuration
        && failure?.message.contains("attach both, or choose one with '--venues NAME'") == true
    }
  }

  @Test func `impossible options are refused with what is possible`() {
    #expect(refusal("--speed", "0").contains("it takes a number from 0.01 to 10000, or max"))
    #expect(refusal("--seed", "-1").hasPrefix("64 '--seed -1' is refused"))
    #expect(refusal("--duration", "0").contains("seconds from 0.1 to 86400"))
    #expect(refusal("--exchange", "host").contains("HOST:PORT"))
    #expect(refusal("--strategy", "makr").contains("did you mean 'maker'?"))
    #expect(refusal("--summary", "xml").contains("one of text, json"))
    #expect(
      refusal("--exchange", "127.0.0.1:9", "--speed", "max").contains("flow-controlled"))
    #expect(refusal("--exchange", "127.0.0.1:9", "--virtual-time").contains("one process"))
    let names = "seed, loss, duplicate, reorder, short, resets, half_opens, cuts, stalls"
    for (faults, why) in [
      ("los=1", "there is no fault 'los'; there are \(names); did you mean 'loss'?"),
      ("loss=5,loss=6", "loss is given twice"), ("seed=1,seed=1", "seed is given twice"),
      ("loss=101", "loss takes a number from 0 to 100, at most eight decimals"),
      ("cuts=-1", "cuts takes a number from 0 to 6000, at most eight decimals"),
      ("seed=1.5", "seed takes a whole number from 0 to 9223372036854775807"),
    ] {
      #expect(
        refusal("--virtual-time", "--faults", faults)
          == "64 '--faults \(faults)' is refused: \(why)")
    }
    #expect(refusal("--data", "").hasPrefix("64"))
    #expect(refusal("--feed", "").hasPrefix("64"))
    #expect(refusal("--config", "/nonexistent/c.yaml").hasPrefix("66"))
  }
}
