import ExecutionCore
import Foundation

/// Captures of MoldUDP64 by hand: adds, each with its sequence number as its reference.
struct CaptureBuilder {
  /// A little-endian pcap of raw IP packets.
  private(set) var bytes: [UInt8] =
    Self.word(0xA1B2_C3D4) + [2, 0, 4, 0]
    + [UInt8](repeating: 0, count: 8) + Self.word(65_535) + Self.word(101)
  /// Bytes of a packet that are kept at the most.
  var snapLength = Int.max

  private static func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  static func big(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
  }

  /// A datagram with the adds of these sequences.
  static func mold(
    _ range: ClosedRange<UInt64>, session: String = "SESSION001", price: UInt32 = 1_000_000
  ) -> [UInt8] {
    let records = range.map { Flow.add($0, "B", 100, price) }
    return head(session, range.lowerBound, UInt64(records.count))
      + GeneratorTests.bytes(records, midnight: 0)
  }
  /// 0 messages are a heartbeat, 0xFFFF the session's end.
  static func control(
    _ sequence: UInt64, count: UInt64 = 0xFFFF, session: String = "SESSION001"
  ) -> [UInt8] {
    head(session, sequence, count)
  }
  private static func head(_ session: String, _ sequence: UInt64, _ count: UInt64) -> [UInt8] {
    Array(session.utf8) + big(sequence, 8) + big(count, 2)
  }

  mutating func datagram(
    _ payload: [UInt8], to address: [UInt8] = [233, 54, 12, 111], port: UInt64 = 26_477,
    seconds: Int = 1
  ) {
    let udp = [0x30, 0] + Self.big(port, 2) + Self.big(UInt64(payload.count + 8), 2) + [0, 0]
    let ip: [UInt8] =
      [0x45, 0] + Self.big(UInt64(payload.count + 28), 2) + [0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1]
    let packet = ip + address + udp + payload
    let kept = packet.prefix(snapLength)
    bytes += Self.word(seconds) + Self.word(0) + Self.word(kept.count) + Self.word(packet.count)
    bytes += kept
  }

  static func of(_ datagrams: [[UInt8]]) -> [UInt8] {
    var builder = CaptureBuilder()
    for datagram in datagrams { builder.datagram(datagram) }
    return builder.bytes
  }
}
