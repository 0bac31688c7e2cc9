import BenchSupport
import ExecutionCore
import Gateways

/// The venue at the other end of an order session, without sockets: it rejects, in the bytes in which it
/// would say so, so that engine, gateway and fuse all learn that the order is gone.
struct BenchVenue: ~Copyable {
  /// One packet.
  private let packet = UnsafeMutablePointer<UInt8>.allocate(capacity: packetMax)
  private static let packetMax = 64
  private static let headerBytes = 3

  init() { packet.initialize(repeating: 0, count: Self.packetMax) }

  deinit { packet.deallocate() }

  /// The rejection of an order that was sent, framed; valid until the next. nil: there is no such order.
  @inline(__always) func rejection(
    of reference: UInt64, _ id: ClientOrderID
  ) -> UnsafeRawBufferPointer? {
    guard reference != 0, let id = OUCHClOrdID(id, incarnation: 0) else { return nil }
    var rejected = OUCHResponse(.rejected)
    rejected.userRefNum = UInt32(truncatingIfNeeded: reference)
    rejected.reason = 1
    rejected.clOrdID = id
    var fault: OUCHFault?
    let room = UnsafeMutableRawBufferPointer(
      start: packet + Self.headerBytes, count: Self.packetMax - Self.headerBytes)
    let length = rejected.encode(into: room, &fault)
    guard length > 0 else { return nil }
    packet[0] = 0
    packet[1] = UInt8(truncatingIfNeeded: length + 1)
    packet[2] = SoupPacketType.sequencedData
    return UnsafeRawBufferPointer(start: packet, count: length + Self.headerBytes)
  }
}
