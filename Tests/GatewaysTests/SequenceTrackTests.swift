import Gateways
import Testing

struct SequenceTrackTests {
  /// What was new of these numbers, in their order.
  private func take(_ track: inout SequenceTrack, _ sequences: [UInt64]) -> [Bool] {
    sequences.map { track.take($0) }
  }

  @Test func `numbers in order leave no gap, and come only once`() {
    var track = SequenceTrack(expected: 5)
    #expect(take(&track, [5, 5, 6, 6, 7, 5]) == [true, false, true, false, true, false])
    #expect(track.gaps.isEmpty && track.missing == 0 && track.expected == 8)
    // Nothing below the first number is missed, and the last number of all is none.
    #expect(take(&track, [4, .max]) == [false, false])
  }

  @Test func `a gap is closed from either end and from the middle`() {
    var track = SequenceTrack(expected: 1)
    track.advance(from: 11, to: 12)
    #expect(track.gaps == [1..<11] && track.missing == 10)
    let filled = [5..<6, 5..<6, 0..<2, 10..<20].map { track.fill($0) }
    #expect(filled == [true, false, true, true])
    #expect(track.gaps == [2..<5, 6..<10] && track.missing == 7)
    let rest = track.fill(2..<10)
    #expect(rest && track.gaps.isEmpty && track.missing == 0)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `random numbers are new exactly when a set of them says so`(_ seed: UInt64) {
    var random = Random(seed: seed)
    var track = SequenceTrack(expected: 0)
    var seen: Set<UInt64> = []
    for _ in 0..<2_000 {
      let sequence = random.next() % 600
      let isNew = track.take(sequence)
      #expect(isNew == seen.insert(sequence).inserted, "seed \(seed)")
    }
    let missed = (0..<track.expected).filter { !seen.contains($0) }
    #expect(track.missing == UInt64(missed.count), "seed \(seed)")
    #expect(track.gaps.flatMap(Array.init) == missed, "seed \(seed)")
  }

  @Test func `gaps beyond the bound are counted, not kept`() {
    var track = SequenceTrack(expected: 0)
    let count = UInt64(SequenceTrack.gapsMax) + 10
    let areNew = take(&track, (1...count).map { 2 * $0 })
    #expect(areNew.allSatisfy { $0 })
    #expect(track.gaps.count == SequenceTrack.gapsMax)
    #expect(track.missing == count + 1)
  }
}
