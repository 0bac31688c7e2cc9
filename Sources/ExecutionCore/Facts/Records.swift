/// The journal's record layout, shared by the engine that writes it and the
/// Journal module that stores, reads and prints it. Little-endian, as it lies in memory.
///
/// One record: ``RecordHeader`` (48 bytes), payload, zero bytes up to a multiple of 8 less 4, CRC32C
/// (4 bytes, over all before it). `length` counts all of it.
@frozen public struct RecordHeader: BitwiseCopyable, Sendable {
  public var length: UInt32
  public var type: UInt16
  public var version: UInt16
  /// Dense from 1, never reset in a data directory.
  public var sequence: UInt64
  public var sessionTime: Int64
  public var machineTime: Int64
  /// Journal sequence of the cause, or with the top bit set ``FeedPosition/cause``.
  public var cause: UInt64
  public var account: UInt32
  public var strategy: UInt32

  public init(type: RecordType) {
    length = 0
    self.type = type.rawValue
    version = type.version
    sequence = 0
    sessionTime = 0
    machineTime = 0
    cause = 0
    account = .max
    strategy = .max
  }
  /// Largest whole record: header, payload, padding and checksum.
  public static var lengthMax: Int { 4096 }
}

/// A place in a market-data feed as a `cause`: top bit, 15 bits of channel, 48 bits of sequence.
@frozen public struct FeedPosition: BitwiseCopyable, Sendable {
  public var channel: UInt16
  public var sequence: UInt64
  @inlinable public init(channel: UInt16, sequence: UInt64) {
    self.channel = channel
    self.sequence = sequence
  }
  @inlinable public var cause: UInt64 {
    1 << 63 | UInt64(channel & 0x7fff) << 48 | (sequence & 0xffff_ffff_ffff)
  }
}

/// Never renumber: the numbers are on disk.
///
/// There are three kinds. An *input* is all that changes trading state: it is journalled, then applied, when it
/// happens and when the journal is replayed. A *consequence* is what applying it comes to: journalled for people,
/// worked out again in a replay, and compared. The others lie outside of trading state.
@frozen public enum RecordType: UInt16, BitwiseCopyable, Sendable, CaseIterable {
  /// ``SessionRecord``: trading day, configuration hash, numbers.
  case sessionStarted = 1
  /// ``InstrumentRecord``, one each at start-up.
  case instrumentDefined = 2
  /// ``PortRecord``, one each at start-up.
  case portDefined = 3
  /// A piece of the configuration: lines of UTF-8, `name = value`, which go on in the next piece. Those of `run.`
  /// are for people, the others make the engine.
  case configuration = 4
  /// ``IntentRecord``: a new order, replace, cancel, mass cancel and so on, before the wire.
  case intent = 10
  /// ``RequestFateRecord``: the gateway takes a request from the outbox now. Until then it is on no wire.
  case handedOver = 11
  /// ``RequestFateRecord``: a request was taken back before the wire.
  case withdrawn = 12
  /// ``OrderNoteRecord``: a cancel of the order is wanted that cannot be asked for now.
  case cancelWanted = 13
  /// ``ReportRecord``: what the venue or its gateway says.
  case report = 20
  /// ``OrderNoteRecord``: the order's last request has waited too long for an answer.
  case timedOut = 21
  /// ``RefusalRecord``.
  case refusal = 30
  /// ``OrderStateRecord``: an order's life or pending requests changed.
  case orderState = 31
  /// ``ExecutionRecord``: an execution or a revision of one was booked.
  case execution = 32
  /// ``AlarmRecord``: something that must not pass unseen (overfill, echo mismatch, unknown reference).
  case alarm = 33
  /// ``LatchRecord``: a scope takes no new order any more, or takes them again.
  case latch = 34
  /// ``LimitsRecord``: a version of the limits came into force.
  case limits = 35
  /// ``CommandRecord``: kill switch, mass cancel, limit change, entry disabled or enabled.
  case command = 40
  /// ``MarketStateRecord``: trading status, short-sale rule, book whole or not, of a symbol or of the market.
  case marketState = 41
  /// A timer fired that a strategy had asked for; payload ``TimerRecord``.
  case timer = 50
  /// ``StateHashRecord``.
  case stateHash = 60
  /// ``RecordsLostRecord``: inputs or consequences before this one are missing, so that no replay gets past it.
  case recordsLost = 61
  /// A strategy's saved state, bounded, as its `save` gave it.
  case strategyState = 70
  /// ``SessionRecord`` at the end.
  case sessionEnded = 90
  /// Fills the end of a segment; no payload to read.
  case padding = 0xFFFE

  /// Of the payload that this build writes. Others are refused by name.
  public var version: UInt16 {
    @_noLocks get {
      switch self {
      case .instrumentDefined: 4
      case .sessionStarted, .sessionEnded, .intent, .report, .command, .marketState: 3
      // As the lane writes it.
      case .padding: 1
      default: 2
      }
    }
  }
}
