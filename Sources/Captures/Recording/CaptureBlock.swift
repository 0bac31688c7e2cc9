internal import CZstd

/// The head of a block, of ``size`` bytes: what it holds and where, without its records. Format.md has the layout.
struct CaptureBlockHead: Hashable {
  static var size: Int { 80 }
  static var magic: UInt32 { 0x4243_544e }  // "NTCB"
  /// More than zstd makes of ``CaptureColumns/rawMax`` bytes that do not shrink.
  static var packedMax: Int { CaptureColumns.rawMax + 4_096 }

  var checksum: UInt32 = 0
  var packedLength = 0
  var rawLength = 0
  var count = 0
  /// The number of its first record; the first of all is 0.
  var firstRecord: UInt64 = 0
  var times = CaptureSpan()
  /// ``CaptureHash`` of all records from the first of the recording to the last of this block.
  var hash: UInt64 = 0

  /// With a checksum of 0, which is put in once the payload is known.
  func encoded() -> [UInt8] {
    var sink = ByteSink()
    sink.word(Self.magic)
    sink.word(UInt32(0))
    sink.word(UInt32(truncatingIfNeeded: packedLength))
    sink.word(UInt32(truncatingIfNeeded: rawLength))
    sink.word(UInt32(truncatingIfNeeded: count))
    sink.word(UInt32(0))
    sink.word(firstRecord)
    sink.word(times.first)
    sink.word(times.last)
    sink.word(times.lowest)
    sink.word(times.highest)
    sink.word(times.lowestInstrument)
    sink.word(times.highestInstrument)
    sink.word(hash)
    return sink.bytes
  }

  init() {}

  /// nil where the bytes are no head of a block, or state what none has.
  init?(decoding bytes: [UInt8]) {
    var source = ByteSource(bytes)
    guard bytes.count >= Self.size, source.word(UInt32.self) == Self.magic,
      let checksum = source.word(UInt32.self), let packed = source.word(UInt32.self),
      let raw = source.word(UInt32.self), let count = source.word(UInt32.self),
      source.word(UInt32.self) == 0, let firstRecord = source.word(UInt64.self),
      let first = source.word(Int64.self), let last = source.word(Int64.self),
      let lowest = source.word(Int64.self), let highest = source.word(Int64.self),
      let lowestInstrument = source.word(UInt32.self),
      let highestInstrument = source.word(UInt32.self), let hash = source.word(UInt64.self)
    else { return nil }
    guard count > 0, count <= CaptureColumns.blockMax, raw > 0, raw <= CaptureColumns.rawMax,
      packed > 0, packed <= Self.packedMax
    else { return nil }
    self.checksum = checksum
    packedLength = Int(packed)
    rawLength = Int(raw)
    self.count = Int(count)
    self.firstRecord = firstRecord
    times = CaptureSpan(
      first: first, last: last, lowest: lowest, highest: highest,
      lowestInstrument: lowestInstrument, highestInstrument: highestInstrument)
    self.hash = hash
  }

  /// Bytes of the whole block.
  var length: Int { Self.size + packedLength }
}

/// Times and instruments of a run of records. A venue's times need not rise: lowest and highest are not always the
/// first's and the last's.
struct CaptureSpan: Hashable {
  var first: Int64 = 0
  var last: Int64 = 0
  var lowest: Int64 = .max
  var highest: Int64 = .min
  var lowestInstrument: UInt32 = .max
  var highestInstrument: UInt32 = 0
}

/// zstd for blocks: one context for each direction, held for the whole file.
///
/// Threading: one thread.
@safe final class BlockPacker {
  static var level: Int32 { 9 }
  private let context: OpaquePointer

  /// nil when there is no memory.
  init?() {
    guard let context = unsafe ZSTD_createCCtx() else { return nil }
    unsafe self.context = unsafe context
  }
  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Compresses the first `length` bytes of `raw` behind the first `start` bytes of `out`; how many they became, nil
  /// when zstd could not.
  func pack(_ raw: [UInt8], _ length: Int, into out: inout [UInt8], at start: Int) -> Int? {
    guard length <= raw.count, start <= out.count else { return nil }
    let code = unsafe raw.withUnsafeBytes { from in
      unsafe out.withUnsafeMutableBytes { to in
        unsafe ZSTD_compressCCtx(
          context, to.baseAddress.map { unsafe $0 + start }, to.count - start, from.baseAddress,
          length, Self.level)
      }
    }
    return ZSTD_isError(code) == 0 ? code : nil
  }
}

@safe final class BlockUnpacker {
  private let context: OpaquePointer

  /// nil when there is no memory.
  init?() {
    guard let context = unsafe ZSTD_createDCtx() else { return nil }
    unsafe self.context = unsafe context
  }
  deinit { unsafe ZSTD_freeDCtx(context) }

  /// False where the bytes are no zstd frame of exactly `length` bytes.
  func unpack(_ packed: ArraySlice<UInt8>, into raw: inout [UInt8], _ length: Int) -> Bool {
    guard length <= raw.count else { return false }
    let code = unsafe packed.withUnsafeBytes { from in
      unsafe raw.withUnsafeMutableBytes { to in
        unsafe ZSTD_decompressDCtx(
          context, to.baseAddress, length, from.baseAddress, from.count)
      }
    }
    return ZSTD_isError(code) == 0 && code == length
  }
}
