public import ExecutionCore
public import Gateways
public import Transport

/// Takes the books from the exchange's snapshot service: what a late start needs, and a loss that
/// re-requests cannot mend. Its log-in also names the session, for a run that nobody has told.
///
/// The service is a SoupBinTCP session of ITCH messages that ends with `G` and the sequence at which
/// the feed goes on. While it is taken no book is whole, and nothing is traded. Attempts, and
/// snapshots that did not help, follow each other more and more slowly, until the books have stayed whole
/// for ``wholeTime``.
///
/// Threading: the hot thread. Allocates when a snapshot begins: nothing trades then.
@safe @usableFromInline package struct SnapshotClient: ~Copyable {
  @inlinable package static var token: UInt64 { 5 }
  /// Attempts at one snapshot; machine time between the first two, doubling up to the most.
  package static let attemptsMax = 12
  package static let retry: Int64 = 250_000_000
  package static let retryMax: Int64 = 4_000_000_000
  /// Machine time that the books stay whole before the next snapshot is taken at once again.
  package static let wholeTime: Int64 = 10_000_000_000
  /// Machine time that one attempt may take, and that the service may be silent in it.
  package static let attemptTimeMax: Int64 = 15_000_000_000
  package static let silenceMax: Int64 = 3_000_000_000

  /// What the bytes amounted to.
  @usableFromInline package enum Progress {
    case more
    /// The books are loaded; the feed goes on at ``loaded``. ``accept()`` or ``refuse()`` it.
    case complete
    /// Only the session's name was wanted.
    case named
    case failed
  }

  private let credentials: SoupCredentials
  private let midnight: Int64
  private var soup: SoupClient
  private var connection = ConnectionID.none
  private var record = MarketRecord()
  private var attempts = 0
  /// Since when the service, which has never taken a log-in, has refused them; 0: it has refused none.
  private var refusedSince: Int64 = 0
  @usableFromInline package var isRefused: Bool { refusedSince != 0 }
  private var hasLoggedIn = false
  private var connectAt: Int64 = 0
  /// The wait behind the next attempt.
  private var wait = Self.retry
  /// Since when the books have been whole; 0: they are not.
  private var wholeSince: Int64 = 0
  /// Machine time at which this attempt has failed.
  private var deadline: Int64 = 0
  /// The session is wanted, whose name the service says at the log-in.
  @usableFromInline package private(set) var isLearning = false
  /// The session, once the service has named it.
  @usableFromInline package private(set) var session: SessionName?
  /// A snapshot is wanted and not there yet.
  @usableFromInline package private(set) var isWanted = false
  /// The sequence at which a snapshot ends that is loaded, and neither accepted nor refused yet; 0: none.
  @usableFromInline package private(set) var loaded: UInt64 = 0
  @usableFromInline package private(set) var taken: UInt64 = 0
  /// Messages of an unknown type in snapshots, which are passed over.
  @usableFromInline package private(set) var skipped: UInt64 = 0

  package init(credentials: SoupCredentials, midnight: Int64) {
    self.credentials = credentials
    self.midnight = midnight
    soup = SoupClient(Self.session(credentials))
  }

  private static func session(
    _ credentials: SoupCredentials, of name: SessionName? = nil
  ) -> SoupClientSettings {
    var settings = SoupClientSettings(credentials: credentials)
    if let name { settings.session = name }
    settings.timeout = silenceMax
    return settings
  }

  /// From now on a snapshot is wanted.
  @usableFromInline package mutating func begin(now: Int64) {
    guard !isWanted else { return }
    isWanted = true
    attempts = 0
    if taken == 0 { connectAt = now }
  }

  /// From now on the session's name is wanted.
  @usableFromInline package mutating func learn(now: Int64) {
    guard !isLearning, session == nil else { return }
    isLearning = true
    attempts = 0
    connectAt = now
  }

  /// What was loaded is spliced into the feed.
  @usableFromInline package mutating func accept() {
    taken &+= 1
    loaded = 0
    isWanted = false
  }

  /// What was loaded is of no use: another one is taken, after a while.
  @usableFromInline package mutating func refuse() { loaded = 0 }

  /// To be told every few milliseconds whether the books are whole: when they stay so, the waits are short
  /// again.
  @usableFromInline package mutating func look(isWhole: Bool, now: Int64) {
    guard isWhole, !isWanted else {
      wholeSince = 0
      return
    }
    if wholeSince == 0 { wholeSince = max(now, 1) }
    if now &- wholeSince >= Self.wholeTime {
      wait = Self.retry
      connectAt = min(connectAt, now)
    }
  }

  /// Connects when it is time to, keeps the session alive, and ends an attempt that takes too long or
  /// whose service fell silent; false when the attempts are used up, when every log-in has been refused for
  /// ``LoginRefusals/unavailableMax``, or the session's name is wanted and there is no service to ask.
  ///
  /// - Parameter session: the feed's, where it is known: a snapshot of another one is none.
  @usableFromInline package mutating func tick(
    _ reactor: inout Reactor, at endpoint: Endpoint, of session: SessionName?, now: Int64
  ) -> Bool {
    guard isWanted || isLearning, loaded == 0 else { return true }
    if connection != .none { watch(&reactor, now: now) }
    guard attempts < Self.attemptsMax || connection != .none || now < connectAt else {
      return false
    }
    if refusedSince != 0, now &- refusedSince >= LoginRefusals.unavailableMax { return false }
    guard endpoint.port != 0 else { return !isLearning }
    guard connection == .none, now >= connectAt else { return true }
    attempts += 1
    pause(now: now)
    deadline = now &+ Self.attemptTimeMax
    soup = SoupClient(Self.session(credentials, of: session))
    do throws(ReactorError) {
      connection = try reactor.connect(to: endpoint, token: Self.token)
    } catch {
      connection = .none
    }
    return true
  }

  /// The next attempt is not before this wait is over, and the one behind it is twice as long.
  private mutating func pause(now: Int64) { connectAt = now &+ wait }

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
  /// After ``Progress/complete`` the caller decides whether the books are of use: they stay
  /// unfit for trading until it says `endSnapshot`. `time` is what a message is applied at that is
  /// stamped so.
  @usableFromInline package mutating func handle(
    _ event: borrowing ReactorEvent, _ reactor: inout Reactor, _ market: ITCHMarket, now: Int64,
    time: (Int64) -> Int64 = { $0 }
  ) -> Progress {
    guard event.connection == connection, isWanted || isLearning else { return .more }
    switch event.kind {
    case .connected where event.errorNumber == 0:
      unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
        let length = unsafe soup.connected(now: now, into: buffer)
        _ = unsafe reactor.send(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<length]),
          on: connection)
      }
      return .more
    case .received:
      let progress = unsafe take(event.bytes, market, now: now, time)
      if case .more = progress { return .more }
      close(&reactor, now: now)
      if case .named = progress { wait = Self.retry }
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
    pause(now: now)
    wait = min(wait &* 2, Self.retryMax)
    soup.disconnected()
  }

  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ market: ITCHMarket, now: Int64, _ time: (Int64) -> Int64
  ) -> Progress {
    var offset = 0
    // Each turn consumes bytes, or ends.
    while let event = unsafe soup.next(bytes, &offset, now: now) {
      switch event {
      case .loggedIn(let session, _):
        // SoupBinTCP pads on the left, MoldUDP64 on the right.
        self.session = session.leftJustified
        isLearning = false
        hasLoggedIn = true
        refusedSince = 0
        guard isWanted else { return .named }
        market.beginSnapshot()
      case .sequenced(_, let message):
        if let next = unsafe Self.end(message) {
          loaded = next
          return next > 0 ? .complete : .failed
        }
        guard unsafe apply(message, market, time) else { return .failed }
      case .loginRejected:
        // What we say of ourselves is likely wrong.
        if !hasLoggedIn, refusedSince == 0 { refusedSince = max(now, 1) }
        return .failed
      case .failed, .endOfSession, .historyFound: return .failed
      case .unsequenced, .debug: continue
      }
    }
    return .more
  }

  /// False for a message that cannot be read: the snapshot is none.
  private mutating func apply(
    _ message: UnsafeRawBufferPointer, _ market: ITCHMarket, _ time: (Int64) -> Int64
  ) -> Bool {
    guard let base = unsafe message.bindMemory(to: UInt8.self).baseAddress, message.count > 0
    else { return false }
    guard
      unsafe ITCHDecoder.decode(
        base, length: message.count, midnight: midnight, sequence: 0, into: &record)
    else {
      guard unsafe FeedFaultCounts.isUnknownType(base.pointee) else { return false }
      skipped &+= 1
      return true
    }
    record.sessionTime = time(record.sessionTime)
    _ = unsafe market.applySnapshot(&record)
    return true
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
