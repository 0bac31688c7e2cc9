internal import CZlib

/// The one member of a .zip, whole in memory: its lengths, offsets and check sum are looked at before it is believed.
///
/// Stored or deflated, without encryption, the directory below 4 GiB; lengths may stand in a Zip64 field (PKWARE APPNOTE
/// 6.3, sections 4.3 to 4.5).
enum ZipFile {
  /// Most bytes of a member.
  static var memberMax: Int { 1 << 30 }
  private static var endSize: Int { 22 }
  private static var commentMax: Int { 65_535 }
  private static var entrySize: Int { 46 }
  private static var headSize: Int { 30 }

  struct Problem: Error {
    var offset: UInt64
    var text: String
  }

  /// Its name and content.
  static func member(
    of storage: CaptureStorage
  ) throws(Problem) -> (name: String, content: [UInt8]) {
    let entry = try directory(storage)
    var bytes = try read(storage, headSize, at: entry.offset, "a member's head")
    var head = ByteSource(bytes)
    guard head.word(UInt32.self) == 0x0403_4b50 else {
      throw Problem(offset: entry.offset, text: "no member begins here")
    }
    head = ByteSource(bytes, from: 26)
    guard let name = head.word(UInt16.self), let extra = head.word(UInt16.self) else {
      throw Problem(offset: entry.offset, text: "a member's head is cut")
    }
    let start = entry.offset + UInt64(headSize) + UInt64(name) + UInt64(extra)
    bytes = try read(storage, entry.packed, at: start, "a member")
    let content = try content(bytes, entry, at: start)
    return (entry.name, content)
  }

  private struct Entry {
    var name: String
    var method: UInt16
    var checksum: UInt32
    var packed: Int
    var size: Int
    var offset: UInt64
  }

  private static func read(
    _ storage: CaptureStorage, _ count: Int, at offset: UInt64, _ what: String
  ) throws(Problem) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(FeedError) { try storage.read(count, at: offset, into: &bytes) } catch {
      throw Problem(offset: offset, text: error.problem)
    }
    guard bytes.count == count else { throw Problem(offset: offset, text: "\(what) is cut") }
    return bytes
  }

  /// The entry of the one member in the directory at the file's end.
  private static func directory(_ storage: CaptureStorage) throws(Problem) -> Entry {
    let tail = Int(min(storage.size, UInt64(endSize + commentMax)))
    let tailAt = storage.size - UInt64(tail)
    let bytes = try read(storage, tail, at: tailAt, "the end")
    var place = tail - endSize
    while place >= 0 {
      var end = ByteSource(bytes, from: place)
      if end.word(UInt32.self) == 0x0605_4b50 {
        end = ByteSource(bytes, from: place + 10)
        guard let count = end.word(UInt16.self), let size = end.word(UInt32.self),
          let offset = end.word(UInt32.self), let comment = end.word(UInt16.self),
          place + endSize + Int(comment) == tail
        else {
          place -= 1
          continue
        }
        guard count == 1 else {
          throw Problem(offset: tailAt + UInt64(place), text: "has \(count) members, not one")
        }
        guard size >= entrySize, UInt64(offset) + UInt64(size) <= tailAt + UInt64(place) else {
          throw Problem(offset: tailAt + UInt64(place), text: "its directory lies outside of it")
        }
        return try entry(storage, UInt64(offset), Int(size))
      }
      place -= 1
    }
    throw Problem(offset: storage.size, text: "is no .zip, or its end is cut")
  }

  private static func entry(
    _ storage: CaptureStorage, _ at: UInt64, _ size: Int
  ) throws(Problem) -> Entry {
    let bytes = try read(storage, min(size, entrySize + commentMax), at: at, "its directory")
    let wrong = Problem(offset: at, text: "its directory is damaged")
    var entry = ByteSource(bytes)
    guard entry.word(UInt32.self) == 0x0201_4b50 else { throw wrong }
    entry = ByteSource(bytes, from: 8)
    guard let flags = entry.word(UInt16.self), let method = entry.word(UInt16.self),
      entry.word(UInt32.self) != nil, let checksum = entry.word(UInt32.self),
      let packed = entry.word(UInt32.self), let whole = entry.word(UInt32.self),
      let name = entry.word(UInt16.self), let extra = entry.word(UInt16.self)
    else { throw wrong }
    entry = ByteSource(bytes, from: 42)
    let extraAt = entrySize + Int(name)
    guard let offset = entry.word(UInt32.self), bytes.count >= extraAt + Int(extra) else {
      throw wrong
    }
    var wide = zip64(ByteSource(bytes, from: extraAt, to: extraAt + Int(extra)))
    // Only what does not fit stands there, in this order.
    let sizes = [whole, packed, offset].map { $0 == .max ? wide?.word(UInt64.self) : UInt64($0) }
    guard let whole = sizes[0], let packed = sizes[1], let offset = sizes[2] else { throw wrong }
    guard flags & 1 == 0, method == 0 || method == 8 else {
      throw Problem(
        offset: at, text: "its member is encrypted, or packed in another way than deflate")
    }
    guard whole <= memberMax, packed <= at, offset <= at - packed else {
      throw Problem(offset: at, text: "its member is of \(whole) bytes, \(packed) packed")
    }
    return Entry(
      name: String(decoding: bytes[entrySize..<entrySize + Int(name)], as: UTF8.self),
      method: method, checksum: checksum, packed: Int(packed), size: Int(whole),
      offset: offset)
  }

  /// What stands in the field of wide lengths; nil where there is none.
  private static func zip64(_ fields: ByteSource) -> ByteSource? {
    var fields = fields
    // Each turn passes a field.
    while let kind = fields.word(UInt16.self), let size = fields.word(UInt16.self) {
      if kind == 1 { return fields.prefix(Int(size)) }
      guard fields.skip(Int(size)) else { return nil }
    }
    return nil
  }

  private static func content(
    _ packed: [UInt8], _ entry: Entry, at offset: UInt64
  ) throws(Problem) -> [UInt8] {
    var content = packed
    if entry.method == 8 {
      guard let made = inflated(packed, entry.size) else {
        throw Problem(offset: offset, text: "its member is damaged")
      }
      content = made
    }
    let sum = unsafe content.withUnsafeBytes {
      unsafe crc32_z(0, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
    }
    guard content.count == entry.size, sum == UInt(entry.checksum) else {
      throw Problem(offset: offset, text: "its member's length or check sum is another")
    }
    return content
  }

  /// nil where the bytes are no raw deflate stream of exactly this length.
  private static func inflated(_ packed: [UInt8], _ size: Int) -> [UInt8]? {
    // A byte of deflate gives 1,032 at most: a length that is claimed and cannot be is not allotted.
    guard size <= packed.count * 1_032 + 64 else { return nil }
    var out = [UInt8](repeating: 0, count: size)
    var isWhole = false
    unsafe packed.withUnsafeBytes { from in
      unsafe out.withUnsafeMutableBytes { to in
        var stream = unsafe z_stream()
        guard
          unsafe inflateInit2_(
            &stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return }
        unsafe stream.next_in = unsafe UnsafeMutablePointer(
          mutating: from.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.avail_in = UInt32(truncatingIfNeeded: from.count)
        // zlib wants an address even for no bytes.
        var nothing: UInt8 = 0
        let code = unsafe withUnsafeMutablePointer(to: &nothing) {
          unsafe stream.next_out = unsafe to.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? $0
          unsafe stream.avail_out = UInt32(truncatingIfNeeded: to.count)
          return unsafe inflate(&stream, Z_FINISH)
        }
        isWhole = unsafe code == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0
        unsafe inflateEnd(&stream)
      }
    }
    return isWhole ? out : nil
  }
}
