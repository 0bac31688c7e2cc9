/// Applying what was journalled: the same functions that apply it when it happens.
extension EngineState {
  enum Fault {
    case unknown
    case impossible(String)
  }

  mutating func replay(
    _ header: RecordHeader, _ type: RecordType, _ payload: UnsafeRawBufferPointer
  ) -> Fault? {
    sessionTime = max(sessionTime, header.sessionTime)
    machineTime = header.machineTime
    cause = header.sequence
    journal.renumber(from: header.sequence)
    switch type {
    case .intent:
      guard let record = unsafe load(payload, IntentRecord.self), let wire = record.request else {
        return .unknown
      }
      guard record.limitsVersion == limits.version else {
        return .impossible("it was decided with version \(record.limitsVersion) of the limits")
      }
      return replay(wire)
    case .handedOver, .withdrawn:
      guard let fate = unsafe load(payload, RequestFateRecord.self),
        let kind = VenueRequest.Kind(rawValue: fate.kind)
      else { return .unknown }
      return replay(fate, kind, isWithdrawn: type == .withdrawn)
    case .cancelWanted, .timedOut:
      guard let note = unsafe load(payload, OrderNoteRecord.self) else { return .unknown }
      guard let slot = orders.slot(of: note.order), orders[slot].clientOrderID == note.clientOrderID
      else {
        return .impossible("there is no such order")
      }
      if type == .timedOut { applyTimeOut(slot) } else { applyCancelWanted(slot) }
      return nil
    case .report:
      guard let report = unsafe load(payload, ReportRecord.self)?.report else { return .unknown }
      apply(report)
      return nil
    case .command:
      guard let record = unsafe load(payload, CommandRecord.self), let command = record.command
      else { return .unknown }
      guard record.accepted != 0 else { return nil }
      guard onlyAsks(command) || refusal(of: command) == nil else {
        return .impossible("it is not possible")
      }
      apply(command)
      return nil
    default: return .unknown
    }
  }

  private func load<T: BitwiseCopyable>(_ payload: UnsafeRawBufferPointer, _: T.Type) -> T? {
    guard payload.count >= MemoryLayout<T>.size else { return nil }
    return unsafe payload.loadUnaligned(as: T.self)
  }

  private mutating func replay(_ wire: VenueRequest) -> Fault? {
    let port = Int(wire.port.raw)
    guard port < portCount else { return .impossible("there is no such port") }
    guard wire.kind == .cancel || ports[port].outbox.hasRoom else {
      return .impossible("there is no room for the request")
    }
    switch wire.kind {
    case .new: return replayNew(wire, port)
    case .massCancel, .disableEntry, .enableEntry:
      guard isNextReference(wire, port) else { return .impossible("it has another reference") }
      guard ports[port].outbox.hasUrgentRoom else {
        return .impossible("there is no room for the request")
      }
      applyManyOrders(port, wire)
      return nil
    case .replace, .cancel, .modify, .inquiry:
      guard let slot = orders.slot(of: wire.order), orders[slot].life.isOpen, isOf(slot, wire)
      else {
        return .impossible("there is no such open order")
      }
      return replay(wire, about: slot, port)
    }
  }

  private mutating func isOf(_ slot: Int, _ wire: VenueRequest) -> Bool {
    let order = orders[slot]
    return order.port == wire.port.raw && order.clientOrderID == wire.clientOrderID
      && order.account == wire.account && order.strategy == wire.strategy
      && order.instrument == wire.instrument
  }

  private mutating func replay(_ wire: VenueRequest, about slot: Int, _ port: Int) -> Fault? {
    switch wire.kind {
    case .cancel:
      // As when it was asked for: behind its order, or before all else.
      let isBehind =
        wire.quantity != 0 && ports[port].outbox.holds(reference: wire.venueReference)
      guard isBehind ? ports[port].outbox.hasRoom : ports[port].outbox.hasUrgentRoom else {
        return .impossible("there is no room for the request")
      }
      guard isPossible(wire.quantity) else { return .impossible("its quantity is none") }
      applyCancel(slot, wire)
    case .inquiry: applyInquiry(slot, wire)
    default:
      guard isPossible(wire.quantity) else { return .impossible("its quantity is none") }
      guard wire.venueReference == orders[slot].venueReference || isNextReference(wire, port)
      else { return .impossible("it has another reference") }
      applyChange(slot, wire)
    }
    return nil
  }

  private mutating func isNextReference(_ wire: VenueRequest, _ port: Int) -> Bool {
    wire.venueReference == ports[port].nextReference
      && ports[port].hasReference(in: ports.references)
  }

  private mutating func replayNew(_ wire: VenueRequest, _ port: Int) -> Fault? {
    let request = OrderRequest(
      instrument: wire.instrument, account: wire.account, strategy: wire.strategy,
      side: wire.side, price: Price(raw: wire.price), quantity: Quantity(raw: wire.quantity),
      timeInForce: wire.timeInForce, display: wire.display, flags: wire.flags)
    guard var terms = terms(of: request) else {
      return .impossible("it names an unknown instrument, account or strategy")
    }
    terms.port = port
    terms.listing = ports.listing(port, terms.instrument)
    guard isNextReference(wire, port) else { return .impossible("it has another reference") }
    guard isPossible(wire.quantity) else { return .impossible("its quantity is none") }
    guard wire.clientOrderID.raw == orders.nextClientOrderID, wire.order == orders.nextHandle,
      wire.order.generation != 0
    else {
      return .impossible("it is not the next order")
    }
    let words = RequestWords(
      newOrder: request, terms, wire.order, limits.instrumentBounds[terms.listing], wire.capacity,
      self)
    applyNew(request, terms, words, wire.order)
    return nil
  }

  private mutating func replay(
    _ fate: RequestFateRecord, _ kind: VenueRequest.Kind, isWithdrawn: Bool
  ) -> Fault? {
    let port = Int(fate.port.raw)
    guard port < portCount else { return .impossible("there is no such port") }
    if isWithdrawn {
      guard ports[port].outbox.holds(kind: kind, reference: fate.venueReference) else {
        return .impossible("no such request waits")
      }
      applyWithdrawal(port, kind, fate.venueReference, fate.cause)
      return nil
    }
    guard ports[port].outbox.offer(kind: kind, reference: fate.venueReference),
      applyHandOver(port) != nil
    else { return .impossible("another request waits first") }
    return nil
  }
}

extension Engine {
  /// For ``Replay``.
  mutating func replay(
    _ header: RecordHeader, _ type: RecordType, _ payload: UnsafeRawBufferPointer
  ) -> EngineState.Fault? {
    unsafe core.pointee.replay(header, type, payload)
  }

  /// What was replayed journals there from now on. It takes no order and offers no request yet.
  mutating func attach(_ lane: RecordLane, differences: Int) {
    unsafe core.pointee.journal = lane
    unacceptedDifferences = differences
  }

  /// Lets an engine that a ``Replay`` has made trade: until then it refuses every order and offers no request, and
  /// its state is that of the journal.
  ///
  /// That the session goes on is journalled, with who goes on and where. The process in which it ran is gone, and its
  /// sessions with it: that is journalled and applied then. What had waited for the wire is not sent any more, and
  /// may have been (a crash of the machine takes the end of the journal): as all that the venues have not spoken of
  /// it is unknown, and asked for once they are logged in to. Reports belong behind it: one that came before stops the
  /// firm, as a gap in a venue's stream.
  ///
  /// - Parameters:
  ///   - person: up to 32 bytes of UTF-8; needed, as `reason` (64 bytes), where there are
  ///     ``unacceptedDifferences``.
  /// - Returns: false, and nothing has changed, when a person or a reason is missing, and of another engine.
  public mutating func resume(
    sessionTime: Int64, machineTime: Int64, origin: SessionOrigin = SessionOrigin(),
    person: String = "", reason: String = ""
  ) -> Bool {
    var command = Command(.resume, scope: .firm).named(person, because: reason)
    guard unsafe core.pointee.isReplaying,
      unacceptedDifferences == 0 || command.isNamed && command.isReasoned
    else { return false }
    setTime(sessionTime, machineTime)
    unsafe core.pointee.isReplaying = false
    // What the last input came to found no room either.
    if unsafe core.pointee.recordsLost > 0 { unsafe core.pointee.latchUnrecorded(.journalLost) }
    command.value = Int64(unacceptedDifferences)
    command.valueHigh = Int64(Self.applyVersion)
    unacceptedDifferences = 0
    unsafe core.pointee.recordResumption(command, Array(origin.text.utf8))
    for port in unsafe 0..<core.pointee.portCount {
      let id = PortID(raw: UInt16(truncatingIfNeeded: port))
      var report = VenueReport(kind: .sessionDown, port: id, account: AccountID(raw: .max))
      report.reason = SessionEnd.processDied.rawValue
      unsafe core.pointee.take(report)
    }
    // It may have been a fill, and not every venue says it again.
    if missesReport {
      var stop = Command(.kill, scope: .firm)
      stop.cause = LatchCause.streamGap.rawValue
      _ = unsafe core.pointee.take(stop)
    }
    return true
  }

  /// An execution that was booked otherwise, or not, stands as recorded; nil: it was not booked.
  mutating func restate(_ replayed: ExecutionRecord?, as recorded: ExecutionRecord?) {
    unsafe core.pointee.restate(replayed, as: recorded)
  }
  func canBook(_ record: ExecutionRecord) -> Bool { unsafe core.pointee.canBook(record) }

  /// So many consequences could not be journalled after all.
  mutating func note(lost count: UInt64) {
    unsafe core.pointee.recordsLost &+= count
  }

  /// A refusal of before: the next one has the next number.
  mutating func note(refusal number: UInt64) {
    unsafe core.pointee.counters.total.refused = max(core.pointee.counters.total.refused, number)
  }
}

extension AlarmCode {
  /// Applying an input comes to it; the others come from what was decided, or from who did not listen.
  var isConsequence: Bool {
    switch self {
    case .cancelNotQueued, .updateLost, .boundNear, .journalLost: false
    default: true
    }
  }
}
