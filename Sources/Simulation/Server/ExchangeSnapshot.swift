import ExecutionCore
import Gateways

extension ExchangeSession {
  /// The message that ends a snapshot: `G` and twenty digits, the sequence to splice in at (GLIMPSE 5.0).
  public static let endOfSnapshot = UInt8(ascii: "G")

  /// Books and states as messages: the last S, R, H, Y of each symbol, A of each displayed order in the order of
  /// price and time, then `G` with the sequence of the first message that is not in it.
  ///
  /// What the core has applied and not yet published is in the snapshot already, and so is its number.
  func writeSnapshot(into stream: OrderStream) {
    var bytes: [UInt8] = []
    if let event = lastSystemEvent { append(event, &bytes, to: stream) }
    for locate in core.knownLocates {
      for record in states(locate) { append(record, &bytes, to: stream) }
      for order in core.displayedOrders(locate: locate) {
        var record = MarketRecord()
        record.kind = UInt8(ascii: "A")
        record.locate = locate
        record.sessionTime = core.time
        record.reference = order.reference
        record.side = order.isBuy ? UInt8(ascii: "B") : UInt8(ascii: "S")
        record.shares = order.shares
        record.price = order.price
        record.symbol = order.symbol
        append(record, &bytes, to: stream)
      }
    }
    var end: [UInt8] = [Self.endOfSnapshot]
    let digits = Array(String(nextSequence).utf8)
    end += [UInt8](repeating: 0x20, count: max(0, 20 - digits.count)) + digits
    _ = unsafe end.withUnsafeBytes { unsafe stream.append($0) }
  }

  private func states(_ locate: UInt16) -> [MarketRecord] {
    let symbol = core.symbol(at: locate)
    let state = core.state(at: locate)
    var facts = InstrumentFacts(symbol: Symbol(code: symbol))
    facts.roundLot = core.roundLot(at: locate)
    var records = [ExchangeFeed.directory(facts, locate, time: core.time)]
    for (kind, code) in [
      (UInt8(ascii: "H"), state.tradingState), (UInt8(ascii: "Y"), state.regSHO),
    ]
    where code != 0 {
      var record = MarketRecord()
      record.kind = kind
      record.locate = locate
      record.sessionTime = core.time
      record.symbol = symbol
      record.code = UInt16(code) | (kind == UInt8(ascii: "H") ? 0x2000 : 0)
      record.detail = kind == UInt8(ascii: "H") ? 0x2020_2020 : 0
      records.append(record)
    }
    return records
  }

  private func append(_ record: MarketRecord, _ bytes: inout [UInt8], to stream: OrderStream) {
    if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: ITCHDecoder.lengthMax) }
    var record = record
    let length = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe ITCHEncoder.encode(
        &record, midnight: feed.midnight, into: base, capacity: buffer.count)
    }
    _ = unsafe bytes.withUnsafeBytes {
      unsafe stream.append(UnsafeRawBufferPointer(rebasing: $0[..<length]))
    }
  }
}
