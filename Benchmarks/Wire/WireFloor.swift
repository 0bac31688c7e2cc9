import BenchSupport
import CFloors
import Foundation

/// One leg of a floor: a frozen C program in the product's place, which receives as many bytes, sends
/// as many, and does no work.
enum WireFloor {
  enum Kind { case plain, ring }

  /// The samples of the quiet trips, and of those with the flow going by.
  static func leg(
    _ kind: Kind, _ trips: WireTrips, orderBytes: Int, seed: UInt64, _ context: BenchContext
  ) throws -> WireSamples {
    var samples = WireSamples()
    switch kind {
    case .plain:
      samples.quiet = try run(trips, orderBytes, context, floor_wire_reply) { pinger in
        try (0..<trips.quiet).map { _ in try pinger.trip() }
      }
      samples.flow = try run(trips, orderBytes, context, floor_wire_flow) { pinger in
        try pinger.flow(trips.flow, seed: seed)
      }
    case .ring:
      samples = try run(trips, orderBytes, context, floor_wire_uring) { pinger in
        WireSamples(
          quiet: try (0..<trips.quiet).map { _ in try pinger.trip() },
          flow: try pinger.flow(trips.flow, seed: seed))
      }
    }
    return samples
  }

  typealias Program = @Sendable (Int32, Int32, Int, UInt64, UnsafePointer<Int32>) -> Int32

  private static func run<Result>(
    _ trips: WireTrips, _ orderBytes: Int, _ context: BenchContext, _ program: @escaping Program,
    _ body: (WirePing) throws -> Result
  ) throws -> Result {
    let sockets = try WireSockets()
    let feed = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    let orders = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      close(feed)
      close(orders)
    }
    try sockets.connectDatagrams(to: try WireSockets.bindLoopback(feed))
    var address = WireSockets.loopback(sockets.port)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(orders, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw BenchError("the floor found no port: errno \(errno)") }
    WireSockets.noDelay(orders)
    try sockets.accept()
    let job = FloorJob { program(feed, orders, orderBytes, .max, $0) }
    let thread = try PinnedThread(
      name: "wire-floor", cpu: context.processors[context.processors.count - 1]
    ) { job.run() }
    defer {
      job.stop()
      thread.join()
    }
    let pinger = WirePing(sockets, job, datagramBytes: WireSession.datagramBytes, orderBytes)
    for _ in 0..<trips.warm { _ = try pinger.trip() }
    return try body(pinger)
  }
}

/// The floor's thread.
private final class FloorJob: @unchecked Sendable {
  private let program: @Sendable (UnsafePointer<Int32>) -> Int32
  private let stopped = UnsafeMutablePointer<Int32>.allocate(capacity: 2)

  init(_ program: @escaping @Sendable (UnsafePointer<Int32>) -> Int32) {
    self.program = program
    stopped.initialize(repeating: 0, count: 2)
  }
  deinit { stopped.deallocate() }

  func run() { floor_wire_tell(stopped + 1, program(stopped)) }
  func stop() { floor_stop(stopped) }
  var failure: Int32 { floor_wire_told(stopped + 1) }
}

/// The exchange's part against a floor: the same sizes, the same silence between trips.
private final class WirePing {
  private let sockets: WireSockets
  private let job: FloorJob
  private let signal: [UInt8]
  private let passing = [UInt8](repeating: 0, count: 256)
  private let bytes: Int
  private var buffer = [UInt8](repeating: 0, count: 1 << 12)

  init(_ sockets: WireSockets, _ job: FloorJob, datagramBytes: Int, _ bytes: Int) {
    self.sockets = sockets
    self.job = job
    signal = [UInt8](repeating: 1, count: datagramBytes)
    self.bytes = bytes
  }

  func trip() throws -> Int64 {
    let start = nanoseconds()
    guard send(sockets.datagram, signal, signal.count, 0) == signal.count else {
      throw BenchError("the floor's datagram was not taken: errno \(errno)")
    }
    var got = 0
    while got < bytes {
      let n = recv(sockets.stream, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if n > 0 { got += n }
      guard n != 0, nanoseconds() - start < WireExchange.patience, job.failure == 0 else {
        throw BenchError("the floor did not answer: errno \(job.failure)")
      }
    }
    let time = nanoseconds() - start
    wait(WireSession.pause)
    return time
  }

  /// Trips with the flow's datagrams before each signal; their first byte is 0, nobody answers them.
  func flow(_ trips: Int, seed: UInt64) throws -> [Int64] {
    var flow = WireFlow(seed: seed, instruments: WireSession.instruments)
    return try (0..<trips).map { _ in
      for datagram in flow.burst(at: 0) {
        wait(datagram.gap)
        guard send(sockets.datagram, passing, datagram.bytes, 0) == datagram.bytes else {
          throw BenchError("the floor's datagram was not taken: errno \(errno)")
        }
      }
      return try trip()
    }
  }

  private func wait(_ time: Int64) {
    let end = nanoseconds() + time
    while nanoseconds() < end {
      _ = recv(sockets.stream, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    }
  }
}
