import CSupport
import Testing

/// Compiling these is the test: every hot call of the C target is accepted by the compiler's check
/// for locks and allocations, debug and release.
private struct Item: BitwiseCopyable {
  var a: UInt64 = 0
  var b: UInt64 = 0
  var c: UInt64 = 0
  var d: UInt64 = 0
  var e: UInt64 = 0
  var f: UInt64 = 0
  var g: UInt64 = 0
  var h: UInt64 = 0
}

@_noLocks
private func passSPSC(
  _ producer: UnsafeMutablePointer<nt_spsc_producer>,
  _ consumer: UnsafeMutablePointer<nt_ring_consumer>, _ value: UInt64
) -> UInt64 {
  var item = Item()
  item.h = value
  guard nt_spsc_push(producer, &item, MemoryLayout<Item>.size) else { return 0 }
  if let slot = nt_spsc_claim(producer) {
    slot.assumingMemoryBound(to: Item.self).pointee = item
    nt_spsc_publish(producer, 1)
  }
  var sum: UInt64 = 0
  var out = Item()
  if nt_ring_pop(consumer, &out, MemoryLayout<Item>.size) { sum &+= out.h }
  let count = nt_ring_available(consumer, 16)
  var i: UInt64 = 0
  while i < count {
    if let slot = nt_ring_peek_at(consumer, i) {
      sum &+= slot.assumingMemoryBound(to: Item.self).pointee.h
    }
    i &+= 1
  }
  nt_ring_release(consumer, count)
  return sum
}

@_noLocks
private func passMPSC(
  _ producer: UnsafeMutablePointer<nt_mpsc_producer>,
  _ consumer: UnsafeMutablePointer<nt_ring_consumer>, _ value: UInt64
) -> UInt64 {
  var item = value
  guard nt_mpsc_push(producer, &item, 8) else { return 0 }
  var out: UInt64 = 0
  return nt_ring_pop(consumer, &out, 8) ? out : 0
}

@_noLocks
private func passBroadcast(
  _ writer: UnsafeMutablePointer<nt_broadcast_writer>,
  _ reader: UnsafeMutablePointer<nt_broadcast_reader>, _ value: UInt64
) -> UInt64 {
  var item = value
  nt_broadcast_publish(writer, &item, 8)
  var out: UInt64 = 0
  if nt_broadcast_read(reader, &out, 8) == NT_RING_LAPPED {
    return nt_broadcast_resynchronise(reader)
  }
  return out
}

@_noLocks
private func stampAndRecord(_ histogram: UnsafeMutablePointer<nt_histogram>) -> Int64 {
  let start = nt_clock_ticks()
  let now = nt_clock_now()
  nt_histogram_record(histogram, nt_clock_ticks_to_nanoseconds(nt_clock_ticks() &- start))
  var word = now
  return nt_clock_at(start) &+ Int64(nt_crc32c(0, &word, 8)) &+ Int64(nt_cpu_current())
}

@Suite struct HotPathTests {
  @Test func `the hot calls compile under the compiler's check for locks and do their work`() {
    var ring: OpaquePointer?
    var options = nt_ring_options(kind: NT_RING_SPSC, payload_bytes: 64, capacity: 8, tag: 0)
    #expect(nt_ring_create(&ring, options, nil) == 0)
    var producer = nt_spsc_producer()
    var consumer = nt_ring_consumer()
    #expect(nt_spsc_producer_open(&producer, ring) == 0)
    #expect(nt_ring_consumer_open(&consumer, ring) == 0)
    #expect(passSPSC(&producer, &consumer, 21) == 42)
    nt_ring_close(ring)

    options.kind = NT_RING_MPSC
    #expect(nt_ring_create(&ring, options, nil) == 0)
    var many = nt_mpsc_producer()
    #expect(nt_mpsc_producer_open(&many, ring) == 0)
    #expect(nt_ring_consumer_open(&consumer, ring) == 0)
    #expect(passMPSC(&many, &consumer, 7) == 7)
    nt_ring_close(ring)

    options.kind = NT_RING_BROADCAST
    #expect(nt_ring_create(&ring, options, nil) == 0)
    var writer = nt_broadcast_writer()
    var reader = nt_broadcast_reader()
    #expect(nt_broadcast_writer_open(&writer, ring) == 0)
    #expect(nt_broadcast_reader_open(&reader, ring, false) == 0)
    #expect(passBroadcast(&writer, &reader, 9) == 9)
    nt_ring_close(ring)

    var arena: OpaquePointer?
    let plain = nt_arena_options(numa_node: -1, huge_pages: false, lock: false, prefault: false)
    #expect(nt_arena_create(&arena, nt_histogram_bytes() + 64, plain, nil) == 0)
    let histogram = nt_histogram_create(arena)!
    _ = nt_clock_calibrate()
    #expect(stampAndRecord(histogram) > 0)
    #expect(nt_histogram_count(histogram) == 1)
    nt_arena_destroy(arena)
  }
}
