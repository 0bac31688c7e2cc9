import CSupport
import Testing

/// Rings against a plain queue: every small capacity, every position of the wrap, every fill level,
/// and long random walks with a printed seed.
@Suite struct RingModelTests {
  static let capacities: [UInt64] = [2, 4, 8, 16, 32]
  static let payloads: [UInt32] = [8, 9, 16, 24, 31, 56, 57, 64, 100, 120, 121, 200, 256]

  @Test(arguments: capacities, [nt_ring_kind]([NT_RING_SPSC, NT_RING_MPSC]))
  func `a ring takes and gives back at every position of the wrap and every fill level`(
    capacity: UInt64, kind: nt_ring_kind
  ) throws {
    for start in 0..<capacity * 2 {
      for fill in 0...capacity {
        let ring = try QueueUnderTest(kind: kind, payload: 24, capacity: capacity)
        for k in 0..<start {
          #expect(ring.push(k))
          #expect(ring.pop() == k)
        }
        // Seen empty: all credit is back, and full is exact.
        #expect(ring.pop() == nil)
        for k in 0..<fill { #expect(ring.push(1000 + k)) }
        #expect(ring.push(9999) == (fill < capacity))
        for k in 0..<fill { #expect(ring.pop() == 1000 + k) }
        #expect(ring.pop() == (fill < capacity ? 9999 : nil))
        #expect(ring.pop() == nil)
        for k in 0..<capacity { #expect(ring.push(k)) }
        #expect(!ring.push(0))
      }
    }
  }

  @Test(arguments: payloads)
  func `every byte of every payload size arrives and slots do not touch each other`(
    payload: UInt32
  ) throws {
    for kind in [NT_RING_SPSC, NT_RING_MPSC] {
      let ring = try QueueUnderTest(kind: kind, payload: payload, capacity: 8)
      let slot = nt_ring_slot_bytes(ring.ring)
      #expect(slot >= payload + 8)
      let used = (payload + 7) / 8 * 8 + 8
      for k in UInt32(0)..<64 {
        let start = k * slot % 64
        #expect(
          (start + used + 63) / 64 == (used + 63) / 64, "a slot lies in more lines than it must")
        if kind == NT_RING_MPSC && used > 64 { #expect(start == 0, "two producers share a line") }
      }
      for round in UInt64(0)..<5 {
        for k in UInt64(0)..<8 { #expect(ring.pushBytes(pattern(round * 8 + k, payload))) }
        for k in UInt64(0)..<8 { #expect(ring.popBytes() == pattern(round * 8 + k, payload)) }
      }
    }
  }

  @Test(arguments: [NT_RING_SPSC, NT_RING_MPSC], capacities)
  func `a random walk agrees with a queue`(kind: nt_ring_kind, capacity: UInt64) throws {
    let seed = UInt64.random(in: 1..<UInt64.max)
    var random = Generator(state: seed)
    let ring = try QueueUnderTest(kind: kind, payload: 40, capacity: capacity)
    var model: [UInt64] = []
    var name: UInt64 = 0
    for step in 0..<20_000 {
      let batch = random.next() % (capacity + 2)
      switch random.next() % 4 {
      case 0:
        let taken = ring.push(name)
        // The model knows no credit in flight: a ring may be full a little early, never late.
        #expect(!taken || model.count < Int(capacity), "seed \(seed) step \(step)")
        if taken { model.append(name) }
        name += 1
      case 1:
        #expect(ring.pop() == model.first, "seed \(seed) step \(step)")
        if !model.isEmpty { model.removeFirst() }
      case 2:
        let names = (0..<batch).map { name + $0 }
        let taken = ring.pushBatch(names)
        #expect(taken <= capacity - UInt64(model.count), "seed \(seed) step \(step)")
        model.append(contentsOf: names.prefix(Int(taken)))
        name += batch
      default:
        let got = ring.popBatch(batch)
        #expect(got == Array(model.prefix(Int(batch))), "seed \(seed) step \(step)")
        model.removeFirst(got.count)
      }
    }
  }

  @Test(arguments: capacities)
  func `a ring that was drained and seen empty has its whole capacity again`(
    capacity: UInt64
  ) throws {
    let ring = try QueueUnderTest(kind: NT_RING_SPSC, payload: 8, capacity: capacity)
    for round in UInt64(0)..<200 {
      let count = round % capacity + 1
      #expect(ring.pushBatch((0..<count).map { $0 }) == count)
      #expect(ring.popBatch(count).count == Int(count))
      #expect(ring.pop() == nil)
    }
    #expect(ring.pushBatch((0..<capacity).map { $0 }) == capacity)
    #expect(!ring.push(1))
  }

  @Test func `slots written in place become visible together with publishing and not before`()
    throws
  {
    let ring = try QueueUnderTest(kind: NT_RING_SPSC, payload: 16, capacity: 4)
    #expect(nt_spsc_free(&ring.spsc.pointee, 4) == 4)
    for i in UInt64(0)..<4 {
      nt_spsc_slot_at(ring.spsc, i)!.storeBytes(of: 70 + i, as: UInt64.self)
    }
    #expect(nt_ring_peek(ring.consumer) == nil)
    nt_spsc_publish(ring.spsc, 3)
    #expect(nt_ring_available(ring.consumer, 100) == 3)
    for i in UInt64(0)..<3 {
      #expect(nt_ring_peek_at(ring.consumer, i)!.load(as: UInt64.self) == 70 + i)
    }
    nt_ring_release(ring.consumer, 3)
    #expect(nt_ring_peek(ring.consumer) == nil)
    #expect(nt_spsc_claim(ring.spsc) != nil)
  }

  @Test func `an MPSC run of several slots is all or nothing and a hole is visible`() throws {
    let ring = try QueueUnderTest(kind: NT_RING_MPSC, payload: 8, capacity: 8)
    var first: UInt64 = 0
    var second: UInt64 = 0
    #expect(nt_mpsc_claim(ring.mpsc, 5, &first))
    #expect(!nt_mpsc_claim(ring.mpsc, 4, &second))
    #expect(!nt_mpsc_claim(ring.mpsc, 0, &second))
    #expect(!nt_mpsc_claim(ring.mpsc, 9, &second))
    #expect(nt_mpsc_claim(ring.mpsc, 3, &second))
    #expect(first == 0 && second == 5)
    for k in UInt64(0)..<8 { nt_mpsc_slot(ring.mpsc, k)!.storeBytes(of: k, as: UInt64.self) }
    nt_mpsc_publish(ring.mpsc, second, 3)
    // The later run is published, the earlier one is not: the consumer waits at the hole.
    #expect(ring.pop() == nil)
    #expect(nt_ring_claimed(ring.ring) == 8)
    nt_mpsc_publish(ring.mpsc, first, 5)
    #expect(ring.popBatch(100) == Array(0..<8))
  }
}

/// SplitMix64: the seed of a failing run reproduces it.
struct Generator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

func pattern(_ name: UInt64, _ bytes: UInt32) -> [UInt8] {
  var random = Generator(state: name)
  return (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

/// A ring with both ends open on one thread.
final class QueueUnderTest {
  let ring: OpaquePointer
  let payload: Int
  let spsc = UnsafeMutablePointer<nt_spsc_producer>.allocate(capacity: 1)
  let mpsc = UnsafeMutablePointer<nt_mpsc_producer>.allocate(capacity: 1)
  let consumer = UnsafeMutablePointer<nt_ring_consumer>.allocate(capacity: 1)
  let kind: nt_ring_kind

  init(kind: nt_ring_kind, payload: UInt32, capacity: UInt64) throws {
    var made: OpaquePointer?
    let options = nt_ring_options(kind: kind, payload_bytes: payload, capacity: capacity, tag: 0)
    try #require(nt_ring_create(&made, options, nil) == 0)
    ring = made!
    self.kind = kind
    self.payload = Int(payload)
    if kind == NT_RING_SPSC { try #require(nt_spsc_producer_open(spsc, ring) == 0) }
    if kind == NT_RING_MPSC { try #require(nt_mpsc_producer_open(mpsc, ring) == 0) }
    try #require(nt_ring_consumer_open(consumer, ring) == 0)
  }

  deinit {
    nt_ring_close(ring)
    spsc.deallocate()
    mpsc.deallocate()
    consumer.deallocate()
  }

  func push(_ value: UInt64) -> Bool {
    var item = value
    return kind == NT_RING_SPSC ? nt_spsc_push(spsc, &item, 8) : nt_mpsc_push(mpsc, &item, 8)
  }

  func pop() -> UInt64? {
    var item: UInt64 = 0
    return nt_ring_pop(consumer, &item, 8) ? item : nil
  }

  func pushBytes(_ bytes: [UInt8]) -> Bool {
    kind == NT_RING_SPSC
      ? nt_spsc_push(spsc, bytes, bytes.count) : nt_mpsc_push(mpsc, bytes, bytes.count)
  }

  func popBytes() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: payload)
    return nt_ring_pop(consumer, &bytes, payload) ? bytes : nil
  }

  /// How many were taken; MPSC batches are all or nothing.
  func pushBatch(_ values: [UInt64]) -> UInt64 {
    let count = UInt64(values.count)
    if kind == NT_RING_SPSC { return nt_spsc_push_batch(spsc, values, count, 8) }
    return nt_mpsc_push_batch(mpsc, values, count, 8) ? count : 0
  }

  func popBatch(_ max: UInt64) -> [UInt64] {
    var values = [UInt64](repeating: 0, count: Int(max))
    let count = nt_ring_pop_batch(consumer, &values, max, 8)
    return Array(values.prefix(Int(count)))
  }
}
