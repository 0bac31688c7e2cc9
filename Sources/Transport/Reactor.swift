public import CSupport
internal import Glibc

/// Sockets and timers of one thread, as events: TCP, UDP and multicast over io_uring, over epoll where io_uring
/// is forbidden, or over a ``MemoryNetwork``. Knows bytes only; sessions and protocols are above it.
///
/// A loop: ``poll(_:)``, look at the events by ``event(_:)``, queue sends; they leave together at
/// ``submit()`` or with the next poll. Nothing allocates after creation; full is a return value.
///
/// Threading: owned by one thread, the one that creates it (io_uring insists). Only a ``ReactorWaker``
/// may be used from others.
@safe
public struct Reactor: ~Copyable {
  @usableFromInline let net: OpaquePointer
  let events: UnsafeMutablePointer<nt_net_event>
  let capacity: UInt32
  private var count = 0
  /// The network in memory that this reactor is on; nil: the kernel's.
  public let network: MemoryNetwork?
  /// One sentence: which back end is in use, and why. To be printed once.
  public let backEndReason: String

  /// Fails with EINVAL for an impossible setting, ENOMEM, or what the system says; `.ioUring` fails
  /// where io_uring does not work. The subject of the error is a sentence.
  public init(_ settings: ReactorSettings = ReactorSettings()) throws(ReactorError) {
    guard (1...4096).contains(settings.eventsPerPoll), let options = unsafe settings.options else {
      throw ReactorError(
        operation: .create, errorNumber: 22,
        subject: "(a setting is out of its range; eventsPerPoll: 1 to 4096)")
    }
    var made: OpaquePointer?
    var text = [CChar](repeating: 0, count: 256)
    let error = unsafe text.withUnsafeMutableBufferPointer { buffer in
      unsafe withUnsafePointer(to: options) { options in
        unsafe nt_net_create(&made, options, buffer.baseAddress, UInt32(buffer.count))
      }
    }
    let reason = String(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard error == 0, let made = unsafe made else {
      throw ReactorError(operation: .create, errorNumber: error, subject: "(\(reason))")
    }
    unsafe net = made
    capacity = UInt32(settings.eventsPerPoll)
    network = settings.network
    unsafe events = .allocate(capacity: settings.eventsPerPoll)
    unsafe events.initialize(repeating: nt_net_event(), count: settings.eventsPerPoll)
    backEndReason = reason
  }

  deinit {
    unsafe nt_net_destroy(net)
    unsafe events.deallocate()
  }

  /// What is in use: never `.automatic`.
  public var backEnd: ReactorBackEnd {
    switch unsafe nt_net_back_end(net) {
    case UInt32(NT_NET_URING): .ioUring
    case UInt32(NT_NET_MEMORY): .memory
    default: .epoll
    }
  }

  /// Why no io_uring can be made here: the kernel, a limit or a container's filter forbids it; nil where it
  /// works. Makes a small one and gives it back: a matter of a millisecond, for before a run.
  public static func ioUringRefusal() -> String? {
    var settings = ReactorSettings()
    settings.backEnd = .ioUring
    settings.connections = 2
    settings.receiveBuffers = 2
    do {
      _ = try Reactor(settings)
      return nil
    } catch { return "\(error)" }
  }

  // MARK: Events

  /// Hands queued sends to the kernel and collects at most `eventsPerPoll` events; their bytes are
  /// valid until the next poll. Returns their number, for ``event(_:)``, or a negative errno
  /// (only for a broken reactor, or one polled by another thread than its own).
  @_noLocks
  public mutating func poll(_ wait: WaitStrategy) -> Int {
    switch wait {
    case .spin:
      count = Int(unsafe nt_net_poll(net, events, capacity, 0))
    case .spinThenYield(let spins):
      var left = spins
      repeat {
        count = Int(unsafe nt_net_poll(net, events, capacity, 0))
        left &-= 1
      } while count == 0 && left > 0
      if count == 0 { nt_net_yield() }
    case .block(let nanoseconds):
      count = Int(unsafe nt_net_poll(net, events, capacity, nanoseconds))
    }
    let result = count
    if count < 0 { count = 0 }
    return result
  }

  /// Event `index` of the last poll, 0 up to its count. Events of connections closed since then come
  /// out as `stale`.
  @_noLocks
  public func event(_ index: Int) -> ReactorEvent {
    precondition(index >= 0 && index < count, "no such event in the last poll")
    let event = unsafe events + index
    let rawKind = unsafe event.pointee.kind
    let ofConnection = rawKind != 9 && rawKind != 10
    let isStale = unsafe ofConnection && !nt_net_is_open(net, event.pointee.connection)
    return unsafe ReactorEvent(event, isStale: isStale)
  }

  /// With the setting `releasesExplicitly`: gives the event's bytes back. Call it for every
  /// `received` event, `stale` ones included. False when they had been given back before.
  @_noLocks
  @discardableResult
  public mutating func release(_ event: ReactorEvent) -> Bool {
    unsafe event.buffer == UInt32.max || nt_net_release(net, event.buffer) == 0
  }

  // MARK: Sending

  /// Queues bytes on a TCP connection, all or nothing; also before it is connected. On a direct
  /// connection they are offered to the kernel at once.
  @_noLocks
  public mutating func send(_ bytes: UnsafeRawBufferPointer, on connection: ConnectionID)
    -> SendResult
  {
    guard bytes.count <= Int(Int32.max) else { return .tooLong }
    return unsafe Reactor.result(
      nt_net_send(net, connection.rawValue, bytes.baseAddress, UInt32(bytes.count)))
  }

  /// Queues one datagram of up to 65,507 bytes.
  @_noLocks
  public mutating func sendDatagram(
    _ bytes: UnsafeRawBufferPointer, to peer: Endpoint, on connection: ConnectionID
  ) -> SendResult {
    guard bytes.count <= Int(Int32.max) else { return .tooLong }
    let to = nt_net_endpoint(address: peer.address, port: peer.port, pad: 0)
    return unsafe Reactor.result(
      nt_net_send_to(net, connection.rawValue, to, bytes.baseAddress, UInt32(bytes.count)))
  }

  @_noLocks
  private static func result(_ error: Int32) -> SendResult {
    switch error {
    case 0: return .queued
    case 11: return .full  // EAGAIN
    case 90: return .tooLong  // EMSGSIZE
    default: return .notConnected
    }
  }

  /// Hands every queued send to the kernel now. Returns 0, or an errno of a broken reactor.
  @_noLocks
  @discardableResult
  public mutating func submit() -> Int32 { unsafe nt_net_submit(net) }

  /// Bytes that the kernel has not taken yet.
  @_noLocks
  public func unsentBytes(of connection: ConnectionID) -> Int {
    unsafe Int(nt_net_unsent(net, connection.rawValue))
  }

  /// Sends what is queued, then FIN; receiving goes on. False when it is not a connected stream.
  @discardableResult
  public mutating func shutdown(_ connection: ConnectionID) -> Bool {
    unsafe nt_net_shutdown(net, connection.rawValue) == 0
  }

  /// Closes at once. Queued bytes that the kernel has not taken are dropped; nothing more is
  /// reported. False when it was closed before.
  @discardableResult
  public mutating func close(_ connection: ConnectionID) -> Bool {
    unsafe nt_net_close(net, connection.rawValue, false) == 0
  }

  /// Closes so that the peer sees a reset.
  @discardableResult
  public mutating func abort(_ connection: ConnectionID) -> Bool {
    unsafe nt_net_close(net, connection.rawValue, true) == 0
  }

  @_noLocks
  public func isOpen(_ connection: ConnectionID) -> Bool {
    unsafe nt_net_is_open(net, connection.rawValue)
  }

  // MARK: Timers

  /// A one-shot timer at `deadline`, in nanoseconds of ``now``. Nil when all are armed.
  @_noLocks
  public mutating func armTimer(at deadline: Int64, token: UInt64) -> TimerID? {
    var timer: UInt64 = 0
    guard unsafe nt_net_arm(net, deadline, token, &timer) == 0 else { return nil }
    return TimerID(rawValue: timer)
  }

  /// A one-shot timer this many nanoseconds from now. Nil when all are armed.
  @_noLocks
  public mutating func armTimer(after nanoseconds: Int64, token: UInt64) -> TimerID? {
    let (deadline, overflow) = now.addingReportingOverflow(nanoseconds)
    return armTimer(at: overflow ? Int64.max : deadline, token: token)
  }

  /// False when it has fired or was cancelled.
  @_noLocks
  @discardableResult
  public mutating func cancel(_ timer: TimerID) -> Bool {
    unsafe nt_net_disarm(net, timer.rawValue) == 0
  }

  // MARK: Time

  /// Machine time in nanoseconds: CLOCK_MONOTONIC, or the ``network``'s own clock. Timers and everything above a
  /// reactor go by it.
  @inlinable public var now: Int64 {
    @_noLocks @inline(__always) get { unsafe nt_net_now(net) }
  }

  /// A raw stamp of the processor's counter, for latencies; 0 on a network in memory, where nothing takes any time.
  @inlinable public var ticks: UInt64 {
    @_noLocks @inline(__always) get { unsafe nt_net_ticks(net) }
  }

  /// CLOCK_REALTIME less ``now``, at this moment: what the stamps of ``ReactorEvent/receiveTime`` are of. 0 on a
  /// network in memory, whose stamps are of its own clock.
  public var realtimeOffset: Int64 {
    guard network == nil else { return 0 }
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) &- now
  }

  /// On a network in memory, when a poll has something to do without any further arrival, a moment of the past where
  /// it has already; nil: never. Over the kernel only its timers are known.
  public var due: Int64? {
    let due = unsafe nt_net_due(net)
    return due == .max ? nil : due
  }

  /// The number by which a ``NetworkLink`` knows this reactor; 0 over the kernel.
  public var host: Int { Int(unsafe nt_net_host(net)) }
}
