import Captures
import ExecutionCore
import Foundation
import Gateways
import Testing
import Trading
import Transport

@testable import Simulation

/// A directory of this test's own, gone with it.
final class TestDirectory {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "exchange-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  var inputs: String { path + "/inputs.ntx" }
}

@Suite struct DurableSessionTests {
  static func generated(seed: UInt64, messages: UInt64 = 1_500) -> ExchangeFeed {
    ExchangeFeed(
      generated: GeneratorSettings(
        seed: seed, symbols: 3, rate: 1_000, messagesMax: messages,
        midnight: 1_577_941_200_000_000_000))
  }

  static func open(
    _ directory: TestDirectory?, seed: UInt64, newSession: Bool = false, cancels: Bool = false,
    messages: UInt64 = 1_500
  ) throws -> ExchangeSession {
    var settings = ExchangeSessionSettings()
    settings.directory = directory?.path
    settings.startsNewSession = newSession
    settings.cancelsOnDisconnect = cancels
    return try ExchangeSession(settings: settings, feed: generated(seed: seed, messages: messages))
  }

  static func bytes(_ request: OUCHRequest) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 256)
    var fault: OUCHFault?
    let length = out.withUnsafeMutableBytes { request.encode(into: $0, &fault) }
    #expect(fault == nil)
    return Array(out[..<length])
  }

  @discardableResult static func submit(
    _ request: OUCHRequest, to session: ExchangeSession
  ) -> Bool {
    bytes(request).withUnsafeBytes { session.submit($0, account: 0, at: session.core.time) }
  }

  @Test func `a message that is too long for the store is refused, and the session goes on`() throws
  {
    let directory = TestDirectory()
    let session = try Self.open(directory, seed: 3)
    for length in [4_061, 4_095, ExchangeStore.inputMax + 1] {
      let nonsense = [UInt8](repeating: 0, count: length)
      #expect(!nonsense.withUnsafeBytes { session.submit($0, account: 0, at: session.core.time) })
      #expect(session.failure == nil)
    }
    #expect(session.undecodable == 3)
    let longest = [UInt8](repeating: 0, count: ExchangeStore.inputMax)
    #expect(longest.withUnsafeBytes { session.submit($0, account: 0, at: session.core.time) })
    #expect(session.applyNext())
    #expect(session.failure == nil)
  }

  /// The request that a script makes at this position: the same for the same seed and position.
  static func script(_ session: ExchangeSession, seed: UInt64, number: inout UInt32) {
    var random = SeededRandom(seed: seed &+ session.position &* 1_000_003)
    guard random.below(UInt64(4)) == 0 else { return }
    let locate = UInt16(1 + random.below(UInt64(3)))
    guard let bid = session.core.bestPrice(locate: locate, isBuy: true) else { return }
    number += 1
    if random.below(UInt64(4)) == 0 {
      submit(Flow.cancel(UInt32(1 + random.below(UInt64(number)))), to: session)
      return
    }
    let away = UInt64(random.below(UInt64(5)) * 100)
    var request = Flow.enter(
      number, random.below(UInt64(2)) == 0 ? "B" : "S", UInt32(1 + random.below(UInt64(300))),
      UInt64(bid) - 200 + away)
    request.symbol = session.core.symbol(at: locate)
    submit(request, to: session)
  }

  static func transcript(_ session: ExchangeSession) -> [[UInt8]] {
    let events = (1...max(1, session.eventCount(account: 0))).compactMap {
      session.eventBytes(account: 0, sequence: $0)
    }
    return events
      + (1..<session.nextSequence).compactMap { session.publishedBytes(at: $0) }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6])
  func `killed at random points and started again it is the same session`(_ seed: UInt64) throws {
    let whole = try Self.open(nil, seed: seed)
    var number: UInt32 = 0
    while whole.applyNext() { Self.script(whole, seed: seed, number: &number) }

    let directory = TestDirectory()
    var random = SeededRandom(seed: seed &* 77)
    var session: ExchangeSession? = try Self.open(directory, seed: seed)
    let name = session?.name
    var kills = 0
    number = 0
    while let running = session {
      guard running.applyNext() else { break }
      Self.script(running, seed: seed, number: &number)
      if random.below(UInt64(200)) == 0 {
        kills += 1
        let before = Self.transcript(running)
        let working = running.core.workingOrders
        // Nothing is closed or flushed: the store has what it has.
        session = nil
        withExtendedLifetime(running) {}
        session = try reopen(directory, seed: seed)
        #expect(session?.name == name, "seed \(seed)")
        #expect(session.map(Self.transcript) == before, "seed \(seed), kill \(kills)")
        #expect(session?.core.workingOrders == working, "seed \(seed), kill \(kills)")
      }
    }
    let end = try #require(session)
    #expect(kills > 0, "seed \(seed)")
    #expect(Self.transcript(end) == Self.transcript(whole), "seed \(seed), \(kills) kills")
    #expect(end.core.fills == whole.core.fills, "seed \(seed)")
    #expect(end.core.counters == whole.core.counters, "seed \(seed)")
    #expect(end.core.verify() == [])
  }

  /// Opens a copy of the directory, as after a kill: the old process still holds its files.
  private func reopen(
    _ directory: TestDirectory, seed: UInt64, messages: UInt64 = 1_500
  ) throws -> ExchangeSession {
    for file in ["inputs.ntx", "progress.ntx"] {
      let path = directory.path + "/" + file
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      unlink(path)
      try data.write(to: URL(fileURLWithPath: path))
    }
    return try Self.open(directory, seed: seed, messages: messages)
  }

  @Test func `a request that was half stored was never taken`() throws {
    let directory = TestDirectory()
    var number: UInt32 = 0
    try {
      let session = try Self.open(directory, seed: 9)
      for _ in 0..<600 {
        session.applyNext()
        Self.script(session, seed: 9, number: &number)
      }
    }()
    let data = try Data(contentsOf: URL(fileURLWithPath: directory.inputs))
    let progress = directory.path + "/progress.ntx"
    for cut in [1, 3, 30, 37, 60] {
      try data.dropLast(cut).write(to: URL(fileURLWithPath: directory.inputs))
      // What was torn had not been applied, so progress does not know of it.
      try Data(count: 4_096).write(to: URL(fileURLWithPath: progress))
      let session = try Self.open(directory, seed: 9)
      #expect(session.cutBytes > 0, "cut \(cut)")
      #expect(session.core.verify() == [], "cut \(cut)")
      let size = try Data(contentsOf: URL(fileURLWithPath: directory.inputs)).count
      #expect(size == data.count - cut - session.cutBytes, "cut \(cut)")
    }
  }

  @Test func `a flipped byte ends what is believed`() throws {
    let directory = TestDirectory()
    var number: UInt32 = 0
    try {
      let session = try Self.open(directory, seed: 9)
      for _ in 0..<600 {
        session.applyNext()
        Self.script(session, seed: 9, number: &number)
      }
    }()
    var data = try Data(contentsOf: URL(fileURLWithPath: directory.inputs))
    data[data.count / 2] ^= 0x10
    try data.write(to: URL(fileURLWithPath: directory.inputs))
    // The counters say that more had happened: this is no torn tail, and it is refused.
    let error = #expect(throws: StoreError.self) { try Self.open(directory, seed: 9) }
    #expect(error?.description.contains("does not match") == true)
  }

  @Test func `another feed is refused and a new session begins afresh`() throws {
    let directory = TestDirectory()
    var first: SessionName?
    try {
      let session = try Self.open(directory, seed: 1)
      first = session.name
      for _ in 0..<50 { session.applyNext() }
      Self.submit(Flow.numbered(.accountQuery, 0), to: session)
    }()
    let error = #expect(throws: StoreError.self) { try Self.open(directory, seed: 2) }
    #expect(error?.description.contains("--new-session") == true)
    let fresh = try Self.open(directory, seed: 2, newSession: true)
    #expect(fresh.name != first)
    #expect(fresh.position == 0)
    #expect(fresh.recoveredInputs == 0)
  }

  @Test func `two exchanges cannot share a directory`() throws {
    let directory = TestDirectory()
    let session = try Self.open(directory, seed: 1)
    let error = #expect(throws: StoreError.self) { try Self.open(directory, seed: 1) }
    #expect(error?.errorNumber == EAGAIN)
    #expect(error?.description.contains("another exchange") == true)
    #expect(session.position == 0)
  }

  @Test func `a strange file is not overwritten`() throws {
    let directory = TestDirectory()
    try Data("something else that is long enough".utf8)
      .write(to: URL(fileURLWithPath: directory.inputs))
    let error = #expect(throws: StoreError.self) { try Self.open(directory, seed: 1) }
    #expect(error?.description.contains("not an exchange's") == true)
  }

  @Test(arguments: [false, true])
  func `working orders survive a restart unless they are to be cancelled`(_ cancels: Bool) throws {
    let directory = TestDirectory()
    try {
      let session = try Self.open(directory, seed: 1, cancels: cancels)
      for _ in 0..<200 { session.applyNext() }
      var request = Flow.enter(1, "B", 100, 100)
      request.symbol = session.core.symbol(at: 1)
      Self.submit(request, to: session)
      #expect(session.core.workingOrders.count == 1)
    }()
    let session = try Self.open(directory, seed: 1, cancels: cancels)
    #expect(session.core.workingOrders.count == (cancels ? 0 : 1))
    #expect(session.eventCount(account: 0) == (cancels ? 3 : 2))
  }

  @Test func `garbage from a client is counted and nothing else`() throws {
    let session = try Self.open(nil, seed: 1)
    let before = session.eventCount(account: 0)
    for bytes in [[], [0], Array("O".utf8), [UInt8](repeating: 0xFF, count: 300)] as [[UInt8]] {
      _ = bytes.withUnsafeBytes { session.submit($0, account: 0, at: 0) }
    }
    #expect(session.undecodable == 4)
    #expect(session.eventCount(account: 0) == before)
  }

  @Test func `what changes nothing is not stored, and the session comes back the same`() throws {
    let directory = TestDirectory()
    let session = try Self.open(directory, seed: 1, messages: 600)
    func size() throws -> Int { try Data(contentsOf: URL(fileURLWithPath: directory.inputs)).count }
    var request = Flow.enter(7, "B", 100, 100)
    for _ in 0..<200 { session.applyNext() }
    request.symbol = session.core.symbol(at: 1)
    Self.submit(request, to: session)
    let before = try size()
    let garbage = [UInt8](repeating: 0xFF, count: 3_000)
    for round in 1...200 {
      // Later than anything that is stored: silence must not move the exchange's clock either.
      let time = session.core.time + Int64(round) * 1_000_000_000
      _ = garbage.withUnsafeBytes { session.submit($0, account: 0, at: time) }
      for ignored in [
        request, Flow.enter(3, "S", 1, 100), Flow.cancel(99), Flow.cancel(7, to: 100),
        Flow.numbered(.massCancel, 7), Flow.numbered(.enableEntry, 1),
        Flow.replace(order: 12, by: 13, 100, 100), Flow.replace(order: 7, by: 7, 100, 100),
      ] {
        #expect(
          Self.bytes(ignored).withUnsafeBytes { session.submit($0, account: 0, at: time) })
      }
    }
    #expect(try size() == before)
    #expect(session.undecodable == 200)
    #expect(session.ignored == 1_600)
    while session.applyNext() {}
    Self.submit(Flow.numbered(.accountQuery, 0), to: session)
    #expect(try size() > before)
    let again = try reopen(directory, seed: 1, messages: 600)
    #expect(Self.transcript(again) == Self.transcript(session))
    #expect(again.core.counters == session.core.counters)
    #expect(again.bytesTaken(account: 0) == session.bytesTaken(account: 0))
  }

  @Test func `a connection that breaks without a working order leaves nothing in the store`() throws
  {
    let directory = TestDirectory()
    let session = try Self.open(directory, seed: 1, cancels: true)
    for _ in 0..<200 { session.applyNext() }
    let before = try Data(contentsOf: URL(fileURLWithPath: directory.inputs)).count
    for _ in 0..<100 { #expect(session.disconnect(account: 0, at: session.core.time)) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: directory.inputs)).count == before)
  }

  @Test func `a store that cannot be written takes no more orders`() throws {
    let directory = TestDirectory()
    let session = try Self.open(directory, seed: 1)
    for _ in 0..<200 { session.applyNext() }
    // From here on the store's file can only be read.
    let name = try #require(directory.path.split(separator: "/").last) + "/inputs.ntx"
    let written = try #require(
      (3..<4_096 as Range<Int32>).first { descriptor in
        let target = try? FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/self/fd/\(descriptor)")
        return target?.hasSuffix(name) == true
      })
    let readable = Foundation.open(directory.inputs, O_RDONLY | O_CLOEXEC)
    try #require(readable >= 0)
    #expect(dup2(readable, written) == written)
    close(readable)
    #expect(Self.submit(Flow.numbered(.accountQuery, 0), to: session) == false)
    #expect(session.failure != nil)
    #expect(Self.submit(Flow.numbered(.accountQuery, 0), to: session) == false)
    #expect(session.eventCount(account: 0) == 1)
  }

  @Test func `a feed without opening messages gets them first and says so`() throws {
    var facts = InstrumentFacts(symbol: Symbol(code: Flow.symbol))
    facts.status = .trading
    facts.shortSale = .restricted
    let feed = ExchangeFeed(
      records: [Flow.add(1, "B", 100, 1_000_000)], instruments: [facts], midnight: 0,
      identity: "test")
    var kinds: [UInt8] = []
    while let record = feed.next() { kinds.append(record.kind) }
    #expect(String(decoding: kinds, as: UTF8.self) == "SSSRHYA")
    #expect(feed.notes.first?.contains("lacks opening messages") == true)
  }

  @Test(.enabled(if: SharedData.hasApple, "needs ../shared/data/itch"))
  func `a recorded file is read twice alike`() throws {
    func read() throws -> (count: Int, identity: String, notes: [String]) {
      let feed = try ExchangeFeed(
        file: SharedData.apple.path, instruments: nil, midnight: 1_577_682_000_000_000_000)
      var count = 0
      while feed.next() != nil { count += 1 }
      return (count, feed.identity, feed.notes)
    }
    let once = try read()
    let again = try read()
    #expect(once.count == 25_006)
    #expect(once.identity == again.identity)
    #expect(once.notes.count == 3)
  }

  @Test func `a file without a message is refused`() throws {
    let path = NSTemporaryDirectory() + "strange-\(UUID().uuidString)"
    defer { unlink(path) }
    try Data("{\"this\":\"is no feed\"}".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: FeedError.self) {
      try ExchangeFeed(file: path, instruments: nil, midnight: 0)
    }
    #expect(error?.cause == .data)
    #expect(error?.description.contains("no ITCH 5.0 message") == true)
    #expect(throws: FeedError.self) {
      try ExchangeFeed(file: path + "-missing", instruments: nil, midnight: 0)
    }
  }

  @Test func `the flow-control file joins two processes' counters`() throws {
    let path = NSTemporaryDirectory() + "flow-\(UUID().uuidString)"
    defer { unlink(path) }
    let core = try FlowControl(path: path, creates: true)
    let exchange = try FlowControl(path: path, creates: false)
    core.consumed = 17
    exchange.published = 81
    #expect(exchange.consumed == 17)
    #expect(core.published == 81)
    try Data("no counters in here".utf8).write(to: URL(fileURLWithPath: path + "x"))
    defer { unlink(path + "x") }
    #expect(throws: FlowControlError.self) { try FlowControl(path: path + "x", creates: false) }
  }

  @Test func `the report adds up and is JSON`() throws {
    let session = try Self.open(nil, seed: 3)
    var number: UInt32 = 0
    while session.applyNext() { Self.script(session, seed: 3, number: &number) }
    let report = ExchangeReport(session, server: ExchangeServerCounters())
    #expect(report.violations == [])
    #expect(report.fills == session.core.fills.count)
    let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8))
    let json = try #require(object as? [String: Any])
    #expect(json["fills"] as? Int == report.fills)
    let positions = try #require(json["positions"] as? [[String: Any]])
    let shares = positions.reduce(0) {
      $0 + ($1["bought"] as? Int ?? 0) + ($1["sold"] as? Int ?? 0)
    }
    #expect(UInt64(shares) == report.shares)
    #expect((json["executions"] as? [Any])?.count == report.fills)
  }

  @Test func `a message that is no OUCH message is ignored and counted`() throws {
    let session = try Self.open(nil, seed: 3)
    let before = session.eventCount(account: 0)
    for bytes in [[], [UInt8(ascii: "O"), 0, 0], Array("Z123".utf8)] as [[UInt8]] {
      let isTaken = unsafe bytes.withUnsafeBytes { unsafe session.submit($0, account: 0, at: 0) }
      #expect(isTaken)
    }
    #expect(session.eventCount(account: 0) == before)
    let report = ExchangeReport(session, server: ExchangeServerCounters())
    #expect(report.json.contains("\"undecodable_requests\":3,"))
  }
}
