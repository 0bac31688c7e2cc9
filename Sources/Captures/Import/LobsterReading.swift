internal import ExecutionCore

/// Reads a message file from front to end: which orders live, what the venue's book is by price, and the records that
/// say so.
@safe struct LobsterReading: ~Copyable {
  /// An order that lives.
  private struct Order {
    var side: UInt8
    var price: Int64
    var size: Int64
  }
  /// A side of the book.
  private struct Level: Hashable {
    var side: UInt8
    var price: Int64
  }

  private let source: ImportSource
  private let midnight: Int64
  private let checks: Bool
  private var output: ImportOutput
  private var lines: LineInput
  private var rows: LineInput?
  private var live: [UInt64: Order] = [:]
  /// The number of the order that stands for those at a price whose own numbers are not known.
  private var anonymous: [Level: UInt64] = [:]
  private var anonymousCount: UInt64 = 0
  private var sizes: [Level: Int64] = [:]
  /// The prices that have a size, ascending: a row is compared with the best of them, however many there are.
  private var bidPrices: [Int64] = []
  private var askPrices: [Int64] = []
  /// The orders at a price, in the order in which they came.
  private var queues: [Level: [UInt64]] = [:]
  /// The worst prices that the row before had: behind them the venue's book changes without a message.
  private var worstBid = Int64.max
  private var worstAsk = Int64.min
  /// Levels of which the message tells an order that is none of ours: it came while they were out of view, and what was
  /// there before went, though their sizes may be the same.
  private var stale: Set<Level> = []
  private(set) var check = LobsterImport.Check()
  private var records: [FeedRecord] = []

  init(
    _ source: ImportSource, _ lines: consuming LineInput, _ rows: consuming LineInput?,
    checks: Bool, midnight: Int64, _ output: consuming ImportOutput
  ) {
    self.source = source
    self.midnight = midnight
    self.checks = checks
    self.output = output
    self.lines = lines
    self.rows = rows
  }

  mutating func finish() throws(ImportFailure) -> ImportReport {
    output.report.sourceBytes = lines.offset + (rows?.offset ?? 0)
    if output.report.failure == nil { output.report.failure = lines.failure ?? rows?.failure }
    if checks {
      output.report.count("rows of the order-book file compared", check.rows)
      output.report.count("rows that are equal", check.equal)
      output.report.count("levels in them", check.levels)
      if check.equal < check.rows, output.report.failure == nil {
        output.report.failure = FeedError(
          path: source.path, offset: nil, cause: .data,
          problem:
            "its messages do not lead to row \(check.firstUnequal ?? 0) of the order-book file",
          remedy: "check that both are of the same day and part")
      }
    }
    return try output.finish()
  }

  mutating func run() throws(ImportFailure) {
    var isFirst = true
    // Ends with the source: each turn passes a line, and its row.
    while let line = unsafe lines.next() {
      output.report.messages += 1
      let number = lines.number
      let message = unsafe LobsterMessage(line, midnight: midnight)
      let row = nextRow()
      guard let message else {
        output.report.malformed("\(source.name) line \(number): no message of LOBSTER")
        forgetView()
        continue
      }
      if isFirst {
        begin(message, row)
        isFirst = false
      }
      apply(message, number)
      if let row { settle(row, message.time, number) } else { forgetView() }
      if let end = records.indices.last { records[end].flags.insert(.last) }
      for record in records { try output.write(record, receiveTime: 0) }
      records.removeAll(keepingCapacity: true)
    }
  }

  private mutating func nextRow() -> LobsterRow? {
    guard let line = unsafe rows?.next() else { return nil }
    return unsafe LobsterRow(line)
  }

  // MARK: The beginning

  /// The book before the first message: a row is the book behind its message, so the message is taken out of it.
  private mutating func begin(_ first: LobsterMessage, _ row: LobsterRow?) {
    guard let row else {
      records.append(FeedRecord(.gap, instrument: 0, at: first.time))
      output.report.count("books that begin without an order-book file")
      return
    }
    var before: [Level: Int64] = [:]
    for level in row.asks { before[Level(side: FeedRecord.sell, price: level.price)] = level.size }
    for level in row.bids { before[Level(side: FeedRecord.buy, price: level.price)] = level.size }
    let touched = Level(side: first.side, price: first.price)
    let change = first.type == 1 ? -first.size : (2...4).contains(first.type) ? first.size : 0
    let (sum, over) = (before[touched] ?? 0).addingReportingOverflow(change)
    before[touched] = over || sum <= 0 ? nil : sum
    view(row)
    var clear = FeedRecord(.clear, instrument: 0, at: first.time)
    clear.flags = .snapshot
    records.append(clear)
    let best = before.keys.sorted {
      $0.side != $1.side
        ? $0.side < $1.side : $0.side == FeedRecord.buy ? $0.price > $1.price : $0.price < $1.price
    }
    for level in best { stand(level, before[level] ?? 0, first.time) }
    records[records.count - 1].flags.insert(.last)
    output.report.count("levels that the book begins with", best.count)
  }

  /// One order for all that rests at a price and is not known by number.
  private mutating func stand(_ level: Level, _ size: Int64, _ time: Int64) {
    let number = LobsterImport.anonymous + anonymousCount
    anonymousCount += 1
    anonymous[level] = number
    let order = Order(side: level.side, price: level.price, size: size)
    rest(number, order)
    var add = record(.add, number, time, order)
    add.flags = .snapshot
    records.append(add)
  }

  private mutating func rest(_ number: UInt64, _ order: Order) {
    let level = Level(side: order.side, price: order.price)
    if live.updateValue(order, forKey: number) == nil { queues[level, default: []].append(number) }
    change(level, by: order.size)
  }

  private mutating func remove(_ number: UInt64, _ level: Level) {
    live[number] = nil
    queues[level]?.removeAll { $0 == number }
    if queues[level]?.isEmpty == true { queues[level] = nil }
    if anonymous[level] == number { anonymous[level] = nil }
  }

  private mutating func change(_ level: Level, by size: Int64) {
    let before = sizes[level]
    let (sum, over) = (before ?? 0).addingReportingOverflow(size)
    let after = over || sum <= 0 ? nil : sum
    sizes[level] = after
    guard (before == nil) != (after == nil) else { return }
    if level.side == FeedRecord.buy {
      Self.place(&bidPrices, level.price, isThere: after != nil)
    } else {
      Self.place(&askPrices, level.price, isThere: after != nil)
    }
  }

  private static func place(_ prices: inout [Int64], _ price: Int64, isThere: Bool) {
    let at = firstIndex(prices, notBelow: price)
    if isThere { prices.insert(price, at: at) } else { prices.remove(at: at) }
  }

  private static func firstIndex(_ prices: [Int64], notBelow price: Int64) -> Int {
    var low = 0
    var high = prices.count
    while low < high {
      let middle = (low + high) / 2
      if prices[middle] < price { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func record(
    _ kind: FeedRecord.Kind, _ number: UInt64, _ time: Int64, _ order: Order
  ) -> FeedRecord {
    var record = FeedRecord(kind, instrument: 0, at: time)
    record.reference = number
    record.side = order.side
    record.price = order.price
    record.quantity = order.size
    return record
  }

  // MARK: Messages

  private mutating func apply(_ message: LobsterMessage, _ number: Int) {
    let order = Order(side: message.side, price: message.price, size: message.size)
    switch message.type {
    case 1:
      guard live[message.order] == nil else {
        output.report.malformed(
          "\(source.name) line \(number): order \(message.order) is there already")
        return
      }
      rest(message.order, order)
      records.append(record(.add, message.order, message.time, order))
    case 2, 3, 4: reduce(message)
    case 5, 6: records.append(trade(message))
    default:
      var status = FeedRecord(.status, instrument: 0, at: message.time)
      status.detail =
        switch message.price {
        case -1: MarketStatus.halted.rawValue
        case 0: MarketStatus.quotationOnly.rawValue
        case 1: MarketStatus.trading.rawValue
        default: MarketStatus.unknown.rawValue
        }
      records.append(status)
    }
  }

  private func trade(_ message: LobsterMessage) -> FeedRecord {
    var trade = FeedRecord(.trade, instrument: 0, at: message.time)
    trade.reference = message.order
    trade.price = message.price
    trade.quantity = message.size
    // A cross has no aggressor.
    trade.side = message.type == 6 ? 0 : message.aggressor
    return trade
  }

  /// Takes size from the order, or from the one that stands for the unknown ones at its price.
  private mutating func reduce(_ message: LobsterMessage) {
    var number = message.order
    let level = Level(side: message.side, price: message.price)
    let isKnown = live[number] != nil
    if !isKnown {
      output.report.unknownOrders += 1
      guard let standing = anonymous[level], let left = live[standing]?.size, left >= message.size
      else {
        output.report.count("messages about orders of prices that were not seen")
        if sizes[level] != nil { stale.insert(level) }
        if message.type == 4 { records.append(trade(message)) }
        return
      }
      number = standing
    }
    guard var order = live[number] else { return }
    let taken = isKnown && message.type == 3 ? order.size : min(message.size, order.size)
    change(Level(side: order.side, price: order.price), by: -taken)
    order.size -= taken
    if order.size > 0 {
      live[number] = order
    } else {
      remove(number, Level(side: order.side, price: order.price))
    }
    let kind: FeedRecord.Kind =
      switch message.type {
      case 2: .cancel
      // The unknown ones at a price are one order here: a part of it goes.
      case 3: isKnown ? .delete : .cancel
      default: .execute
      }
    order.size = kind == .delete ? 0 : message.size
    records.append(record(kind, number, message.time, order))
  }

  // MARK: The order-book file

  private mutating func forgetView() {
    worstBid = .max
    worstAsk = .min
  }

  /// What the row shows is known until the next one. Fewer levels than a row has room for are all that there are.
  private mutating func view(_ row: LobsterRow) {
    worstBid = row.bids.count < row.depth ? .min : row.bids.last?.price ?? .min
    worstAsk = row.asks.count < row.depth ? .max : row.asks.last?.price ?? .max
  }

  /// The file has no message of what happens behind its last level. What comes into view again and is not what it was
  /// is told as a state: its orders are gone, one stands for what is there.
  private mutating func settle(_ row: LobsterRow, _ time: Int64, _ number: Int) {
    let (bid, ask) = (worstBid, worstAsk)
    view(row)
    check.rows += 1
    check.levels += row.asks.count + row.bids.count
    let isAskEqual = settle(row.asks, FeedRecord.sell, time, knownTo: ask, seenTo: worstAsk)
    let isBidEqual = settle(row.bids, FeedRecord.buy, time, knownTo: bid, seenTo: worstBid)
    stale.removeAll(keepingCapacity: true)
    if isAskEqual, isBidEqual {
      check.equal += 1
    } else if check.firstUnequal == nil {
      check.firstUnequal = number
    }
  }

  /// False where a level that was in view is another than the messages say.
  private mutating func settle(
    _ levels: [LobsterRow.Level], _ side: UInt8, _ time: Int64, knownTo known: Int64,
    seenTo seen: Int64
  ) -> Bool {
    let isBid = side == FeedRecord.buy
    var wanted: [Int64: Int64] = [:]
    for level in levels { wanted[level.price] = level.size }
    let ours =
      isBid
      ? Array(bidPrices[Self.firstIndex(bidPrices, notBelow: seen)...])
      : Array(askPrices.prefix { $0 <= seen })
    var isEqual = true
    for price in Set(wanted.keys).union(ours).sorted() {
      let level = Level(side: side, price: price)
      guard sizes[level] ?? 0 != wanted[price] ?? 0 else { continue }
      if isBid ? price >= known : price <= known, !stale.contains(level) {
        isEqual = false
      } else {
        output.report.count("levels that came into view as others")
      }
      for order in queues[level] ?? [] {
        var delete = record(.delete, order, time, Order(side: side, price: price, size: 0))
        delete.flags = .snapshot
        records.append(delete)
        remove(order, level)
      }
      change(level, by: -(sizes[level] ?? 0))
      if let size = wanted[price], size > 0 { stand(level, size, time) }
    }
    return isEqual
  }
}
