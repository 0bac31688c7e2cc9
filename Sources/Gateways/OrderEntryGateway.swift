public import ExecutionCore

/// The client side of one order-entry session, in the core's terms: encodes the requests of its port, and says
/// in ``VenueReport``s what the venue's bytes mean. A venue of another protocol is another of these, and
/// nothing else in the core.
///
/// How it is driven, all on one thread: ``connected(now:)`` when the connection is up; ``receive(_:now:)`` with
/// what was read; while the socket takes bytes and ``hasRoom`` says so, ``encode(_:now:)`` for each request of
/// the port; ``tick(now:)`` every few milliseconds. After each of these ``output`` is handed to the socket
/// (``sent(now:)``) and ``reports`` to the engine (``clearReports()``). When ``closing`` is set, the caller
/// closes the connection and calls ``disconnected(now:)``.
///
/// Sans-I/O and without a clock: every call gets machine time. It keeps no order that waits: what it has
/// encoded goes to the socket at once, and what can't go waits in the engine's outbox, where cancels overtake
/// and age counts. No allocation after it is made.
///
/// What it must say: `sessionUp` when it is logged in, then whatever the venue had missed to tell, then
/// `caughtUp`; `sessionDown` after; for an inquiry, any number of `status`, `neverArrived` and `settled`, and
/// then `inquiryAnswered`; `notSent` for a request that it does not send.
public protocol OrderEntryGateway: ~Copyable {
  /// Logged in; requests are taken.
  var isActive: Bool { get }
  /// What the venue had to say at log-in has been said.
  var isCaughtUp: Bool { get }
  /// The connection is of no use any more, and what to do after it.
  var closing: Reconnecting? { get }
  /// Why, in words.
  var closingReason: String { get }
  /// The cap of the last hop that was passed; nil while its fuse is armed.
  var fuseTripped: LastHopFuse.Cap? { get }
  var counters: GatewayCounters { get }

  /// Any request can be encoded, and any refusal of it reported.
  var hasRoom: Bool { get }
  /// Turns one request into bytes behind ``output``. nil: it goes. Otherwise it does not, and a `notSent`
  /// report says why. Cancels pass the fuse always.
  mutating func encode(_ request: VenueRequest, now: Int64) -> NotSentCause?
  /// The bytes to send now. Valid until the next call that changes the gateway.
  var output: UnsafeRawBufferPointer { get }
  /// All of ``output`` has been taken by the socket.
  mutating func sent(now: Int64)

  /// Takes bytes that were read. Returns how many were used: fewer than given means that the reports are full,
  /// or that ``closing`` is set. Hand over the reports, and call again with the rest.
  mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int
  /// What happened since ``clearReports()``, in order. Valid until the next call that changes the gateway.
  var reports: UnsafeBufferPointer<VenueReport> { get }
  mutating func clearReports()

  mutating func connected(now: Int64)
  mutating func disconnected(now: Int64)
  /// Heartbeats and time-outs.
  mutating func tick(now: Int64)
  /// Asks the venue to end the session in order.
  mutating func logout()
}

/// What to do when a connection has ended.
@frozen public enum Reconnecting: UInt8, BitwiseCopyable, Sendable {
  /// Connect again, after a pause that grows.
  case later = 1
  /// Connect again at once: nothing is wrong.
  case atOnce = 2
  /// The session is over: no attempt any more.
  case never = 3
  /// The log-in was refused, and may be taken another time: as ``later``, but before the first that was taken only
  /// for a while.
  case notAvailable = 4
  /// The venue does not know us: before the first log-in that it took no attempt any more, after it a few.
  case notAuthorised = 5
}

/// Counters of a gateway.
@frozen public struct GatewayCounters: BitwiseCopyable, Sendable, Equatable {
  /// Requests encoded, and those that were not.
  public var encoded: UInt64 = 0
  public var notSent: UInt64 = 0
  public var bytesSent: UInt64 = 0
  public var messages: UInt64 = 0
  /// Messages of a type we do not know, or too short for their type: an alarm.
  public var undecodable: UInt64 = 0
  /// Messages whose fixed part was good and whose optional part was not.
  public var damagedOptions: UInt64 = 0
  public var skippedOptions: UInt64 = 0
  /// Echoed identifiers that are not of our form.
  public var foreignIdentifiers: UInt64 = 0
  public var sessionsUp: UInt64 = 0

  public init() {}

  /// Those of another port too.
  public mutating func add(_ other: GatewayCounters) {
    encoded &+= other.encoded
    notSent &+= other.notSent
    bytesSent &+= other.bytesSent
    messages &+= other.messages
    undecodable &+= other.undecodable
    damagedOptions &+= other.damagedOptions
    skippedOptions &+= other.skippedOptions
    foreignIdentifiers &+= other.foreignIdentifiers
    sessionsUp &+= other.sessionsUp
  }
}
