import BenchSupport
import ExecutionCore
import Foundation
import Journal

/// How fast does a journal lead an engine to where it was?
extension JournalSuite {
  /// Of an order that is acknowledged and filled: intent, hand-over, two reports, two states, an execution.
  private static let recordsPerOrder = 7

  /// Seconds that the reader takes to check a day's records, and that an engine takes to be recovered from them.
  struct Recovery {
    var records = 0.0
    var scan: [Double] = []
    var recover: [Double] = []
    var errors = 0
  }

  static func recovery(records: Int, runs: Int) throws -> Recovery {
    let folder = try ScratchFolder(in: BenchContext.cache, "recovery")
    defer { folder.remove() }
    let path = folder.path + "/journal"
    var measured = Recovery()
    do throws(JournalError) {
      try trade(orders: records / recordsPerOrder, path)
      for run in -1..<runs {
        let first = nanoseconds()
        let end = try JournalReader(path).read { _ in true }
        let second = nanoseconds()
        let lane = MemoryLane(bytes: 1 << 20, firstSequence: end.lastSequence + 1)
        let engine = try Engine.recover(
          from: path, lane: lane.lane, memory: EngineMemory(hugePages: true))
        let third = nanoseconds()
        measured.records = Double(end.records)
        // Every hash on the way has agreed, or it would have been thrown.
        if engine?.openOrderCount != 0 { measured.errors += 1 }
        // The first reads what is not in the cache yet.
        if run < 0 { continue }
        measured.scan.append(Double(second - first) / 1e9)
        measured.recover.append(Double(third - second) / 1e9)
      }
    } catch { throw BenchError("\(error)") }
    return measured
  }

  /// A day of orders that all fill, journalled with a hash each second and at its end.
  private static func trade(orders: Int, _ path: String) throws(JournalError) {
    let writer = try JournalWriter.open(
      path, JournalOptions(facts: JournalFacts(build: "bench")))
    guard let bench = try? OrderBench(into: writer.lane) else {
      throw JournalError(.invalid, "no engine", file: path, remedy: "free memory")
    }
    var next = 0
    for i in 0..<orders {
      bench.placeAndFill(&next)
      bench.driver.pointee.engine.journalHash()
      if i % 256 == 0 { writer.pump() }
    }
    bench.driver.pointee.engine.end()
    try writer.close()
  }
}

extension OrderBench {
  /// Places the next order; its venue acknowledges it and fills it whole.
  func placeAndFill(_ next: inout Int) {
    placeAndAnswer(&next) { request in
      for kind in [VenueReport.Kind.accepted, .executed] {
        var report = VenueReport(kind: kind, port: .first, account: AccountID(raw: 0))
        report.venueReference = request.venueReference
        report.quantity = request.quantity
        report.price = request.price / 10_000
        report.executionID = VenueIdentifier(number: request.venueReference)
        report.liquidity = UInt8(ascii: "A")
        self.apply(report)
      }
    }
  }
}
