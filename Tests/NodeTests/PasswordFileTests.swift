import Foundation
import TestSupport
import Testing

@testable import Node

@Suite struct PasswordFileTests {
  private func file(_ text: String, mode: Int, in directory: borrowing TemporaryDirectory) throws
    -> String
  {
    let path = directory.path + "/word"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(chmod(path, mode_t(mode)) == 0)
    return path
  }

  private func failure(_ path: String) -> CommandFailure? {
    do throws(CommandFailure) {
      _ = try PasswordFile.read(path)
      return nil
    } catch { return error }
  }

  @Test(arguments: ["secret7\n", "secret7"])
  func `a file that only its owner reads gives its line`(_ text: String) throws {
    let directory = try TemporaryDirectory()
    let path = try file(text, mode: 0o600, in: directory)
    #expect(try PasswordFile.read(path).word == "secret7")
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    #expect(try PasswordFile.read("/dev/fd/\(descriptor)").word == "secret7")
  }

  @Test(arguments: [0o644, 0o640, 0o620, 0o602])
  func `a file that others can read or write is refused`(_ mode: Int) throws {
    let directory = try TemporaryDirectory()
    let failure = failure(try file("secret7\n", mode: mode, in: directory))
    #expect(failure?.code == .noPermission)
    #expect(failure?.message.contains("chmod 600") == true)
    #expect(failure?.message.contains("secret7") == false)
  }

  @Test(arguments: [
    "", "\n", "elevenletter", "a-b", "two\nlines", String(repeating: "x", count: 5_000),
  ])
  func `what is no password is refused without showing it`(_ text: String) throws {
    let directory = try TemporaryDirectory()
    let failure = failure(try file(text, mode: 0o600, in: directory))
    #expect(failure?.code == .dataError)
    #expect(failure?.message.contains("1 to 10") == true)
  }

  @Test func `a file that is not there is no input`() {
    #expect(failure("/nonexistent/word")?.code == .noInput)
  }

  @Test(arguments: ["", "elevenlettr", "a-b"])
  func `the exchange takes no other among its arguments`(_ text: String) {
    let failure = #expect(throws: CommandFailure.self) {
      try ExchangeCommand.password(
        ParsedOptions(["--password", text], of: ExchangeCommand.definition))
    }
    #expect(failure?.code == .usage)
    #expect(failure?.message.contains("it takes 1 to 10 letters and digits") == true)
    #expect(text.isEmpty || failure?.message.contains(text) == false)
  }
}
