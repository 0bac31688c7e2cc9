/// Which refusals are journalled: of each strategy, instrument and code the first at once, then at most one record
/// in a second of session time that stands for all since the last. None is lost: a record says how many it stands
/// for, with the numbers of the first and the last.
///
/// A strategy that asks again and again, as it may, would otherwise fill the journal with one sentence.
@safe struct RefusalLog {
  private struct Entry: BitwiseCopyable {
    /// 0: free.
    var key: UInt64 = 0
    var recordedAt: Int64 = 0
    var isWaiting = false
    var account = AccountID(raw: .max)
    var strategy = StrategyID(raw: .max)
    /// Of the last one; its `count` is of those that no record stands for yet.
    var last = RefusalRecord()
  }
  static var interval: Int64 { 1_000_000_000 }
  /// Looked at for a key, from its place on.
  private static var probesMax: Int { 16 }

  private var entries: Column<Entry>
  private let mask: Int
  /// Entries with something that no record stands for yet.
  private var waiting: Column<Int32>
  private var waitingCount = 0
  /// Where a look through them is.
  private var cursor = 0

  init(_ builder: inout ColumnBuilder, cells: Int) {
    let places = min(max(64, min(cells, 1 << 14) * 4), 1 << 14).nextPowerOfTwo
    entries = builder.column(Entry(), places)
    waiting = builder.column(0, places)
    mask = places - 1
  }

  /// The record to be written for a refusal now; nil when a later one will stand for it.
  mutating func take(
    _ record: RefusalRecord, account: AccountID, strategy: StrategyID, at now: Int64
  ) -> RefusalRecord? {
    let key = Self.key(record, strategy)
    guard let i = find(key) else { return record }
    let isKnown = entries[i].key == key
    entries[i].key = key
    entries[i].account = account
    entries[i].strategy = strategy
    let waited = isKnown ? entries[i].last.count : 0
    let first = waited > 0 ? entries[i].last.firstNumber : record.number
    entries[i].last = record
    entries[i].last.firstNumber = first
    entries[i].last.count = waited == .max ? .max : waited &+ 1
    if isKnown, !isDue(i, now) {
      if waited == 0 { wait(i) }
      return nil
    }
    let whole = entries[i].last
    entries[i].recordedAt = now
    entries[i].last.count = 0
    return whole
  }

  /// There was no room for it: a later record stands for these too.
  mutating func takeBack(_ record: RefusalRecord, _ strategy: StrategyID) {
    let key = Self.key(record, strategy)
    guard let i = find(key), entries[i].key == key else { return }
    entries[i].last = record
    wait(i)
  }

  /// A look through those that wait begins.
  mutating func beginLook() { cursor = 0 }

  /// The next record of the look, of one that has waited long enough, or of any at the end, with whom it concerns.
  mutating func next(at now: Int64, isEnd: Bool) -> (RefusalRecord, AccountID, StrategyID)? {
    while cursor < waitingCount {
      let i = Int(waiting[cursor])
      // A record that came meanwhile stood for it.
      let isDone = entries[i].last.count == 0
      guard isDone || isEnd || isDue(i, now) else {
        cursor &+= 1
        continue
      }
      entries[i].isWaiting = false
      waitingCount &-= 1
      waiting[cursor] = waiting[waitingCount]
      if isDone { continue }
      let record = entries[i].last
      entries[i].recordedAt = now
      entries[i].last.count = 0
      return (record, entries[i].account, entries[i].strategy)
    }
    return nil
  }

  private func isDue(_ i: Int, _ now: Int64) -> Bool {
    let (age, over) = now.subtractingReportingOverflow(entries[i].recordedAt)
    return over || age >= Self.interval
  }

  private mutating func wait(_ i: Int) {
    // It may still be in the list, where a record has come meanwhile.
    guard !entries[i].isWaiting else { return }
    entries[i].isWaiting = true
    waiting[waitingCount] = Int32(truncatingIfNeeded: i)
    waitingCount &+= 1
  }

  private static func key(_ record: RefusalRecord, _ strategy: StrategyID) -> UInt64 {
    let code = UInt64(record.code & 0xff) << 56 | 1 << 55
    return code | UInt64(strategy.raw & 0x7f_ffff) << 32 | UInt64(record.instrument.raw)
  }

  /// Where the key is, or where it goes; nil when there is no place near its own.
  private func find(_ key: UInt64) -> Int? {
    let hash = key &* 0x9e37_79b9_7f4a_7c15
    var i = Int(truncatingIfNeeded: hash >> 40) & mask
    for _ in 0..<Self.probesMax {
      if entries[i].key == key || entries[i].key == 0 { return i }
      i = (i &+ 1) & mask
    }
    return nil
  }
}

extension EngineState {
  /// Counts, numbers and journals a refusal, and gives it back as the answer.
  mutating func refuse(
    _ refusal: Refusal, instrument: InstrumentID, account: AccountID, strategy: StrategyID,
    kind: VenueRequest.Kind, price: Int64, quantity: Int64, side: Side,
    clientOrderID: ClientOrderID = .none
  ) -> Refusal {
    counters.count(refusal.code)
    var payload = RefusalRecord(refusal, instrument: instrument, quote: quotes.quote(instrument))
    payload.number = counters.total.refused
    payload.firstNumber = counters.total.refused
    payload.clientOrderID = clientOrderID
    payload.price = price
    payload.quantity = quantity
    payload.feedPosition = feedPosition
    payload.request = kind.rawValue
    payload.side = side.rawValue
    let due = counters.refusalLog.take(
      payload, account: account, strategy: strategy, at: sessionTime)
    if let due, recordIfRoom(.refusal, due, account: account, strategy: strategy) == 0 {
      counters.refusalLog.takeBack(due, strategy)
    }
    return refusal
  }

  /// What is to be done now and then, whatever happens.
  @inline(never) mutating func doChores() {
    nextChores = sessionTime.addingReportingOverflow(Self.choresInterval).partialValue
    flushRefusals()
    watchBounds()
  }
  static var choresInterval: Int64 { 100_000_000 }

  /// Journals those that no record stands for yet: the due ones, or all at the end.
  mutating func flushRefusals(isEnd: Bool = false) {
    counters.refusalLog.beginLook()
    // Bounded: each round takes one from the list.
    while let (record, account, strategy) = counters.refusalLog.next(at: sessionTime, isEnd: isEnd)
    {
      cause = feedPosition
      if recordIfRoom(.refusal, record, account: account, strategy: strategy) == 0 {
        counters.refusalLog.takeBack(record, strategy)
        return
      }
    }
  }
}
