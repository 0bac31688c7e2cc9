import BenchSupport
import CCounted
import CSupport
import ExecutionCore
import Gateways

/// One hot function, done a fixed number of times on fixed input, for callgrind to count.
struct CountedOperation {
  let name: String
  /// What one operation is.
  let what: String
  /// How many of them are counted; what one costs is a mean. nil: as many as the market has messages.
  let times: Int?
  /// Makes what is needed, and returns how many operations the body does, and the body.
  let prepare: () throws -> (count: Int, body: () -> Void)

  /// The order is that of callgrind's dumps.
  static var all: [CountedOperation] {
    decoding + booking + ordering + [
      .init(
        name: "ring", what: "SPSC ring: one item of 64 bytes pushed and popped", times: 20_000,
        prepare: ring),
      .init(name: "histogram", what: "one value recorded", times: 20_000, prepare: histogram),
      .init(
        name: "journal", what: "a record with 80 bytes of payload appended to the lane",
        times: 20_000, prepare: journal),
    ]
  }

  /// With the user's own strategy, where their executable gives one.
  static func all(_ strategy: BenchStrategy?) -> [CountedOperation] {
    all + (strategy.map(deciding) ?? [])
  }

  /// Runs the operations of these names, all where there are none, inside the mark that callgrind
  /// counts between; each prints a line.
  static func run(_ names: [String], _ strategy: BenchStrategy?) throws {
    let operations = all(strategy)
    if let name = names.first(where: { name in !operations.contains { $0.name == name } }) {
      throw BenchError("no operation '\(name)'")
    }
    for operation in operations where names.isEmpty || names.contains(operation.name) {
      let (count, body) = try operation.prepare()
      guard count == operation.times ?? count else {
        throw BenchError("\(operation.name) does \(count) operations, not \(operation.times ?? 0)")
      }
      // Lazy things and the first touch of pages are not part of it.
      counted(body)
      print("counted \(operation.name) \(count)")
    }
  }

  private static func counted(_ body: () -> Void) {
    withoutActuallyEscaping(body) { escaping in
      var box = escaping
      withUnsafeMutablePointer(to: &box) {
        bench_counted({ $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }, $0)
      }
    }
  }

  // MARK: Rings, histogram, journal

  private static func ring() throws -> (Int, () -> Void) {
    let ends = try RingEnds(payload: 64, capacity: 4_096)
    let item = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
    item.initializeMemory(as: UInt8.self, repeating: 1, count: 64)
    return (
      20_000,
      {
        for _ in 0..<20_000 {
          _ = nt_spsc_push(ends.producer, item, 64)
          _ = nt_ring_pop(ends.consumer, item, 64)
        }
      }
    )
  }

  private static func histogram() throws -> (Int, () -> Void) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Int(nt_histogram_bytes()), alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(nt_histogram_bytes()))
    guard let made = nt_histogram_initialise(memory) else { throw BenchError("no histogram") }
    return (20_000, { for i in 0..<20_000 { nt_histogram_record(made, Int64(i) &* 37) } })
  }

  private static func journal() throws -> (Int, () -> Void) {
    let lane = Kept(MemoryLane(bytes: 4 << 20))
    var header = RecordHeader(type: .intent)
    header.sessionTime = 1
    let payload = UnsafeMutableRawPointer.allocate(byteCount: 80, alignment: 16)
    payload.initializeMemory(as: UInt8.self, repeating: 7, count: 80)
    return (
      20_000,
      { for _ in 0..<20_000 { _ = lane.value.lane.append(header, payload, 80, privileged: false) } }
    )
  }
}

/// Keeps what cannot be copied for a closure.
final class Kept<Value: ~Copyable> {
  var value: Value
  init(_ value: consuming Value) { self.value = value }
}
