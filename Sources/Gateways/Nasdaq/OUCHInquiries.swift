internal import ExecutionCore

/// Tells a fresh answer to an account query from one that a replay brings again.
///
/// Answers of queries of earlier connections may stand in the replay, behind what an earlier client left
/// (``SoupClient/historyEnd``). They come before any answer of this connection, so with `stale` of them
/// possible, the stream is drained for certain when `stale + 1` answers have come; until then each
/// answer is followed by another query.
struct OUCHDrain: BitwiseCopyable {
  /// Queries of earlier connections that may still be answered.
  private var stale = 0
  private var asks = 0
  private var answers = 0
  private var drained = true

  mutating func begin() {
    stale = max(stale &+ asks &- answers, 0)
    if drained { stale = max(asks &- answers, 0) }
    asks = 0
    answers = 0
    drained = false
  }
  mutating func asked() { asks &+= 1 }

  /// How many answers have to come, from the log-in's drain on, before that of the query asked last is certain
  /// to be among them.
  var lastAsked: Int { asks }

  enum Answer: BitwiseCopyable {
    case drained
    case askAgain
    /// So many have come since the drain.
    case late(Int)
  }
  mutating func answered() -> Answer {
    answers &+= 1
    if drained { return .late(answers) }
    if answers > stale {
      drained = true
      // What is outstanding now is of this connection.
      asks = max(asks &- (answers &- stale), 0)
      answers = 0
      stale = 0
      return .drained
    }
    return .askAgain
  }
}

/// The engine's inquiries that an account query is to answer. OUCH can't be asked about one order: it says the
/// number that it expects next, behind everything that it had to say of those below.
@safe struct OUCHInquiries: ~Copyable {
  struct Inquiry: BitwiseCopyable {
    var reference: UInt64 = 0
    /// Of a replace that is unresolved; 0 without one.
    var pending: UInt64 = 0
    /// Answers since the drain, of which the last is that of a query behind it.
    var answersNeeded = 0
    /// The number that the venue expects next, when it has answered.
    var next: UInt64 = 0
    var isAnswered = false
    var account = AccountID(raw: .max)
  }
  private let ring: HeapColumn<Inquiry>
  private var head = 0
  private(set) var count = 0

  init(most: Int) { ring = HeapColumn(count: min(max(most, 1), 1 << 20), repeating: Inquiry()) }
  deinit { ring.free() }

  var isFull: Bool { count == ring.count }
  private func place(_ i: Int) -> Int { (head &+ i) % ring.count }

  mutating func push(_ inquiry: Inquiry) {
    ring[place(count)] = inquiry
    count &+= 1
  }
  /// So many answers have come, the last with this number: those that it covers know it now.
  mutating func answered(_ answers: Int, next: UInt64) {
    for i in 0..<count {
      let at = place(i)
      if ring[at].answersNeeded > answers { return }
      if ring[at].isAnswered { continue }
      ring[at].next = next
      ring[at].isAnswered = true
    }
  }
  /// The oldest when it has its answer.
  mutating func takeAnswered() -> Inquiry? {
    guard count > 0, ring[head].isAnswered else { return nil }
    defer {
      head = place(1)
      count &-= 1
    }
    return ring[head]
  }
  /// One waits for an answer, and so many have come.
  func isWaiting(after answers: Int) -> Bool {
    count > 0 && ring[place(count &- 1)].answersNeeded > answers
  }
  mutating func clear() {
    head = 0
    count = 0
  }
}
