internal import ExecutionCore

/// What is asked for again and again: first executions, then changed orders, each page behind the last.
struct PaperSync: BitwiseCopyable {
  enum Stage: BitwiseCopyable {
    case idle
    case executions
    case orders
  }
  private(set) var stage = Stage.idle
  /// Of the log-in: no order is taken before it is complete.
  private(set) var isLogin = false
  private(set) var since: Int64 = 0
  /// Up to these all is known.
  private(set) var execution: UInt64 = 0
  private(set) var revision: UInt64 = 0
  /// The highest that was told at all: no answer's end is believed beyond.
  private var executionTold: UInt64 = 0
  private(set) var revisionTold: UInt64 = 0
  /// The number of the last question; even, so that it is none of an inquiry.
  private(set) var query: UInt32 = 0

  var isAsking: Bool {
    switch stage {
    case .idle: false
    default: true
    }
  }

  mutating func begin(isLogin: Bool, now: Int64) {
    stage = .executions
    self.isLogin = isLogin
    since = now
  }
  mutating func told(execution number: UInt64) { executionTold = max(executionTold, number) }
  mutating func told(revision number: UInt64) { revisionTold = max(revisionTold, number) }
  mutating func ask() -> UInt32 {
    query = query &+ 2
    return query
  }
  mutating func stop() { stage = .idle }

  /// An answer has come to its end, or to that of a page; true when all has been answered.
  mutating func answered(hasMore: Bool, _ cursor: UInt64) -> Bool {
    switch stage {
    case .idle: return false
    case .executions:
      execution = max(execution, min(cursor, executionTold))
      if !hasMore { stage = .orders }
    case .orders:
      revision = max(revision, min(cursor, revisionTold))
      if !hasMore { stage = .idle }
    }
    return !isAsking
  }
}

/// Orders that the engine asks about. Each is asked for its executions, page after page, and then how it stands.
@safe struct PaperInquiries: ~Copyable {
  struct Inquiry: BitwiseCopyable {
    var order = ClientOrderID.none
    var reference: UInt64 = 0
    /// Odd; 0: none.
    var query: UInt32 = 0
    var cursor: UInt64 = 0
    var since: Int64 = 0
    var isStanding = false
  }
  private let table: HeapColumn<Inquiry>
  private var next: UInt32 = 1
  private(set) var count = 0
  private(set) var lastQuery: UInt32 = 0

  init(most: Int) {
    var size = 16
    while size < min(max(most, 1), 1 << 16) { size *= 2 }
    table = HeapColumn(count: size, repeating: Inquiry())
  }
  deinit { table.free() }

  /// Where an inquiry of that number lies, or would lie.
  private func place(_ query: UInt32) -> Int { Int(query &>> 1) & (table.count &- 1) }

  /// False when there is no room for another.
  mutating func push(_ order: ClientOrderID, _ reference: UInt64, now: Int64) -> Bool {
    let at = place(next)
    guard table[at].query == 0 else { return false }
    table[at] = Inquiry(
      order: order, reference: reference, query: next, cursor: 0, since: now, isStanding: false)
    lastQuery = next
    next = next &+ 2
    count &+= 1
    return true
  }

  subscript(_ query: UInt32) -> Inquiry? {
    let found = table[place(query)]
    return query != 0 && found.query == query ? found : nil
  }
  mutating func goOn(_ query: UInt32, from cursor: UInt64, isStanding: Bool) {
    table[place(query)].cursor = cursor
    table[place(query)].isStanding = isStanding
  }
  mutating func remove(_ query: UInt32) {
    table[place(query)] = Inquiry()
    count &-= 1
  }
  /// The reference of one that has waited so long, which is taken out.
  mutating func takeOverdue(now: Int64, after: Int64) -> UInt64? {
    guard count > 0 else { return nil }
    for i in 0..<table.count where table[i].query != 0 && now &- table[i].since >= after {
      let reference = table[i].reference
      remove(table[i].query)
      return reference
    }
    return nil
  }
  mutating func clear() {
    guard count > 0 else { return }
    for i in 0..<table.count { table[i] = Inquiry() }
    count = 0
  }
}
