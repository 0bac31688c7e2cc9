import ExecutionCore
import Foundation
import TestSupport
import Testing

@testable import Node
@testable import Trading

struct ControlRequestTests {
  @Test func `a request is the line that it makes`() {
    for scope in [
      ControlRequest.Scope.firm, .account("main"), .strategy("maker"), .strategy("a:b"), .port(3),
    ] {
      for cause in [LatchCause?.none] + LatchCause.allCases.map(Optional.some) {
        let request = ControlRequest(
          verb: .rearm, scope: scope, cause: cause, person: "Ada", reason: "looked, all is well")
        #expect(request.line.hasSuffix("\n"))
        #expect(ControlRequest.parse(String(request.line.dropLast())) == .success(request))
      }
    }
  }

  @Test(
    arguments: [
      "", "kill", "kill\tfirm\t\tAda", "kill\tfirm\t\tAda\twhy\tmore", "stop\tfirm\t\tAda\twhy",
      "kill\tworld\t\tAda\twhy", "kill\tport:65536\t\tAda\twhy", "kill\tport:-1\t\tAda\twhy",
      "kill\taccount\t\tAda\twhy", "kill\tfirm\train\tAda\twhy", "kill\tfirm\t\t\twhy",
      "kill\tfirm\t\tAda\t ", "kill\tfirm\t\t\(String(repeating: "a", count: 33))\twhy",
      "kill\tfirm\t\tAda\t\(String(repeating: "a", count: 65))", "kill\tfirm\t\tA\0a\twhy",
    ])
  func `what is no request is refused`(line: String) {
    if case .success(let request) = ControlRequest.parse(line) { Issue.record("\(request)") }
  }

  @Test func `the socket is its user's alone`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/control"
    let ring = try #require(ControlRing())
    let server = try ControlServer(
      path: path, ring: ring, accounts: ["main"], strategies: [],
      ports: ["account main at the exchange"])
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    withExtendedLifetime(server) {}
  }

  @Test(arguments: [ControlRequest.Verb.kill, .rearm])
  func `who asked has gone: a kill is done all the same, a re-arming is not`(
    verb: ControlRequest.Verb
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/control"
    let ring = try #require(ControlRing())
    let server = try ControlServer(
      path: path, ring: ring, accounts: ["main"], strategies: [],
      ports: ["account main at the exchange"])
    let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(ControlSocket.with(path, { connect(client, $0, $1) }) == 0)
    let request = ControlRequest(
      verb: verb, scope: .firm, cause: nil, person: "Ada", reason: "a drill")
    ControlSocket.write(request.line, to: client)
    close(client)
    let said = try #require(server.poll())
    #expect(said.hasPrefix("\(verb) firm by Ada, because a drill (user "))
    #expect(said.contains("nothing was done") == (verb == .rearm))
    let asked = ring.next()
    #expect(asked?.kind == (verb == .kill ? .kill : nil))
  }

  @Test func `a scope that the run has not is none`() throws {
    let request = ControlRequest(
      verb: .kill, scope: .strategy("taker"), cause: nil, person: "Ada", reason: "why")
    #expect(request.command(accounts: ["main"], strategies: ["maker"], ports: 1, user: 7) == nil)
    let command = try #require(
      request.command(accounts: ["main"], strategies: ["maker", "taker"], ports: 1, user: 7))
    #expect(command.scope == .strategy && command.strategy.raw == 1 && command.user == 7)
    #expect(command.cause == LatchCause.person.rawValue)
  }
}

/// Over a run's own socket.
@Suite(
  .serialized, .oneAtATime,
  .enabled(
    if: CommandProcess.executable != nil, "the needletail executable is not beside the tests"))
struct ControlTests {
  private func ask(_ words: String..., in run: RunningCommand, data: String) throws
    -> CommandProcess
  {
    try CommandProcess.run(
      words + ["--data", data, "--person", "Ada Lovelace", "--reason", "a drill"])
  }

  @Test func `a person stops a run and re-arms it, and both are journalled with name and reason`()
    throws
  {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded })
    let killed = try ask("kill", in: run, data: data)
    #expect(killed.status == 0 && killed.output == "done: stopped by person\n", "\(killed.errors)")
    #expect(
      run.wait { run.journalled("refusal").contains { $0["code"] as? String == "latched" } })
    let wrong = try ask("rearm", "--cause", "streamGap", in: run, data: data)
    #expect(wrong.status == 1 && wrong.output.hasPrefix("refused: stopped by person"))
    let nobody = try ask("rearm", "--scope", "strategy:nobody", in: run, data: data)
    #expect(nobody.status == 1 && nobody.output.contains("strategy:"), "it says who there is")
    let armed = try ask("rearm", in: run, data: data)
    #expect(
      armed.status == 0 && armed.output == "done: nothing stops that scope any more\n",
      "\(armed.errors)")
    let again = try ask("rearm", in: run, data: data)
    #expect(again.status == 1 && again.output == "refused: nothing stops that scope\n")
    let commands = run.journalled("command")
    let rearmed = commands.first {
      $0["command"] as? String == "rearm" && $0["accepted"] as? Bool == true
    }
    #expect(rearmed?["person"] as? String == "Ada Lovelace")
    #expect(rearmed?["reason"] as? String == "a drill")
    #expect((rearmed?["user"] as? NSNumber)?.uint32Value == getuid())
    let sequence = (rearmed?["sequence"] as? NSNumber)?.intValue ?? .max
    #expect(
      run.wait {
        run.journalled("intent").contains {
          $0["request"] as? String == "new"
            && ($0["sequence"] as? NSNumber)?.intValue ?? 0 > sequence
        }
      }, "new orders pass again")
    let result = try run.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    #expect(result.errors.contains("NEW ORDERS OF FIRM ARE STOPPED: a person said so"))
    #expect(!FileManager.default.fileExists(atPath: data + "/control"))
  }

  /// What was found at a9ac7f8: file put and removed, and 727 new orders went out.
  @Test func `a kill file that is taken away re-arms nothing`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded })
    try "".write(toFile: data + "/kill", atomically: true, encoding: .utf8)
    #expect(run.wait { run.journalled("latch").count == 1 })
    let held = try ask("rearm", in: run, data: data)
    #expect(held.status == 1 && held.output.contains("while the kill file is there it stays"))
    try FileManager.default.removeItem(atPath: data + "/kill")
    func commands(_ kind: String) -> [[String: Any]] {
      run.journalled("command").filter { $0["command"] as? String == kind }
    }
    #expect(run.wait { !commands("conditionEnded").isEmpty })
    let ended = (commands("conditionEnded").first?["sequence"] as? NSNumber)?.intValue ?? .max
    // Strategies go on wanting orders, and none leaves.
    #expect(
      run.wait {
        run.journalled("refusal").contains {
          $0["code"] as? String == "latched"
            && ($0["sequence"] as? NSNumber)?.intValue ?? 0 > ended
        }
      })
    let killed = (commands("kill").first?["sequence"] as? NSNumber)?.intValue ?? 0
    func ordersSince(_ sequence: Int) -> Int {
      run.journalled("intent").count {
        $0["request"] as? String == "new" && ($0["sequence"] as? NSNumber)?.intValue ?? 0 > sequence
      }
    }
    #expect(ordersSince(killed) == 0)
    let armed = try ask("rearm", "--cause", "killFile", in: run, data: data)
    #expect(
      armed.status == 0 && armed.output == "done: nothing stops that scope any more\n",
      "\(armed.errors)")
    #expect(run.wait { ordersSince(killed) > 0 })
    #expect(try run.interrupt().status == 0)
  }

  @Test func `without a run there is nobody to be asked, and what is missing is said`() throws {
    let directory = try TemporaryDirectory()
    let none = try CommandProcess.run([
      "kill", "--data", directory.path, "--person", "Ada", "--reason", "why",
    ])
    #expect(none.status == 69, "\(none.errors)")
    #expect(none.errors.contains("no run goes on with this --data"), "\(none.errors)")
    // The socket of a run that was killed: it is there, and nobody listens.
    let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let path = RunDirectory.control(in: directory.path)
    #expect(ControlSocket.with(path, { bind(left, $0, $1) }) == 0)
    close(left)
    let dead = try CommandProcess.run([
      "kill", "--data", directory.path, "--person", "Ada", "--reason", "why",
    ])
    #expect(dead.status == 69, "\(dead.errors)")
    #expect(dead.errors.contains("no run goes on with this --data"), "\(dead.errors)")
    for words in [
      ["kill"], ["kill", "--data", "x"], ["kill", "--data", "x", "--person", "Ada"],
      ["kill", "--data", "x", "--person", " ", "--reason", "why"],
      ["rearm", "--data", "x", "--person", "Ada", "--reason", "a\tb"],
      ["rearm", "--data", "x", "--person", "Ada", "--reason", "why", "--cause", "rain"],
      ["rearm", "--data", "x", "--person", "Ada", "--reason", "why", "--scope", "world"],
      ["kill", "--data", "x", "--person", "Ada", "--reason", "why", "--cause", "person"],
    ] {
      let result = try CommandProcess.run(words)
      #expect(result.status == 64 && !result.errors.isEmpty, "\(words): \(result.errors)")
    }
  }

  /// A socket's name has 107 bytes; a folder's may have more.
  @Test func `a run far down in folders is stopped as well`() throws {
    let directory = try TemporaryDirectory()
    let deep = (0..<6).reduce(directory.path) { path, n in
      path + "/" + String(repeating: "\(n)", count: 30)
    }
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    let run = try RunningCommand.run(in: deep)
    #expect(run.wait { run.hasTraded })
    #expect(RunDirectory.control(in: deep + "/data").utf8.count > 200)
    let killed = try ask("kill", in: run, data: deep + "/data")
    #expect(killed.status == 0, "\(killed.output)\(killed.errors)")
    #expect(try run.interrupt().status == 0)
  }

  /// Somebody who connects and says nothing, half a line, or nonsense stops neither the run nor others.
  @Test func `a client that says nothing or nonsense is answered and forgotten`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { run.hasTraded })
    let path = RunDirectory.control(in: data)
    var held: [Int32] = []
    defer { held.forEach { close($0) } }
    for text in ["", "kill\tfirm", "\n", String(repeating: "x", count: 4_000), "\u{0}\u{1}\n"] {
      let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      #expect(ControlSocket.with(path, { connect(client, $0, $1) }) == 0)
      ControlSocket.write(text, to: client)
      held.append(client)
    }
    let killed = try ask("kill", in: run, data: data)
    #expect(killed.status == 0, "\(killed.output)\(killed.errors)")
    for client in held {
      let answer = ControlSocket.readLine(client, within: 5_000)
      #expect(answer?.hasPrefix("refused") == true, "\(answer ?? "none")")
    }
    #expect(run.journalled("command").count == 1)
    #expect(try run.interrupt().status == 0)
  }

  /// A run that was killed while it was stopped is not armed by being started again.
  @Test func `what stopped a run that died stops the next one in its directory`() throws {
    let directory = try TemporaryDirectory()
    let data = directory.path + "/data"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    // Stopped before it could send anything, or its open orders would keep the next one out.
    try "".write(toFile: data + "/kill", atomically: true, encoding: .utf8)
    let run = try RunningCommand.run(in: directory.path)
    #expect(run.wait { !run.journalled("latch").isEmpty })
    kill(run.process.processIdentifier, SIGKILL)
    run.process.waitUntilExit()
    try FileManager.default.removeItem(atPath: data + "/kill")
    let next = try RunningCommand.run(in: directory.path)
    #expect(
      next.wait {
        next.journalled("refusal").contains {
          $0["code"] as? String == "latched" && $0["observed"] as? String == "killFile"
        }
      })
    // The first one may have been refused too: only of this one is what it says.
    #expect(next.wait { next.complaints.contains("NEW ORDERS OF FIRM ARE STOPPED: the kill file") })
    #expect(next.journalled("intent").isEmpty)
    let armed = try ask("rearm", in: next, data: data)
    try #require(armed.status == 0, "\(armed.output)\(armed.errors)")
    #expect(next.wait { !next.journalled("intent").isEmpty })
    let result = try next.interrupt()
    #expect(result.status == 0, "\(result.errors)\(result.output)")
    #expect(result.errors.contains("NEW ORDERS OF FIRM ARE STOPPED: the kill file"))
  }
}
