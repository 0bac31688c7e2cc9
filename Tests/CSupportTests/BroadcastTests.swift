import CSupport
import Testing

/// The broadcast ring against a list of everything that was written.
@Suite struct BroadcastTests {
  @Test(arguments: [2, 4, 8, 64] as [UInt64], [8, 20, 64, 256] as [UInt32])
  func `every reader sees every item or learns exactly how many it lost`(
    capacity: UInt64, payload: UInt32
  ) throws {
    let seed = UInt64.random(in: 1..<UInt64.max)
    var random = Generator(state: seed)
    let ring = try makeRing(payload: payload, capacity: capacity)
    defer { nt_ring_close(ring) }
    var writer = nt_broadcast_writer()
    try #require(nt_broadcast_writer_open(&writer, ring) == 0)
    var readers = [nt_broadcast_reader](repeating: nt_broadcast_reader(), count: 3)
    for i in readers.indices {
      try #require(nt_broadcast_reader_open(&readers[i], ring, false) == 0)
    }
    var written: UInt64 = 0
    for step in 0..<300 {
      for _ in 0..<random.next() % (capacity + capacity / 2 + 1) {
        nt_broadcast_publish(&writer, pattern(written, payload), Int(payload))
        written += 1
      }
      let i = Int(random.next() % 3)
      for _ in 0..<random.next() % (capacity + 2) {
        let position = readers[i].next
        var bytes = [UInt8](repeating: 0, count: Int(payload))
        let result = nt_broadcast_read(&readers[i], &bytes, Int(payload))
        if position == written {
          #expect(result == NT_RING_EMPTY, "seed \(seed) step \(step)")
        } else if written - position <= capacity {
          #expect(result == NT_RING_ITEM, "seed \(seed) step \(step)")
          #expect(bytes == pattern(position, payload), "seed \(seed) step \(step)")
        } else {
          #expect(result == NT_RING_LAPPED, "seed \(seed) step \(step)")
          #expect(readers[i].next == position, "a lapped reader moved by itself")
          let lost = nt_broadcast_resynchronise(&readers[i])
          #expect(readers[i].next == position + lost)
          #expect(readers[i].next == written - capacity / 2)
        }
      }
    }
    #expect(nt_ring_claimed(ring) == written)
  }

  @Test func `a batch that runs into a lap hands out the good items and says so`() throws {
    let ring = try makeRing(payload: 8, capacity: 4)
    defer { nt_ring_close(ring) }
    var writer = nt_broadcast_writer()
    var reader = nt_broadcast_reader()
    try #require(nt_broadcast_writer_open(&writer, ring) == 0)
    try #require(nt_broadcast_reader_open(&reader, ring, false) == 0)
    nt_broadcast_publish_batch(&writer, [0, 1, 2] as [UInt64], 3, 8)
    var items = [UInt64](repeating: 99, count: 8)
    var result = NT_RING_LAPPED
    #expect(nt_broadcast_read_batch(&reader, &items, 2, 8, &result) == 2)
    #expect(result == NT_RING_ITEM && items[0] == 0 && items[1] == 1)
    #expect(nt_broadcast_read_batch(&reader, &items, 8, 8, &result) == 1)
    #expect(result == NT_RING_EMPTY && items[0] == 2)
    nt_broadcast_publish_batch(&writer, [3, 4, 5, 6, 7] as [UInt64], 5, 8)
    #expect(nt_broadcast_read_batch(&reader, &items, 8, 8, &result) == 0)
    #expect(result == NT_RING_LAPPED)
    #expect(nt_broadcast_resynchronise(&reader) == 3)
    #expect(reader.lost == 3)
    #expect(nt_broadcast_read_batch(&reader, &items, 8, 8, &result) == 2)
    #expect(result == NT_RING_EMPTY && items[0] == 6 && items[1] == 7)
    #expect(nt_broadcast_resynchronise(&reader) == 0)
  }

  @Test func `a reader may begin at the oldest item or behind the newest`() throws {
    let ring = try makeRing(payload: 8, capacity: 4)
    defer { nt_ring_close(ring) }
    var writer = nt_broadcast_writer()
    var reader = nt_broadcast_reader()
    try #require(nt_broadcast_writer_open(&writer, ring) == 0)
    nt_broadcast_publish_batch(&writer, [0, 1, 2, 3, 4, 5] as [UInt64], 6, 8)
    var item: UInt64 = 0
    try #require(nt_broadcast_reader_open(&reader, ring, true) == 0)
    #expect(nt_broadcast_read(&reader, &item, 8) == NT_RING_ITEM && item == 2)
    try #require(nt_broadcast_reader_open(&reader, ring, false) == 0)
    #expect(nt_broadcast_read(&reader, &item, 8) == NT_RING_EMPTY)
  }

  @Test func `a slot that is being written is empty to its reader and lapped to the last one`()
    throws
  {
    let ring = try makeRing(payload: 8, capacity: 2)
    defer { nt_ring_close(ring) }
    var writer = nt_broadcast_writer()
    var early = nt_broadcast_reader()
    var late = nt_broadcast_reader()
    try #require(nt_broadcast_writer_open(&writer, ring) == 0)
    try #require(nt_broadcast_reader_open(&early, ring, false) == 0)
    nt_broadcast_publish_batch(&writer, [10, 11] as [UInt64], 2, 8)
    try #require(nt_broadcast_reader_open(&late, ring, false) == 0)
    // What the writer stores before it touches the words of position 2.
    let mark = UnsafeMutableRawPointer(writer.slots!) + Int(writer.sequence_offset)
    mark.storeBytes(of: 2 * 2 + 1, as: UInt64.self)
    var item: UInt64 = 0
    #expect(nt_broadcast_read(&late, &item, 8) == NT_RING_EMPTY)
    #expect(nt_broadcast_read(&early, &item, 8) == NT_RING_LAPPED)
  }

  private func makeRing(payload: UInt32, capacity: UInt64) throws -> OpaquePointer {
    var ring: OpaquePointer?
    let options = nt_ring_options(
      kind: NT_RING_BROADCAST, payload_bytes: payload, capacity: capacity, tag: 0)
    try #require(nt_ring_create(&ring, options, nil) == 0)
    return ring!
  }
}
