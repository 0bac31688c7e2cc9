import ExecutionCore
import Testing

/// A byte that no field owns is whatever memory held before: two runs of one session would not be
/// alike.
@Suite struct PaddingTests {
  /// Bytes of a value that its stored fields do not cover, at any depth.
  private func padding(_ value: Any) -> Int {
    func size<T>(_: T) -> Int { MemoryLayout<T>.size }
    func stride<T>(_: T) -> Int { MemoryLayout<T>.stride }
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .struct || mirror.displayStyle == .tuple else { return 0 }
    if mirror.children.isEmpty { return 0 }
    // Integers reflect a builtin without a size; they cover themselves.
    if value is any FixedWidthInteger { return 0 }
    let covered = mirror.children.reduce(0) { $0 + size($1.value) }
    return stride(value) - covered + mirror.children.reduce(0) { $0 + padding($1.value) }
  }

  @Test func `no byte of a journalled record is padding`() {
    let id = InstrumentID(raw: 0)
    let request = VenueRequest(
      kind: .new, port: .first, instrument: id, account: AccountID(raw: 0),
      strategy: StrategyID(raw: 0))
    let quote = Quote(
      bid: Price(raw: 0), ask: Price(raw: 0), bidQuantity: Quantity(raw: 0),
      askQuantity: Quantity(raw: 0))
    let facts = InstrumentFacts(symbol: .none)
    let order = OrderHandle.none
    let values: [Any] = [
      RecordHeader(type: .intent), MarketRecord(),
      ReportRecord(VenueReport(kind: .accepted, port: .first, account: AccountID(raw: 0))),
      SessionRecord(), PortRecord(port: .first, venue: VenueID(raw: 0)),
      InstrumentRecord(facts: facts, instrument: id),
      IntentRecord(request: request, limitsVersion: 1, quote: quote, feedPosition: 0),
      RefusalRecord(
        Refusal(.halted, scope: .order, limit: 0, observed: 0), instrument: id, quote: quote),
      OrderStateRecord(clientOrderID: .none, order: order, instrument: id, port: .first),
      ExecutionRecord(
        instrument: id, account: AccountID(raw: 0), strategy: StrategyID(raw: 0)),
      AlarmRecord(code: .overfill, instrument: id),
      CommandRecord(command: Command(.kill, scope: .firm), refusal: .noPerson),
      LatchRecord(changed: 1, left: 1, isSet: true),
      MarketStateRecord(instrument: id),
      StateHashRecord(stateHash: 0), RecordsLostRecord(count: 1),
      RequestFateRecord(.new, 1, port: .first), OrderNoteRecord(.none, order),
      TimerRecord(due: 0, token: 0, strategy: StrategyID(raw: 0)),
    ]
    for value in values { #expect(padding(value) == 0, "\(type(of: value))") }
  }

  @Test func `the padding test sees padding`() {
    struct Holed {
      var small: UInt32 = 0
      var large: UInt64 = 0
    }
    #expect(padding(Holed()) == 4)
  }
}
