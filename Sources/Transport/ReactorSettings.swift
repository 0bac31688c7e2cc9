/// What the reactor asks the kernel with.
public enum ReactorBackEnd: String, Sendable {
  /// io_uring where it works, epoll elsewhere (containers and seccomp filters often forbid io_uring).
  case automatic
  case ioUring = "io_uring"
  case epoll
  /// A network in memory: ``ReactorSettings/network`` names it, nothing else selects it.
  case memory
}

/// The bounds of a ``Reactor``: everything is allocated at creation, nothing grows.
public struct ReactorSettings: Sendable {
  public var backEnd: ReactorBackEnd = .automatic
  /// Sockets of every kind, 1 to 65,536.
  public var connections = 64
  /// A power of two, 2 to 32,768.
  public var receiveBuffers = 256
  /// The longest datagram, 64 to 65,536 bytes. An event of a stream carries at most 128 more.
  public var receiveBufferBytes = 4096
  /// The send buffer of each connection: a power of two, 256 to 2³⁰ bytes.
  public var sendBytes = 65_536
  /// Timers armed at once, 1 to 65,536.
  public var timers = 64
  /// Events of one poll, 1 to 4096.
  public var eventsPerPoll = 64
  /// Entries of io_uring's submission ring: a power of two, 1 to 32,768.
  public var submissionEntries = 256
  /// Entries of io_uring's completion ring: a power of two, `submissionEntries` to 65,536.
  public var completionEntries = 1024
  /// False: the bytes of an event are valid until the next poll. True: until ``Reactor/release(_:)``,
  /// which must then be called for every `received` event.
  public var releasesExplicitly = false
  /// Touches all memory at creation.
  public var prefaults = false
  /// The network in memory to be on, whatever ``backEnd`` says; nil: the kernel's.
  public var network: MemoryNetwork?

  public init() {}
}

/// How one socket behaves.
public struct SocketOptions: Sendable {
  /// Plain non-blocking receive in every poll and send at once, instead of through io_uring or epoll:
  /// quickest for the one or two hot sockets of a spinning loop, wrong for many.
  public var isDirect = false
  /// Datagrams: events carry the sender's endpoint.
  public var reportsPeer = false
  /// Datagrams: events carry the kernel's receive time.
  public var reportsReceiveTime = false
  /// With ``reportsReceiveTime`` on a direct socket: only every sixteenth look at the socket asks for it,
  /// which makes a receive dearer by half; a look that finds nothing is one too.
  public var samplesReceiveTime = false
  /// Listeners: refuses an address that an earlier process has just left (no SO_REUSEADDR).
  public var isExclusive = false
  /// SO_RCVBUF and SO_SNDBUF in bytes; 0: the system's.
  public var receiveBufferBytes: Int32 = 0
  public var sendBufferBytes: Int32 = 0
  /// SO_BUSY_POLL in microseconds; 0: off. Where the system refuses, a counter says so.
  public var busyPollMicroseconds: Int32 = 0
  /// Connections that may wait for being accepted.
  public var backlog: Int32 = 128

  public init() {}

  /// ``isDirect``.
  public static var direct: SocketOptions {
    var options = SocketOptions()
    options.isDirect = true
    return options
  }
}

/// What a poll does when there is nothing to report.
@frozen
public enum WaitStrategy: Hashable, Sendable {
  /// Returns at once.
  case spin
  /// Looks this many times, then gives up the processor once, and returns.
  case spinThenYield(spins: Int)
  /// Sleeps in the kernel until something happens, at most this long (bounded by one second).
  case block(nanoseconds: Int64)
}
