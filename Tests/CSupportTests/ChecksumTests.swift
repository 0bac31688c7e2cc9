import CSupport
import Testing

/// CRC32C by every route against the vectors of RFC 3720 B.4 and against a bit-by-bit twin.
@Suite struct ChecksumTests {
  static let routes = [NT_CRC32C_TABLE, NT_CRC32C_HARDWARE]

  static let scsiRead: [UInt8] = [
    0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
    0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  ]

  @Test(arguments: routes)
  func `the vectors of RFC 3720 come out`(route: nt_crc32c_route) {
    func crc(_ bytes: [UInt8]) -> UInt32 { nt_crc32c_by(route, 0, bytes, bytes.count) }
    #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(crc([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(crc(Array(0..<32)) == 0x46DD_794E)
    #expect(crc(Array((0..<32).reversed())) == 0x113F_DB5C)
    #expect(crc(Self.scsiRead) == 0xD996_3A56)
    #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
    #expect(crc([]) == 0)
  }

  @Test(arguments: routes)
  func `every length and alignment agrees with the bitwise twin`(route: nt_crc32c_route) {
    let seed = UInt64.random(in: 1..<UInt64.max)
    let bytes = pattern(seed, 16_000)
    let lengths = Array(0...450) + [767, 768, 1151, 1152, 1160, 6143, 6144, 6145, 6529, 12_288]
    bytes.withUnsafeBytes { raw in
      for length in lengths {
        let offset = length % 9
        let expected = bitwise(0, raw[offset..<offset + length])
        #expect(
          nt_crc32c_by(route, 0, raw.baseAddress! + offset, length) == expected,
          "seed \(seed) length \(length)")
      }
    }
  }

  @Test(arguments: routes)
  func `a checksum continues over any split`(route: nt_crc32c_route) {
    let bytes = pattern(11, 1_500)
    bytes.withUnsafeBytes { raw in
      let whole = nt_crc32c_by(route, 0, raw.baseAddress!, 1_500)
      for split in stride(from: 0, through: 1_500, by: 7) {
        let first = nt_crc32c_by(route, 0, raw.baseAddress!, split)
        #expect(nt_crc32c_by(route, first, raw.baseAddress! + split, 1_500 - split) == whole)
      }
    }
  }

  @Test func `the route in use is named, can be forced, and gives the same result`() {
    let automatic = String(cString: nt_crc32c_path())
    #expect(["sse4.2", "armv8", "table"].contains(automatic))
    #expect(nt_crc32c_use(NT_CRC32C_TABLE))
    #expect(nt_crc32c(0, "123456789", 9) == 0xE306_9283)
    #expect(String(cString: nt_crc32c_path()) == "table")
    #expect(nt_crc32c_use(NT_CRC32C_HARDWARE) == (automatic != "table"))
    #expect(String(cString: nt_crc32c_path()) == automatic)
    #expect(nt_crc32c(0, "123456789", 9) == 0xE306_9283)
  }

  private func bitwise(_ start: UInt32, _ bytes: Slice<UnsafeRawBufferPointer>) -> UInt32 {
    var crc = ~start
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~crc
  }
}
