import ExecutionCore
import Trading
import Transport

/// One line of the feed with its injected faults.
struct FeedLine {
  let target: Endpoint
  /// `none` while it is not open.
  var socket: ConnectionID
  let faults: FeedFaults
  private var random: SeededRandom
  /// A datagram that is held back to come after the next one.
  private var held: [UInt8]?

  init(target: Endpoint, socket: ConnectionID, faults: FeedFaults, index: Int) {
    self.target = target
    self.socket = socket
    self.faults = faults
    random = SeededRandom(seed: faults.seed &+ UInt64(index) &* 0x9E37)
  }

  /// Where a line's datagrams come from: only loopback can be reached from loopback.
  static func source(of target: Endpoint) -> Endpoint {
    target.address >> 24 == 127 ? .loopback() : .any()
  }

  /// Its socket.
  ///
  /// - Parameters:
  ///   - interface: by which a group is sent to.
  ///   - hops: of a group's datagrams.
  static func open(
    to target: Endpoint, interface: UInt32, hops: UInt8, token: UInt64, on reactor: inout Reactor
  ) throws(ReactorError) -> ConnectionID {
    let socket = try reactor.openDatagram(bind: source(of: target), token: token)
    guard target.isMulticast else { return socket }
    do throws(ReactorError) {
      try reactor.setMulticastOutput(interface: interface, hops: hops, loop: true, on: socket)
    } catch {
      reactor.close(socket)
      throw error
    }
    return socket
  }

  mutating func send(
    _ datagram: UnsafeRawBufferPointer, on reactor: inout Reactor,
    counters: inout FeedLineCounters
  ) {
    guard faults.isActive else {
      unsafe put(datagram, on: &reactor, counters: &counters)
      return
    }
    if random.chance(partsPerMillion: faults.loss) {
      counters.lost &+= 1
      return
    }
    if held == nil, random.chance(partsPerMillion: faults.reordering) {
      counters.reordered &+= 1
      held = unsafe Array(datagram)
      return
    }
    unsafe put(datagram, on: &reactor, counters: &counters)
    if random.chance(partsPerMillion: faults.duplication) {
      counters.duplicated &+= 1
      unsafe put(datagram, on: &reactor, counters: &counters)
    }
    flush(on: &reactor, counters: &counters)
  }

  /// Sends what is held back.
  mutating func flush(on reactor: inout Reactor, counters: inout FeedLineCounters) {
    guard let late = held else { return }
    held = nil
    unsafe late.withUnsafeBytes { bytes in
      unsafe put(bytes, on: &reactor, counters: &counters)
    }
  }

  private func put(
    _ datagram: UnsafeRawBufferPointer, on reactor: inout Reactor,
    counters: inout FeedLineCounters
  ) {
    var result = unsafe reactor.sendDatagram(datagram, to: target, on: socket)
    // The send buffer is full: the kernel is given time, a bounded number of times.
    var tries = 0
    while result == .full, tries < 1_000 {
      reactor.submit()
      result = unsafe reactor.sendDatagram(datagram, to: target, on: socket)
      tries += 1
    }
    if result != .queued { counters.unsent &+= 1 }
  }
}
