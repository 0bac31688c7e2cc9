import BenchSupport
import CSupport
import Foundation
import Synchronization

/// Rings with more than two ends: two producers and a consumer, a writer and two readers. Three
/// threads: on fewer than four processors they give theirs away when they have nothing to do, else
/// each spins on one of its own.
struct RingCrowd {
  static let payload: UInt32 = 64
  static let words = 8
  static let others: UInt64 = 2

  let count: UInt64
  let handicap: Int64
  let cpus: [Int32]

  var spins: Bool { cpus.count >= 4 }
  var manner: String { spins ? "spinning" : "yielding" }

  /// Millions of items a second through a ring of two producers, each word checked and each
  /// producer's order.
  func manyProducers() throws -> Double {
    let ring = try make(NT_RING_MPSC)
    defer { nt_ring_close(ring) }
    let consumer = Line(nt_ring_consumer.self)
    guard nt_ring_consumer_open(consumer.end, ring) == 0 else {
      throw BenchError("the consumer of a new ring could not be opened")
    }
    var producers: [Line<nt_mpsc_producer>] = []
    for _ in 0..<Self.others {
      let producer = Line(nt_mpsc_producer.self)
      guard nt_mpsc_producer_open(producer.end, ring) == 0 else {
        throw BenchError("a producer of a new ring could not be opened")
      }
      producers.append(producer)
    }
    let each = count / Self.others
    let gate = Gate()
    defer { gate.abandon() }
    var threads: [PinnedThread] = []
    for (index, producer) in producers.enumerated() {
      threads.append(
        try PinnedThread(name: "ring-producer", cpu: processor(index + 1)) {
          if gate.pass() { produce(producer, from: UInt64(index) << 56, each) }
        })
    }
    pin(processor(0))
    let start = nanoseconds()
    gate.open()
    let wrong = consume(consumer, each)
    let seconds = Double(nanoseconds() - start) / 1e9
    for thread in threads { thread.join() }
    guard wrong == 0 else { throw BenchError("\(wrong) items arrived damaged or out of order") }
    return Double(each * Self.others) / seconds / 1e6
  }

  /// What the writer, who never waits, writes, and what the reader that had least of it received.
  func broadcast() throws -> (written: Double, received: Double) {
    let ring = try make(NT_RING_BROADCAST)
    defer { nt_ring_close(ring) }
    let writer = Line(nt_broadcast_writer.self)
    guard nt_broadcast_writer_open(writer.end, ring) == 0 else {
      throw BenchError("the writer of a new ring could not be opened")
    }
    let gate = Gate()
    defer { gate.abandon() }
    var threads: [PinnedThread] = []
    var readers: [Received] = []
    for index in 0..<Int(Self.others) {
      let reader = Line(nt_broadcast_reader.self)
      guard nt_broadcast_reader_open(reader.end, ring, true) == 0 else {
        throw BenchError("a reader of a new ring could not be opened")
      }
      let received = Received()
      readers.append(received)
      threads.append(
        try PinnedThread(name: "ring-reader", cpu: processor(index + 1)) {
          if gate.pass() { read(reader, into: received) }
        })
    }
    pin(processor(0))
    let start = nanoseconds()
    gate.open()
    write(writer)
    let written = Double(nanoseconds() - start) / 1e9
    for thread in threads { thread.join() }
    let whole = Double(nanoseconds() - start) / 1e9
    for reader in readers where reader.wrong != 0 || reader.items &+ reader.lost != count {
      throw BenchError(
        "of \(count) items a reader had \(reader.items), lost \(reader.lost), \(reader.wrong) wrong"
      )
    }
    let least = readers.map(\.items).min() ?? 0
    return (Double(count) / written / 1e6, Double(least) / whole / 1e6)
  }

  private func make(_ kind: nt_ring_kind) throws -> OpaquePointer {
    var made: OpaquePointer?
    let options = nt_ring_options(
      kind: kind, payload_bytes: Self.payload, capacity: RingSuite.capacity, tag: 1)
    let error = nt_ring_create(&made, options, nil)
    guard error == 0, let made else {
      throw BenchError("no ring: \(String(cString: nt_ring_error_text(error)))")
    }
    return made
  }

  private func processor(_ thread: Int) -> Int32 { cpus[thread % cpus.count] }

  private func wait() {
    if spins { nt_pause() } else { _ = sched_yield() }
  }

  private func produce(_ producer: Line<nt_mpsc_producer>, from first: UInt64, _ each: UInt64) {
    let item = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.words)
    defer { item.deallocate() }
    for i in 0..<each {
      for w in 0..<Self.words { item[w] = first &+ i &+ UInt64(w) }
      spend(handicap)
      while !nt_mpsc_push(producer.end, item, Int(Self.payload)) { wait() }
    }
  }

  private func consume(_ consumer: Line<nt_ring_consumer>, _ each: UInt64) -> Int {
    var next = (0..<Self.others).map { $0 << 56 }
    var wrong = 0
    for _ in 0..<each * Self.others {
      var item = nt_ring_peek(consumer.end)
      while item == nil {
        wait()
        item = nt_ring_peek(consumer.end)
      }
      guard let slot = item?.assumingMemoryBound(to: UInt64.self) else { continue }
      let from = Int(min(slot[0] >> 56, Self.others - 1))
      wrong += Self.differs(slot, next[from]) ? 1 : 0
      next[from] &+= 1
      nt_ring_release(consumer.end, 1)
    }
    return wrong
  }

  private func write(_ writer: Line<nt_broadcast_writer>) {
    let item = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.words)
    defer { item.deallocate() }
    for i in 0..<count {
      for w in 0..<Self.words { item[w] = i &+ UInt64(w) }
      spend(handicap)
      nt_broadcast_publish(writer.end, item, Int(Self.payload))
    }
  }

  private func read(_ reader: Line<nt_broadcast_reader>, into received: Received) {
    let item = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.words)
    defer { item.deallocate() }
    var items: UInt64 = 0
    var wrong = 0
    while reader.end.pointee.next < count {
      let due = reader.end.pointee.next
      switch nt_broadcast_read(reader.end, item, Int(Self.payload)) {
      case NT_RING_ITEM:
        wrong += Self.differs(item, due) ? 1 : 0
        items += 1
      case NT_RING_LAPPED: _ = nt_broadcast_resynchronise(reader.end)
      default: wait()
      }
    }
    received.items = items
    received.lost = reader.end.pointee.lost
    received.wrong = wrong
  }

  private static func differs(_ item: UnsafePointer<UInt64>, _ name: UInt64) -> Bool {
    var differs: UInt64 = 0
    for w in 0..<words { differs |= item[w] ^ (name &+ UInt64(w)) }
    return differs != 0
  }
}

/// Written by a reader's thread, read after it has been joined.
private final class Received: @unchecked Sendable {
  var items: UInt64 = 0
  var lost: UInt64 = 0
  var wrong = 0
}

/// An end of a ring at the start of 128 bytes of its own.
private final class Line<End: BitwiseCopyable>: @unchecked Sendable {
  let end: UnsafeMutablePointer<End>

  init(_: End.Type) {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    end = raw.assumingMemoryBound(to: End.self)
  }
  deinit { UnsafeMutableRawPointer(end).deallocate() }
}

/// All of them start together: the making of threads is not timed.
private final class Gate: Sendable {
  private enum State { static let shut = 0, open = 1, abandoned = 2 }
  private let state = Atomic(State.shut)

  func open() { state.store(State.open, ordering: .releasing) }
  /// Sends away who still waits: not all threads could be made.
  func abandon() {
    _ = state.compareExchange(
      expected: State.shut, desired: State.abandoned, ordering: .relaxed)
  }
  /// False when it was abandoned.
  func pass() -> Bool {
    while true {
      switch state.load(ordering: .acquiring) {
      case State.shut: _ = sched_yield()
      case State.open: return true
      default: return false
      }
    }
  }
}
