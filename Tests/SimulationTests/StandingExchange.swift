import ExecutionCore
import Foundation
import Gateways
import TestSupport
import Testing
import Trading
import Transport

@testable import Simulation

/// A bare TCP peer of a server, which reads only when it is told to.
final class BarePeer {
  private var reactor: Reactor
  private let connection: ConnectionID
  private(set) var received: [UInt8] = []
  private(set) var isClosed = false

  init(to endpoint: Endpoint, on network: MemoryNetwork, receiveBuffer: Int32 = 0) throws {
    var settings = ReactorSettings.on(network)
    settings.connections = 1
    settings.sendBytes = 1 << 20
    var reactor = try Reactor(settings)
    var options = SocketOptions()
    options.receiveBufferBytes = receiveBuffer
    connection = try reactor.connect(to: endpoint, options: options)
    self.reactor = reactor
  }

  func send(_ type: Character, _ payload: [UInt8] = []) {
    let length = payload.count + 1
    let bytes = [UInt8(length >> 8), UInt8(length & 255), type.asciiValue ?? 0] + payload
    _ = bytes.withUnsafeBytes { reactor.send($0, on: connection) }
    reactor.submit()
  }
  func heartbeat() { send("R") }
  func logIn(
    _ username: String = "NTAIL1", password: String = "needletail", session: String = "",
    sequence: Int = 1
  ) {
    func left(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: width - text.count)
    }
    let digits = String(sequence)
    let number = String(repeating: " ", count: 20 - digits.count) + digits
    let words = left(username, 6) + left(password, 10) + left(session, 10) + number
    send("L", Array(words.utf8))
  }
  /// Where the server sees it.
  var endpoint: Endpoint { get throws { try reactor.localEndpoint(of: connection) } }
  func close() { reactor.close(connection) }
  func submit(_ request: OUCHRequest) { send("U", DurableSessionTests.bytes(request)) }

  /// Takes what has come.
  func read() {
    // Ends with what has come.
    while !isClosed {
      let count = reactor.poll(.spin)
      guard count > 0 else { return }
      for index in 0..<count {
        let event = reactor.event(index)
        switch event.kind {
        case .received: received += event.bytes
        case .ended, .failed: isClosed = true
        case .connected: isClosed = event.errorNumber != 0
        default: break
        }
      }
    }
  }

  /// Whole packets that have come: types with their payloads.
  var packets: [(type: Character, payload: ArraySlice<UInt8>)] {
    var found: [(Character, ArraySlice<UInt8>)] = []
    var at = 0
    while at + 3 <= received.count {
      let length = Int(received[at]) << 8 | Int(received[at + 1])
      guard at + 2 + length <= received.count else { break }
      found.append(
        (Character(Unicode.Scalar(received[at + 2])), received[(at + 3)..<(at + 2 + length)]))
      at += 2 + length
    }
    return found
  }
  func has(_ type: Character) -> Bool { packets.contains { $0.type == type } }
}

/// A server whose feed stands still.
struct StandingExchange: ~Copyable {
  let network: MemoryNetwork
  var server: ExchangeServer
  let session: ExchangeSession

  init(
    _ limits: ExchangeServerLimits = ExchangeServerLimits(), accountBytesMax: Int = 2 << 30,
    accounts: [String] = ["NTAIL1"], tell: ((ExchangeEvent) -> Void)? = nil
  ) throws {
    let network = try MemoryNetwork(seed: 5)
    var settings = ExchangeServerSettings()
    settings.reactor.network = network
    settings.limits = limits
    settings.startsAtLogin = true
    settings.pace = .times(100_000)
    var sessionSettings = ExchangeSessionSettings()
    sessionSettings.accountBytesMax = accountBytesMax
    sessionSettings.accounts = accounts
    let session = try ExchangeSession(
      settings: sessionSettings, feed: DurableSessionTests.generated(seed: 5, messages: 2_000))
    for _ in 0..<300 { session.applyNext() }
    let server = try ExchangeServer(session: session, settings: settings, flow: nil, tell: tell)
    self.network = network
    self.session = session
    self.server = server
  }

  /// Turns until it is so; false when it has not become so in minutes of virtual time.
  mutating func until(_ peers: [BarePeer], _ condition: ([BarePeer]) -> Bool) -> Bool {
    let limit = network.now + ServerBench.timeMax
    while network.now < limit {
      turn()
      for peer in peers { peer.read() }
      if condition(peers) { return true }
    }
    return false
  }

  mutating func turn() {
    server.turn()
    network.pass(until: server.due)
  }

  func peer(at endpoint: Endpoint, receiveBuffer: Int32 = 0) throws -> BarePeer {
    try BarePeer(to: endpoint, on: network, receiveBuffer: receiveBuffer)
  }
}
