public import ExecutionCore

/// Replays a journal, session by session, and keeps where the last one leads.
///
/// ```swift
/// var replay = JournalReplay()
/// let end = try replay.run(JournalReader("data"))
/// ```
///
/// Records before the first session's beginning are passed over. Threading: one thread.
@safe public struct JournalReplay: ~Copyable {
  /// One session, as far as it was replayed.
  public struct Session: Sendable {
    public var firstSequence: UInt64
    public var lastSequence: UInt64
    /// Number of its first order, and what stopped new orders before it.
    public var firstClientOrderID: UInt64 = 1
    public var standingCauses = LatchCauses()
    public var tradingDay: UInt64 = 0
    /// Of ``Engine/applyVersion`` that wrote it.
    public var applyVersion: UInt32 = 0
    public var inputs: UInt64 = 0
    /// Records that were compared with what applying comes to, and hashes with the state's.
    public var consequences: UInt64 = 0
    public var hashes: UInt64 = 0
    /// Of another version of the rules, not compared.
    public var foreignHashes: UInt64 = 0
    /// The last hash that the journal has, and its record.
    public var lastHash: (value: UInt64, sequence: UInt64)?
    /// Why it was ended, in an orderly way; nil where it was not.
    public var end: RunEnd?
    public var isEnded: Bool { end != nil }
    public var instruments: [InstrumentFacts] = []
    /// By number.
    public var accounts: [String] = []
    public var strategies: [String] = []
    public var venues: [String] = []
    public var ports: [String] = []
    /// Where it leads; nil without a beginning, and where the engine is not only looked at.
    public var snapshot: EngineSnapshot?
    /// What another version of the rules recorded otherwise, in words, the first of them.
    public var differences: [String] = []
    public var differenceCount = 0
    /// Of these, those that nobody has gone on with.
    public var unacceptedCount = 0

    public func symbol(_ instrument: InstrumentID) -> String {
      let i = Int(instrument.raw)
      return i < instruments.count
        ? "\(instruments[i].symbol)" : "instrument \(instrument.raw)"
    }

    /// At the instrument's exponent.
    public func quantity(_ raw: Int64, of instrument: InstrumentID) -> String {
      let i = Int(instrument.raw)
      let exponent = i < instruments.count ? Int(instruments[i].quantityExponent) : 0
      return DecimalText.text(Int128(raw), exponent: exponent)
    }
    public func price(_ price: Price, of instrument: InstrumentID) -> String {
      let i = Int(instrument.raw)
      let exponent = i < instruments.count ? Int(instruments[i].priceExponent) : -8
      return DecimalText.text(Int128(price.raw), exponent: exponent)
    }
  }

  private var replay: Replay?
  public private(set) var sessions: [Session] = []
  public var last: Session? { sessions.last }
  private let isForLooking: Bool
  private let memory: EngineMemory
  /// There are records behind the one that it was to end with.
  public private(set) var isCut = false
  private var decoder = RecordDecoder()
  private var failure: JournalError?
  /// The session's last record that was taken.
  private var lastTaken: UInt64 = 0

  /// - Parameters:
  ///   - isForLooking: the engine is looked at, and will not trade.
  ///   - memory: of the engine.
  public init(isForLooking: Bool = true, memory: EngineMemory = EngineMemory()) {
    self.isForLooking = isForLooking
    self.memory = memory
  }

  /// Replays up to a record, this one too. Throws what the reader finds wrong, and the first difference; those of a
  /// session that another version of ``Engine/applyVersion`` wrote are listed, see ``Replay``.
  @discardableResult
  public mutating func run(
    _ reader: JournalReader, to sequence: UInt64 = .max
  ) throws(JournalError) -> JournalEnd {
    try run(reader, to: sequence, isBeingWritten: nil)
  }

  mutating func run(
    _ reader: JournalReader, to sequence: UInt64 = .max, isBeingWritten: Bool?
  ) throws(JournalError) -> JournalEnd {
    let end: Result<JournalEnd, JournalError>
    do throws(JournalError) {
      func take(_ record: JournalRecord) -> Bool {
        isCut = record.header.sequence > sequence
        return !isCut && self.take(record)
      }
      end = .success(
        isBeingWritten == nil
          ? try reader.read(take) : try reader.read(isBeingWritten: isBeingWritten == true, take))
    } catch {
      end = .failure(error)
    }
    finishSession()
    if let failure { throw failure }
    return try end.get()
  }

  /// False when nothing more is to be read.
  private mutating func take(_ record: JournalRecord) -> Bool {
    let type = record.type
    // What the words of a difference need.
    if type == .instrumentDefined { _ = decoder.decode(record) }
    if type == .sessionStarted {
      finishSession()
      replay = Replay(isForLooking: isForLooking, memory: memory)
      let number = record.header.sequence
      sessions.append(Session(firstSequence: number, lastSequence: number))
      lastTaken = number
    }
    guard replay != nil else { return true }
    do throws(ReplayError) {
      unsafe try replay?.take(record.bytes)
    } catch {
      failure = words(error, record, decoder.decode(record))
      return false
    }
    lastTaken = record.header.sequence
    if type == .sessionStarted || type == .stateHash || type == .sessionEnded { note(record) }
    return true
  }

  private mutating func note(_ record: JournalRecord) {
    let i = sessions.count - 1
    switch record.type {
    case .sessionStarted:
      let session = replay?.session ?? SessionRecord()
      sessions[i].tradingDay = session.tradingDay
      sessions[i].firstClientOrderID = session.nextClientOrderID
      sessions[i].standingCauses = LatchCauses(raw: session.standingCauses)
      sessions[i].applyVersion = session.applyVersion
    case .stateHash:
      sessions[i].lastHash = record.load(0, as: UInt64.self).map { ($0, record.header.sequence) }
    case .sessionEnded:
      let offset = MemoryLayout<SessionRecord>.offset(of: \.end)
      let raw = offset.flatMap { record.load($0, as: UInt32.self) }
      sessions[i].end = raw.flatMap { RunEnd(raw: $0) } ?? .unsaid
    default: break
    }
  }

  private mutating func finishSession() {
    guard replay != nil, !sessions.isEmpty else { return }
    let i = sessions.count - 1
    sessions[i].lastSequence = lastTaken
    sessions[i].inputs = replay?.inputs ?? 0
    sessions[i].consequences = replay?.consequences ?? 0
    sessions[i].hashes = replay?.hashes ?? 0
    sessions[i].instruments = replay?.instruments ?? []
    if let configuration = replay?.configuration {
      sessions[i].accounts = configuration.accounts.map(\.name)
      sessions[i].strategies = configuration.strategies.map(\.name)
      sessions[i].venues = configuration.venues.map(\.name)
      sessions[i].ports = configuration.ports.map(\.name)
    }
    if isForLooking { sessions[i].snapshot = replay?.snapshot() }
    sessions[i].foreignHashes = replay?.foreignHashes ?? 0
    sessions[i].differenceCount = replay?.differenceCount ?? 0
    sessions[i].unacceptedCount = replay?.unacceptedCount ?? 0
    sessions[i].differences = (replay?.differences ?? []).map { ReplayWords.text($0) }
  }

  /// The last session's engine; see ``Replay/finish(lane:)``. nil where there is none.
  public consuming func engine(lane: RecordLane) -> Engine? {
    replay.take()?.finish(lane: lane)
  }

  private func words(
    _ error: ReplayError, _ record: JournalRecord, _ decoded: DecodedRecord
  ) -> JournalError {
    let remedy =
      switch error {
      case .unknownVersion, .unknownValue: "replay it with the build that wrote it"
      case .lost: "the state before it is known; what came after has to be asked from the venues"
      default:
        "the records before it lead to a known state (journal replay --to \(record.header.sequence - 1));"
          + " ask the venues for what they have, and begin in another directory"
      }
    return JournalError(
      .unreplayable, ReplayWords.text(error, decoded), file: record.file, offset: record.offset,
      remedy: remedy)
  }
}

extension Engine {
  /// The engine that a journal leads to: of its last session, as it stood at the last record, with the hash that it
  /// had then. Told to ``Engine/resume(sessionTime:machineTime:origin:person:reason:)`` it trades on, and journals
  /// into the lane, whose next record has to be the journal's next.
  ///
  /// ```swift
  /// let writer = try JournalWriter.open(directory, options)
  /// guard var engine = try Engine.recover(from: directory, lane: writer.lane) else { return }
  /// guard engine.resume(sessionTime: now, machineTime: clock) else { return }
  /// ```
  ///
  /// nil where the journal has no session, or where the last one died in its beginning, before it could do
  /// anything. Books are empty until the feed has brought them. Throws what is wrong with the journal, and where
  /// replaying it comes to something else than was recorded; where another version of the rules recorded it, that is
  /// ``Engine/unacceptedDifferences``. The lane must outlive the engine.
  public static func recover(
    from path: String, lane: RecordLane, memory: EngineMemory = EngineMemory()
  ) throws(JournalError) -> Engine? {
    var replay = JournalReplay(isForLooking: false, memory: memory)
    let end = try replay.run(JournalReader(path), isBeingWritten: false)
    guard lane.nextSequence == end.lastSequence + 1 else {
      throw JournalError(
        .invalid,
        "the lane's next record is \(lane.nextSequence), the journal's \(end.lastSequence + 1)",
        file: path, remedy: "give the lane of a writer that has been opened on it")
    }
    let sessions = replay.sessions.count
    if let engine = replay.engine(lane: lane) { return engine }
    // One that died in its beginning has left the business of the one before as it was.
    guard sessions > 1, let unfinished = try JournalSummary.scan(path).unfinished else {
      return nil
    }
    throw JournalError(
      .unreplayable, "the last session died in its beginning, and " + unfinished, file: path,
      remedy: "ask the venues for what they have, and begin in another directory")
  }
}
