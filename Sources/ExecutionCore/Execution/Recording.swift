/// Writing records. Appending neither allocates nor enters the kernel.
extension EngineState {
  mutating func header(_ type: RecordType, _ account: AccountID, _ strategy: StrategyID)
    -> RecordHeader
  {
    var header = RecordHeader(type: type)
    header.sessionTime = sessionTime
    header.machineTime = machineTime
    header.cause = cause
    header.account = account.raw
    header.strategy = strategy.raw
    return header
  }

  /// Journals a fact that can't be refused: reports, executions, cancels, states. Losing one stops new
  /// orders for good.
  @discardableResult
  @inline(__always) mutating func record<T: BitwiseCopyable>(
    _ type: RecordType, _ payload: T, account: AccountID = AccountID(raw: .max),
    strategy: StrategyID = StrategyID(raw: .max)
  ) -> UInt64 {
    if recordsLost > 0 { tellLostRecords() }
    let bytes = MemoryLayout<T>.size
    guard
      let words = unsafe beginRecord(
        type, payloadBytes: bytes, account: account, strategy: strategy, cause: cause,
        privileged: true)
    else {
      loseRecord()
      return 0
    }
    unsafe UnsafeMutableRawPointer(words).storeBytes(of: payload, as: T.self)
    let sequence = journal.nextSequence
    unsafe endRecord(words, payloadBytes: bytes)
    return sequence
  }

  /// The journal took no more, not even what is kept for such records: the firm is stopped in this process. A place
  /// is kept to say at once that a replay ends here; how many were lost is said as soon as records are taken again.
  @inline(never) mutating func loseRecord() {
    recordsLost &+= 1
    counters.count(.journalLost)
    if recordsLost == 1 {
      let header = header(.recordsLost, AccountID(raw: .max), StrategyID(raw: .max))
      journal.appendLast(header, RecordsLostRecord(count: recordsLost))
    }
    latchUnrecorded(.journalLost)
  }

  @inline(never) mutating func tellLostRecords() {
    let lost = RecordsLostRecord(count: recordsLost)
    let header = header(.recordsLost, AccountID(raw: .max), StrategyID(raw: .max))
    guard journal.append(header, lost, privileged: true) != 0 else { return }
    recordsLost = 0
    latchUnrecorded(.journalLost)
    recordLatch(LatchCauses(.journalLost), at: 0, isSet: true)
  }

  /// A record in its place in the journal: its header is written, the payload, whole words, is for the
  /// caller to write before ``endRecord(_:payloadBytes:)``. nil when there is no room.
  @inline(__always) mutating func beginRecord(
    _ type: RecordType, payloadBytes: Int, account: AccountID, strategy: StrategyID,
    cause: UInt64, privileged: Bool = false
  ) -> UnsafeMutablePointer<UInt64>? {
    guard
      let record = unsafe journal.begin(payloadBytes: payloadBytes, privileged: privileged)
    else { return nil }
    let length = UInt64(truncatingIfNeeded: payloadBytes &+ RecordLane.frameBytes)
    unsafe record[0] = length | UInt64(type.rawValue) << 32 | UInt64(type.version) << 48
    unsafe record[1] = journal.nextSequence
    unsafe record[2] = UInt64(bitPattern: sessionTime)
    unsafe record[3] = UInt64(bitPattern: machineTime)
    unsafe record[4] = cause
    unsafe record[5] = UInt64(account.raw) | UInt64(strategy.raw) << 32
    return unsafe record + 6
  }

  /// Checksum, and from here on readers see the record.
  @inline(__always) mutating func endRecord(
    _ payload: UnsafeMutablePointer<UInt64>, payloadBytes: Int
  ) {
    unsafe journal.end(payload - 6, payloadBytes: payloadBytes)
  }

  /// Journals what may be refused for want of room.
  mutating func recordIfRoom<T: BitwiseCopyable>(
    _ type: RecordType, _ payload: T, account: AccountID, strategy: StrategyID
  ) -> UInt64 {
    journal.append(header(type, account, strategy), payload, privileged: false)
  }

  /// Counts and journals an alarm.
  mutating func alarm(
    _ code: AlarmCode, instrument: InstrumentID = .none, clientOrderID: ClientOrderID = .none,
    port: Int = Int(UInt16.max), reference: UInt64 = 0, expected: Int64 = 0, observed: Int64 = 0,
    report: VenueReport.Kind? = nil
  ) {
    counters.count(code)
    var payload = AlarmRecord(code: code, instrument: instrument)
    payload.clientOrderID = clientOrderID
    payload.port = PortID(raw: UInt16(truncatingIfNeeded: port))
    payload.venueReference = reference
    payload.expected = expected
    payload.observed = observed
    payload.report = report?.rawValue ?? 0
    record(.alarm, payload)
  }
}
