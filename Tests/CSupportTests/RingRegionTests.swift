import CSupport
import Foundation
import Testing

/// Making, placing, attaching and owning rings; files that are not what they claim to be.
@Suite struct RingRegionTests {
  static let options = nt_ring_options(
    kind: NT_RING_SPSC, payload_bytes: 32, capacity: 16, tag: 0x5445_5354)

  @Test func `impossible options are refused by name`() {
    var ring: OpaquePointer?
    func create(_ kind: UInt32, _ payload: UInt32, _ capacity: UInt64) -> Int32 {
      let options = nt_ring_options(
        kind: nt_ring_kind(rawValue: kind), payload_bytes: payload, capacity: capacity, tag: 0)
      let error = nt_ring_create(&ring, options, nil)
      #expect((nt_ring_bytes(options) == 0) == (error != 0))
      if error == 0 { nt_ring_close(ring) }
      return error
    }
    for kind in UInt32(1)...3 { #expect(create(kind, 64, 64) == 0) }
    for kind in [0, 4, UInt32.max] { #expect(create(kind, 64, 64) == NT_RING_E_KIND.rawValue) }
    for payload in [0, 7, 257, UInt32.max] {
      #expect(create(1, payload, 64) == NT_RING_E_PAYLOAD.rawValue)
    }
    for capacity in [0, 1, 3, 96, 1 << 27, UInt64.max] {
      #expect(create(1, 64, capacity) == NT_RING_E_CAPACITY.rawValue)
    }
  }

  @Test func `a ring in an arena takes what it says and full arenas refuse`() throws {
    var arena: OpaquePointer?
    let plain = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
    try #require(nt_arena_create(&arena, nt_ring_bytes(Self.options) + 128, plain, nil) == 0)
    defer { nt_arena_destroy(arena) }
    var ring: OpaquePointer?
    #expect(nt_ring_create(&ring, Self.options, arena) == 0)
    #expect(nt_ring_capacity(ring) == 16 && nt_ring_payload_bytes(ring) == 32)
    #expect(nt_ring_kind_of(ring) == NT_RING_SPSC)
    let before = nt_arena_free_bytes(arena)
    #expect(nt_arena_take(arena, before - nt_ring_bytes(Self.options) + 1, 1) != nil)
    #expect(nt_ring_create(&ring, Self.options, arena) == ENOMEM)
  }

  @Test func `another mapping of the same file sees the items and goes on where the last stopped`()
    throws
  {
    let file = try TemporaryFile()
    var made: OpaquePointer?
    try #require(nt_ring_create_file(&made, Self.options, file.path) == 0)
    #expect(nt_ring_create_file(&made, Self.options, file.path) == EEXIST)
    var attached: OpaquePointer?
    try #require(nt_ring_attach_file(&attached, file.path, Self.options.tag, false) == 0)
    var producer = nt_spsc_producer()
    var consumer = nt_ring_consumer()
    try #require(nt_spsc_producer_open(&producer, made) == 0)
    try #require(nt_ring_consumer_open(&consumer, attached) == 0)
    #expect(nt_spsc_producer_open(&producer, attached) == NT_RING_E_TAKEN.rawValue)
    #expect(nt_ring_consumer_open(&consumer, made) == NT_RING_E_TAKEN.rawValue)
    let sent: [UInt64] = Array(0..<12)
    #expect(nt_spsc_push_batch(&producer, sent, 12, 8) == 12)
    var got = [UInt64](repeating: 0, count: 12)
    #expect(nt_ring_pop_batch(&consumer, &got, 5, 8) == 5)
    nt_ring_close(made)
    nt_ring_consumer_close(&consumer)
    nt_ring_close(attached)

    try #require(nt_ring_attach_file(&attached, file.path, 0, false) == 0)
    try #require(nt_spsc_producer_open(&producer, attached) == 0)
    try #require(nt_ring_consumer_open(&consumer, attached) == 0)
    #expect(producer.next == 12)
    #expect(nt_ring_pop_batch(&consumer, &got, 100, 8) == 7)
    #expect(Array(got.prefix(7)) == Array(5..<12))
    nt_ring_close(attached)
  }

  @Test func `an end held by a process that is gone is given up, one by a live process is not`()
    throws
  {
    let file = try TemporaryFile()
    var ring: OpaquePointer?
    try #require(nt_ring_create_file(&ring, Self.options, file.path) == 0)
    defer { nt_ring_close(ring) }
    var consumer = nt_ring_consumer()
    // The consumer's owner word lies behind the producer's in the first control line.
    try file.overwrite(at: 132, with: [1, 0, 0, 0])
    #expect(nt_ring_consumer_open(&consumer, ring) == NT_RING_E_TAKEN.rawValue)
    try file.overwrite(at: 132, with: [0xFE, 0xFF, 0xFF, 0x7F])
    #expect(nt_ring_consumer_open(&consumer, ring) == 0)
    #expect(nt_ring_forget_owners(ring) == 0)
    #expect(nt_ring_consumer_open(&consumer, ring) == 0)
  }

  @Test func `a read-only attachment serves broadcast readers and nothing else`() throws {
    let file = try TemporaryFile()
    var options = Self.options
    options.kind = NT_RING_BROADCAST
    var made: OpaquePointer?
    var seen: OpaquePointer?
    try #require(nt_ring_create_file(&made, options, file.path) == 0)
    try #require(nt_ring_attach_file(&seen, file.path, options.tag, true) == 0)
    var writer = nt_broadcast_writer()
    var reader = nt_broadcast_reader()
    #expect(nt_broadcast_writer_open(&writer, seen) == NT_RING_E_READ_ONLY.rawValue)
    #expect(nt_ring_forget_owners(seen) == NT_RING_E_READ_ONLY.rawValue)
    try #require(nt_broadcast_writer_open(&writer, made) == 0)
    try #require(nt_broadcast_reader_open(&reader, seen, true) == 0)
    var item: UInt64 = 77
    nt_broadcast_publish(&writer, &item, 8)
    item = 0
    #expect(nt_broadcast_read(&reader, &item, 8) == NT_RING_ITEM && item == 77)
    // Ends of other kinds do not fit.
    var producer = nt_spsc_producer()
    var many = nt_mpsc_producer()
    var consumer = nt_ring_consumer()
    #expect(nt_spsc_producer_open(&producer, made) == NT_RING_E_KIND.rawValue)
    #expect(nt_mpsc_producer_open(&many, made) == NT_RING_E_KIND.rawValue)
    #expect(nt_ring_consumer_open(&consumer, made) == NT_RING_E_KIND.rawValue)
    nt_ring_close(seen)
    nt_ring_close(made)
  }

  @Test func `a memory file is attached by descriptor and cannot be shrunk`() throws {
    var made: OpaquePointer?
    var seen: OpaquePointer?
    var descriptor: Int32 = -1
    try #require(nt_ring_create_memory_file(&made, Self.options, &descriptor) == 0)
    #expect(ftruncate(descriptor, 100) == -1)
    #expect(nt_ring_attach_descriptor(&seen, descriptor, Self.options.tag, false) == 0)
    nt_ring_close(seen)
    nt_ring_close(made)
    close(descriptor)
  }

  @Test func `every flipped bit of the header is refused`() throws {
    let file = try TemporaryFile()
    var ring: OpaquePointer?
    try #require(nt_ring_create_file(&ring, Self.options, file.path) == 0)
    nt_ring_close(ring)
    let good = try file.read()
    for bit in 0..<64 * 8 {
      var bad = good
      bad[bit / 8] ^= UInt8(1 << (bit % 8))
      try file.replace(with: bad)
      let error = nt_ring_attach_file(&ring, file.path, 0, false)
      #expect(error < 0, "bit \(bit)")
      if error == 0 { nt_ring_close(ring) }
    }
  }

  @Test func `a header with a good checksum and impossible fields is refused`() throws {
    let file = try TemporaryFile()
    var ring: OpaquePointer?
    try #require(nt_ring_create_file(&ring, Self.options, file.path) == 0)
    nt_ring_close(ring)
    let good = try file.read()
    // Offset of the field, what it becomes, and the reason that must be given.
    let cases: [(Int, UInt32, nt_ring_error)] = [
      (8, 1, NT_RING_E_VERSION), (12, 9, NT_RING_E_KIND), (16, 0, NT_RING_E_PAYLOAD),
      (16, 4096, NT_RING_E_PAYLOAD), (16, 40, NT_RING_E_LAYOUT), (20, 8, NT_RING_E_LAYOUT),
      (24, 15, NT_RING_E_CAPACITY), (24, 32, NT_RING_E_LAYOUT), (28, 1, NT_RING_E_CAPACITY),
      (32, 64, NT_RING_E_LAYOUT), (40, 0, NT_RING_E_LAYOUT), (44, 1 << 20, NT_RING_E_LAYOUT),
      (48, 1, NT_RING_E_TAG), (56, 1, NT_RING_E_LAYOUT),
    ]
    for (offset, value, reason) in cases {
      var bad = good
      withUnsafeBytes(of: value) { bad.replaceSubrange(offset..<offset + 4, with: $0) }
      let checksum = bad.withUnsafeBytes { nt_crc32c(0, $0.baseAddress! + 8, 52) }
      withUnsafeBytes(of: checksum) { bad.replaceSubrange(60..<64, with: $0) }
      try file.replace(with: bad)
      let error = nt_ring_attach_file(&ring, file.path, Self.options.tag, false)
      #expect(error == reason.rawValue, "offset \(offset) value \(value)")
    }
  }

  @Test func `truncated, foreign, missing and special files are refused`() throws {
    let file = try TemporaryFile()
    var ring: OpaquePointer?
    #expect(nt_ring_attach_file(&ring, file.path, 0, false) == ENOENT)
    try #require(nt_ring_create_file(&ring, Self.options, file.path) == 0)
    nt_ring_close(ring)
    let good = try file.read()
    for length in [0, 1, 63, 64, 511, 512, good.count - 1] {
      try file.replace(with: Array(good.prefix(length)))
      #expect(
        nt_ring_attach_file(&ring, file.path, 0, false) == NT_RING_E_TRUNCATED.rawValue,
        "length \(length)")
    }
    try file.replace(with: good + [0])
    #expect(nt_ring_attach_file(&ring, file.path, 0, false) == NT_RING_E_LAYOUT.rawValue)
    try file.replace(with: [UInt8](repeating: 0, count: good.count))
    #expect(nt_ring_attach_file(&ring, file.path, 0, false) == NT_RING_E_FOREIGN.rawValue)
    #expect(nt_ring_attach_file(&ring, "/dev/null", 0, false) == NT_RING_E_FOREIGN.rawValue)
    let link = file.path + ".link"
    try #require(symlink(file.path, link) == 0)
    #expect(nt_ring_attach_file(&ring, link, 0, false) == ELOOP)
    unlink(link)
  }

  @Test func `every error has words of its own`() {
    var texts = Set<String>()
    for error in Int32(-11)...(-1) { texts.insert(String(cString: nt_ring_error_text(error))) }
    #expect(texts.count == 11)
    #expect(String(cString: nt_ring_error_text(ENOENT)).contains("No such file"))
    #expect(String(cString: nt_ring_error_text(-99)) == "unknown ring error")
  }
}

/// A path of its own under the temporary directory, removed at the end.
final class TemporaryFile {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/nt-ring-" + UUID().uuidString
  }

  deinit { unlink(path) }

  func read() throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  func replace(with bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  func overwrite(at offset: UInt64, with bytes: [UInt8]) throws {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: Data(bytes))
    try handle.close()
  }
}
