import BenchSupport
import CSupport
import Transport

/// What does the network in memory cost, on which virtual time runs? Beside it as many bytes through a ring, copied in
/// and out by the same thread.
enum NetworkSuite: Suite {
  static let name = "network"
  static let question = "how fast does the network in memory carry datagrams?"
  /// What an Ethernet frame takes, and what one message or two take.
  private static let frame = 1_472
  private static let small = 256
  /// The largest item of a ring.
  private static let itemBytes = 256
  private static let burst = 16

  static func run(_ context: BenchContext) throws -> [Figure] {
    pin(context.processors[context.processors.count - 1])
    _ = nt_clock_calibrate()
    let count = context.quick ? 4_000 : 400_000
    var carried: [Int: [Double]] = [:]
    var copied: [Int: [Double]] = [:]
    // The first turn warms up.
    for turn in 0...context.runs {
      for bytes in [frame, small] {
        let network = try carry(count, of: bytes, handicap: context.handicap)
        let ring = try copy(count, of: bytes)
        guard turn > 0 else { continue }
        carried[bytes, default: []].append(network)
        copied[bytes, default: []].append(ring)
      }
    }
    func ratio(_ bytes: Int) -> [Double] {
      zip(carried[bytes] ?? [], copied[bytes] ?? []).map { $0 / $1 }
    }
    return [
      Figure("datagrams of 1,472 bytes over the network in memory", "M/s", carried[frame] ?? []),
      Figure("as many bytes through an SPSC ring of one thread", "M/s", copied[frame] ?? []),
      Figure(
        "network in memory / ring", "x", ratio(frame), limit: .init(goal: 0.5, atLeast: true)),
      Figure("datagrams of 256 bytes over the network in memory", "M/s", carried[small] ?? []),
      Figure(
        "network in memory / ring, of 256 bytes", "x", ratio(small),
        note: "a datagram passes what a socket's does, whatever its size; the ring copies"),
    ]
  }

  private static func millions(_ count: Int, since start: Int64) -> Double {
    Double(count) * 1e3 / Double(max(1, nt_clock_now() - start))
  }

  private static func carry(
    _ count: Int, of bytes: Int, handicap: Int64
  ) throws -> Double {
    let network = try MemoryNetwork(seed: 1, packets: 1 << 12, bytes: 16 << 20)
    var settings = ReactorSettings()
    settings.network = network
    settings.prefaults = true
    var sender = try Reactor(settings)
    var receiver = try Reactor(settings)
    var options = SocketOptions.direct
    options.receiveBufferBytes = 1 << 20
    let to = try receiver.localEndpoint(
      of: receiver.openDatagram(bind: .loopback(), options: options))
    let socket = try sender.openDatagram(bind: .loopback(), options: options)
    var datagram = [UInt8](repeating: 7, count: bytes)
    var sum: UInt64 = 0
    let start = nt_clock_now()
    for round in 0..<count / burst {
      if handicap > 0 {
        let end = nt_clock_now() + handicap * Int64(burst)
        while nt_clock_now() < end {}
      }
      datagram[0] = UInt8(truncatingIfNeeded: round)
      for _ in 0..<burst {
        _ = datagram.withUnsafeBytes { sender.sendDatagram($0, to: to, on: socket) }
      }
      network.advance(to: network.now + 10_000)
      var got = receiver.poll(.spin)
      while got > 0 {
        for index in 0..<got { sum &+= UInt64(receiver.event(index).bytes[0]) }
        got = receiver.poll(.spin)
      }
    }
    let rate = millions(count / burst * burst, since: start)
    let expected = (0..<count / burst).reduce(UInt64(0)) {
      $0 + UInt64(burst) * UInt64($1 & 255)
    }
    guard sum == expected else { throw BenchError("the network lost datagrams") }
    return rate
  }

  private static func copy(_ count: Int, of bytes: Int) throws -> Double {
    let ends = try RingEnds(payload: UInt32(itemBytes), capacity: 1_024)
    defer { ends.close() }
    let items = (bytes + itemBytes - 1) / itemBytes
    var source = [UInt8](repeating: 7, count: items * itemBytes)
    var target = [UInt8](repeating: 0, count: itemBytes)
    var taken = 0
    let start = nt_clock_now()
    for round in 0..<count / burst {
      source[0] = UInt8(truncatingIfNeeded: round)
      source.withUnsafeBytes { bytes in
        for _ in 0..<burst {
          for item in 0..<items {
            while !nt_spsc_push(ends.producer, bytes.baseAddress! + item * itemBytes, itemBytes) {}
          }
        }
      }
      while nt_ring_pop(ends.consumer, &target, itemBytes) { taken += 1 }
    }
    let rate = millions(count / burst * burst, since: start)
    guard taken == count / burst * burst * items else { throw BenchError("the ring lost items") }
    return rate
  }
}
