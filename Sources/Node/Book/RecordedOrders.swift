import ExecutionCore

/// The books by order (L3) of a recording, kept simply: orders by their number, levels summed when
/// they are asked for.
struct RecordedOrders {
  fileprivate struct Order {
    var side: UInt8
    var price: Int64
    var quantity: Int64
  }
  struct Book {
    fileprivate var orders: [UInt64: Order] = [:]
    /// Nothing says that something is missing.
    fileprivate(set) var isWhole = true
    fileprivate var isLoading = false
    var isEmpty: Bool { orders.isEmpty }
  }

  /// By the numbers of the instruments.
  private(set) var books: [Book]
  /// Records of orders.
  private(set) var records = 0
  private(set) var added = 0
  /// About orders that were not added, and adds of those that live.
  private(set) var unknown = 0
  private(set) var duplicate = 0
  /// Of a side or quantity that can't be, or of all instruments; they changed nothing.
  private(set) var malformed = 0
  /// Executions and cancels of more than was left.
  private(set) var overExecuted = 0

  init(instruments: Int) { books = [Book](repeating: Book(), count: instruments) }

  var live: Int { books.reduce(0) { $0 + $1.orders.count } }

  /// Takes a record of an order, a clear or a gap; any other changes nothing.
  mutating func apply(_ record: FeedRecord) {
    guard record.instrument == FeedRecord.all else {
      let index = Int(record.instrument)
      if index < books.count { change(index, record) }
      return
    }
    guard
      record.kind == FeedRecord.Kind.clear.rawValue || record.kind == FeedRecord.Kind.gap.rawValue
    else {
      records += 1
      malformed += 1
      return
    }
    for index in books.indices { change(index, record) }
  }

  private mutating func change(_ index: Int, _ record: FeedRecord) {
    switch FeedRecord.Kind(rawValue: record.kind) {
    case .clear:
      let isSnapshot = record.flags.contains(.snapshot)
      books[index].orders = [:]
      books[index].isLoading = isSnapshot
      books[index].isWhole = !isSnapshot
    case .gap:
      books[index].isWhole = false
      books[index].isLoading = false
    case .add: add(index, record)
    case .modify: modify(index, record)
    case .cancel, .execute: reduce(index, record)
    case .delete:
      records += 1
      if books[index].orders.removeValue(forKey: record.reference) == nil { unknown += 1 }
    default: break
    }
    // The last of a snapshot.
    guard books[index].isLoading, record.flags.contains(.last) else { return }
    books[index].isLoading = false
    books[index].isWhole = true
  }

  private mutating func add(_ index: Int, _ record: FeedRecord) {
    records += 1
    guard record.side == FeedRecord.buy || record.side == FeedRecord.sell, record.quantity > 0
    else {
      malformed += 1
      return
    }
    guard books[index].orders[record.reference] == nil else {
      duplicate += 1
      return
    }
    added += 1
    books[index].orders[record.reference] = Order(
      side: record.side, price: record.price, quantity: record.quantity)
  }

  /// The order that a record is about; counted where it is none.
  private mutating func standing(_ index: Int, _ record: FeedRecord) -> Order? {
    records += 1
    guard record.quantity > 0 else {
      malformed += 1
      return nil
    }
    guard let order = books[index].orders[record.reference] else {
      unknown += 1
      return nil
    }
    return order
  }

  private mutating func modify(_ index: Int, _ record: FeedRecord) {
    guard let order = standing(index, record) else { return }
    books[index].orders[record.reference] = Order(
      side: order.side, price: record.price, quantity: record.quantity)
  }

  private mutating func reduce(_ index: Int, _ record: FeedRecord) {
    guard let order = standing(index, record) else { return }
    if record.quantity > order.quantity { overExecuted += 1 }
    books[index].orders[record.reference] =
      record.quantity < order.quantity
      ? Order(side: order.side, price: order.price, quantity: order.quantity - record.quantity)
      : nil
  }

  /// The best levels of a side, at most so many.
  func levels(_ index: Int, isBid: Bool, most: Int) -> [ReportedBook.Level] {
    var sums: [Int64: ReportedBook.Level] = [:]
    let side = isBid ? FeedRecord.buy : FeedRecord.sell
    for order in books[index].orders.values where order.side == side {
      var level =
        sums[order.price] ?? ReportedBook.Level(price: order.price, quantity: 0, orders: 0)
      let (sum, isOver) = level.quantity.addingReportingOverflow(order.quantity)
      level.quantity = isOver ? .max : sum
      level.orders = (level.orders ?? 0) + 1
      sums[order.price] = level
    }
    let sorted = sums.values.sorted { isBid ? $0.price > $1.price : $0.price < $1.price }
    return Array(sorted.prefix(most))
  }
}
