import ExecutionCore
import Foundation

/// A configuration file that cannot be used, with everything that is wrong in it.
public struct ConfigurationFailure: Error, Equatable, Sendable {
  public var problems: [ConfigurationProblem]

  /// As the command fails: one line for each problem, in the order of the file.
  public var failure: CommandFailure {
    let count = problems.count == 1 ? "1 error" : "\(problems.count) errors"
    let lines = problems.map(\.description).joined(separator: "\n")
    return CommandFailure(
      .configuration,
      "\(count) in the configuration\n\(lines)\n"
        + "'needletail run --print-config' prints a commented example.")
  }
}

extension Configuration {
  static let fileBytesMax = 1 << 20

  /// Reads the file over the defaults.
  ///
  /// - Parameter isVirtualTime: of the run that it is for; other runs have no faults.
  public static func load(
    _ file: String, isVirtualTime: Bool = true
  ) throws(CommandFailure) -> Configuration {
    let text = try read(file)
    do throws(ConfigurationFailure) {
      return try parse(text, file: file, isVirtualTime: isVirtualTime)
    } catch {
      throw error.failure
    }
  }

  static func read(_ file: String) throws(CommandFailure) -> String {
    guard let handle = fopen(file, "r") else {
      let code = errno
      throw CommandFailure(
        .opening(errno: code),
        "configuration \(file): \(String(cString: strerror(code))); check --config")
    }
    defer { fclose(handle) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax + 1)
    let count = fread(&bytes, 1, bytes.count, handle)
    if ferror(handle) != 0 {
      throw CommandFailure(.noInput, "configuration \(file): it cannot be read; is it a directory?")
    }
    guard count <= fileBytesMax else {
      throw CommandFailure(
        .configuration, "configuration \(file): longer than \(fileBytesMax) bytes")
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Reads the text over the defaults; all errors are found, not only the first.
  public static func parse(
    _ text: String, file: String, isVirtualTime: Bool = true
  ) throws(ConfigurationFailure) -> Configuration {
    let problems = ProblemList(file: file)
    var configuration = Configuration()
    do throws(YAMLDocument.Fault) {
      if let root = try YAMLDocument.parse(text) {
        var reader = SectionReader(root, path: "", problems: problems)
        configuration.read(&reader, isVirtualTime: isVirtualTime)
        reader.finish()
      }
    } catch {
      let node = YAMLNode(
        content: .sequence([]), line: error.line, column: error.column)
      problems.add(error.message, at: node, path: "")
    }
    guard problems.problems.isEmpty else {
      let sorted = problems.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
      throw ConfigurationFailure(problems: sorted)
    }
    return configuration
  }

  private mutating func read(_ reader: inout SectionReader, isVirtualTime: Bool) {
    Moved.refuse(&reader)
    readMarkets(&reader)
    reader.section("runtime") { runtime.read(&$0) }
    reader.section("journal") {
      $0.read("mode", into: &journal.mode)
      $0.read("segment_mebibytes", into: &journal.segmentMebibytes, in: 1...4_096)
      $0.read("state_hash_records", into: &journal.stateHashRecords, in: 1...1_000_000_000)
      $0.read("state_hash_milliseconds", into: &journal.stateHashMilliseconds, in: 1...86_400_000)
    }
    reader.section("limits") { limits.read(&$0) }
    readAccounts(&reader)
    readStrategies(&reader)
    reader.words(
      "restricted", into: &restricted, count: 0...10_000, wanted: Wanted.symbol,
      where: Wanted.isSymbol)
    reader.section("collars") { collars.read(&$0) }
    reader.section("quality") { quality.read(&$0) }
    reader.section("kill_switch") { killSwitch.read(&$0) }
    reader.section("virtual_time") { virtualTime.read(&$0) }
    reader.section("faults") { faults.read(&$0, isVirtualTime: isVirtualTime) }
    reader.section("summary") {
      $0.read("format", into: &summary.format)
      $0.read("symbols_max", into: &summary.symbolsMax, in: 1...10_000)
    }
  }

  private mutating func readAccounts(_ reader: inout SectionReader) {
    var names: Set<String> = []
    let venues = venues
    var users = venues.map { _ in Set<String>() }
    reader.list("accounts", into: &accounts, count: 1...64, empty: Account(name: "")) {
      section, account in
      section.read("name", into: &account.name, wanted: Wanted.name, where: Wanted.isName)
      let isNew = !names.contains(account.name)
      section.requireUnique(account.name, key: "name", among: &names)
      section.read(
        "username", into: &account.username, wanted: Session.usernameWanted,
        where: { $0.isEmpty || Session.isUsername($0) })
      let taken = venues.indices.filter {
        !users[$0].insert(account.username(at: venues[$0])).inserted
      }
      if let place = taken.first.map({ venues[$0] }), isNew {
        section.refuse(
          section.has("username") ? "username" : "name",
          "another account logs in to \(place.name) as '\(account.username(at: place))' already: give each a "
            + "user name of its own (username)")
      }
      section.section("limits") { account.limits.read(&$0) }
    }
  }

  private mutating func readStrategies(_ reader: inout SectionReader) {
    let accountNames = accounts.map(\.name)
    let empty = Strategy(name: "", kind: .marketMaker, account: accountNames.first ?? "")
    var names: Set<String> = []
    reader.list("strategies", into: &strategies, count: 1...16, empty: empty) {
      section, strategy in
      section.read("name", into: &strategy.name, wanted: Wanted.name, where: Wanted.isName)
      section.requireUnique(strategy.name, key: "name", among: &names)
      section.read("kind", into: &strategy.kind)
      section.read(
        "account", into: &strategy.account,
        wanted: "it takes the name of an account: \(accountNames.joined(separator: ", "))",
        where: accountNames.contains)
      strategy.read(&section)
    }
  }
}

/// What texts may be, and how that is said.
enum Wanted {
  static let name = "it takes a name of 1 to 32 letters, digits, '-' and '_'"
  static func isName(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2d
          || $0 == 0x5f
      }
  }
  static let symbol = "it takes a symbol of 1 to 32 letters, digits and . + - = * $ / _ :"
  static func isSymbol(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39)
          || Array(".+-=*$/_:".utf8).contains($0)
      }
  }
  static let date = "it takes a date as YYYY-MM-DD"
  static func isDate(_ text: String) -> Bool {
    SessionDate(parsing: text) != nil
  }
  static let endpoint = "it takes HOST:PORT with an IPv4 address and a port from 1 to 65535"
  static func isEndpoint(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, isAddress(parts[0]), let port = Int(parts[1]) else { return false }
    return (1...65_535).contains(port)
  }
  static let address = "it takes an IPv4 address such as 127.0.0.1"
  static func isAddress(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil && $0.first != "+" }
  }
}

extension SectionReader {
  /// Notes a name that is missing or already taken.
  func requireUnique(_ name: String, key: String, among names: inout Set<String>) {
    if name.isEmpty {
      if !has(key) { problems.add("'\(key)' is missing", at: node, path: path) }
    } else if !names.insert(name).inserted {
      refuse(key, "'\(name)' is already taken")
    }
  }
}
