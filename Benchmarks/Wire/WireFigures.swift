import Node

/// How many trips one leg makes.
struct WireTrips {
  var warm: Int
  var quiet: Int
  var flow: Int

  init(_ context: BenchContext) {
    warm = context.quick ? 10 : 400
    quiet = context.quick ? 50 : 1_500
    flow = context.quick ? 25 : 1_000
  }
}

/// Nanoseconds from before the exchange's send to the last byte of the order.
struct WireSamples {
  var quiet: [Int64] = []
  var flow: [Int64] = []
}

/// The legs of one kind of sockets, product and floor pair by pair.
struct WirePairs {
  /// Of one kind of trips: medians and p99 by leg in microseconds, and everything for the far tail.
  struct Side {
    private(set) var medians: [Double] = []
    private(set) var p99s: [Double] = []
    private(set) var all: [UInt32] = []

    mutating func add(_ samples: [Int64]) {
      let leg = Distribution(samples.map { UInt32(clamping: $0) })
      medians.append(leg.percentile(0.5) / 1e3)
      p99s.append(leg.percentile(0.99) / 1e3)
      all += leg.sorted
    }
    var p999: Double { Distribution(all).percentile(0.999) / 1e3 }
  }
  private(set) var quiet = Side()
  private(set) var flow = Side()
  private(set) var quietFloor = Side()
  private(set) var flowFloor = Side()
  /// The product's own stamps by stage, one figure a leg.
  private(set) var stages: [(name: String, p50s: [Double])] = []

  mutating func add(_ product: WireSamples, _ floor: WireSamples) {
    quiet.add(product.quiet)
    flow.add(product.flow)
    quietFloor.add(floor.quiet)
    flowFloor.add(floor.flow)
  }

  mutating func add(_ leg: [ProbeResult.Stage]) {
    for stage in leg {
      if let index = stages.firstIndex(where: { $0.name == stage.name }) {
        stages[index].p50s.append(Double(stage.p50))
      } else {
        stages.append((stage.name, [Double(stage.p50)]))
      }
    }
  }

  func keep(_ name: String, _ context: BenchContext) {
    context.keep(quiet.all, as: name)
    context.keep(flow.all, as: name + "-flow")
    context.keep(quietFloor.all, as: name + "-floor")
    context.keep(flowFloor.all, as: name + "-flow-floor")
  }
}

/// The rows of the wire suite.
enum WireFigures {
  static func direct(_ pairs: WirePairs) -> [Figure] {
    [
      Figure("floor: receive, send, no work, p50", "us", pairs.quietFloor.medians),
      Figure("floor, p99", "us", pairs.quietFloor.p99s),
      Figure("floor, p99.9 of all trips", "us", [pairs.quietFloor.p999]),
      Figure(
        "datagram in -> order bytes out, p50", "us", pairs.quiet.medians, goal: .wireTime,
        note: "risk and journal on"),
      Figure(
        "order path, p50", "ms", pairs.quiet.medians.map { $0 / 1e3 },
        limit: .init(value: 15.5, atLeast: false)),
      Figure("the same, p99", "us", pairs.quiet.p99s),
      Figure(
        "the same, p99.9 of all trips", "us", [pairs.quiet.p999],
        limit: .init(value: 100_000, atLeast: false)),
      ratio("datagram in -> order bytes out / floor", pairs.quiet, pairs.quietFloor, .wireQuiet),
      Figure("with the flow: floor, p50", "us", pairs.flowFloor.medians),
      Figure("with the flow: p50", "us", pairs.flow.medians),
      Figure("with the flow: p99", "us", pairs.flow.p99s, goal: .wireTail),
      Figure(
        "with the flow: p99.9 of all trips", "us", [pairs.flow.p999], goal: .wireFarTail),
      ratio("with the flow: order out / floor", pairs.flow, pairs.flowFloor, .wireRatio),
    ]
  }

  static func ring(_ pairs: WirePairs) -> [Figure] {
    [
      Figure("io_uring: floor, p50", "us", pairs.quietFloor.medians),
      Figure(
        "io_uring: datagram in -> order bytes out, p50", "us", pairs.quiet.medians,
        limit: .init(value: 15_500, atLeast: false)),
      Figure("io_uring: p99", "us", pairs.quiet.p99s),
      Figure("io_uring: p99.9 of all trips", "us", [pairs.quiet.p999]),
      ratio("io_uring: order out / io_uring floor, quiet", pairs.quiet, pairs.quietFloor, nil),
      Figure("io_uring with the flow: floor, p50", "us", pairs.flowFloor.medians),
      Figure("io_uring with the flow: p50", "us", pairs.flow.medians),
      ratio("io_uring with the flow: / io_uring floor", pairs.flow, pairs.flowFloor, .wireRing),
    ]
  }

  /// Where the product's own time goes. `submit` is the kernel's send, which the floor has too; what the
  /// stamps do not see is the kernel's way in, and the wait for the next look at the socket.
  static func stages(_ pairs: WirePairs) -> [Figure] {
    pairs.stages.map { Figure("stage \($0.name), p50", "ns", $0.p50s) }
      + [
        Figure(
          "product - floor, p50, quiet", "us",
          zip(pairs.quiet.medians, pairs.quietFloor.medians).map { $0 - $1 })
      ]
  }

  private static func ratio(
    _ name: String, _ product: WirePairs.Side, _ floor: WirePairs.Side, _ goal: Goal?
  ) -> Figure {
    let ratios = zip(product.medians, floor.medians).map { $0 / $1 }
    let note = "interleaved pairs: \(ratios.count)"
    guard let goal else {
      return Figure(
        name, "x", ratios, limit: .init(goal: 1.1, atLeast: false), note: note)
    }
    return Figure(name, "x", ratios, goal: goal, note: note)
  }
}
