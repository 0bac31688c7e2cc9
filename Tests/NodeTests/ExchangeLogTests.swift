import Foundation
import Gateways
import Simulation
import TestSupport
import Testing
import Transport

@testable import Node

/// What an exchange says of its clients, and how often.
struct ExchangeLogTests {
  private final class Said { var lines: [(level: Console.Level, text: String)] = [] }
  private let said = Said()
  private func log() -> ExchangeLog { ExchangeLog { [said] in said.lines.append(($0, $1)) } }
  private func taken() -> [String] {
    defer { said.lines = [] }
    return said.lines.map(\.text)
  }

  private static func client(
    _ port: UInt16, _ username: String? = "NTAIL1",
    _ service: ExchangeEvent.Service = .orderEntry
  ) -> ExchangeEvent.Client {
    ExchangeEvent.Client(service, from: .loopback(port: port), username: username)
  }
  private static func logIn(_ port: UInt16) -> ExchangeEvent {
    .loggedIn(client(port), asked: 1, next: 4_001)
  }

  @Test func `a flood of one kind is named, then counted, and hides no other kind`() {
    let log = log()
    let step = ExchangeLog.window / 1_000
    for i in 0..<900 as Range<Int64> {
      log.take(Self.logIn(UInt16(10_000 + i)), now: i * step)
    }
    log.take(.closed(Self.client(7), .silent, working: 3), now: 900 * step)
    #expect(said.lines.last?.level == .warning)
    let first = taken()
    #expect(first.count == ExchangeLog.linesMax + 1)
    #expect(first.last?.hasPrefix("NTAIL1 from 127.0.0.1:7 is closed: nothing was heard") == true)
    #expect(first.last?.hasSuffix("; 3 of its orders work on") == true)
    log.look(now: ExchangeLog.window - 1)
    #expect(taken().isEmpty)
    log.look(now: ExchangeLog.window)
    let counted = taken()
    #expect(counted.count == 1)
    #expect(counted[0].hasPrefix("890 more log-ins in the last 60 s; the last: "))
    #expect(counted[0].contains("127.0.0.1:10899"))
  }

  @Test func `a flood that goes on takes two lines a minute`() {
    let log = log()
    var lines = 0
    let minutes: Int64 = 100
    for minute in 0..<minutes {
      for i in 0..<20 as Range<Int64> {
        let now = minute * ExchangeLog.window + i * 1_000_000_000
        log.take(Self.logIn(UInt16(1_000 + i)), now: now)
      }
      lines += taken().count
    }
    #expect(lines <= 2 * Int(minutes) + ExchangeLog.linesMax)
    // It is over: the next ones are named again.
    let later = (minutes + 3) * ExchangeLog.window
    log.look(now: later)
    _ = taken()
    for i in 0..<5 as Range<Int64> { log.take(Self.logIn(UInt16(2_000 + i)), now: later + i) }
    #expect(taken().count == 5)
    log.finish()
    #expect(taken().isEmpty)
  }

  @Test func `what was counted when the exchange ends is said`() {
    let log = log()
    for port in 1...12 as ClosedRange<UInt16> { log.take(Self.logIn(port), now: 5) }
    _ = taken()
    log.finish()
    #expect(taken().map { $0.hasPrefix("2 more log-ins") } == [true])
    log.finish()
    #expect(taken().isEmpty)
  }

  @Test func `each thing that happens has a line that says who, where and why`() {
    let words: [(ExchangeEvent, String)] = [
      (
        Self.logIn(5),
        "NTAIL1 logged in from 127.0.0.1:5, and asked for its stream from message 1 on; it has 4,000"
      ),
      (
        .refused(Self.client(5, nil), .credentials(username: "BOB       ")),
        "the log-in of a connection from 127.0.0.1:5 was refused: no account 'BOB' has the password "
          + "that it gave"
      ),
      (
        .refused(Self.client(5), .sequence(99, next: 3)),
        "the log-in of NTAIL1 from 127.0.0.1:5 was refused: it asked for message 99 of a stream that "
          + "has 2: it knows another exchange's"
      ),
      (
        .closed(Self.client(5), .replaced(by: .loopback(port: 6)), working: 0),
        "NTAIL1 from 127.0.0.1:5 is closed: the account logged in from 127.0.0.1:6, and has one "
          + "connection"
      ),
      (
        .closed(Self.client(5, nil), .ended, working: 0),
        "a connection from 127.0.0.1:5 ended without having logged in"
      ),
      (
        .closed(Self.client(5, nil, .snapshots), .neverLoggedIn, working: 0),
        "a connection of the snapshot service from 127.0.0.1:5 is closed: it did not log in in time"
      ),
      (
        .closed(Self.client(5), .ended, working: 0), "NTAIL1 from 127.0.0.1:5 closed its connection"
      ),
      (
        .socketFailed(.rerequests, errorNumber: 100),
        "the socket of re-requests failed (Network is down (errno 100)): it is opened again"
      ),
    ]
    for (event, text) in words {
      log().take(event, now: 0)
      #expect(taken() == [text])
    }
    // Who has taken a snapshot goes: no word worth.
    log().take(.closed(Self.client(5, "NTAIL1", .snapshots), .loggedOut, working: 0), now: 0)
    #expect(taken().isEmpty)
  }

  @Test(arguments: [
    (
      "2020-01-02T05:00:00.007Z warning needletail exchange: no room",
      "needletail exchange: no room"
    ),
    ("needletail exchange: no room", "needletail exchange: no room"), ("", ""),
    ("2020-01-02T05:00:00.007Z fatal error: x", "2020-01-02T05:00:00.007Z fatal error: x"),
  ])
  func `the text of a line of a log can be had without its time`(_ line: String, _ text: String) {
    #expect(Console.unlogged(line[...]) == text[...])
  }
}
