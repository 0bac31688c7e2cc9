/// What was executed, and what that comes to: the ledger, positions by cell, what of them is held at each venue,
/// cash, and what executions cost.
@safe struct Portfolio {
  var ledger: ExecutionLedger
  private(set) var positions: Column<PositionBook>
  /// Cells that anything was ever booked or carried into, in that order: sums look at no others.
  private var usedCells: Column<Int32>
  private(set) var usedCount = 0
  /// Net position by cell and venue.
  private var venueNet: Column<Int64>
  private let venueCount: Int
  private(set) var cash: Column<Int128>
  /// By venue and liquidity flag.
  private var fees: Column<Fee>
  /// Cells, with what is held at each venue.
  private var sum: TouchedSum
  /// What each cell comes to in the totals, and which one is looked at next. A cache: no trading state.
  private var marked: Column<MarkedCell>
  private var nextMarked = 0
  private(set) var totals = EngineTotals()

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    let cells = c.strategies.count * c.instruments.count
    ledger = ExecutionLedger(&b, executionsMax: c.executionsMax)
    positions = b.column(PositionBook(), cells)
    usedCells = b.column(0, cells)
    venueNet = b.column(0, cells * c.venues.count)
    venueCount = c.venues.count
    cash = b.column(0, c.accounts.count)
    fees = b.column(Fee(), c.venues.count * 256)
    sum = TouchedSum(&b, count: cells)
    marked = b.zeros(MarkedCell.self, cells)
  }

  // MARK: Start

  mutating func open(_ c: EngineConfiguration) {
    for (i, account) in c.accounts.enumerated() { cash[i] = account.cash.raw }
    for (v, venue) in c.venues.enumerated() {
      let isOnePrice = venue.fees.perUnit.isEmpty && venue.fees.perNotional.isEmpty
      for flag in 0..<256 {
        fees[v * 256 + flag] = Fee(perUnit: venue.fees.unknown, isKnown: isOnePrice)
      }
      for (flag, amount) in venue.fees.perUnit {
        fees[v * 256 + Int(flag)] = Fee(perUnit: amount)
      }
      for (flag, amount) in venue.fees.perNotional {
        let perUnit = venue.fees.perUnit[flag] ?? 0
        fees[v * 256 + Int(flag)] = Fee(perUnit: perUnit, perNotional: amount)
      }
    }
  }

  /// A position carried in.
  mutating func open(_ cell: Int, _ position: OpeningPosition) {
    use(cell)
    venueNet[cell * venueCount + Int(position.venue.raw)] = position.quantity
    positions[cell].open(quantity: position.quantity, cost: position.cost.raw)
  }

  // MARK: Booking

  /// What a trade does to its cell and its account.
  struct Trade {
    var account: Int
    var venue: Int
    var isBuy: Bool
    var isBust: Bool
    var quantity: Int64
    /// Price × quantity in money.
    var value: Int128
    var fee: Int64
  }

  /// Books a trade or takes it back; by how much the position has changed.
  mutating func book(_ t: Trade, _ cell: Int) -> Int64 {
    let signed = t.isBuy != t.isBust ? t.quantity : 0 &- t.quantity
    let signedValue = t.isBuy != t.isBust ? t.value : 0 &- t.value
    let charged = t.isBust ? 0 &- Int128(t.fee) : Int128(t.fee)
    use(cell)
    positions[cell].trade(quantity: signed, value: signedValue)
    positions[cell].count(
      quantity: t.quantity, value: t.value, isBuy: t.isBuy, isBust: t.isBust)
    positions[cell].fees &+= charged
    venueNet[cell &* venueCount &+ t.venue] &+= signed
    cash[t.account] &-= signedValue &+ charged
    return signed
  }

  /// The cell is about to change; it is looked at from now on.
  private mutating func use(_ cell: Int) {
    sum.touch(cell)
    guard !positions[cell].isUsed else { return }
    usedCells[usedCount] = Int32(truncatingIfNeeded: cell)
    usedCount &+= 1
  }

  /// What a unit costs by the venue's liquidity flag.
  func fee(_ venue: Int, _ liquidity: UInt8) -> Fee { fees[venue &* 256 &+ Int(liquidity)] }

  // MARK: Looking

  /// The cells that were ever used.
  func used(_ i: Int) -> Int { Int(usedCells[i]) }
  func net(_ cell: Int, venue: Int) -> Int64 { venueNet[cell &* venueCount &+ venue] }

  // MARK: Totals

  /// The next of the cells that were ever used, in turn.
  mutating func nextToMark() -> Int? {
    guard usedCount > 0 else { return nil }
    if nextMarked >= usedCount { nextMarked = 0 }
    defer { nextMarked &+= 1 }
    return used(nextMarked)
  }

  /// The cell comes to so much now, and what it came to before is taken off.
  ///
  /// - Parameter unit: mantissas of a whole unit of its quantity.
  mutating func mark(_ cell: Int, profit: Int128, unit: Int64) {
    let gross = Int64(clamping: positions[cell].net.magnitude / UInt64(unit))
    let before = marked[cell]
    totals.grossPosition = totals.grossPosition &- before.gross &+ gross
    totals.netProfit.raw = totals.netProfit.raw &- before.profit &+ profit
    marked[cell] = MarkedCell(profit: profit, gross: gross)
  }

  // MARK: Hash

  /// Cells that have changed since they were last hashed.
  var unhashed: Int { sum.count }
  mutating func hashSome(most: Int) {
    for _ in 0..<most {
      guard let cell = sum.take() else { return }
      sum.set(cell, hash(cell))
    }
  }
  mutating func mix(into h: inout StateHasher) {
    hashSome(most: .max)
    h.mix(sum.sum)
    h.mix(ledger.hash)
    for i in 0..<cash.count { h.mix(cash[i]) }
  }
  private func hash(_ cell: Int) -> UInt64 {
    var h = StateHasher(seed: UInt64(truncatingIfNeeded: cell))
    positions[cell].mix(into: &h)
    for venue in 0..<venueCount { h.mix(net(cell, venue: venue)) }
    return h.value
  }

  // MARK: Invariants

  /// What does not hold of it by itself.
  mutating func broken() -> [String] {
    hashSome(most: .max)
    var broken: [String] = []
    let traded = (0..<positions.count).filter { positions[$0].isUsed }
    if (0..<usedCount).map(used).sorted() != traded {
      broken.append("the cells that are summed are not those that were traded")
    }
    for cell in 0..<positions.count {
      let p = positions[cell]
      if (0..<venueCount).reduce(0, { $0 &+ net(cell, venue: $1) }) != p.net {
        broken.append("cell \(cell): position is not the sum of the venues'")
      }
      if p.realised - p.cost != p.cashFlow {
        broken.append("cell \(cell): realised less cost is not the cash flow")
      }
    }
    if sum.sum != traded.reduce(0, { $0 &+ hash($1) }) {
      broken.append("the hash of the positions is not theirs")
    }
    if ledger.hash != ledger.used.reduce(0, { $0 &+ ledger[$1].hash }) {
      broken.append("the hash of the executions is not theirs")
    }
    return broken
  }
}

/// What a cell comes to in the totals. Before it was looked at it is all zeros.
struct MarkedCell: BitwiseCopyable {
  var profit: Int128 = 0
  var gross: Int64 = 0
}

/// What a unit costs for one liquidity flag of one venue.
struct Fee: BitwiseCopyable {
  var perUnit: Int64 = 0
  /// 10⁻⁸ of the notional.
  var perNotional: Int64 = 0
  /// False: the flag is not in the venue's schedule.
  var isKnown = true

  /// 10⁻⁸ of the currency, each part to the nearest, half away from zero.
  ///
  /// - Parameters:
  ///   - unit: mantissas of a whole unit.
  ///   - value: what the execution comes to; of fewer bits than ``EngineState/executionValueBits``.
  func of(_ quantity: Int64, unit: Int64, value: Int128?) -> Int64 {
    var amount = Self.nearest(Int128(perUnit) &* Int128(quantity), to: Int128(unit))
    guard perNotional != 0, let value else { return Int64(clamping: amount) }
    let magnitude = value < 0 ? 0 &- value : value
    let (share, over) = magnitude.multipliedReportingOverflow(by: Int128(perNotional))
    if over { return perNotional < 0 ? .min : .max }
    amount &+= Self.nearest(share, to: 100_000_000)
    return Int64(clamping: amount)
  }

  private static func nearest(_ amount: Int128, to divisor: Int128) -> Int128 {
    if divisor == 1 { return amount }
    let (whole, rest) = amount.quotientAndRemainder(dividingBy: divisor)
    guard rest.magnitude &* 2 >= divisor.magnitude else { return whole }
    return amount < 0 ? whole &- 1 : whole &+ 1
  }
}
