import BenchSupport

/// Datagram in to order bytes out over loopback, by the product's own loop: the trips of the suite `wire`, quiet.
extension PairedFigures {
  private static let warmTrips = 100
  private static let trips = 300

  /// Each slice is a run of its own, for the loop spins as long as it lives. Work put in on purpose is spent
  /// by the strategy: percents of the trip that a slice without it took.
  static func wire(_ processors: [Int32]) throws -> Item {
    var plain: [Double] = []
    return Item(name: "wire") { plant in
      if plant > 0, plain.isEmpty { plain = try wireSlice(processors, handicap: 0) }
      let handicap = plant > 0 ? Int64(plain[0] * Double(plant) / 100) : 0
      return try wireSlice(processors, handicap: handicap)
    }
  }

  private static func wireSlice(_ processors: [Int32], handicap: Int64) throws -> [Double] {
    // The exchange is this thread, and the loop's is pinned to the last.
    pin(processors[0])
    defer { pin(processors[processors.count - 1]) }
    var samples: [Int64] = []
    let product = WireSuite.Product(processors: processors, handicap: handicap)
    let end = try WireSuite.session(product) { session in
      _ = try session.trips(warmTrips)
      samples = try session.trips(trips)
    }
    guard end.errors == 0 else { throw BenchError("wire: \(end.errors) errors") }
    return percentiles(of: samples.map { UInt32(clamping: $0) }, by: 1)
  }
}
