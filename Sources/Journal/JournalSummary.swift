public import ExecutionCore

/// What a journal amounts to: the numbers that must not be used again, and the business left open.
public struct JournalSummary: Sendable, Equatable {
  public struct OpenOrder: Sendable, Equatable {
    public var clientOrderID: ClientOrderID
    public var instrument: InstrumentID
    public var symbol: String
    /// Raw value of ``Side``; 0 when the journal's is none.
    public var side: UInt8
    public var leaves: Int64
    /// Sent, unknown or working.
    public var life: OrderLife
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
  /// Of the ports' counters, over all ports and all of the journal's trading days.
  public var highestVenueReference: UInt64 = 0
  /// By client order id, ascending.
  public var openOrders: [OpenOrder] = []
  /// Those that are not flat; by account, strategy, instrument.
  public var positions: [Position] = []
  /// What stopped new orders at the end, over all scopes.
  public var standingCauses = LatchCauses()
  public var torn: JournalEnd.TornTail?

  public init() {}

  /// Why the directory must not be continued without care: open orders, then positions, the first
  /// few by name; nil when nothing is open.
  public var unfinished: String? {
    let namedMax = 5
    var parts: [String] = []
    if !openOrders.isEmpty {
      let named = openOrders.prefix(namedMax).map { "\($0.clientOrderID.raw) in \($0.symbol)" }
      parts.append(
        "\(openOrders.count) open orders (\(named.joined(separator: ", "))"
          + (openOrders.count > namedMax ? ", …)" : ")"))
    }
    if !positions.isEmpty {
      let named = positions.prefix(namedMax).map { "\($0.quantity) \($0.symbol)" }
      parts.append(
        "\(positions.count) open positions (\(named.joined(separator: ", "))"
          + (positions.count > namedMax ? ", …)" : ")"))
    }
    return parts.isEmpty ? nil : "the journal ends with " + parts.joined(separator: " and ")
  }

  /// Reads the whole journal at a path, a file or a data directory.
  public static func scan(_ path: String) throws(JournalError) -> JournalSummary {
    try scan(JournalReader(path), isBeingWritten: nil)
  }

  static func scan(_ reader: JournalReader, isBeingWritten: Bool?) throws(JournalError)
    -> JournalSummary
  {
    var tally = Tally()
    func take(_ record: JournalRecord) -> Bool {
      tally.take(record)
      return true
    }
    let end =
      if let isBeingWritten { try reader.read(isBeingWritten: isBeingWritten, take) } else {
        try reader.read(take)
      }
    var summary = tally.summary
    summary.records = end.records
    summary.lastSequence = end.lastSequence
    summary.torn = end.torn
    summary.standingCauses.raw = tally.standing.values.reduce(0, |)
    summary.openOrders = tally.orders.values.sorted { $0.clientOrderID.raw < $1.clientOrderID.raw }
    summary.positions = tally.byKey.values.filter { $0.quantity != 0 }.sorted {
      ($0.account.raw, $0.strategy.raw, $0.instrument.raw)
        < ($1.account.raw, $1.strategy.raw, $1.instrument.raw)
    }
    return summary
  }
}

/// What has been seen while scanning.
private struct Tally {
  struct Key: Hashable {
    var account: UInt32
    var strategy: UInt32
    var instrument: UInt32
  }
  var summary = JournalSummary()
  var orders: [UInt64: JournalSummary.OpenOrder] = [:]
  fileprivate(set) var byKey: [Key: JournalSummary.Position] = [:]
  /// Causes by scope.
  fileprivate(set) var standing: [[UInt32]: UInt32] = [:]
  private var symbols: [UInt32: String] = [:]

  private static let firm: [UInt32] = []

  mutating func take(_ record: JournalRecord) {
    guard record.header.version == record.type.version else { return }
    switch record.type {
    case .sessionStarted, .sessionEnded:
      session(record)
      // A session has taken over what stood before it, as the firm's.
      if record.type == .sessionStarted { standing = standing.filter { $0.key == Self.firm } }
    case .latch where record.fits(LatchRecord.self):
      let scope = UInt32(load(record, \LatchRecord.scope))
      let key =
        scope == UInt32(RiskScope.firm.rawValue)
        ? Self.firm
        : [
          scope, record.header.account, record.header.strategy,
          UInt32(load(record, \LatchRecord.port.raw)),
        ]
      standing[key] = load(record, \LatchRecord.standing)
    case .instrumentDefined where record.fits(InstrumentRecord.self):
      symbols[load(record, \InstrumentRecord.instrument.raw)] =
        SymbolCode.decode(load(record, \InstrumentRecord.symbol))
    case .portDefined where record.fits(PortRecord.self):
      let next = load(record, \PortRecord.nextVenueReference)
      highest(order: 0, reference: next == 0 ? 0 : next - 1)
    case .intent where record.fits(IntentRecord.self): intent(record)
    case .orderState where record.fits(OrderStateRecord.self): orderState(record)
    case .execution where record.fits(ExecutionRecord.self): execution(record)
    default: break
    }
  }

  /// An integer property of the payload, whose size has been checked. Read as an integer, so that no
  /// byte pattern is ever taken for an enum.
  private func load<Payload, Value: FixedWidthInteger & BitwiseCopyable>(
    _ record: JournalRecord, _ path: KeyPath<Payload, Value>
  ) -> Value {
    MemoryLayout<Payload>.offset(of: path).flatMap { record.load($0, as: Value.self) } ?? 0
  }

  private mutating func highest(order: UInt64, reference: UInt64) {
    summary.highestClientOrderID.raw = max(summary.highestClientOrderID.raw, order)
    summary.highestVenueReference = max(summary.highestVenueReference, reference)
  }

  private mutating func session(_ record: JournalRecord) {
    guard record.fits(SessionRecord.self) else { return }
    let order = load(record, \SessionRecord.nextClientOrderID)
    highest(order: order == 0 ? 0 : order - 1, reference: 0)
  }

  /// Until its state is journalled, what a new order asked for may be open.
  private mutating func intent(_ record: JournalRecord) {
    let order = load(record, \IntentRecord.clientOrderID.raw)
    highest(order: order, reference: load(record, \IntentRecord.venueReference))
    guard load(record, \IntentRecord.kind) == VenueRequest.Kind.new.rawValue, orders[order] == nil
    else { return }
    let instrument = load(record, \IntentRecord.instrument.raw)
    orders[order] = JournalSummary.OpenOrder(
      clientOrderID: ClientOrderID(raw: order), instrument: InstrumentID(raw: instrument),
      symbol: symbols[instrument] ?? "instrument \(instrument)",
      side: Side(rawValue: load(record, \IntentRecord.side))?.rawValue ?? 0,
      leaves: load(record, \IntentRecord.quantity), life: .sent)
  }

  private mutating func orderState(_ record: JournalRecord) {
    let order = load(record, \OrderStateRecord.clientOrderID.raw)
    highest(
      order: order,
      reference: max(
        load(record, \OrderStateRecord.venueReference),
        load(record, \OrderStateRecord.pendingReference)))
    // A life that this build does not know is not known to be over.
    let life = OrderLife(rawValue: load(record, \OrderStateRecord.life)) ?? .unknown
    guard life.isOpen else {
      orders[order] = nil
      return
    }
    let instrument = load(record, \OrderStateRecord.instrument.raw)
    orders[order] = JournalSummary.OpenOrder(
      clientOrderID: ClientOrderID(raw: order), instrument: InstrumentID(raw: instrument),
      symbol: symbols[instrument] ?? "instrument \(instrument)",
      side: load(record, \OrderStateRecord.side),
      leaves: load(record, \OrderStateRecord.leaves), life: life)
  }

  private mutating func execution(_ record: JournalRecord) {
    let key = Key(
      account: load(record, \ExecutionRecord.account.raw),
      strategy: load(record, \ExecutionRecord.strategy.raw),
      instrument: load(record, \ExecutionRecord.instrument.raw))
    highest(
      order: load(record, \ExecutionRecord.clientOrderID.raw),
      reference: load(record, \ExecutionRecord.venueReference))
    byKey[key] = JournalSummary.Position(
      account: AccountID(raw: key.account), strategy: StrategyID(raw: key.strategy),
      instrument: InstrumentID(raw: key.instrument),
      symbol: symbols[key.instrument] ?? "instrument \(key.instrument)",
      quantity: load(record, \ExecutionRecord.position))
  }
}
