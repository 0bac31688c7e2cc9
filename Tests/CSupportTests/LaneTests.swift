import CSupport
import Testing

@Suite struct LaneTests {
  /// A lane of one segment of so many bytes of records.
  private func withLane(
    _ bytes: Int, reserve: UInt64, _ body: (UnsafeMutablePointer<nt_lane>) -> Void
  ) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes + 64)
    let segment = nt_lane_segment(
      base: memory.assumingMemoryBound(to: UInt8.self), capacity: UInt64(bytes + 64), start: 64,
      published: memory.assumingMemoryBound(to: UInt64.self), number: 1)
    guard let lane = nt_lane_create(segment, 1, reserve) else {
      Issue.record("no lane")
      return
    }
    body(lane)
    nt_lane_destroy(lane)
  }

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func `however full a lane is, a place is left to say once that records are missing`(seed: UInt64)
  {
    var state = seed
    func below(_ n: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % n
    }
    for round in 0..<200 {
      withLane(4_096 + Int(below(500)) * 8, reserve: below(2_000)) { lane in
        var header = nt_record_header()
        header.type = 1
        let payload = [UInt8](repeating: 7, count: 4_044)
        // The reserve too, to the last byte.
        var taken: UInt64 = 0
        for bytes in (0..<20).map({ _ in UInt32(below(700)) }) + [160, 64, 16, 8, 0, 0, 0, 0] {
          if nt_lane_append(lane, &header, payload, bytes, below(2) == 0) != 0 { taken += 1 }
        }
        while nt_lane_append(lane, &header, payload, 0, true) != 0 { taken += 1 }
        #expect(lane.pointee.next_sequence == taken + 1)
        #expect(nt_lane_append_last(lane, &header, payload, 21) == 0, "seed \(seed) \(round)")
        #expect(
          nt_lane_append_last(lane, &header, payload, 16) == taken + 1, "seed \(seed) \(round)")
        #expect(nt_lane_append_last(lane, &header, payload, 16) == 0, "seed \(seed) \(round)")
        #expect(lane.pointee.offset <= lane.pointee.current.capacity - 56)
        nt_lane_close(lane)
        #expect(nt_lane_append_last(lane, &header, payload, 16) == 0)
      }
    }
  }
}
