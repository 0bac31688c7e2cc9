/// Why a run ended, as the journal keeps it (``SessionRecord/end``).
///
///     engine.end(.signal)
///     RunEnd(raw: record.end)?.text   // "signal"
///
/// Threading: a value.
public enum RunEnd: Hashable, Sendable {
  /// Nobody has said; journals of builds that knew no reasons too.
  case unsaid
  /// A person, or a supervisor, by a signal.
  case signal
  /// The time asked for was over.
  case duration
  /// The feed said so.
  case feedEnded
  /// An order session was refused, ended by the exchange, or could not be made again.
  case exchangeLost
  /// The books could not be taken from the snapshot service.
  case noSnapshot
  /// Nobody said which session of the feed is ours.
  case noSession
  /// The feed has orders, and has named none of the instruments.
  case noInstrument
  case journalFailed
  /// A cap of the last hop was passed.
  case fuseTripped
  /// The kernel refused to go on, with this errno.
  case networkFailed(Int32)

  private static let plain: [RunEnd] = [
    .unsaid, .signal, .duration, .feedEnded, .exchangeLost, .noSnapshot, .noSession, .noInstrument,
    .journalFailed, .fuseTripped,
  ]
  private static let networkFailure: UInt32 = 10

  /// As a record has it: the case's number, and from bit 16 on an errno.
  public var raw: UInt32 {
    if case .networkFailed(let error) = self {
      return Self.networkFailure | UInt32(UInt16(clamping: error)) << 16
    }
    return UInt32(Self.plain.firstIndex(of: self) ?? 0)
  }

  /// nil where a later build has written it.
  public init?(raw: UInt32) {
    if raw & 0xffff == Self.networkFailure {
      self = .networkFailed(Int32(raw >> 16))
    } else if let place = Int(exactly: raw), Self.plain.indices.contains(place) {
      self = Self.plain[place]
    } else {
      return nil
    }
  }

  /// As `journal show` says it.
  public var text: String {
    switch self {
    case .unsaid: "unsaid"
    case .signal: "signal"
    case .duration: "duration"
    case .feedEnded: "end of feed"
    case .exchangeLost: "exchange lost"
    case .noSnapshot: "no snapshot"
    case .noSession: "no session"
    case .noInstrument: "no instrument"
    case .journalFailed: "journal failed"
    case .fuseTripped: "fuse tripped"
    case .networkFailed(let error): "network failure: errno \(error)"
    }
  }
}
