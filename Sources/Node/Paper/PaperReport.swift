import Captures
import ExecutionCore
import Gateways

/// The paper broker's own account, as `--report` writes it: what a core's books are compared with. The same keys as the
/// exchange's report has for the same things; `shares`, `bought` and `sold` of a position are at the instrument's quantity exponent, and `shares` of all
/// are of instruments in whole units.
struct PaperReport {
  let json: String

  /// - Parameter failure: why the market could not be played to its end.
  init(_ broker: PaperBroker, _ failure: FeedError? = nil) {
    var positions: [JSONValue] = []
    var working = 0
    var traded: Int128 = 0
    for account in broker.settings.accounts {
      working += broker.openOrders(account.name) ?? 0
      for facts in broker.settings.instruments {
        guard let held = broker.position(account.name, facts.symbol), held != PaperPosition() else {
          continue
        }
        if facts.quantityExponent == 0 { traded += Int128(held.bought) + Int128(held.sold) }
        positions.append(
          .object([
            ("account", .text(account.name)), ("symbol", .text("\(facts.symbol)")),
            ("quantity_exponent", .integer(facts.quantityExponent)),
            ("shares", .integer(held.quantity)), ("bought", .integer(held.bought)),
            ("sold", .integer(held.sold)), ("cash", .money(held.cashFlow)),
            ("fees", .money(held.fees)), ("adjustments", .money(held.adjustments)),
          ]))
      }
    }
    let c = broker.counters
    let counters: [(String, UInt64)] = [
      ("orders", c.newOrders), ("rejected", c.rejected), ("logins", c.logins),
      ("logins_refused", c.loginsRefused), ("malformed", c.malformed), ("slow", c.slow),
      ("forgotten", c.forgotten), ("delayed", c.delayed), ("doubled", c.doubled),
      ("contradicted", c.contradicted), ("drops", c.drops),
    ]
    json =
      JSONValue.object([
        ("fills", .count(broker.executionCount)), ("shares", .integer(traded)),
        ("working_orders", .count(working)), ("positions", .array(positions)),
        ("feed_failure", failure.map { .text($0.told) } ?? .null),
        ("counters", .object(counters.map { ($0.0, .count($0.1)) })),
        ("invariants", .object([("hold", .bool(true)), ("violations", .array([]))])),
      ]).pretty()
  }
}

extension FeedError {
  /// For who knows the file already.
  fileprivate var told: String { (offset.map { "at offset \($0): " } ?? "") + problem }
}
