public import ExecutionCore

/// What a journal amounts to: the numbers that must not be used again, and the business left open, as the engine
/// has them to which its last session leads.
public struct JournalSummary: Sendable {
  public var lastSequence: UInt64 = 0
  public var torn: JournalEnd.TornTail?
  /// nil where there is none.
  public var session: JournalReplay.Session?
  /// One that came after it and died in its beginning.
  private var begun: JournalReplay.Session?

  public init() {}

  public var highestClientOrderID: ClientOrderID {
    let next = max(session?.snapshot?.nextClientOrderID ?? 1, begun?.firstClientOrderID ?? 1)
    return ClientOrderID(raw: max(1, next) - 1)
  }
  /// Of the ports' counters.
  public var highestVenueReference: UInt64 {
    (session?.snapshot?.ports ?? []).map { $0.nextReference - 1 }.max() ?? 0
  }
  public var openOrders: [OrderView] {
    (session?.snapshot?.openOrders ?? []).sorted { $0.clientOrderID.raw < $1.clientOrderID.raw }
  }
  /// Those that are not flat.
  public var positions: [PositionSummary] {
    (session?.snapshot?.positions ?? []).filter { $0.quantity != 0 }
  }
  /// What stopped new orders at the end, over all scopes.
  public var standingCauses: LatchCauses {
    let before = begun?.standingCauses ?? LatchCauses()
    return (session?.snapshot?.latches ?? []).reduce(into: before) { $0.insert($1.cause) }
  }

  /// Why the directory must not be continued without care: open orders, positions, what another version of the
  /// rules recorded otherwise, the first few by name; nil when there is nothing of it.
  public var unfinished: String? {
    let namedMax = 5
    var parts: [String] = []
    if !openOrders.isEmpty, let session {
      let named = openOrders.prefix(namedMax).map {
        "\($0.clientOrderID.raw) in \(session.symbol($0.instrument))"
      }
      parts.append(
        "\(openOrders.count) open orders (\(named.joined(separator: ", "))"
          + (openOrders.count > namedMax ? ", …)" : ")"))
    }
    if !positions.isEmpty, let session {
      let named = positions.prefix(namedMax).map {
        "\(session.quantity($0.quantity, of: $0.instrument)) \($0.symbol)"
      }
      parts.append(
        "\(positions.count) open positions (\(named.joined(separator: ", "))"
          + (positions.count > namedMax ? ", …)" : ")"))
    }
    if let session, session.unacceptedCount > 0 {
      parts.append(
        "\(session.unacceptedCount) records that this build's rules (version \(Engine.applyVersion)) "
          + "do not come to, first \(session.differences.first ?? "")")
    }
    return parts.isEmpty ? nil : "the journal ends with " + parts.joined(separator: " and ")
  }

  /// Replays the whole journal at a path, a file or a data directory.
  public static func scan(_ path: String) throws(JournalError) -> JournalSummary {
    try scan(JournalReader(path), isBeingWritten: nil)
  }

  static func scan(_ reader: JournalReader, isBeingWritten: Bool?) throws(JournalError)
    -> JournalSummary
  {
    var replay = JournalReplay()
    let end = try replay.run(reader, isBeingWritten: isBeingWritten)
    var summary = JournalSummary()
    summary.lastSequence = end.lastSequence
    summary.torn = end.torn
    // One that died in its beginning has left the business of the one before as it was.
    summary.session = replay.sessions.last { $0.snapshot != nil } ?? replay.last
    if let last = replay.last, last.snapshot == nil {
      summary.begun = last
    }
    return summary
  }
}
