/// Why a journal cannot be replayed, or not further.
public enum ReplayError: Error, Sendable, Equatable {
  /// A session's beginning is not whole, or is not first.
  case notBegun(sequence: UInt64, what: String)
  case unreadableConfiguration(String)
  /// The configuration in the journal makes no engine.
  case configuration(EngineConfigurationError)
  /// Written by a build whose payload of this type has another layout.
  case unknownVersion(sequence: UInt64, type: RecordType, version: UInt16)
  /// A number in the record means nothing to this build.
  case unknownValue(sequence: UInt64, type: RecordType)
  /// The input is not possible in the state that the records before it lead to.
  case impossible(sequence: UInt64, type: RecordType, what: String)
  /// The journal has another record than applying the input comes to. `replayed` is the whole record that is worked
  /// out, empty when nothing is.
  case difference(sequence: UInt64, type: RecordType, replayed: [UInt8])
  /// What applying the input comes to is missing in the journal before this record.
  case missing(sequence: UInt64, replayed: [UInt8])
  case hash(sequence: UInt64, recorded: UInt64, replayed: UInt64)
  /// So many records before this one are lost: the journal took no more.
  case lost(sequence: UInt64, count: UInt64)
}

/// Brings an engine to where a session's records lead: each input is applied again, each consequence that is in
/// the journal compared with what applying comes to, each hash with the state's.
///
/// ```swift
/// var replay = Replay()
/// for record in records { try replay.take(record) }
/// guard var engine = replay.finish(lane: lane) else { return }
/// guard engine.resume(sessionTime: now, machineTime: clock) else { return }  // somebody has to answer for it
/// ```
///
/// Of a session that another version of ``Engine/applyVersion`` wrote the hashes are not compared, what is not as
/// recorded is gone past and listed, and executions stand as they were booked; then a named person has to
/// ``Engine/resume(sessionTime:machineTime:origin:person:reason:)``.
///
/// It takes the records of one session, from its ``RecordType/sessionStarted`` on, in order. Market data and what
/// strategies keep are not in it: books come back from the feed.
///
/// Threading: one thread. Allocates at the beginning of the session only.
@safe public struct Replay: ~Copyable {
  private var start = Start()
  private var engine: Engine?
  private var lane: MemoryLane?
  /// Of the next consequence that is awaited, in the lane.
  private var cursor = 0
  private let isForLooking: Bool
  private let memory: EngineMemory
  /// Of ``Engine/applyVersion``, that wrote the records that come now.
  private var version: UInt32 = 0
  private var isOfOtherVersion: Bool { version != Engine.applyVersion }
  /// A process has gone on with the session.
  private var isResumed = false
  /// Executions of the last input that have been settled; only of another version's.
  private var booked: [ExecutionRecord] = []
  /// The first of those that were gone past, and how many there were.
  public private(set) var differences: [ReplayError] = []
  public private(set) var differenceCount = 0
  /// Of these, those that nobody has gone on with.
  public private(set) var unacceptedCount = 0
  public static var differencesMax: Int { 1_000 }
  /// Inputs applied, consequences compared and hashes compared.
  public private(set) var inputs: UInt64 = 0
  public private(set) var consequences: UInt64 = 0
  public private(set) var hashes: UInt64 = 0
  /// Of another version, not compared: they are over other things.
  public private(set) var foreignHashes: UInt64 = 0

  /// What a session begins with.
  private struct Start {
    var session = SessionRecord()
    var text: [UInt8] = []
    var instruments: [InstrumentFacts] = []
    var ports: UInt32 = 0
    var hasBegun = false

    var isWhole: Bool {
      hasBegun && text.count >= Int(session.configurationBytes) && ports >= session.ports
        && instruments.count >= Int(session.instruments)
    }
  }

  /// - Parameters:
  ///   - isForLooking: the engine is looked at and will not trade: its books are as small as can be.
  ///   - memory: of the engine; no journal says what the machine has that it is replayed on.
  public init(isForLooking: Bool = false, memory: EngineMemory = EngineMemory()) {
    self.isForLooking = isForLooking
    self.memory = memory
  }

  /// The beginning is whole, and there is an engine.
  public private(set) var isRunning = false
  /// Of the session's beginning.
  public var session: SessionRecord { start.session }
  public var instruments: [InstrumentFacts] { start.instruments }
  /// nil before the beginning is whole.
  public private(set) var configuration: EngineConfiguration?
  /// The text of the configuration, `run.` lines too.
  public var configurationText: String { String(decoding: start.text, as: UTF8.self) }
  /// Where the records so far lead; nil before the beginning is whole.
  public mutating func snapshot() -> EngineSnapshot? { engine?.snapshot() }
  /// The state's hash, at a session time that is not before the last record's.
  public mutating func stateHash(at sessionTime: Int64 = .min) -> UInt64? {
    engine?.setTime(sessionTime, 0)
    return engine?.stateHash()
  }

  /// Takes the session's next record.
  ///
  /// - Parameter record: the whole record, whose frame and checksum have been checked; read before the call returns.
  public mutating func take(_ record: UnsafeRawBufferPointer) throws(ReplayError) {
    let size = MemoryLayout<RecordHeader>.size
    guard record.count >= size + 8 else {
      throw .notBegun(sequence: 0, what: "\(record.count) bytes are no record")
    }
    let header = unsafe record.loadUnaligned(as: RecordHeader.self)
    guard let type = RecordType(rawValue: header.type), header.version == type.version else {
      throw .unknownVersion(
        sequence: header.sequence, type: RecordType(rawValue: header.type) ?? .padding,
        version: header.version)
    }
    guard isRunning else {
      let payload = unsafe UnsafeRawBufferPointer(rebasing: record[size..<(record.count - 4)])
      return unsafe try begin(header, type, payload)
    }
    switch type {
    case .intent, .handedOver, .withdrawn, .cancelWanted, .report, .timedOut, .command:
      try settle(before: header)
      unsafe try apply(header, type, record)
      if type == .command {
        resumed(unsafe try load(header, type, record, CommandRecord.self))
      }
    case .orderState, .execution, .latch, .limits: unsafe try compare(header, type, record)
    case .alarm:
      let alarm = unsafe try load(header, type, record, AlarmRecord.self)
      if AlarmCode(rawValue: alarm.code)?.isConsequence != false {
        unsafe try compare(header, type, record)
      }
    case .stateHash:
      try settle(before: header)
      let hash = unsafe try load(header, type, record, StateHashRecord.self)
      try compareHash(header, hash.stateHash)
    case .sessionEnded:
      try settle(before: header)
      let end = unsafe try load(header, type, record, SessionRecord.self)
      try compareHash(header, end.stateHash)
    case .recordsLost:
      let lost = unsafe try load(header, type, record, RecordsLostRecord.self)
      throw .lost(sequence: header.sequence, count: lost.count)
    // Of the process that has gone on, for people.
    case .configuration where isResumed: break
    case .sessionStarted, .configuration, .portDefined, .instrumentDefined:
      throw .notBegun(sequence: header.sequence, what: "the session has begun already")
    case .refusal:
      let refusal = unsafe try load(header, type, record, RefusalRecord.self)
      engine?.note(refusal: refusal.number)
      engine?.setTime(header.sessionTime, header.machineTime)
    case .marketState, .timer, .strategyState:
      engine?.setTime(header.sessionTime, header.machineTime)
    case .padding: break
    }
  }

  private func load<T: BitwiseCopyable>(
    _ header: RecordHeader, _ type: RecordType, _ record: UnsafeRawBufferPointer, _: T.Type
  ) throws(ReplayError) -> T {
    let size = MemoryLayout<RecordHeader>.size
    guard record.count >= size + MemoryLayout<T>.size + 4 else {
      throw .unknownValue(sequence: header.sequence, type: type)
    }
    return unsafe record.loadUnaligned(fromByteOffset: size, as: T.self)
  }

  // MARK: Beginning

  private mutating func begin(
    _ header: RecordHeader, _ type: RecordType, _ payload: UnsafeRawBufferPointer
  ) throws(ReplayError) {
    func fits(_ size: Int) -> Bool { payload.count >= size }
    switch type {
    case .sessionStarted where fits(MemoryLayout<SessionRecord>.size) && !start.hasBegun:
      start.session = unsafe payload.loadUnaligned(as: SessionRecord.self)
      start.hasBegun = true
    case .configuration where start.hasBegun:
      // Behind it, up to seven zeros fill the record.
      let bytes = unsafe Array(payload)
      start.text += bytes[..<((bytes.lastIndex { $0 != 0 } ?? -1) + 1)]
    case .portDefined where start.hasBegun: start.ports += 1
    case .instrumentDefined where fits(MemoryLayout<InstrumentRecord>.size) && start.hasBegun:
      start.instruments.append(unsafe payload.loadUnaligned(as: InstrumentRecord.self).facts)
    default:
      throw .notBegun(
        sequence: header.sequence, what: "\(type) where a session's beginning is awaited")
    }
    if start.isWhole { try makeEngine(at: header.sequence) }
  }

  private mutating func makeEngine(at sequence: UInt64) throws(ReplayError) {
    var configuration = try EngineConfiguration(
      text: String(decoding: start.text, as: UTF8.self), instruments: start.instruments)
    guard configuration.hash == start.session.configurationHash else {
      throw .unreadableConfiguration("its checksum is not the session's")
    }
    if isForLooking { configuration.marketData.capacity = .small }
    configuration.memory = memory
    version = start.session.applyVersion
    do throws(EngineConfigurationError) { try configuration.check() } catch {
      throw .configuration(error)
    }
    // Room for what one input can come to (two records of every order), and for the beginning.
    let frame = RecordLane.frameBytes
    let orders = configuration.poolCapacity * 2 * (MemoryLayout<OrderStateRecord>.size + frame)
    let definition = MemoryLayout<InstrumentRecord>.size + frame
    let definitions = configuration.instruments.count * definition + start.text.count * 2
    self.configuration = configuration
    let lane = MemoryLane(untouched: orders + definitions + 1 << 20)
    do throws(EngineConfigurationError) {
      engine = try Engine(
        replaying: configuration, lane: lane.lane, isForLooking: isForLooking)
    } catch {
      throw .configuration(error)
    }
    // Causes that were carried over are the beginning's consequences.
    cursor = 0
    let records = unsafe lane.records
    while cursor < records.count {
      let type = unsafe records.loadUnaligned(fromByteOffset: cursor + 4, as: UInt16.self)
      if type == RecordType.latch.rawValue { break }
      cursor += unsafe Int(records.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
    }
    self.lane = consume lane
    isRunning = true
  }

  // MARK: Inputs and consequences

  /// All that the last input came to has been seen in the journal.
  private mutating func settle(before header: RecordHeader) throws(ReplayError) {
    if isOfOtherVersion { takeBack() }
    guard let next = unsafe nextConsequence() else { return }
    let replayed = unsafe Array(next)
    try differ(.missing(sequence: header.sequence, replayed: replayed))
    cursor = unsafe lane?.records.count ?? 0
  }

  /// The executions that the last input comes to, up to a place in the lane, and that the journal has not booked so
  /// far.
  private mutating func executions(before end: Int = .max) -> [ExecutionRecord] {
    guard let records = unsafe lane?.records else { return [] }
    var found: [ExecutionRecord] = []
    var at = 0
    while at < min(records.count, end) {
      let header = unsafe records.loadUnaligned(fromByteOffset: at, as: RecordHeader.self)
      if header.type == RecordType.execution.rawValue {
        let payload = at + MemoryLayout<RecordHeader>.size
        found.append(
          unsafe records.loadUnaligned(fromByteOffset: payload, as: ExecutionRecord.self))
      }
      at += Int(header.length)
    }
    for record in booked {
      if let i = found.firstIndex(where: { $0.isSameExecution(as: record) }) { found.remove(at: i) }
    }
    return found
  }

  /// It stands as another version has booked it.
  private mutating func restate(_ record: ExecutionRecord) {
    let here = executions()
    let replayed = here.first { $0.isSameExecution(as: record) }
    // What is taken back by a bust of the same input cannot be booked otherwise: that goes first.
    if let replayed, record.revision == 0, !replayed.isBooked(as: record),
      let bust = here.first(where: { $0.revision != 0 && $0.isOfSameExecution(as: record) })
    {
      engine?.restate(bust, as: nil)
      booked.append(bust)
    }
    engine?.restate(replayed, as: record)
    booked.append(record)
  }

  /// What another version has not booked is taken back, once the journal has all that the input came to; busts
  /// before their executions.
  private mutating func takeBack(before end: Int = .max) {
    let left = executions(before: end)
    for record in left.reversed() { engine?.restate(record, as: nil) }
    booked += left
  }

  /// A process has gone on with the session: in the name of a person past the differences until then.
  private mutating func resumed(_ record: CommandRecord) {
    guard record.kind == Command.Kind.resume.rawValue, record.accepted != 0 else { return }
    isResumed = true
    // A number that is no version is another one.
    version = UInt32(exactly: record.valueHigh) ?? 0
    // Past what this version finds, and in somebody's name.
    if !isOfOtherVersion, record.command?.isNamed == true, record.command?.isReasoned == true {
      unacceptedCount = 0
    }
  }

  private mutating func nextConsequence() -> UnsafeRawBufferPointer? {
    guard let records = unsafe lane?.records else { return nil }
    guard cursor < records.count else { return nil }
    let length = unsafe Int(records.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
    return unsafe UnsafeRawBufferPointer(rebasing: records[cursor..<(cursor + length)])
  }

  private mutating func apply(
    _ header: RecordHeader, _ type: RecordType, _ record: UnsafeRawBufferPointer
  ) throws(ReplayError) {
    lane?.rewind()
    cursor = 0
    booked = []
    inputs &+= 1
    let size = MemoryLayout<RecordHeader>.size
    let payload = unsafe UnsafeRawBufferPointer(rebasing: record[size..<(record.count - 4)])
    guard let fault = unsafe engine?.replay(header, type, payload) ?? nil else { return }
    switch fault {
    case .unknown: throw .unknownValue(sequence: header.sequence, type: type)
    case .impossible(let what):
      throw .impossible(sequence: header.sequence, type: type, what: what)
    }
  }

  private static func isSame(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    // Records are whole words; the second has the number, half of the last the checksum.
    var differs = unsafe a.loadUnaligned(as: UInt64.self) ^ b.loadUnaligned(as: UInt64.self)
    var at = 16
    while at < a.count &- 8 {
      let word = unsafe a.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      unsafe differs |= word ^ b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      at &+= 8
    }
    if differs != 0 { return false }
    let rest = unsafe a.loadUnaligned(fromByteOffset: a.count - 8, as: UInt32.self)
    return unsafe rest == b.loadUnaligned(fromByteOffset: a.count - 8, as: UInt32.self)
  }

  /// Alike in all but the number, which depends on what lay between, and the checksum, which depends on that.
  private mutating func compare(
    _ header: RecordHeader, _ type: RecordType, _ record: UnsafeRawBufferPointer
  ) throws(ReplayError) {
    consequences &+= 1
    if isOfOtherVersion, type == .execution {
      let execution = unsafe try load(header, type, record, ExecutionRecord.self)
      guard engine?.canBook(execution) == true else {
        throw .unknownValue(sequence: header.sequence, type: type)
      }
      restate(execution)
    }
    guard let next = unsafe nextConsequence() else {
      return try differ(.difference(sequence: header.sequence, type: type, replayed: []))
    }
    cursor += next.count
    let isSame = unsafe Self.isSame(next, record)
    if !isSame {
      let replayed = unsafe Array(next)
      try differ(.difference(sequence: header.sequence, type: type, replayed: replayed))
    }
  }

  private mutating func compareHash(
    _ header: RecordHeader, _ recorded: UInt64
  ) throws(ReplayError) {
    engine?.setTime(header.sessionTime, header.machineTime)
    if isOfOtherVersion { return foreignHashes &+= 1 }
    hashes &+= 1
    let replayed = engine?.stateHash() ?? 0
    if replayed != recorded {
      try differ(.hash(sequence: header.sequence, recorded: recorded, replayed: replayed))
    }
  }

  private mutating func differ(_ error: ReplayError) throws(ReplayError) {
    guard isOfOtherVersion else { throw error }
    differenceCount += 1
    unacceptedCount += 1
    if differences.count < Self.differencesMax { differences.append(error) }
  }

  /// The engine as the journal leaves it, to journal into the lane once it is told to
  /// ``Engine/resume(sessionTime:machineTime:origin:person:reason:)``; nil before the beginning is whole.
  ///
  /// What the last input came to, and a crash kept from the journal, is journalled now.
  public consuming func finish(lane: RecordLane) -> Engine? {
    if isOfOtherVersion { takeBack(before: cursor) }
    while let next = unsafe nextConsequence() {
      let size = MemoryLayout<RecordHeader>.size
      let header = unsafe next.loadUnaligned(as: RecordHeader.self)
      // What another version has booked elsewhere is in the journal already.
      if isOfOtherVersion, header.type == RecordType.execution.rawValue {
        let execution = unsafe next.loadUnaligned(fromByteOffset: size, as: ExecutionRecord.self)
        if booked.contains(where: { $0.isSameExecution(as: execution) }) {
          cursor += next.count
          continue
        }
      }
      // Behind the payload, whole words, are four zeros and the checksum.
      let payload = unsafe next.baseAddress.map { unsafe $0 + size }
      if unsafe lane.append(header, payload, next.count - size - 8, privileged: true) == 0 {
        engine?.note(lost: 1)
      }
      cursor += next.count
    }
    engine?.attach(lane, differences: unacceptedCount)
    return engine.take()
  }
}
