import Foundation
import TestSupport
import Transport

/// Stands between an exchange's lines and a run: passes datagrams on, changes them, and puts in its own.
///
/// Threading: a thread of its own from `init` to `stop`; `change` runs there.
final class FeedRelay: @unchecked Sendable {
  struct Datagram {
    var session: [UInt8]
    var sequence: UInt64
    /// 0xFFFF for the end of the session.
    var count: UInt16
    var messages: [[UInt8]]

    init(session: [UInt8], sequence: UInt64, count: UInt16 = 0, messages: [[UInt8]] = []) {
      self.session = session
      self.sequence = sequence
      self.count = messages.isEmpty ? count : UInt16(messages.count)
      self.messages = messages
    }
    init(_ bytes: ArraySlice<UInt8>) {
      let bytes = Array(bytes)
      session = Array(bytes[0..<10])
      sequence = bytes[10..<18].reduce(0) { $0 << 8 | UInt64($1) }
      count = bytes[18..<20].reduce(0) { $0 << 8 | UInt16($1) }
      messages = []
      var at = 20
      while at + 2 <= bytes.count {
        let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
        messages.append(Array(bytes[(at + 2)..<(at + 2 + length)]))
        at += 2 + length
      }
    }
    var bytes: [UInt8] {
      var out = session + (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (56 - 8 * $0)) }
      out += [UInt8(count >> 8), UInt8(count & 255)]
      for message in messages {
        out += [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
      }
      return out
    }
  }

  /// Where the exchange sends its lines.
  let lines: [String]
  private let sockets: [RawSocket]
  private let targets: [UInt16]
  private let change: @Sendable (Int, Datagram) -> [Datagram]
  private let stopped = DispatchSemaphore(value: 0)
  private let isStopping = NSLock()
  private var isOver = false

  /// - Parameter change: what goes on instead of a datagram of line 0 or 1.
  init(to targets: [UInt16], _ change: @escaping @Sendable (Int, Datagram) -> [Datagram]) throws {
    sockets = [try .bound(udp: true), try .bound(udp: true)]
    lines = sockets.map { "127.0.0.1:\($0.port)" }
    self.targets = targets
    self.change = change
    Thread { [self] in
      run()
      stopped.signal()
    }.start()
  }

  func stop() {
    isStopping.withLock { isOver = true }
    stopped.wait()
  }

  private func run() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !isStopping.withLock({ isOver }) {
      var waiting = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      guard poll(&waiting, 2, 20) > 0 else { continue }
      for line in 0..<2 where waiting[line].revents != 0 {
        let got = recv(sockets[line].descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard got >= 20 else { continue }
        for datagram in change(line, Datagram(buffer[..<got])) { send(datagram.bytes, line) }
      }
    }
  }

  private func send(_ bytes: [UInt8], _ line: Int) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = targets[line].bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(
          sockets[line].descriptor, bytes, bytes.count, 0, $0,
          socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
