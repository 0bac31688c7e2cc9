/// What the datagrams of a capture are when they are not ITCH over MoldUDP64, by their first bytes: so that
/// who gives the wrong capture is told which one it is.
///
/// Formats: CME MDP 3.0 binary packet header and SBE message header; IEX Transport Protocol 1.x.
enum DatagramGuess {
  /// 2000-01-01 and 2100-01-01 UTC: sending times outside are none.
  private static let times: Range<UInt64> = 946_684_800_000_000_000..<4_102_444_800_000_000_000

  /// The protocol's name; nil when it is none of those that are known by more than one field.
  static func name(_ payload: UnsafeRawBufferPointer) -> String? {
    if unsafe isCME(payload) { return "CME MDP 3.0" }
    if unsafe isIEX(payload) { return "IEX-TP (TOPS or DEEP)" }
    return nil
  }

  /// Packet sequence, sending time, then messages behind their own size, with schema 1 in each header.
  private static func isCME(_ payload: UnsafeRawBufferPointer) -> Bool {
    guard payload.count >= 22, unsafe times.contains(number(payload, 4, 8)) else { return false }
    let size = unsafe number(payload, 12, 2)
    return unsafe size >= 10 && size <= UInt64(payload.count - 12) && number(payload, 18, 2) == 1
  }

  /// Version 1, a message protocol of IEX, and the length of the payload behind the header.
  private static func isIEX(_ payload: UnsafeRawBufferPointer) -> Bool {
    guard payload.count >= 40, unsafe payload[0] == 1, unsafe payload[1] == 0 else { return false }
    return unsafe (0x8002...0x8005).contains(number(payload, 2, 2))
      && number(payload, 12, 2) == UInt64(payload.count - 40)
  }

  /// The first bytes, for who knows them.
  static func firstBytes(_ payload: UnsafeRawBufferPointer, most: Int = 24) -> String {
    unsafe payload.prefix(most).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined(separator: " ")
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ size: Int) -> UInt64 {
    unsafe bytes[at..<at + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
