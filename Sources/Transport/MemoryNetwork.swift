import CSupport

/// A network in memory with a clock of its own, for ``Reactor``s of one thread: TCP, UDP and multicast between
/// them with the faults of a network, all from a seed. What simulations, virtual time and tests run on in the
/// place of the kernel's; a live configuration cannot name it.
///
/// ```swift
/// let network = try MemoryNetwork(seed: 7)
/// var settings = ReactorSettings()
/// settings.network = network
/// var server = try Reactor(settings)  // host 1
/// var client = try Reactor(settings)  // host 2
/// network.addLink(NetworkLink(to: 2, transport: .datagram, loss: 50_000))
/// // Poll those that have work, then move the clock to what comes next:
/// while let next = [network.next, server.due, client.due].compactMap({ $0 }).min() {
///   network.advance(to: next)
///   …
/// }
/// ```
///
/// Nothing happens by itself: what is sent is under way until ``advance(to:)`` has moved the clock to its arrival.
/// A reactor that is not polled is a process that the machine does not run: its receive buffers fill, then
/// datagrams are lost and streams hold their senders up. The same calls give the same bytes at the same times.
///
/// Threading: one thread at a time, that of its reactors; it may be handed over together with them. Lives as long as
/// any of them.
@safe public final class MemoryNetwork: @unchecked Sendable {
  let memnet: OpaquePointer
  public let seed: UInt64

  /// - Parameters:
  ///   - seed: of every loss, delay and fault.
  ///   - start: the clock at the beginning, nanoseconds, above 0.
  ///   - sockets: of all reactors together, 1 to 65,536.
  ///   - packets: under way and unread together, 16 to 2²⁴.
  ///   - bytes: of their payloads, 1 MiB to 64 GiB; memory is taken when it is used.
  ///
  /// Throws ``ReactorError`` with EINVAL for a number out of its range, or ENOMEM.
  public init(
    seed: UInt64, start: Int64 = 1_000_000_000, sockets: Int = 256, packets: Int = 1 << 18,
    bytes: Int = 256 << 20
  ) throws(ReactorError) {
    var made: OpaquePointer?
    let options = nt_memnet_options(
      seed: seed, start: start, sockets: UInt32(clamping: sockets),
      packets: UInt32(clamping: packets), bytes: UInt64(clamping: bytes))
    let error = unsafe withUnsafePointer(to: options) { unsafe nt_memnet_create(&made, $0) }
    guard error == 0, let made = unsafe made else {
      throw ReactorError(operation: .create, errorNumber: error, subject: "(a network in memory)")
    }
    unsafe memnet = made
    self.seed = seed
  }

  deinit { unsafe nt_memnet_destroy(memnet) }

  /// Nanoseconds; moves only by ``advance(to:)``.
  public var now: Int64 { unsafe nt_memnet_now(memnet) }

  /// When the next packet arrives; nil when none is under way.
  public var next: Int64? {
    let next = unsafe nt_memnet_next(memnet)
    return next == .max ? nil : next
  }

  /// When the last of what is under way now arrives; nil when nothing is.
  public var last: Int64? {
    let last = unsafe nt_memnet_last(memnet)
    return last == .min ? nil : last
  }

  /// Moves the clock, never back, and lets arrive what does until then.
  public func advance(to time: Int64) { unsafe nt_memnet_advance(memnet, time) }

  // MARK: Faults

  /// The link that takes every packet which no other matches: 5 µs and no faults, until it is set.
  public var link: NetworkLink {
    get { self[0] }
    set { self[0] = newValue }
  }

  /// Adds a link: a packet is subject to the first that matches it. Returns its number, for the subscript; nil
  /// when there are 64, or a number is out of its range.
  @discardableResult public func addLink(_ link: NetworkLink) -> Int? {
    let number = unsafe withUnsafePointer(to: link.raw) { unsafe nt_memnet_link_add(memnet, $0) }
    return number < 0 ? nil : Int(number)
  }

  /// How many there are, ``link`` among them.
  public var linkCount: Int { Int(unsafe nt_memnet_link_count(memnet)) }

  /// Setting does nothing where a number is out of its range.
  public subscript(number: Int) -> NetworkLink {
    get { NetworkLink(unsafe nt_memnet_link_get(memnet, UInt32(clamping: number))) }
    set {
      guard number >= 0 else { return }
      _ = unsafe withUnsafePointer(to: newValue.raw) {
        unsafe nt_memnet_link_set(memnet, UInt32(clamping: number), $0)
      }
    }
  }

  /// Ends streams now. Hosts and port as in ``NetworkLink``, 0 is any; how many there were.
  ///
  /// - Parameter halfOpen: nothing passes any more and neither end is told; else both see ECONNRESET.
  @discardableResult public func breakStreams(
    from: Int = 0, to: Int = 0, port: UInt16 = 0, halfOpen: Bool = false
  ) -> Int {
    Int(
      unsafe nt_memnet_break(
        memnet, UInt32(clamping: from), UInt32(clamping: to), port, halfOpen))
  }

  public var counters: NetworkCounters {
    NetworkCounters(unsafe nt_memnet_counters_of(memnet).pointee)
  }
}

/// What befalls packets of a ``MemoryNetwork`` between two hosts.
///
/// Parts are per million, times nanoseconds. Out of range are parts above a million, negative times, hosts
/// above 64.
public struct NetworkLink: Hashable, Sendable {
  public enum Transport: UInt16, Sendable { case any, stream, datagram }

  /// Which packets: 0 is any. Hosts are numbered from 1 as reactors are made (``Reactor/host``).
  public var from = 0
  /// In the same way.
  public var to = 0
  /// The datagram's receiver's, or that of the stream's listening end; 0 is any.
  public var port: UInt16 = 0
  /// Which of them.
  public var transport = Transport.any
  /// At least one nanosecond is taken.
  public var latency: Int64 = 5_000
  /// Added, uniform from 0 to this. What one link carries stays in order: give two lines a link each where
  /// either may come first.
  public var jitter: Int64 = 0
  /// Of datagrams. A piece of a stream comes later by ``retransmit`` instead.
  public var loss: UInt32 = 0
  /// Of datagrams: they come twice.
  public var duplication: UInt32 = 0
  /// Of datagrams: they come up to ``reorderedBy`` later than what was sent after them.
  public var reordering: UInt32 = 0
  public var reorderedBy: Int64 = 1_000_000
  /// Of pieces of a stream: both ends see ECONNRESET.
  public var reset: UInt32 = 0
  /// Of pieces of a stream: nothing of it arrives from then on, and nobody is told.
  public var halfOpen: UInt32 = 0
  /// Of receives: fewer bytes than are there.
  public var shortReads: UInt32 = 0
  /// Of sends: fewer bytes than were offered.
  public var shortWrites: UInt32 = 0
  /// By which a piece that is lost comes later; also what a stream's first packet waits for its next try.
  public var retransmit: Int64 = 200_000_000
  /// 0: no bound.
  public var bytesPerSecond: UInt64 = 0
  /// Datagrams that would wait behind more bytes than this are lost; 0: no bound.
  public var queueBytes: UInt64 = 0
  /// Until then nothing passes: datagrams are lost, streams wait.
  public var cutUntil: Int64 = 0

  public init(
    from: Int = 0, to: Int = 0, port: UInt16 = 0, transport: Transport = .any,
    latency: Int64 = 5_000, loss: UInt32 = 0
  ) {
    self.from = from
    self.to = to
    self.port = port
    self.transport = transport
    self.latency = latency
    self.loss = loss
  }

  init(_ raw: nt_memnet_link) {
    self.init(
      from: Int(raw.from), to: Int(raw.to), port: raw.port,
      transport: Transport(rawValue: raw.transport) ?? .any, latency: raw.latency, loss: raw.loss)
    jitter = raw.jitter
    duplication = raw.duplication
    reordering = raw.reordering
    reorderedBy = raw.reordered_by
    reset = raw.reset
    halfOpen = raw.half_open
    shortReads = raw.short_reads
    shortWrites = raw.short_writes
    retransmit = raw.retransmit
    bytesPerSecond = raw.bytes_per_second
    queueBytes = raw.queue_bytes
    cutUntil = raw.cut_until
  }

  var raw: nt_memnet_link {
    nt_memnet_link(
      from: UInt32(exactly: from) ?? .max, to: UInt32(exactly: to) ?? .max, port: port,
      transport: transport.rawValue, loss: loss, duplication: duplication,
      reordering: reordering, reset: reset, half_open: halfOpen, short_reads: shortReads,
      short_writes: shortWrites, latency: latency, jitter: jitter, reordered_by: reorderedBy,
      retransmit: retransmit, bytes_per_second: bytesPerSecond, queue_bytes: queueBytes,
      cut_until: cutUntil)
  }
}

/// What a ``MemoryNetwork`` has done since its creation.
public struct NetworkCounters: Hashable, Sendable {
  /// Sent.
  public var datagrams: UInt64 = 0
  public var datagramBytes: UInt64 = 0
  /// Pieces of streams, sent.
  public var pieces: UInt64 = 0
  public var pieceBytes: UInt64 = 0
  /// Datagrams that came into a receiver's socket.
  public var arrived: UInt64 = 0
  public var lost: UInt64 = 0
  public var duplicated: UInt64 = 0
  public var reordered: UInt64 = 0
  public var resets: UInt64 = 0
  public var halfOpens: UInt64 = 0
  /// Pieces of streams that were lost and came again.
  public var retransmitted: UInt64 = 0
  /// Packets that met a cut.
  public var cut: UInt64 = 0
  /// Datagrams that found the receiver's buffer full.
  public var overflowed: UInt64 = 0
  /// Datagrams that found the link's queue full.
  public var queueFull: UInt64 = 0
  /// Datagrams to a port that nobody has.
  public var unreachable: UInt64 = 0
  /// Connections to a port where nobody listens.
  public var refused: UInt64 = 0
  /// Sends that found no place for a packet: datagrams are lost, streams wait.
  public var noRoom: UInt64 = 0

  init(_ c: nt_memnet_counters) {
    datagrams = c.datagrams
    datagramBytes = c.datagram_bytes
    pieces = c.pieces
    pieceBytes = c.piece_bytes
    arrived = c.arrived
    lost = c.lost
    duplicated = c.duplicated
    reordered = c.reordered
    resets = c.resets
    halfOpens = c.half_opens
    retransmitted = c.retransmitted
    cut = c.cut
    overflowed = c.overflowed
    queueFull = c.queue_full
    unreachable = c.unreachable
    refused = c.refused
    noRoom = c.no_room
  }
}
