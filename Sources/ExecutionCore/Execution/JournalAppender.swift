internal import CSupport

/// Appends records to the journal's lane: no allocation, no system call.
@safe struct JournalAppender {
  fileprivate let lane: UnsafeMutablePointer<nt_lane>

  init(lane: UnsafeMutablePointer<nt_lane>) { unsafe self.lane = unsafe lane }

  /// Whether an intent and what goes with it would be taken now.
  var hasRoom: Bool {
    unsafe nt_lane_has_room(lane, UInt64(NT_RECORD_LENGTH_MAX))
  }

  /// The sequence of the record that is appended next.
  var nextSequence: UInt64 { unsafe lane.pointee.next_sequence }

  /// Returns the record's sequence, 0 when the lane refused it.
  mutating func append<T: BitwiseCopyable>(
    _ header: borrowing RecordHeader, _ payload: T, privileged: Bool
  ) -> UInt64 {
    var head = nt_record_header()
    head.type = header.type
    head.version = header.version
    head.session_time = header.sessionTime
    head.machine_time = header.machineTime
    head.cause = header.cause
    head.account = header.account
    head.strategy = header.strategy
    return unsafe withUnsafePointer(to: payload) { body in
      unsafe nt_lane_append(lane, &head, body, UInt32(MemoryLayout<T>.size), privileged)
    }
  }
}

extension JournalAppender {
  /// A record whose payload is bytes of the caller.
  mutating func append(
    _ header: borrowing RecordHeader, bytes: UnsafeRawBufferPointer, privileged: Bool
  ) -> UInt64 {
    guard bytes.count <= Int(NT_RECORD_LENGTH_MAX) else { return 0 }
    var head = nt_record_header()
    head.type = header.type
    head.version = header.version
    head.session_time = header.sessionTime
    head.machine_time = header.machineTime
    head.cause = header.cause
    head.account = header.account
    head.strategy = header.strategy
    return unsafe nt_lane_append(
      lane, &head, bytes.baseAddress, UInt32(bytes.count), privileged)
  }
}

extension EngineState {
  func header(_ type: RecordType, _ account: AccountID, _ strategy: StrategyID) -> RecordHeader {
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
