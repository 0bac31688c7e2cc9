import Gateways
import Testing

let soupCredentials = SoupCredentials(username: "TRADER", password: "SECRET")!
let soupSession = SessionName("NT0001")!

/// A server with its stream, and the bytes it wants to send.
final class SoupPeer {
  var store = RetainedMessages(messages: 10_000, bytes: 1 << 20)
  var server: SoupServer
  var out: [UInt8] = []
  var unsequenced: [[UInt8]] = []
  var faults: [SoupFault] = []
  var loggedOut = false
  var logins: [SoupLogin] = []

  init(now: Int64 = 0, timeout: Int64 = 15_000) {
    server = SoupServer(Self.settings(timeout), now: now)
  }
  static func settings(_ timeout: Int64) -> SoupServerSettings {
    var settings = SoupServerSettings(session: soupSession, credentials: soupCredentials)
    settings.heartbeatInterval = 1_000
    settings.timeout = timeout
    return settings
  }
  /// A new connection to the same stream.
  func reconnect(now: Int64 = 0) {
    server = SoupServer(Self.settings(15_000), now: now)
    out = []
  }
  func append(_ message: [UInt8]) { message.withUnsafeBytes { _ = store.append($0) } }

  func receive(_ bytes: [UInt8], now: Int64 = 0) {
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while let event = server.next(raw, &offset, now: now) {
        switch event {
        case .login(let login):
          logins.append(login)
          var room = [UInt8](repeating: 0, count: 64)
          let answer = room.withUnsafeMutableBytes {
            server.answer(
              login, firstSequence: store.firstSequence, nextSequence: store.nextSequence,
              now: now, into: $0)
          }
          switch answer {
          case .accepted(let bytes), .rejected(_, let bytes): out += room.prefix(bytes)
          case .noRoom: Issue.record("no room")
          }
        case .unsequenced(let message): unsequenced.append([UInt8](message))
        case .debug: break
        case .logout: loggedOut = true
        case .failed(let fault): faults.append(fault)
        }
      }
    }
  }
  /// What there is to send.
  func take(now: Int64 = 0, room: Int = 4_096) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: room)
    for _ in 0..<100_000 {
      let length = buffer.withUnsafeMutableBytes { server.pump(store, now: now, into: $0) }
      if length == 0 { break }
      out += buffer.prefix(length)
    }
    defer { out = [] }
    return out
  }
  func tick(now: Int64) -> SoupFault? {
    var fault: SoupFault?
    var buffer = [UInt8](repeating: 0, count: 16)
    let length = buffer.withUnsafeMutableBytes { server.tick(now: now, into: $0, &fault) }
    out += buffer.prefix(length)
    return fault
  }
}

/// A client with what it saw.
private final class Client {
  var client: SoupClient
  var messages: [UInt64: [UInt8]] = [:]
  var order: [UInt64] = []
  var events: [String] = []

  init(_ change: (inout SoupClientSettings) -> Void = { _ in }) {
    var settings = SoupClientSettings(credentials: soupCredentials)
    settings.heartbeatInterval = 1_000
    settings.timeout = 15_000
    settings.packetBytesMax = 1_024
    change(&settings)
    client = SoupClient(settings)
  }
  func connect(now: Int64 = 0) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 64)
    let length = out.withUnsafeMutableBytes { client.connected(now: now, into: $0) }
    return Array(out.prefix(length))
  }
  func receive(_ bytes: [UInt8], now: Int64 = 0) {
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while let event = client.next(raw, &offset, now: now) {
        switch event {
        case .loggedIn(let session, let next): events.append("in \(session) \(next)")
        case .loginRejected(let reason): events.append("rejected \(reason)")
        case .sequenced(let sequence, let message):
          order.append(sequence)
          messages[sequence] = [UInt8](message)
        case .unsequenced(let message): events.append("unsequenced \(message.count)")
        case .debug(let text): events.append("debug \(text.count)")
        case .endOfSession: events.append("end")
        case .failed(let fault): events.append("failed \(fault.rawValue)")
        case .historyFound(let newest): events.append("history to \(newest)")
        }
      }
    }
  }
  func tick(now: Int64) -> (bytes: [UInt8], fault: SoupFault?) {
    var fault: SoupFault?
    var out = [UInt8](repeating: 0, count: 16)
    let length = out.withUnsafeMutableBytes { client.tick(now: now, into: $0, &fault) }
    return (Array(out.prefix(length)), fault)
  }
}

private func body(_ sequence: Int) -> [UInt8] {
  var random = Random(seed: UInt64(sequence))
  return random.bytes(random.below(60))
}

@Suite struct `SoupBinTCP` {
  @Test func `log-in, acceptance and data are byte exact`() {
    let client = Client()
    let login = client.connect()
    let blank = String(repeating: " ", count: 10)
    #expect(
      login == [0, 47] + [UInt8](ascii: "LTRADERSECRET    " + blank)
        + [UInt8](ascii: String(repeating: " ", count: 19) + "1"))
    let peer = SoupPeer()
    peer.append([7, 8])
    peer.receive(login)
    let answer = peer.take()
    #expect(
      answer == [0, 31] + [UInt8](ascii: "A    NT0001" + String(repeating: " ", count: 19) + "1")
        + [0, 3, 0x53, 7, 8])
    client.receive(answer)
    #expect(client.events == ["in     NT0001 1"])
    #expect(client.messages == [1: [7, 8]])
    #expect(client.client.nextSequence == 2)
  }

  @Test func `version 4 tells the server our time-out`() {
    let client = Client {
      $0.version4 = true; $0.timeout = 2_500_000_000
    }
    let login = client.connect()
    #expect(login.count == 54)
    #expect(Array(login.suffix(5)) == [UInt8](ascii: " 2500"))
    let peer = SoupPeer()
    peer.receive(login)
    #expect(peer.logins.first?.heartbeatTimeoutMilliseconds == 2_500)
    #expect(peer.tick(now: 2_499_999_999) == nil)
    #expect(peer.tick(now: 2_500_000_000) == .timedOut)
  }

  @Test func `a log-in is refused for password, session and sequence`() {
    func answer(_ change: (inout SoupClientSettings) -> Void) -> [String] {
      let client = Client(change)
      let peer = SoupPeer()
      for i in 1...5 { peer.append(body(i)) }
      peer.receive(client.connect())
      client.receive(peer.take())
      return client.events
    }
    #expect(
      answer { $0.credentials = SoupCredentials(username: "TRADER", password: "WRONG")! }
        == ["rejected 65"])
    #expect(answer { $0.session = SessionName("OTHER")! } == ["rejected 83"])
    #expect(answer { $0.nextSequence = 7 } == ["rejected 83"])
    #expect(answer { $0.nextSequence = 6 } == ["in     NT0001 6"])
    #expect(answer { $0.nextSequence = 0 } == ["in     NT0001 5"])
    #expect(answer { $0.session = SessionName("  NT0001")! } == ["in     NT0001 1"])
    #expect(SoupCredentials(username: "TOOLONG", password: "") == nil)
    #expect(SoupCredentials(username: "A", password: "01234567890") == nil)
  }

  @Test func `a server that is behind or ahead of us, or of another session, is refused`() {
    func answer(_ session: String, _ sequence: String) -> [String] {
      let client = Client {
        $0.nextSequence = 10
        $0.session = soupSession
      }
      _ = client.connect()
      let pad = { (text: String, n: Int) in String(repeating: " ", count: n - text.count) + text }
      client.receive([0, 31] + [UInt8](ascii: "A" + pad(session, 10) + pad(sequence, 20)))
      return client.events
    }
    #expect(answer("NT0001", "10") == ["in     NT0001 10"])
    #expect(answer("NT0001", "9") == ["failed \(SoupFault.sequenceBehind.rawValue)"])
    #expect(answer("NT0001", "11") == ["failed \(SoupFault.sequenceAhead.rawValue)"])
    #expect(answer("NT0002", "10") == ["failed \(SoupFault.wrongSession.rawValue)"])
    #expect(answer("NT0001", "1x") == ["failed \(SoupFault.badNumber.rawValue)"])
    #expect(answer("NT0001", "99999999999999999999") == ["failed \(SoupFault.badNumber.rawValue)"])
  }

  @Test func `every split of the stream gives the same messages`() {
    let peer = SoupPeer()
    let client = Client()
    for i in 1...12 { peer.append(body(i)) }
    peer.receive(client.connect())
    let stream = peer.take()
    for cut in 0...stream.count {
      let split = Client()
      _ = split.connect()
      split.receive(Array(stream.prefix(cut)))
      split.receive(Array(stream.dropFirst(cut)))
      #expect(split.order == Array(1...12), "cut at \(cut)")
      #expect((1...12).allSatisfy { split.messages[UInt64($0)] == body($0) }, "cut at \(cut)")
    }
    let dribble = Client()
    _ = dribble.connect()
    for byte in stream { dribble.receive([byte]) }
    #expect(dribble.order == Array(1...12))
    // And the server reads a dribbled log-in.
    let server = SoupPeer()
    for byte in Client().connect() { server.receive([byte]) }
    #expect(server.logins.count == 1)
  }

  @Test func `a client that asks how far the stream has come gets all of it by its second log-in`()
  {
    let peer = SoupPeer()
    for i in 1...5 { peer.append(body(i)) }
    let client = Client { $0.findsHistory = true }
    peer.receive(client.connect())
    // The newest message comes behind the answer; it is of no use yet.
    client.receive(peer.take())
    #expect(client.events == ["history to 5"])
    #expect(client.order.isEmpty && client.client.state == .disconnected)
    client.client.disconnected()
    peer.append(body(6))
    peer.reconnect()
    peer.receive(client.connect())
    client.receive(peer.take())
    #expect(client.order == Array(1...6))
    #expect(client.client.historyEnd == 5)
    #expect(peer.logins.map(\.sequence) == [0, 1])
    #expect(peer.logins[1].session.leftJustified == soupSession.leftJustified)
    // Later breaks resume where it was, without asking again; a new day asks.
    client.client.disconnected()
    peer.reconnect()
    peer.receive(client.connect())
    #expect(peer.logins.last?.sequence == 7)
    client.client.reset()
    #expect(client.client.historyEnd == 0)
    peer.reconnect()
    peer.receive(client.connect())
    #expect(peer.logins.last?.sequence == 0)
  }

  @Test(arguments: [0, 1]) func `an empty stream, or one message, needs one log-in`(messages: Int) {
    let peer = SoupPeer()
    for i in 0..<messages { peer.append(body(i + 1)) }
    let client = Client { $0.findsHistory = true }
    peer.receive(client.connect())
    client.receive(peer.take())
    #expect(client.client.state == .active && client.client.historyEnd == 0)
    #expect(client.order == Array((0..<messages).map { UInt64($0 + 1) }))
  }

  @Test func `the question how far the stream has come is asked again when the line broke`() {
    let peer = SoupPeer()
    for i in 1...3 { peer.append(body(i)) }
    let client = Client { $0.findsHistory = true }
    _ = client.connect()
    client.client.disconnected()
    peer.receive(client.connect())
    client.receive(peer.take())
    #expect(client.events == ["history to 3"])
  }

  @Test func `the replay goes through buffers of any size`() {
    let peer = SoupPeer()
    for i in 1...200 { peer.append(body(i)) }
    for room in [63, 64, 100, 1_000] {
      let client = Client()
      peer.reconnect()
      peer.receive(client.connect())
      client.receive(peer.take(room: room))
      #expect(client.order == Array(1...200), "room \(room)")
    }
  }

  @Test func `a broken connection resumes where it stopped, byte for byte`() {
    let seed: UInt64 = 0x50
    var random = Random(seed: seed)
    let peer = SoupPeer()
    let client = Client()
    var appended = 0
    for round in 0..<200 {
      peer.reconnect()
      peer.receive(client.connect())
      for _ in 0..<random.below(6) {
        appended += 1
        peer.append(body(appended))
      }
      let stream = peer.take()
      client.receive(
        Array(stream.prefix(round == 199 ? stream.count : random.below(stream.count + 1))))
      client.client.disconnected()
    }
    #expect(client.order == (1...UInt64(appended)).map { $0 }, "seed \(seed)")
    #expect(client.messages.allSatisfy { $1 == body(Int($0)) }, "seed \(seed)")
  }

  @Test func `packets of length zero, too long or of the wrong kind end the connection`() {
    func feed(_ bytes: [UInt8], login: Bool = true) -> [String] {
      let client = Client()
      let peer = SoupPeer()
      peer.receive(client.connect())
      if login { client.receive(peer.take()) }
      client.receive(bytes)
      client.receive([0, 2, 0x53, 1])
      return Array(client.events.dropFirst(login ? 1 : 0)) + client.order.map { "\($0)" }
    }
    func failed(_ fault: SoupFault) -> [String] { ["failed \(fault.rawValue)"] }
    #expect(feed([0, 0]) == failed(.zeroLength))
    #expect(feed([4, 1, 0x53]) == failed(.oversized))
    #expect(feed([0, 2, 0x48, 1]) == failed(.badLength))
    #expect(feed([0, 1, 0x52]) == failed(.unexpectedPacket))
    #expect(feed([0, 2, 0x53, 1], login: false) == failed(.unexpectedPacket))
    #expect(feed([0, 2, 0x4a, 0x41, 0, 1, 0x48], login: false) == ["rejected 65"])
    #expect(feed([0, 1, 0x41], login: false) == failed(.badLength))
    #expect(feed([0, 3, 0x2b, 1, 2]) == ["debug 2", "1"])
    #expect(feed([0, 3, 0x55, 1, 2]) == ["unsequenced 2", "1"])
    #expect(feed([0, 1, 0x5a]) == ["end"])
    for (bytes, fault): ([UInt8], SoupFault) in [
      ([0, 0], .zeroLength), ([0x20, 1, 0x55], .oversized), ([0, 1, 0x53], .unexpectedPacket),
      ([0, 2, 0x55, 1], .unexpectedPacket), ([0, 5, 0x4c, 1, 2, 3, 4], .badLength),
      ([0, 47, 0x4c] + [UInt8](repeating: 0x20, count: 46), .badNumber),
    ] {
      let peer = SoupPeer()
      peer.receive(bytes)
      #expect(peer.faults == [fault])
      peer.receive([0, 1, 0x52])
      #expect(peer.faults == [fault], "closed is closed")
    }
  }

  @Test func `heartbeats go both ways and silence is noticed`() {
    let client = Client()
    let peer = SoupPeer()
    peer.receive(client.connect())
    client.receive(peer.take())
    #expect(client.tick(now: 999).bytes.isEmpty)
    let beat = client.tick(now: 1_000).bytes
    #expect(beat == [0, 1, 0x52])
    #expect(client.tick(now: 1_001).bytes.isEmpty)
    client.client.spoke(now: 1_900)
    #expect(client.tick(now: 2_100).bytes.isEmpty, "an order counts as well")
    peer.receive(beat, now: 1_000)
    #expect(peer.tick(now: 1_500) == nil)
    let back = peer.take()
    #expect(back == [0, 1, 0x48])
    client.receive(back, now: 1_500)
    #expect(client.client.heartbeats == 1)
    #expect(client.tick(now: 16_499).fault == nil)
    #expect(client.tick(now: 16_500).fault == .timedOut)
    #expect(peer.tick(now: 15_999) == nil)
    #expect(peer.tick(now: 16_000) == .timedOut)
    #expect(peer.server.state == .closed)
    let silent = Client()
    _ = silent.connect()
    #expect(silent.tick(now: 15_000).fault == .timedOut, "no answer to the log-in")
  }

  @Test func `log-out and end of session`() {
    let client = Client()
    let peer = SoupPeer()
    peer.receive(client.connect())
    client.receive(peer.take())
    var out = [UInt8](repeating: 0, count: 8)
    #expect(out.withUnsafeMutableBytes { peer.server.endOfSession(now: 5, into: $0) } == 3)
    client.receive(Array(out.prefix(3)))
    #expect(client.client.state == .ended)
    #expect(out.withUnsafeMutableBytes { SoupClient.logout(into: $0) } == 3)
    peer.receive(Array(out.prefix(3)))
    #expect(peer.loggedOut)
  }

  @Test func `random bytes never crash either side`() {
    let seed: UInt64 = 0x5009
    var random = Random(seed: seed)
    for _ in 0..<3_000 {
      let client = Client()
      let peer = SoupPeer()
      peer.append([1, 2, 3])
      var login = client.connect()
      if random.chance(30) { login[random.below(login.count)] = UInt8(random.below(256)) }
      peer.receive(login)
      var stream = peer.take() + random.bytes(random.below(40))
      if !stream.isEmpty, random.chance(70) {
        stream[random.below(stream.count)] = UInt8(random.below(256))
      }
      client.receive(stream)
      peer.receive(random.bytes(random.below(60)))
      #expect(client.client.nextSequence <= 20, "seed \(seed)")
    }
  }

  @Test func `back-off doubles, is bounded, jitters by its seed and ends`() {
    var backoff = ReconnectBackoff(first: 10_000_000, longest: 80_000_000, attemptsMax: 8, seed: 3)
    var again = backoff
    var waits: [Int64] = []
    while let wait = backoff.next() { waits.append(wait) }
    #expect(waits.count == 8)
    for (i, wait) in waits.enumerated() {
      let step = min(Int64(10_000_000) << Int64(i), 80_000_000)
      #expect(wait >= step / 2 && wait <= step)
    }
    #expect(waits == (0..<8).compactMap { _ in again.next() })
    var other = ReconnectBackoff(first: 10_000_000, longest: 80_000_000, attemptsMax: 8, seed: 4)
    #expect(waits != (0..<8).compactMap { _ in other.next() })
    backoff.reset()
    #expect(backoff.next() != nil)
  }
}
