public import ExecutionCore
package import Gateways
public import Transport

/// Takes the books from the exchange's snapshot service: what a late start needs, and a loss that
/// re-requests cannot mend.
///
/// The service is a SoupBinTCP session of ITCH messages that ends with `G` and the sequence at which
/// the feed goes on. While it is taken no book is whole, and nothing is traded.
///
/// Threading: the hot thread. Allocates when a snapshot begins: nothing trades then.
@safe @usableFromInline package struct SnapshotClient: ~Copyable {
  @inlinable package static var token: UInt64 { 5 }
  /// Attempts at one snapshot, and machine time between them.
  package static let attemptsMax = 20
  static let retry: Int64 = 250_000_000
  /// Machine time that one attempt may take, and that the service may be silent in it.
  package static let attemptTimeMax: Int64 = 15_000_000_000
  package static let silenceMax: Int64 = 3_000_000_000

  /// What the bytes amounted to.
  @usableFromInline package enum Progress {
    case more
    /// The books are taken; the feed goes on at this sequence.
    case complete(next: UInt64)
    case failed
  }

  private let credentials: SoupCredentials
  private let midnight: Int64
  private var soup: SoupClient
  private var connection = ConnectionID.none
  private var record = MarketRecord()
  private var attempts = 0
  private var connectAt: Int64 = 0
  /// Machine time at which this attempt has failed.
  private var deadline: Int64 = 0
  /// A snapshot is wanted and not there yet.
  @usableFromInline package private(set) var isWanted = false
  @usableFromInline package private(set) var taken: UInt64 = 0

  package init(credentials: SoupCredentials, midnight: Int64) {
    self.credentials = credentials
    self.midnight = midnight
    soup = SoupClient(Self.session(credentials))
  }

  private static func session(_ credentials: SoupCredentials) -> SoupClientSettings {
    var settings = SoupClientSettings(credentials: credentials)
    settings.timeout = silenceMax
    return settings
  }

  /// From now on a snapshot is wanted.
  @usableFromInline package mutating func begin(now: Int64) {
    guard !isWanted else { return }
    isWanted = true
    attempts = 0
    connectAt = now
  }

  /// Connects when it is time to, keeps the session alive, and ends an attempt that takes too long or
  /// whose service fell silent; false when the attempts are used up.
  @usableFromInline package mutating func tick(
    _ reactor: inout Reactor, at endpoint: Endpoint, now: Int64
  ) -> Bool {
    guard isWanted else { return true }
    if connection != .none { watch(&reactor, now: now) }
    guard attempts < Self.attemptsMax || connection != .none else { return false }
    guard connection == .none, endpoint.port != 0, now >= connectAt else { return true }
    attempts += 1
    connectAt = now &+ Self.retry
    deadline = now &+ Self.attemptTimeMax
    soup = SoupClient(Self.session(credentials))
    do throws(ReactorError) {
      connection = try reactor.connect(to: endpoint, token: Self.token)
    } catch {
      connection = .none
    }
    return true
  }

  /// Heartbeats, and the end of an attempt that hangs: in connecting, in logging in, in mid-stream.
  private mutating func watch(_ reactor: inout Reactor, now: Int64) {
    var fault: SoupFault?
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      let length = unsafe soup.tick(now: now, into: buffer, &fault)
      guard length > 0 else { return }
      _ = unsafe reactor.send(
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
        on: connection)
    }
    if fault != nil || now >= deadline { close(&reactor, now: now) }
  }

  /// One event of the connection.
  ///
  /// After ``Progress/complete(next:)`` the caller decides whether the books are of use: they stay
  /// unfit for trading until it says `endSnapshot`.
  @usableFromInline package mutating func handle(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, _ market: ITCHMarket, now: Int64
  ) -> Progress {
    guard event.connection == connection, isWanted else { return .more }
    switch event.kind {
    case .connected where event.errorNumber == 0:
      market.beginSnapshot()
      unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
        let length = unsafe soup.connected(now: now, into: buffer)
        _ = unsafe reactor.send(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
          on: connection)
      }
      return .more
    case .received:
      let progress = unsafe take(event.bytes, market, now: now)
      switch progress {
      case .more: return .more
      case .complete: isWanted = false
      case .failed: break
      }
      close(&reactor, now: now)
      return progress
    case .connected, .failed, .ended:
      close(&reactor, now: now)
      return .failed
    default: return .more
    }
  }

  private mutating func close(_ reactor: inout Reactor, now: Int64) {
    if connection != .none { _ = reactor.close(connection) }
    connection = .none
    connectAt = now &+ Self.retry
    soup.disconnected()
  }

  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ market: ITCHMarket, now: Int64
  ) -> Progress {
    var offset = 0
    // Each turn consumes bytes, or ends.
    while let event = unsafe soup.next(bytes, &offset, now: now) {
      switch event {
      case .sequenced(_, let message):
        if let next = unsafe Self.end(message) {
          taken &+= 1
          return .complete(next: next)
        }
        guard let base = unsafe message.bindMemory(to: UInt8.self).baseAddress,
          unsafe ITCHDecoder.decode(
            base, length: message.count, midnight: midnight, sequence: 0, into: &record)
        else { return .failed }
        _ = unsafe market.applySnapshot(&record)
      case .loginRejected, .failed, .endOfSession, .historyFound: return .failed
      case .loggedIn, .unsequenced, .debug: continue
      }
    }
    return .more
  }

  /// The sequence in `G` and twenty digits, blanks before; nil for any other message.
  static func end(_ message: UnsafeRawBufferPointer) -> UInt64? {
    guard message.count == 21, unsafe message[0] == UInt8(ascii: "G") else { return nil }
    var number: UInt64 = 0
    for i in 1..<message.count {
      let byte = unsafe message[i]
      if byte == 0x20 { continue }
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      let (product, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(byte - 0x30))
      if overflow || carried { return nil }
      number = sum
    }
    return number
  }
}
