import Trading

extension RunSummary {
  /// The stages of an order, as the recorder of a run has them.
  static func stages(_ latency: LatencyRecorder) -> [Percentiles] {
    LatencyRecorder.Stage.ofOrders.map { Percentiles(latency.percentiles($0)) }
  }
}

extension RunSummary.Percentiles {
  init(_ found: LatencyRecorder.Percentiles) {
    self.init(name: found.stage.name)
    count = found.count
    (p50, p90, p99, p999) = (found.p50, found.p90, found.p99, found.p999)
    max = found.max
  }
}
