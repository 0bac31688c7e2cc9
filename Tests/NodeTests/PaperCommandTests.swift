import Captures
import ExecutionCore
import Foundation
import TestSupport
import Testing

@testable import Node

/// A client of the paper broker of another make: frames by their places in Protocol.md.
private final class PaperCaller {
  private let socket: Int32
  private var buffer: [UInt8] = []

  init?(_ announcement: String) {
    guard let object = try? JSONSerialization.jsonObject(with: Data(announcement.utf8)),
      let place = (object as? [String: String])?["paper"],
      let port = place.split(separator: ":").last.flatMap({ UInt16($0) })
    else { return nil }
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    // A read that waits for ever would be a test that does.
    var limit = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { return nil }
    send("L", [1] + text("paper", 16) + text("needletail", 16) + [UInt8](repeating: 0, count: 8))
  }
  deinit { close(socket) }

  func text(_ text: String, _ width: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: width - text.utf8.count)
  }
  func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
  func send(_ kind: Character, _ payload: [UInt8]) {
    let frame = big(UInt16(payload.count + 1)) + [kind.asciiValue!] + payload
    frame.withUnsafeBytes { _ = write(socket, $0.baseAddress!, $0.count) }
  }
  func order(_ name: String, _ side: UInt8, price: Int64, quantity: Int64) {
    let exponents = [UInt8(bitPattern: -1), UInt8(bitPattern: -2)]
    send(
      "N",
      text(name, 36) + text("BTCUSDT", 32) + [side, 0, 0] + exponents + big(price)
        + big(quantity))
  }

  /// The next frame of one of the kinds; others are passed over. nil when the session has ended.
  func next(_ kinds: String) -> (kind: Character, payload: [UInt8])? {
    // Ends: the read has a limit.
    while true {
      if buffer.count >= 2 {
        let length = Int(buffer[0]) << 8 | Int(buffer[1])
        if buffer.count >= length + 2 {
          let kind = Character(Unicode.Scalar(buffer[2]))
          let payload = Array(buffer[3..<length + 2])
          buffer.removeFirst(length + 2)
          if kinds.contains(kind) { return (kind, payload) }
          continue
        }
      }
      var more = [UInt8](repeating: 0, count: 4_096)
      let got = more.withUnsafeMutableBytes { read(socket, $0.baseAddress!, $0.count) }
      guard got > 0 else { return nil }
      buffer += more[..<got]
    }
  }
  static func number(_ payload: [UInt8], _ at: Int) -> Int64 {
    payload[at..<at + 8].reduce(0) { $0 << 8 | Int64($1) }
  }
}

@Suite struct PaperCommandTests {
  /// Bid 10.0 and offered at 10.1, twenty of each, for an hour.
  private func recording(_ directory: String) throws -> String {
    let path = directory + "/small.ntc"
    var bitcoin = CapturedInstrument(symbol: "BTCUSDT", priceExponent: -1, quantityExponent: -2)
    bitcoin.contents = .quotes
    bitcoin.currency = "USDT"
    var recorder = try CaptureRecorder(
      path: path, header: CaptureHeader(channel: "test", instruments: [bitcoin]))
    for minute in 0..<60 {
      var record = FeedRecord(
        .quote, instrument: 0, at: 1_700_000_000_000_000_000 + Int64(minute) * 60_000_000_000)
      (record.price, record.quantity) = (100, 2_000)
      (record.askPrice, record.askQuantity) = (101, 2_000 + Int64(minute))
      record.flags = .last
      try recorder.append(record, receiveTime: 0)
    }
    try recorder.finish()
    return path
  }

  private func start(_ directory: String, _ more: String...) throws -> RunningCommand {
    let broker = try RunningCommand(
      ["paper", "--feed", directory + "/small.ntc", "--data", directory + "/data"] + more,
      directory: directory)
    #expect(broker.wait { broker.printed.hasSuffix("\n") })
    return broker
  }

  @Test func `a broker that is killed goes on with its account when it is started again`() throws {
    let directory = try TemporaryDirectory()
    _ = try recording(directory.path)
    let first = try start(directory.path)
    let caller = try #require(PaperCaller(first.printed))
    #expect(caller.next("lj")?.kind == "l")
    caller.order("one", 1, price: 101, quantity: 500)
    let execution = try #require(caller.next("e"))
    #expect(PaperCaller.number(execution.payload, 120) == 101)
    #expect(PaperCaller.number(execution.payload, 128) == 500)
    caller.order("two", 1, price: 90, quantity: 700)
    let resting = try #require(caller.next("o"))
    #expect(String(decoding: resting.payload[..<3], as: UTF8.self) == "one")
    #expect(caller.next("o")?.payload[154] == 1)
    kill(first.process.processIdentifier, SIGKILL)
    _ = try first.finish()
    #expect(caller.next("oe") == nil)

    let second = try start(directory.path)
    #expect(second.complaints.contains("goes on from"))
    #expect(second.complaints.contains("2 orders, 1 executions"))
    let again = try #require(PaperCaller(second.printed))
    again.send("P", again.big(UInt32(1)) + again.big(UInt32(0)))
    let position = try #require(again.next("pq"))
    #expect(position.kind == "p" && PaperCaller.number(position.payload, 36) == 500)
    // Its name is used, and the order that worked works.
    again.order("one", 1, price: 101, quantity: 500)
    let refused = try #require(again.next("o"))
    #expect(refused.payload[154] == 2 && refused.payload[159] == 2)
    again.send("X", again.text("two", 36))
    let cancelled = try #require(again.next("o"))
    #expect(cancelled.payload[154] == 4 && cancelled.payload[155] == 3)
    let ended = try second.interrupt(SIGTERM)
    #expect(ended.status == 0)
    #expect(ended.errors.contains("ends after 1 orders (1 rejected)"))
    // Nobody else reads what is in it.
    for name in ["data", "data/paper.ntp"] {
      let attributes = try FileManager.default.attributesOfItem(
        atPath: directory.path + "/" + name)
      #expect((attributes[.posixPermissions] as? Int ?? 0) & 0o077 == 0)
    }
  }

  @Test func `what it can't play, keep or be is said with its exit code`() throws {
    let directory = try TemporaryDirectory()
    let path = try recording(directory.path)
    let data = directory.path + "/data"
    func run(_ arguments: String...) throws -> CommandProcess {
      try CommandProcess.run(["paper"] + arguments)
    }
    #expect(try run().status == 64)
    #expect(try run("--feed", directory.path + "/none").status == 66)
    #expect(try run("--feed", path, "--fill-share", "0").status == 64)
    #expect(try run("--feed", path, "--reject", "0.1").status == 64)
    #expect(try run("--feed", path, "--forget", "2").status == 64)
    #expect(try run("--feed", path, "--account", "a,a").status == 64)
    try Data("no recording".utf8).write(to: URL(fileURLWithPath: directory.path + "/text"))
    #expect(try run("--feed", directory.path + "/text").status == 65)
    // Another broker's file, and one that is open.
    let first = try start(directory.path)
    let taken = try run("--feed", path, "--data", data)
    #expect(taken.status == 75 && taken.errors.contains("another paper broker has it open"))
    #expect(try first.interrupt(SIGTERM).status == 0)
    let other = try run("--feed", path, "--data", data, "--account", "else")
    #expect(other.status == 65 && other.errors.contains("other instruments, accounts or cash"))
    // Half a record at the end is cut, and said.
    let file = data + "/paper.ntp"
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data([0, 0, 0, 81, 1, 2, 3]))
    try handle.close()
    let second = try start(directory.path)
    #expect(second.complaints.contains("torn tail of 7 bytes"))
    #expect(try second.interrupt(SIGTERM).status == 0)
    #expect(FileManager.default.contents(atPath: file)?.count == 16)
  }

  @Test func `when the recording is over nothing trades any more, and it says so`() throws {
    let directory = try TemporaryDirectory()
    _ = try recording(directory.path)
    let broker = try start(directory.path, "--speed", "10000")
    #expect(broker.wait { broker.complaints.contains("the market is over, after 60 records") })
    let caller = try #require(PaperCaller(broker.printed))
    caller.order("late", 1, price: 101, quantity: 500)
    let refused = try #require(caller.next("o"))
    #expect(refused.payload[154] == 2 && refused.payload[159] == 8)
    #expect(try broker.interrupt(SIGTERM).status == 0)
  }
}
