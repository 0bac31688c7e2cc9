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
  mutating func record<T: BitwiseCopyable>(
    _ type: RecordType, _ payload: T, account: AccountID = AccountID(raw: .max),
    strategy: StrategyID = StrategyID(raw: .max)
  ) -> UInt64 {
    let sequence = journal.append(header(type, account, strategy), payload, privileged: true)
    if sequence == 0 {
      settings.journalLost = true
      countAlarm(.journalLost)
    }
    return sequence
  }

  /// Journals what may be refused for want of room.
  mutating func recordIfRoom<T: BitwiseCopyable>(
    _ type: RecordType, _ payload: T, account: AccountID, strategy: StrategyID
  ) -> UInt64 {
    journal.append(header(type, account, strategy), payload, privileged: false)
  }

  mutating func countAlarm(_ code: AlarmCode) {
    alarms[Int(code.rawValue)] &+= 1
    counters.alarms &+= 1
  }

  /// Counts and journals an alarm.
  mutating func alarm(
    _ code: AlarmCode, instrument: InstrumentID = .none, clientOrderID: ClientOrderID = .none,
    reference: UInt64 = 0, expected: Int64 = 0, observed: Int64 = 0,
    report: VenueReport.Kind? = nil
  ) {
    countAlarm(code)
    var payload = AlarmRecord(code: code, instrument: instrument)
    payload.clientOrderID = clientOrderID
    payload.venueReference = reference
    payload.expected = expected
    payload.observed = observed
    payload.report = report?.rawValue ?? 0
    record(.alarm, payload)
  }
}
