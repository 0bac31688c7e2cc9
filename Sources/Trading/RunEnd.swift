internal import Transport

/// Why a run ends or has ended.
@usableFromInline package enum RunEnd: Equatable, Sendable {
  case signal
  /// The time asked for was over.
  case duration
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
  case fuseTripped
  /// The kernel refused to go on, with this errno.
  case networkFailed(Int32)

  /// As the log and a summary say it.
  package var text: String {
    switch self {
    case .signal: "signal"
    case .duration: "duration"
    case .feedEnded: "end of feed"
    case .exchangeLost: "exchange lost"
    case .noSnapshot: "no snapshot"
    case .noSession: "no session"
    case .noInstrument: "no instrument"
    case .journalFailed: "journal failed"
    case .fuseTripped: "fuse tripped"
    case .networkFailed(let error): "network failure: \(ReactorError.text(ofErrorNumber: error))"
    }
  }
}
