/// Which sequence numbers of one MoldUDP64 session a reader of captures has met: tells a late packet from
/// one that was there before.
///
/// Allocates; for files, not for a live feed (``MoldReceiver``). Threading: one owner.
public struct SequenceTrack: Sendable {
  /// Gaps that are remembered at most; what lies in later ones counts as repeated when it comes late.
  public static let gapsMax = 4_096

  /// One above the highest number met.
  public private(set) var expected: UInt64
  /// Numbers below ``expected`` that were not met, in ascending order.
  public private(set) var gaps: [Range<UInt64>] = []
  /// Numbers in gaps beyond ``gapsMax``.
  private var unremembered: UInt64 = 0

  /// Begins at a number: nothing below it is missed.
  public init(expected: UInt64) { self.expected = expected }

  /// Numbers that were not met.
  public var missing: UInt64 {
    gaps.reduce(unremembered) { $0 &+ ($1.upperBound - $1.lowerBound) }
  }

  /// The numbers from `first` up to, not including, `end` were met; a hole before them is a gap.
  public mutating func advance(from first: UInt64, to end: UInt64) {
    if first > expected {
      if gaps.count < Self.gapsMax {
        gaps.append(expected..<first)
      } else {
        unremembered &+= first - expected
      }
    }
    expected = max(expected, end)
  }

  /// Takes numbers out of the gaps; true when any of them was missing.
  public mutating func fill(_ range: Range<UInt64>) -> Bool {
    // Nearly always nothing of it was missing: found out without touching them all.
    var low = 0
    var high = gaps.count
    while low < high {
      let middle = (low + high) / 2
      if gaps[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    guard low < gaps.count, gaps[low].lowerBound < range.upperBound else { return false }
    var filled = false
    var left: [Range<UInt64>] = []
    for gap in gaps {
      let common = gap.clamped(to: range)
      if common.isEmpty {
        left.append(gap)
        continue
      }
      filled = true
      if gap.lowerBound < common.lowerBound { left.append(gap.lowerBound..<common.lowerBound) }
      if common.upperBound < gap.upperBound { left.append(common.upperBound..<gap.upperBound) }
    }
    gaps = left
    return filled
  }

  /// One number was met: true when it was not there before.
  public mutating func take(_ sequence: UInt64) -> Bool {
    guard sequence < .max else { return false }
    guard sequence >= expected else { return fill(sequence..<sequence + 1) }
    advance(from: sequence, to: sequence + 1)
    return true
  }
}
