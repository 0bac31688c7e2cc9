import Gateways

/// Input: a byte for the size of the reads, then a stream. Cut into reads of any size it must give
/// the same events, to a client as to a server.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  guard size > 1 else { return 0 }
  let piece = Int(data[0]) % 64 + 1
  let stream = UnsafeRawBufferPointer(start: data + 1, count: size - 1)
  precondition(client(stream, size) == client(stream, piece), "a split changed what a client sees")
  precondition(server(stream, size) == server(stream, piece), "a split changed what a server sees")
  return 0
}

let credentials = SoupCredentials(username: "TRADER", password: "SECRET")!

/// A digest of the events.
private func client(_ stream: UnsafeRawBufferPointer, _ piece: Int) -> UInt64 {
  var settings = SoupClientSettings(credentials: credentials)
  settings.packetBytesMax = 512
  var client = SoupClient(settings)
  var room = [UInt8](repeating: 0, count: 64)
  precondition(room.withUnsafeMutableBytes { client.connected(now: 0, into: $0) } == 49)
  var digest = Digest()
  // Half of the inputs begin behind a good log-in.
  if stream[0] & 1 == 0 {
    let accepted = Array(("\0\u{1f}A    NT0001" + String(repeating: " ", count: 19) + "1").utf8)
    accepted.withUnsafeBytes { bytes in
      var offset = 0
      while client.next(bytes, &offset, now: 0) != nil {}
    }
    precondition(client.state == .active)
  }
  var at = 0
  while at < stream.count {
    let part = UnsafeRawBufferPointer(rebasing: stream[at..<min(at + piece, stream.count)])
    at += part.count
    var offset = 0
    while let event = client.next(part, &offset, now: 1) {
      switch event {
      case .loggedIn(let session, let next): digest.add(1, session.high, next)
      case .loginRejected(let reason): digest.add(2, UInt64(reason), 0)
      case .sequenced(let sequence, let message): digest.add(3, sequence, Digest.of(message))
      case .unsequenced(let message): digest.add(4, Digest.of(message), 0)
      case .debug(let text): digest.add(5, Digest.of(text), 0)
      case .endOfSession: digest.add(6, 0, 0)
      case .failed(let fault): digest.add(7, UInt64(fault.rawValue), 0)
      case .historyFound(let newest): digest.add(8, newest, 0)
      }
    }
  }
  return digest.value
}

private func server(_ stream: UnsafeRawBufferPointer, _ piece: Int) -> UInt64 {
  var settings = SoupServerSettings(session: SessionName("NT0001")!, credentials: credentials)
  settings.packetBytesMax = 512
  var server = SoupServer(settings, now: 0)
  var digest = Digest()
  var room = [UInt8](repeating: 0, count: 64)
  var at = 0
  while at < stream.count {
    let part = UnsafeRawBufferPointer(rebasing: stream[at..<min(at + piece, stream.count)])
    at += part.count
    var offset = 0
    while let event = server.next(part, &offset, now: 1) {
      switch event {
      case .login(let login):
        let answer = room.withUnsafeMutableBytes {
          server.answer(login, firstSequence: 1, nextSequence: 100, now: 1, into: $0)
        }
        precondition(answer != .noRoom)
        digest.add(1, login.sequence, server.nextToSend)
      case .unsequenced(let message): digest.add(2, Digest.of(message), 0)
      case .debug(let text): digest.add(3, Digest.of(text), 0)
      case .logout: digest.add(4, 0, 0)
      case .failed(let fault): digest.add(5, UInt64(fault.rawValue), 0)
      }
    }
  }
  return digest.value
}

/// FNV-1a.
struct Digest {
  var value: UInt64 = 0xcbf2_9ce4_8422_2325
  mutating func add(_ a: UInt64, _ b: UInt64, _ c: UInt64) {
    for word in [a, b, c] { value = (value ^ word) &* 0x0000_0100_0000_01b3 }
  }
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }
}

func seeds() -> [[UInt8]] {
  func packet(_ type: Character, _ payload: [UInt8]) -> [UInt8] {
    be16(payload.count + 1) + [type.asciiValue!] + payload
  }
  let blanks = String(repeating: " ", count: 19)
  let login = Array(("TRADERSECRET    " + "          " + blanks + "1").utf8)
  let accepted = packet("A", Array(("    NT0001" + blanks + "1").utf8))
  let data = packet("S", Array(repeating: 7, count: 40)) + packet("H", []) + packet("+", [1, 2])
  let up = packet("U", Array(repeating: 9, count: 50)) + packet("R", []) + packet("O", [])
  return [
    [3] + accepted + data + packet("Z", []), [1] + data + data,
    [7] + packet("L", login) + up, [60] + packet("L", login + Array(" 1500".utf8)) + up + up,
    [2] + packet("J", [0x41]), [0, 0, 0], [9, 0xff, 0xff, 0x53],
  ]
}
