public import ExecutionCore

/// What a journal amounts to: the numbers that must not be used again, and the business left open.
public struct JournalSummary: Sendable, Equatable {
  public struct OpenOrder: Sendable, Equatable {
    public var clientOrderID: ClientOrderID
    public var instrument: InstrumentID
    public var symbol: String
    public var side: UInt8
    public var leaves: Int64
    /// Sent, unknown or working.
    public var life: UInt8
  }
  public struct Position: Sendable, Equatable {
    public var account: AccountID
    public var strategy: StrategyID
    public var instrument: InstrumentID
    public var symbol: String
    public var quantity: Int64
  }
  public var records: UInt64 = 0
  public var lastSequence: UInt64 = 0
  public var highestClientOrderID = ClientOrderID.none
  /// Of the venue's counter, over all of the journal's trading days.
  public var highestVenueReference: UInt64 = 0
  /// By client order id, ascending.
  public var openOrders: [OpenOrder] = []
  /// Those that are not flat; by account, strategy, instrument.
  public var positions: [Position] = []
  public var torn: JournalEnd.TornTail?

  public init() {}

  /// Why the directory must not be continued without care; nil when nothing is open.
  public var unfinished: String? { nil }

  /// Reads the whole journal at a path.
  public static func scan(_ path: String) throws(JournalError) -> JournalSummary {
    try scan(JournalReader(path), isLive: nil)
  }

  static func scan(_ reader: JournalReader, isLive: Bool?) throws(JournalError) -> JournalSummary {
    var summary = JournalSummary()
    let end =
      if let isLive { try reader.read(isLive: isLive) { _ in true } } else {
        try reader.read { _ in true }
      }
    summary.records = end.records
    summary.lastSequence = end.lastSequence
    summary.torn = end.torn
    return summary
  }
}
