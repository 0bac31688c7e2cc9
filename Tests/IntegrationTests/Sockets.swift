import Foundation
import TestSupport

/// A TCP or UDP socket on 127.0.0.1 for tests that play a peer; closed with the value.
final class RawSocket {
  let descriptor: Int32

  private init(_ opened: Int) throws {
    let descriptor = Int32(opened)
    guard descriptor >= 0 else {
      throw TestTrouble("socket: \(String(cString: strerror(errno)))")
    }
    self.descriptor = descriptor
    // Nothing here waits for ever; whoever is to speak may have a busy machine.
    var limit = timeval(tv_sec: 300, tv_usec: 0)
    _ = setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }
  deinit { close(descriptor) }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
  private func with(
    _ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32, _ what: String
  ) throws {
    var address = Self.address(port)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw TestTrouble("\(what): \(String(cString: strerror(errno)))") }
  }

  static func bound(udp: Bool) throws -> RawSocket {
    let type = udp ? SOCK_DGRAM : SOCK_STREAM
    let socket = try RawSocket(Int(Glibc.socket(AF_INET, Int32(type.rawValue), 0)))
    try socket.with(0, { bind(socket.descriptor, $0, $1) }, "bind")
    return socket
  }
  static func listening() throws -> RawSocket {
    let socket = try bound(udp: false)
    guard listen(socket.descriptor, 8) == 0 else { throw TestTrouble("listen") }
    return socket
  }
  static func connected(to port: UInt16) throws -> RawSocket {
    let socket = try RawSocket(Int(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)))
    try socket.with(port, { connect(socket.descriptor, $0, $1) }, "connect")
    return socket
  }
  func accepted() throws -> RawSocket {
    try RawSocket(Self.uninterrupted { Int(accept(descriptor, nil, nil)) })
  }

  /// A signal (a child that ended) may break off a call that waits: it is made again.
  private static func uninterrupted(_ call: () -> Int) -> Int {
    for _ in 0..<100 {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
    return -1
  }

  var port: UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  func write(_ bytes: [UInt8]) throws {
    guard Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw TestTrouble("send: \(String(cString: strerror(errno)))")
    }
  }
  /// Exactly so many bytes; nil when the peer closes, or says nothing for long.
  func read(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        let rest = $0.baseAddress! + done
        return Self.uninterrupted { recv(descriptor, rest, count - done, 0) }
      }
      guard got > 0 else { return nil }
      done += got
    }
    return bytes
  }

  // MARK: SoupBinTCP

  /// The next packet: its type and payload; nil at the end of the connection.
  func packet() -> (type: Character, payload: RawMessage)? {
    guard let head = read(2), let body = read(Int(head[0]) << 8 | Int(head[1])),
      let type = body.first
    else { return nil }
    return (Character(Unicode.Scalar(type)), RawMessage(body[1...]))
  }
  /// The next packet that is no heartbeat.
  func business() -> (type: Character, payload: RawMessage)? {
    while let found = packet() {
      if found.type != "H" { return found }
    }
    return nil
  }
  func send(_ type: Character, _ payload: [UInt8] = []) throws {
    let length = payload.count + 1
    try write([UInt8(length >> 8), UInt8(length & 255), type.asciiValue ?? 0] + payload)
  }
  /// Login Request: user, password, session (blank: the current one), next sequence.
  func logIn(user: String = "NTAIL1", password: String = "needletail", sequence: Int = 1) throws {
    try send(
      "L",
      Self.left(user, 6) + Self.left(password, 10) + Self.left("", 10)
        + Self.right("\(sequence)", 20))
  }
  static func left(_ text: String, _ width: Int) -> [UInt8] {
    Array((text + String(repeating: " ", count: max(0, width - text.count))).utf8)
  }
  static func right(_ text: String, _ width: Int) -> [UInt8] {
    Array((String(repeating: " ", count: max(0, width - text.count)) + text).utf8)
  }
  static func big(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * (width - 1 - $0))) }
  }
}
