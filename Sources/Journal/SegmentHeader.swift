internal import CSupport

/// The first 4096 bytes of a segment file. Little-endian; what is not named here is zero.
///
/// | byte | field |
/// | --- | --- |
/// | 0 | magic `NTJRNL01` |
/// | 8 | u32 format version (2) |
/// | 12 | u32 bytes of this header: the first record's offset |
/// | 16 | u64 segment number, from 1 |
/// | 24 | u64 bytes preallocated |
/// | 32 | 32 bytes: build, ASCII, zero-padded |
/// | 64 | 32 bytes: hash of the configuration |
/// | 120 | u32 CRC32C of bytes 0–119 |
/// | 128 | u64 published: bytes that readers may read; stored by the appender |
/// | 192 | u64 committed: bytes known to be durable; stored by the journal thread |
/// | 256 | u64 first sequence, u64 last sequence; 0 until sealed |
/// | 272 | u32 chain algorithm (0 none, 1 SHA-256 over commit blocks), u32 zero |
/// | 280 | u64 offset and u64 entries of the table of commit blocks; 0 without a chain |
/// | 296 | 32 bytes: chain value at the end of the segment before |
/// | 328 | 32 bytes: chain value at the end of this segment |
/// | 4088 | u32 state: 0 open, 1 sealed |
/// | 4092 | u32 CRC32C of bytes 0–4091 when sealed, else 0 |
///
/// No wall time, process, host or path: bytes depend on feed, seed, configuration and build alone.
struct SegmentHeader: Equatable {
  static let bytes = 4096
  static let formatVersion: UInt32 = 2
  /// "NTJRNL01" in memory order.
  static let magic: UInt64 = 0x3130_4C4E_524A_544E
  static let publishedOffset = 128
  static let committedOffset = 192
  private static let checkOffset = 120
  private static let sealOffset = 4092

  var number: UInt64
  var capacity: UInt64
  var facts: JournalFacts
  var published: UInt64
  var committed: UInt64
  var firstSequence: UInt64 = 0
  var lastSequence: UInt64 = 0
  var isSealed = false

  init(number: UInt64, capacity: UInt64, facts: JournalFacts) {
    self.number = number
    self.capacity = capacity
    self.facts = facts
    published = UInt64(SegmentHeader.bytes)
    committed = UInt64(SegmentHeader.bytes)
  }

  /// The 4096 bytes; sealed or open with their checksums.
  func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: SegmentHeader.bytes)
    put(&out, 0, SegmentHeader.magic)
    put(&out, 8, SegmentHeader.formatVersion)
    put(&out, 12, UInt32(SegmentHeader.bytes))
    put(&out, 16, number)
    put(&out, 24, capacity)
    for (i, byte) in facts.build.utf8.prefix(32).enumerated() { out[32 + i] = byte }
    for (i, byte) in facts.configurationHash.prefix(32).enumerated() { out[64 + i] = byte }
    put(&out, SegmentHeader.checkOffset, checksum(out[..<SegmentHeader.checkOffset]))
    put(&out, SegmentHeader.publishedOffset, published)
    put(&out, SegmentHeader.committedOffset, committed)
    put(&out, 256, firstSequence)
    put(&out, 264, lastSequence)
    if isSealed {
      put(&out, 4088, UInt32(1))
      put(&out, SegmentHeader.sealOffset, checksum(out[..<SegmentHeader.sealOffset]))
    }
    return out
  }

  /// Checks everything that can be checked without the records.
  init(decoding raw: [UInt8], file: String) throws(JournalError) {
    func corrupt(_ what: String, _ offset: Int) -> JournalError {
      JournalError(
        .corruption, what, file: file, offset: offset,
        remedy: "restore the file from a copy, or move it away and keep it for examination")
    }
    guard raw.count >= SegmentHeader.bytes else {
      throw corrupt("the file ends within its header of \(SegmentHeader.bytes) bytes", raw.count)
    }
    guard get(raw, 0, UInt64.self) == SegmentHeader.magic else {
      throw corrupt("it does not begin as a journal segment does", 0)
    }
    guard get(raw, SegmentHeader.checkOffset, UInt32.self) == checksum(raw[..<120]) else {
      throw corrupt("the checksum of the header does not match", SegmentHeader.checkOffset)
    }
    let version = get(raw, 8, UInt32.self)
    guard version == SegmentHeader.formatVersion,
      get(raw, 12, UInt32.self) == UInt32(SegmentHeader.bytes)
    else {
      throw JournalError(
        .unsupported, "format version \(version) is not known to this build", file: file,
        offset: 8, remedy: "read it with the build that wrote it, or a later one")
    }
    number = get(raw, 16, UInt64.self)
    capacity = get(raw, 24, UInt64.self)
    facts = JournalFacts(
      build: String(decoding: raw[32..<64].prefix { $0 != 0 }, as: UTF8.self),
      configurationHash: Array(raw[64..<96]))
    published = get(raw, SegmentHeader.publishedOffset, UInt64.self)
    committed = get(raw, SegmentHeader.committedOffset, UInt64.self)
    firstSequence = get(raw, 256, UInt64.self)
    lastSequence = get(raw, 264, UInt64.self)
    let state = get(raw, 4088, UInt32.self)
    isSealed = state == 1
    let seal = get(raw, SegmentHeader.sealOffset, UInt32.self)
    guard state <= 1, seal == (isSealed ? checksum(raw[..<4092]) : 0) else {
      throw corrupt("the checksum of the seal does not match", SegmentHeader.sealOffset)
    }
    let known = isSealed ? self : opened()
    guard isSealed || raw[0..<128] == known.encoded()[0..<128] else {
      throw corrupt("the header holds bytes that no writer puts there", 0)
    }
    let range = UInt64(SegmentHeader.bytes)...max(capacity, UInt64(SegmentHeader.bytes))
    guard range.contains(published), range.contains(committed) else {
      throw corrupt("published or committed bytes are beyond the file", 128)
    }
  }

  private func opened() -> SegmentHeader {
    SegmentHeader(number: number, capacity: capacity, facts: facts)
  }
}

/// What a journal says about its making: equal for equal feed, seed, configuration and build.
public struct JournalFacts: Sendable, Equatable {
  /// Version of the build, at most 32 ASCII bytes.
  public var build: String
  /// At most 32 bytes; kept zero-padded.
  public var configurationHash: [UInt8]
  public init(build: String, configurationHash: [UInt8] = []) {
    self.build = build
    self.configurationHash =
      Array(configurationHash.prefix(32))
      + [UInt8](repeating: 0, count: max(0, 32 - configurationHash.count))
  }
}

func put<T: FixedWidthInteger>(_ bytes: inout [UInt8], _ offset: Int, _ value: T) {
  for i in 0..<(T.bitWidth / 8) {
    bytes[offset + i] = UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: 8 * i))
  }
}

func get<T: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _: T.Type) -> T {
  var value: T = 0
  for i in 0..<(T.bitWidth / 8) {
    value |= T(truncatingIfNeeded: bytes[offset + i]) << T(truncatingIfNeeded: 8 * i)
  }
  return value
}

func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  unsafe bytes.withUnsafeBytes { unsafe nt_crc32c(0, $0.baseAddress, $0.count) }
}
