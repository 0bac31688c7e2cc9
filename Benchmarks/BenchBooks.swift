import BenchSupport
import CSupport
import ExecutionCore

/// Books with their gates, in an arena of their own that goes with this object.
final class BenchBooks {
  let market: ITCHMarket
  private let arena: OpaquePointer

  /// Throws where there is no memory for them.
  init(_ settings: MarketDataSettings) throws {
    var made: OpaquePointer?
    let error = nt_arena_create(
      &made, ITCHMarket.bytes(for: settings, instruments: 0) + 4096,
      nt_arena_options(numa_node: -1, huge_pages: true, lock: false, prefault: true), nil)
    guard error == 0, let made else { throw BenchError("no memory for the books: errno \(error)") }
    guard let market = ITCHMarket(settings: settings, symbols: [], arena: made) else {
      nt_arena_destroy(made)
      throw BenchError("the arena is too small for the books")
    }
    arena = made
    self.market = market
  }

  deinit { nt_arena_destroy(arena) }

  /// Room for every order of a day, bound to the symbols as they come.
  static func wholeDay(queues: Bool) throws -> BenchBooks {
    var settings = MarketDataSettings(capacity: .wholeDay)
    settings.capacity.queues = queues
    settings.bindsAtFirstAdd = true
    return try BenchBooks(settings)
  }
}
