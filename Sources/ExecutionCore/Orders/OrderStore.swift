/// The orders, open and done, and what is given out to name them.
///
/// Whoever changes an order says so first (``touch(_:)``): the state's hash is kept by it.
@safe struct OrderStore {
  private var pool: Column<Order>
  /// By slot, as the orders; the doubts too.
  private(set) var links: Column<OrderLink>
  var doubts: Column<DoubtLink>
  private var freeHead: Int32
  private var doneHead: Int32 = -1
  private(set) var doneTail: Int32 = -1
  /// First open order of each cell; the list runs through ``OrderLink/next``.
  private(set) var openHead: Column<Int32>
  var nextClientOrderID: UInt64
  private var sum: TouchedSum

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    pool = b.column(Order(), c.poolCapacity)
    links = b.column(OrderLink(), c.poolCapacity)
    doubts = b.column(DoubtLink(), c.poolCapacity)
    openHead = b.column(-1, c.strategies.count * c.instruments.count)
    sum = TouchedSum(&b, count: c.poolCapacity)
    nextClientOrderID = c.firstClientOrderID
    freeHead = 0
  }

  /// Once, when the columns are there.
  mutating func linkFree() {
    for i in 0..<pool.count { links[i].next = i + 1 < pool.count ? Int32(i + 1) : -1 }
  }

  var count: Int { pool.count }

  subscript(_ slot: Int) -> Order {
    @inline(__always) unsafeAddress { return unsafe UnsafePointer(pool.address(slot)) }
    @inline(__always) nonmutating unsafeMutableAddress { return unsafe pool.address(slot) }
  }

  // MARK: Names

  /// What the next new order will be called; none when every order in the pool is open. Slots of done orders are
  /// reused oldest first, so that late reports mostly still find their order.
  var nextHandle: OrderHandle {
    @inline(__always) get {
      let slot = freeHead >= 0 ? freeHead : doneHead
      guard slot >= 0 else { return .none }
      return OrderHandle(
        slot: UInt32(truncatingIfNeeded: slot), generation: pool[Int(slot)].generation &+ 1)
    }
  }

  /// A slot could be had now.
  var hasSlot: Bool { freeHead >= 0 || doneHead >= 0 }

  /// The slot of a handle, nil when it is of another generation or nonsense.
  func slot(of handle: OrderHandle) -> Int? {
    let i = Int(handle.slot)
    guard pool.holds(i), pool[i].generation == handle.generation, handle.generation != 0 else {
      return nil
    }
    return i
  }

  /// As ``slot(of:)``, of an order that is about to change.
  mutating func slotToChange(_ handle: OrderHandle) -> Int? {
    guard let slot = slot(of: handle) else { return nil }
    sum.touch(slot)
    return slot
  }

  func handle(of slot: Int) -> OrderHandle {
    OrderHandle(slot: UInt32(truncatingIfNeeded: slot), generation: pool[slot].generation)
  }

  // MARK: Lists

  /// The slot of ``nextHandle`` is free no more. The caller overwrites all of it.
  @inline(__always) mutating func takeSlot(_ slot: Int) {
    let next = links[slot].next
    if freeHead >= 0 {
      freeHead = next
    } else {
      // The first of its list: nothing is before it.
      doneHead = next
      if next >= 0 { links[Int(next)].previous = -1 } else { doneTail = -1 }
    }
    if next >= 0 { pool.prefetch(Int(next)) }
  }

  /// Puts an order at the head of its cell's open list.
  @inline(__always) mutating func linkOpen(_ slot: Int) { linkOpen(slot, Int(pool[slot].cell)) }
  @inline(__always) mutating func linkOpen(_ slot: Int, _ cell: Int) {
    let head = openHead[cell]
    links[slot] = OrderLink(next: head, previous: -1)
    if head >= 0 { links[Int(head)].previous = Int32(truncatingIfNeeded: slot) }
    openHead[cell] = Int32(truncatingIfNeeded: slot)
  }

  mutating func unlinkOpen(_ slot: Int) {
    let next = links[slot].next
    let previous = links[slot].previous
    if previous >= 0 {
      links[Int(previous)].next = next
    } else {
      openHead[Int(pool[slot].cell)] = next
    }
    if next >= 0 { links[Int(next)].previous = previous }
  }

  mutating func linkDone(_ slot: Int) {
    links[slot].next = -1
    links[slot].previous = doneTail
    if doneTail >= 0 { links[Int(doneTail)].next = Int32(slot) } else { doneHead = Int32(slot) }
    doneTail = Int32(slot)
  }

  mutating func unlinkDone(_ slot: Int32) {
    let next = links[Int(slot)].next
    let previous = links[Int(slot)].previous
    if previous >= 0 { links[Int(previous)].next = next } else { doneHead = next }
    if next >= 0 { links[Int(next)].previous = previous } else { doneTail = previous }
  }

  // MARK: Hash

  /// The order is about to change.
  @inline(__always) mutating func touch(_ slot: Int) { sum.touch(slot) }
  /// Orders that have changed since they were last hashed.
  var unhashed: Int { sum.count }
  mutating func hashSome(most: Int) {
    for _ in 0..<most {
      guard let slot = sum.take() else { return }
      sum.set(slot, pool[slot].hash(slot: slot))
    }
  }
  mutating func mix(into h: inout StateHasher) {
    hashSome(most: .max)
    h.mix(nextClientOrderID)
    h.mix(sum.sum)
  }

  // MARK: Invariants

  /// What does not hold of it by itself.
  mutating func broken() -> [String] {
    hashSome(most: .max)
    let used = (0..<pool.count).filter { pool[$0].generation != 0 }
    let hash = used.reduce(0 as UInt64) { $0 &+ pool[$1].hash(slot: $1) }
    var broken = sum.sum == hash ? [] : ["the hash of the orders is not theirs"]
    var listed = 0
    for cell in 0..<openHead.count {
      var slot = openHead[cell]
      while slot >= 0, listed <= pool.count {
        listed += 1
        if !pool[Int(slot)].life.isOpen || Int(pool[Int(slot)].cell) != cell {
          broken.append("cell \(cell): an order is in its list that is not its own, or not open")
        }
        slot = links[Int(slot)].next
      }
    }
    if listed != used.count(where: { pool[$0].life.isOpen }) {
      broken.append("not every open order is in one list of open orders")
    }
    return broken
  }
}
