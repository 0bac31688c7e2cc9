import ExecutionCore
import Foundation

/// The exchange's own account of a session, read from its report, to hold ours against.
struct ReportedAccount: Equatable {
  struct Position: Equatable {
    var shares: Int64 = 0
    var bought: Int64 = 0
    var sold: Int64 = 0
    /// 10⁻⁸ dollars.
    var cash: Int128 = 0
    var fees: Int128 = 0
  }
  var fills: UInt64
  var shares: Int64
  var workingOrders: Int
  var unknownReferences: UInt64
  /// By user name and symbol.
  var positions: [String: Position]
  var violations: [String]
  /// Why the feed could not be played to its end.
  var feedFailure: String?

  /// nil when there is no such file, or it is no report.
  init?(file: String) {
    guard let data = FileManager.default.contents(atPath: file) else { return nil }
    self.init(json: data)
  }

  init?(json: Data) {
    guard let parsed = try? JSONSerialization.jsonObject(with: json),
      let report = parsed as? [String: Any],
      let fills: UInt64 = number(report["fills"]), let shares: Int64 = number(report["shares"]),
      let working: Int = number(report["working_orders"]),
      let listed = report["positions"] as? [[String: Any]],
      let invariants = report["invariants"] as? [String: Any],
      let violations = invariants["violations"] as? [String]
    else { return nil }
    self.fills = fills
    self.shares = shares
    workingOrders = working
    let counters = report["counters"] as? [String: Any]
    unknownReferences = number(counters?["unknown_references"]) ?? 0
    self.violations = violations
    feedFailure = report["feed_failure"] as? String
    positions = [:]
    for entry in listed {
      guard let account = entry["account"] as? String, let symbol = entry["symbol"] as? String,
        let position = Position(entry)
      else { return nil }
      positions["\(account) \(symbol)"] = position
    }
  }

  /// The same of ours, strategies together.
  static func ours(_ all: [PositionSummary], usernames: [String]) -> [String: Position] {
    var positions: [String: Position] = [:]
    for entry in all {
      let account = Int(entry.account.raw)
      let key = "\(account < usernames.count ? usernames[account] : "?") \(entry.symbol)"
      var position = positions[key] ?? Position()
      position.shares += entry.quantity
      position.bought += entry.bought
      position.sold += entry.sold
      position.cash += entry.cashFlow.raw
      position.fees += entry.fees.raw
      positions[key] = position
    }
    return positions
  }

  /// What the two say of fills, positions and money, as invariants.
  ///
  /// - Parameters:
  ///   - all: ours of the venue's instruments.
  ///   - venue: as messages call it.
  func reconcile(
    _ all: [PositionSummary], usernames: [String], at venue: String
  ) -> [RunSummary.Invariant] {
    let booked = all.reduce(0) { $0 + UInt64(clamping: $1.executions) }
    let ours = Self.ours(all, usernames: usernames).filter { $0.value != Position() }
    let theirs = positions.filter { $0.value != Position() }
    let symbols = Set(ours.keys).union(theirs.keys).sorted()
    let differing = symbols.filter { ours[$0] != theirs[$0] }
    let detail = differing.prefix(5).map { symbol in
      "\(symbol): \(ours[symbol] ?? Position()) here, \(theirs[symbol] ?? Position()) there"
    }
    return [
      .init(
        "fills equal those of \(venue)", holds: booked == fills,
        "\(booked.grouped) here, \(fills.grouped) there"),
      .init(
        "positions, cash and fees equal those of \(venue)", holds: differing.isEmpty,
        differing.isEmpty
          ? "\(symbols.count) symbol\(symbols.count == 1 ? "" : "s")"
          : detail.joined(separator: "; ")),
      .init(
        "\(venue) has no order of ours left", holds: workingOrders == 0,
        "\(workingOrders) working"),
      .init(
        "the own invariants of \(venue)", holds: violations.isEmpty,
        violations.isEmpty ? "hold" : violations.joined(separator: "; ")),
    ]
  }
}

/// A whole number of JSON: a number, or text where it is beyond 2⁵³.
private func number<Number: FixedWidthInteger>(_ value: Any?) -> Number? {
  if let text = value as? String { return Number(text) }
  return (value as? NSNumber).flatMap { Number($0.stringValue) }
}

extension ReportedAccount.Position: CustomStringConvertible {
  init?(_ entry: [String: Any]) {
    guard let shares: Int64 = number(entry["shares"]), let bought: Int64 = number(entry["bought"]),
      let sold: Int64 = number(entry["sold"]),
      let cash = (entry["cash"] as? String).flatMap(Decimal8.wide),
      let fees = (entry["fees"] as? String).flatMap(Decimal8.wide)
    else { return nil }
    self.init(
      shares: shares, bought: bought, sold: sold, cash: cash, fees: fees)
  }

  var description: String {
    "\(shares) (+\(bought) -\(sold)) cash \(Decimal8.text(cash, decimals: 2)) "
      + "fees \(Decimal8.text(fees, decimals: 2))"
  }
}
