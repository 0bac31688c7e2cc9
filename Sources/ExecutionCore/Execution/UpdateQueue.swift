/// What strategies have not been told yet of their orders: a ring, oldest first.
@safe struct UpdateQueue {
  private var ring: Column<OrderUpdate>
  private var head = 0
  private var tail = 0

  init(_ b: inout ColumnBuilder, poolCapacity: Int) {
    ring = b.column(OrderUpdate.none, max(1024, poolCapacity * 2).nextPowerOfTwo)
  }

  /// False when it is full.
  mutating func push(_ update: OrderUpdate) -> Bool {
    guard tail &- head < ring.count else { return false }
    ring[tail & (ring.count - 1)] = update
    tail &+= 1
    return true
  }

  mutating func take() -> OrderUpdate? {
    guard head != tail else { return nil }
    let update = ring[head & (ring.count - 1)]
    head &+= 1
    return update
  }
}
