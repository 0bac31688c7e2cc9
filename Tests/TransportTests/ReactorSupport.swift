import CSupport
import TestSupport
import Testing

@testable import Transport

/// The back ends that this machine grants; epoll always.
let availableBackEnds: [ReactorBackEnd] = {
  var settings = ReactorSettings()
  settings.backEnd = .ioUring
  do {
    let reactor = try Reactor(settings)
    return reactor.backEnd == .ioUring ? [.ioUring, .epoll] : [.epoll]
  } catch {
    return [.epoll]
  }
}()

/// A way to run a test: which back end, and whether the sockets under test are direct ones.
struct Mode: Sendable, CustomTestStringConvertible {
  var backEnd: ReactorBackEnd
  var isDirect: Bool

  var testDescription: String { "\(backEnd.rawValue)\(isDirect ? ", direct" : "")" }

  static let all = (availableBackEnds + [.memory]).flatMap {
    [Mode(backEnd: $0, isDirect: false), Mode(backEnd: $0, isDirect: true)]
  }

  var options: SocketOptions {
    var options = SocketOptions()
    options.isDirect = isDirect
    return options
  }

  /// - Parameter network: of the reactor that the new one is to reach.
  func settings(
    beside network: MemoryNetwork? = nil, _ change: (inout ReactorSettings) -> Void = { _ in }
  ) -> ReactorSettings {
    var settings = ReactorSettings()
    settings.backEnd = backEnd
    if backEnd == .memory { settings.network = network ?? (try? MemoryNetwork(seed: 1)) }
    settings.sendBytes = 65_536
    settings.receiveBuffers = 64
    change(&settings)
    return settings
  }
}

/// Polls so often at most: a test that waits for what does not come fails instead of hanging. A minute at
/// least of polls that wait in vain: what another thread or the kernel is to do may take its time.
let pollLimit = 60_000

/// What an event said, kept beyond the next poll.
struct Seen: Equatable {
  var kind: ReactorEvent.Kind
  var connection: ConnectionID
  var token: UInt64
  var bytes: [UInt8]
  var peer: Endpoint
  var receiveTime: Int64
  var errorNumber: Int32
  var isTruncated: Bool

  init(_ event: ReactorEvent) {
    kind = event.kind
    connection = event.connection
    token = event.token
    bytes = Array(event.bytes)
    peer = event.peer
    receiveTime = event.receiveTime
    errorNumber = event.errorNumber
    isTruncated = event.isTruncated
  }
}

/// Everything that a reactor has reported.
struct Log {
  var events: [Seen] = []

  mutating func poll(
    _ reactor: inout Reactor, _ wait: WaitStrategy = .block(nanoseconds: 1_000_000)
  ) {
    let count = reactor.poll(passing: wait)
    guard count > 0 else { return }
    for index in 0..<count { events.append(Seen(reactor.event(index))) }
  }

  /// Polls until the condition holds; the number of polls is bounded.
  mutating func poll(
    _ reactor: inout Reactor, until isDone: (Log) -> Bool,
    _ location: SourceLocation = #_sourceLocation
  ) {
    for _ in 0..<pollLimit {
      if isDone(self) { return }
      poll(&reactor)
    }
    Issue.record(
      "not reached after \(pollLimit) polls: \(kinds.suffix(10))", sourceLocation: location)
  }

  var kinds: [ReactorEvent.Kind] { events.map(\.kind) }

  func all(_ kind: ReactorEvent.Kind) -> [Seen] { events.filter { $0.kind == kind } }

  func first(_ kind: ReactorEvent.Kind) -> Seen? { events.first { $0.kind == kind } }

  func bytes(of connection: ConnectionID) -> [UInt8] {
    events.filter { $0.kind == .received && $0.connection == connection }.flatMap(\.bytes)
  }
}

/// A connected pair in one reactor.
struct Pair {
  var listener: ConnectionID
  var client: ConnectionID
  var server: ConnectionID
}

extension Reactor {
  mutating func makePair(_ options: SocketOptions = SocketOptions(), log: inout Log) throws -> Pair
  {
    let listener = try listen(on: .loopback(), options: options, token: 1)
    let client = try connect(to: localEndpoint(of: listener), options: options, token: 2)
    let before = log.all(.accepted).count
    log.poll(&self) { log in
      log.all(.accepted).count > before
        && log.all(.connected).contains { $0.connection == client }
    }
    let server = try #require(log.all(.accepted).last).connection
    return Pair(listener: listener, client: client, server: server)
  }

  mutating func send(_ bytes: [UInt8], on connection: ConnectionID) -> SendResult {
    bytes.withUnsafeBytes { send($0, on: connection) }
  }

  mutating func sendDatagram(
    _ bytes: [UInt8], to peer: Endpoint, on connection: ConnectionID
  ) -> SendResult {
    bytes.withUnsafeBytes { sendDatagram($0, to: peer, on: connection) }
  }
}

/// SplitMix64.
struct Randomness: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}
