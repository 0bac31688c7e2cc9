public import ExecutionCore

/// A user's strategy, to be measured, counted and compared; see ``Bench/run(_:strategy:)``.
///
/// The initializer is inlinable: the engine's driver is specialised for the strategy in the module that
/// calls it, as it is in the product.
public struct BenchStrategy {
  @usableFromInline let name: String
  @usableFromInline let make: (consuming Engine) -> BenchRunner
  /// The market that it is counted and compared in.
  var market = MarketChoice()

  /// - Parameters:
  ///   - name: as the report shows it.
  ///   - strategy: makes a fresh one for each run.
  @inlinable public init<S: Strategy>(_ name: String, _ strategy: @escaping () -> S) {
    self.name = name
    make = { engine in
      let driver = UnsafeMutablePointer<Driver<S>>.allocate(capacity: 1)
      driver.initialize(to: Driver(engine: engine, strategy: strategy()))
      return BenchRunner(
        ingest: { driver.pointee.ingest($0, count: $1, machineTime: $2) },
        apply: { driver.pointee.apply($0, sessionTime: $1, machineTime: $2) },
        engine: { body in body(&driver.pointee.engine) },
        close: {
          driver.deinitialize(count: 1)
          driver.deallocate()
        })
    }
  }
}

/// A driver behind calls that know its strategy.
public struct BenchRunner {
  @usableFromInline let ingest: (UnsafePointer<MarketRecord>, Int, Int64) -> Void
  @usableFromInline let apply: (VenueReport, Int64, Int64) -> Void
  @usableFromInline let engine: ((inout Engine) -> Void) -> Void
  @usableFromInline let close: () -> Void

  @inlinable init(
    ingest: @escaping (UnsafePointer<MarketRecord>, Int, Int64) -> Void,
    apply: @escaping (VenueReport, Int64, Int64) -> Void,
    engine: @escaping ((inout Engine) -> Void) -> Void, close: @escaping () -> Void
  ) {
    self.ingest = ingest
    self.apply = apply
    self.engine = engine
    self.close = close
  }
}
