import CSupport

/// A socket of a ``Reactor``. A closed socket's id is never valid again: slots are reused, ids are not.
@frozen
public struct ConnectionID: Hashable, Sendable, BitwiseCopyable {
  public let rawValue: UInt64

  @inlinable @_noLocks
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Below the setting `connections`; at any moment one open connection has it. For indexing.
  @inlinable
  public var slot: Int { Int(truncatingIfNeeded: rawValue & 0xFFFF_FFFF) }

  /// No connection.
  @inlinable
  public static var none: ConnectionID { ConnectionID(rawValue: 0) }
}

/// An armed timer of a ``Reactor``.
@frozen
public struct TimerID: Hashable, Sendable, BitwiseCopyable {
  public let rawValue: UInt64

  @inlinable @_noLocks
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One thing that happened. The bytes are valid until the next poll, or until
/// ``Reactor/release(_:)`` where the settings say so.
@safe
public struct ReactorEvent {
  public enum Kind: UInt16, Sendable {
    /// Of a connection that has been closed since: pass over it.
    case stale = 0
    /// A connect has finished: `errorNumber` 0, or why it failed.
    case connected = 1
    /// `connection` is new; `token` is the listener's, `peer` the other end.
    case accepted = 2
    /// `bytes` came in.
    case received = 3
    /// The peer sends no more. Sending to it is still possible.
    case ended = 4
    /// `errorNumber` says why. Nothing more comes; the owner closes it.
    case failed = 5
    /// A send was refused as full; half of the send buffer is free now.
    case sendable = 6
    /// Datagrams were dropped unsent; `errorNumber` of the last.
    case sendFailed = 7
    /// A listener could not accept; it stays open.
    case acceptFailed = 8
    /// `timer` has fired; `token` is its token.
    case timer = 9
    /// Another thread called ``ReactorWaker/wake()``.
    case woken = 10

    /// The kind that C gave as a number; what is none counts as stale.
    @_noLocks
    static func of(_ raw: UInt16) -> Kind {
      switch raw {
      case 1: .connected
      case 2: .accepted
      case 3: .received
      case 4: .ended
      case 5: .failed
      case 6: .sendable
      case 7: .sendFailed
      case 8: .acceptFailed
      case 9: .timer
      case 10: .woken
      default: .stale
      }
    }
  }

  public let kind: Kind
  public let connection: ConnectionID
  /// The value given when the connection or timer was made.
  public let token: UInt64
  public let bytes: UnsafeRawBufferPointer
  /// Who sent the datagram, or was accepted or connected to.
  public let peer: Endpoint
  /// The kernel's receive time in nanoseconds since 1970 UTC; 0 when there is none.
  public let receiveTime: Int64
  /// An errno, 0 when nothing failed. See ``ReactorError/text(ofErrorNumber:)``.
  public let errorNumber: Int32
  /// The datagram was longer than a receive buffer.
  public let isTruncated: Bool
  let buffer: UInt32

  @_noLocks
  init(_ event: UnsafePointer<nt_net_event>, isStale: Bool) {
    kind = unsafe isStale ? .stale : Kind.of(event.pointee.kind)
    connection = ConnectionID(rawValue: unsafe event.pointee.connection)
    token = unsafe event.pointee.token
    unsafe bytes = UnsafeRawBufferPointer(
      start: event.pointee.data, count: Int(event.pointee.length))
    peer = unsafe Endpoint(address: event.pointee.peer.address, port: event.pointee.peer.port)
    receiveTime = unsafe event.pointee.timestamp
    errorNumber = unsafe event.pointee.error
    isTruncated = unsafe event.pointee.flags & 1 != 0
    buffer = unsafe event.pointee.buffer
  }

  /// Of a `timer` event.
  public var timer: TimerID { TimerID(rawValue: connection.rawValue) }
}
