/// The block format of pcapng.
extension PacketCapture {
  private enum Block {
    static let section: UInt32 = 0x0a0d_0d0a
    static let interface: UInt32 = 1
    static let packetOld: UInt32 = 2
    static let packetSimple: UInt32 = 3
    static let packet: UInt32 = 6
  }
  /// Interfaces of one section that are believed.
  private static var interfacesMax: Int { 4096 }

  mutating func nextPcapngFrame() throws(FeedError) -> CapturedFrame? {
    // Ends with the file: every turn consumes a block of at least 12 bytes.
    while true {
      let head = unsafe input.window(12)
      guard head.count > 0 else { return nil }
      guard head.count >= 12 else { throw cut("a block header") }
      let big = unsafe WordReader(bytes: head, isLittle: false)
      if big.word32(0) == Block.section {
        // The byte order of a section stands behind the length that it governs.
        switch big.word32(8) {
        case 0x1a2b_3c4d: isLittle = false
        case 0x4d3c_2b1a: isLittle = true
        default: throw impossible("a section header without its byte-order magic")
        }
        interfaces = []
      }
      let reader = unsafe WordReader(bytes: head, isLittle: isLittle)
      let type = reader.word32(0)
      let length = Int(reader.word32(4))
      guard length >= 12, length % 4 == 0 else {
        throw impossible("a block of \(length) bytes")
      }
      let isWanted =
        type == Block.interface || type == Block.packet || type == Block.packetSimple
        || type == Block.packetOld
      guard isWanted else {
        guard input.skip(UInt64(length)) else { throw cut("a block") }
        continue
      }
      guard length <= Self.packetMax else { throw impossible("a block of \(length) bytes") }
      let block = unsafe input.window(length)
      guard block.count >= length else { throw cut("a block") }
      let whole = unsafe WordReader(bytes: block, isLittle: isLittle)
      guard whole.word32(length - 4) == UInt32(length) else {
        throw impossible("a block whose two lengths differ")
      }
      if type == Block.interface {
        try addInterface(whole, length)
        input.consume(length)
        continue
      }
      let frame = try packetFrame(whole, type, length)
      input.consume(length)
      return frame
    }
  }

  private mutating func addInterface(_ block: WordReader, _ length: Int) throws(FeedError) {
    guard length >= 20 else { throw impossible("an interface block of \(length) bytes") }
    guard interfaces.count < Self.interfacesMax else {
      throw impossible("more than \(Self.interfacesMax) interfaces")
    }
    var interface = CaptureInterface(
      link: UInt32(block.word16(8)), snapLength: Int(block.word32(12)),
      ticksPerSecond: 1_000_000, offsetSeconds: 0)
    var at = 16
    while at + 4 <= length - 4 {
      let code = block.word16(at)
      let size = Int(block.word16(at + 2))
      guard code != 0, at + 4 + size <= length - 4 else { break }
      if code == 9, size >= 1 {
        interface.ticksPerSecond = try resolution(unsafe block.bytes[at + 4])
      }
      if code == 14, size >= 8 {
        let first = block.word32(at + 4)
        let second = block.word32(at + 8)
        let high = isLittle ? second : first
        let low = isLittle ? first : second
        interface.offsetSeconds = Int64(bitPattern: UInt64(high) << 32 | UInt64(low))
      }
      at += 4 + (size + 3) / 4 * 4
    }
    interfaces.append(interface)
  }

  /// Ticks in a second: a power of ten, or of two when the top bit is set.
  private func resolution(_ code: UInt8) throws(FeedError) -> UInt64 {
    let exponent = Int(code & 0x7f)
    if code & 0x80 != 0 {
      guard exponent <= 62 else { throw impossible("a time resolution of 2^-\(exponent)") }
      return 1 << UInt64(exponent)
    }
    guard exponent <= 18 else { throw impossible("a time resolution of 10^-\(exponent)") }
    return (0..<exponent).reduce(UInt64(1)) { power, _ in power * 10 }
  }

  private func packetFrame(
    _ block: WordReader, _ type: UInt32, _ length: Int
  ) throws(FeedError) -> CapturedFrame {
    let isSimple = type == Block.packetSimple
    let dataAt = isSimple ? 12 : 28
    guard length >= dataAt + 4 else { throw impossible("a packet block of \(length) bytes") }
    let index =
      switch type {
      case Block.packetSimple: 0
      case Block.packetOld: Int(block.word16(8))
      default: Int(block.word32(8))
      }
    guard index < interfaces.count else {
      throw impossible("a packet of interface \(index), which it does not describe")
    }
    let interface = interfaces[index]
    let sent = Int(block.word32(isSimple ? 8 : 24))
    var captured = isSimple ? sent : Int(block.word32(20))
    if isSimple {
      if interface.snapLength > 0 { captured = min(captured, interface.snapLength) }
      captured = min(captured, length - dataAt - 4)
    }
    guard dataAt + captured <= length - 4 else {
      throw impossible("a packet of \(captured) bytes in a block of \(length)")
    }
    var time: Int64 = 0
    if !isSimple {
      let ticks = UInt64(block.word32(12)) << 32 | UInt64(block.word32(16))
      let shift = interface.offsetSeconds.multipliedReportingOverflow(by: 1_000_000_000)
      time = interface.nanoseconds(ticks) &+ (shift.overflow ? 0 : shift.partialValue)
    }
    return unsafe CapturedFrame(
      bytes: UnsafeRawBufferPointer(rebasing: block.bytes[dataAt..<dataAt + captured]),
      time: time, offset: input.offset, link: try linkType(interface.link),
      isCut: captured < sent)
  }
}
