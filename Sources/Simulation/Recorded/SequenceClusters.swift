import Gateways

/// Which sequence numbers of a session there are, as far as its datagrams bear each other out.
///
/// A datagram claims a sequence; those near each other support each other. One that stands alone, far from all
/// others, is believed only where there are few others, and only where it came at the place that its number
/// gives it: a single wrong one would make a hole as wide as it likes.
struct SequenceClusters: Sendable {
  /// As near as datagrams of one recording are, but for holes, on whose far side there is more than one.
  static let nearMax: UInt64 = 1 << 16
  /// More than a trading day has messages.
  static let dayMax: UInt64 = 1 << 32
  /// So many datagrams together are not held against by a lone one.
  static let manyMin = 16
  private static let clustersMax = 1_024

  fileprivate struct Cluster: Sendable {
    var low: UInt64
    var high: UInt64
    var datagrams = 0
    var messages = 0
    /// By the session's datagrams, in the order in which they were captured.
    var first: Int
    var last: Int
    /// Where heartbeats, or the end of the session, say that the next message is; 0: nowhere, or denied since.
    var announced: UInt64 = 0
  }

  private var clusters: [Cluster] = []
  private var recent = 0
  private var order = 0
  /// Where a heartbeat before the first message said that the stream is.
  private var announcedFirst: UInt64?
  /// Controls that are far from all messages.
  private(set) var strayControls = 0
  private(set) var hasMessages = false

  mutating func take(_ datagram: MoldDatagram) {
    order += 1
    guard datagram.isSequenced else {
      hasMessages = hasMessages || datagram.whole > 0
      return
    }
    // What the capture cut off was sent all the same.
    let count = UInt64(datagram.whole + datagram.cutOff)
    let first = datagram.header.sequence
    guard count > 0 else { return announce(first) }
    hasMessages = true
    guard let place = place(of: first) ?? add(first, first + count) else { return }
    recent = place
    var cluster = clusters[place]
    // The stream goes on below what was announced: that was not so.
    if first < cluster.announced, first >= cluster.high { cluster.announced = 0 }
    cluster.low = min(cluster.low, first)
    cluster.high = max(cluster.high, first + count)
    cluster.datagrams += 1
    cluster.messages += datagram.wellFormed
    cluster.last = order
    clusters[place] = cluster
  }

  private mutating func announce(_ next: UInt64) {
    guard !clusters.isEmpty else {
      announcedFirst = min(announcedFirst ?? next, next)
      return
    }
    guard let place = place(of: next) else {
      strayControls += 1
      return
    }
    clusters[place].announced = max(clusters[place].announced, next)
  }

  private func place(of sequence: UInt64) -> Int? {
    if recent < clusters.count, clusters[recent].isNear(sequence) { return recent }
    return clusters.firstIndex { $0.isNear(sequence) }
  }

  private mutating func add(_ low: UInt64, _ high: UInt64) -> Int? {
    guard clusters.count < Self.clustersMax else { return nil }
    clusters.append(Cluster(low: low, high: high, first: order, last: order))
    return clusters.count - 1
  }

  /// What is believed.
  struct Verdict: Sendable {
    /// Ascending, and disjoint; what lies outside is not read.
    var believed: [Range<UInt64>] = []
    /// The first sequence of the stream, and the one behind its last, as they were announced.
    var start: UInt64 = 0
    var announced: UInt64 = 0

    /// Sequence 0 is unsequenced.
    func believes(_ sequence: UInt64) -> Bool {
      sequence == 0 || believed.contains { $0.contains(sequence) }
    }
  }

  func verdict() -> Verdict {
    var verdict = Verdict()
    guard var main = clusters.first else { return verdict }
    for cluster in clusters where cluster.messages > main.messages { main = cluster }
    var ranges: [Range<UInt64>] = []
    for cluster in clusters where isBelieved(cluster, beside: main) {
      ranges.append(cluster.low..<cluster.high)
      // What was cut off at the end is no less missing.
      verdict.announced = max(verdict.announced, cluster.announced, cluster.high)
    }
    // Two that have grown together are one.
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = verdict.believed.last, range.lowerBound <= last.upperBound {
        verdict.believed[verdict.believed.count - 1] =
          last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        verdict.believed.append(range)
      }
    }
    verdict.start = verdict.believed.first?.lowerBound ?? 0
    if let first = announcedFirst, first != 0, first < verdict.start,
      verdict.start - first <= Self.nearMax
    {
      verdict.start = first
    }
    return verdict
  }

  private func isBelieved(_ cluster: Cluster, beside main: Cluster) -> Bool {
    guard cluster.low != main.low else { return true }
    let isAbove = cluster.low > main.low
    let distance = isAbove ? cluster.low - main.low : main.low - cluster.low
    guard distance <= Self.dayMax else { return false }
    guard cluster.datagrams < 2 else { return true }
    guard main.datagrams < Self.manyMin else { return false }
    return isAbove ? cluster.first > main.last : cluster.last < main.first
  }
}

extension SequenceClusters.Cluster {
  fileprivate func isNear(_ sequence: UInt64) -> Bool {
    let near = SequenceClusters.nearMax
    let least = low > near ? low - near : 0
    let (most, overflow) = high.addingReportingOverflow(near)
    return sequence >= least && sequence <= (overflow ? .max : most)
  }
}
