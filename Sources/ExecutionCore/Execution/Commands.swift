/// Carrying out commands. Each is journalled, done or refused.
extension EngineState {
  /// Journals a command, applies it if it is possible, and asks for what it asks for.
  mutating func take(_ command: Command) -> Bool {
    let refusal = refusal(of: command)
    cause = feedPosition
    cause = record(
      .command, CommandRecord(command: command, refusal: refusal), account: command.account,
      strategy: command.strategy)
    guard refusal == nil else { return false }
    apply(command)
    ask(for: command)
    return true
  }

  /// Everything that the command names exists, and what must be there is there: nil.
  mutating func refusal(of c: Command) -> CommandRefusal? {
    guard isThere(c) else { return .unknownScope }
    switch c.kind {
    case .kill:
      if !isLatchScope(c.scope) { return .wrongScope }
      return LatchCause(rawValue: c.cause) == nil ? .unknownCause : nil
    case .rearm:
      if !isLatchScope(c.scope) { return .wrongScope }
      return anonymity(c) ?? (clearable(c).isEmpty ? .nothingToClear : nil)
    case .conditionEnded:
      if c.scope != .firm { return .wrongScope }
      return LatchCause(rawValue: c.cause)?.canEnd == true ? nil : .unknownCause
    case .cancelAll: return c.scope == .order || c.scope == .port ? .wrongScope : nil
    case .massCancel, .disableEntry, .enableEntry:
      let isKnown = c.instrument == .none || Int(c.instrument.raw) < instrumentCount
      if Int(c.account.raw) >= accountCount || !isKnown { return .unknownScope }
      return firstPort(for: c) == nil ? .noSession : nil
    case .setLimit:
      guard let place = limitPlace(c) else { return .wrongScope }
      guard let limit = LimitKind(rawValue: c.limit),
        limits.isPossible(limit, c.limitValue, at: place)
      else { return .badValue }
      return nil
    case .dropLimits: return nil
    case .commitLimits: return anonymity(c) ?? refusal(ofVersion: c)
    case .inquire: return isAnyPortUp ? nil : .noSession
    case .resume: return .notAsked
    }
  }

  private func anonymity(_ c: Command) -> CommandRefusal? {
    c.isNamed ? c.isReasoned ? nil : .noReason : .noPerson
  }

  private mutating func refusal(ofVersion c: Command) -> CommandRefusal? {
    if limits.digest.count == 0 { return .noChanges }
    if c.valueHigh != Int64(limits.version) { return .staleVersion }
    if UInt64(bitPattern: c.value) != limits.digest.value { return .otherChanges }
    return limits.isDraftPossible() ? nil : .limitsNotWhole
  }

  private mutating func limitPlace(_ c: Command) -> Int? {
    switch c.scope {
    case .firm: 0
    case .account: limits.place(of: c.account)
    case .strategy: limits.place(of: c.strategy)
    case .instrument: limits.place(ofInstrument: Int(c.instrument.raw))
    case .order, .port: nil
    }
  }

  private mutating func isThere(_ c: Command) -> Bool {
    switch c.scope {
    case .account: Int(c.account.raw) < accountCount
    case .strategy: Int(c.strategy.raw) < strategyCount
    case .instrument: Int(c.instrument.raw) < instrumentCount
    case .port: Int(c.port.raw) < portCount
    case .order, .firm: true
    }
  }

  private mutating func isLatchScope(_ scope: RiskScope) -> Bool {
    switch scope {
    case .order, .instrument: false
    case .firm, .account, .strategy, .port: true
    }
  }

  /// What a re-arming clears: of what stands and is wanted, that whose condition is over.
  private mutating func clearable(_ c: Command) -> LatchCauses {
    var wanted = LatchCauses.every
    if c.cause != Command.everyCause {
      guard let cause = LatchCause(rawValue: c.cause) else { return LatchCauses() }
      wanted = LatchCauses(cause)
    }
    return clearable(wanted, latchPlace(c))
  }

  private var isAnyPortUp: Bool {
    for port in 0..<portCount where ports[port].isUp { return true }
    return false
  }

  /// The first port of the account that can take the command's request now, from `first` on.
  private mutating func firstPort(for c: Command, from first: Int = 0) -> Int? {
    for port in first..<max(first, portCount) {
      let can =
        c.kind == .massCancel
        ? ports[port].capabilities.cancelsAll : ports[port].capabilities.switchesEntry
      if can, ports.serves(port, c.account), ports[port].isUp,
        ports[port].hasReference(in: ports.references),
        ports[port].outbox.hasUrgentRoom, ports[port].outbox.hasRoom
      {
        return port
      }
    }
    return nil
  }

  /// It marks what is wanted, or nothing at all: as possible in a replay as it was.
  func onlyAsks(_ c: Command) -> Bool {
    switch c.kind {
    case .cancelAll, .massCancel, .disableEntry, .enableEntry, .inquire, .resume: true
    case .kill, .rearm, .conditionEnded, .setLimit, .dropLimits, .commitLimits: false
    }
  }

  /// What a command changes of itself.
  mutating func apply(_ c: Command) {
    switch c.kind {
    case .kill:
      if let cause = LatchCause(rawValue: c.cause) { latch(cause, latchPlace(c)) }
      if c.cancels { wantCancels(c) }
    case .cancelAll: wantCancels(c)
    case .rearm: clear(clearable(c), latchPlace(c))
    case .conditionEnded:
      if let cause = LatchCause(rawValue: c.cause) { latches.standing.remove(LatchCauses(cause)) }
    case .setLimit:
      guard let kind = LimitKind(rawValue: c.limit), let place = limitPlace(c) else { break }
      limits.putAside(c, kind, at: place)
    case .dropLimits: limits.dropDraft()
    case .commitLimits: commitLimits()
    // One by one as well, where the venue has not done it by then.
    case .massCancel: wantCancels(c)
    case .disableEntry, .enableEntry, .inquire, .resume: break
    }
  }

  /// What is put aside comes into force.
  private mutating func commitLimits() {
    let changes = limits.digest.count
    limits.commitDraft(at: sessionTime)
    var hasScopes = false
    for i in 0..<limits.draftedPlaces {
      let place = limits.draftedPlace(i)
      if place < scopeCount {
        hasScopes = true
      } else {
        setBounds(instrument: place &- scopeCount)
      }
    }
    if hasScopes { setStrategyBounds() }
    limits.dropDraft()
    record(.limits, LimitsRecord(version: limits.version, changes: changes, hash: limits.hash))
  }

  // MARK: Cancels that are wanted

  /// A cancel is wanted of every open order in the command's scope: it is asked for now, or once it can be.
  private mutating func wantCancels(_ c: Command) {
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      if !orders[slot].cancelWanted, isIn(c, orders[slot]) { applyCancelWanted(slot) }
    }
  }

  private mutating func askCancels(_ c: Command) {
    for slot in 0..<orders.count where orders[slot].life.isOpen {
      if isIn(c, orders[slot]) { _ = cancel(orders.handle(of: slot), quantity: 0) }
    }
  }

  /// In the scope of a command; what is all to be cancelled `instrument` narrows unless it is none.
  private func isIn(_ c: Command, _ order: Order) -> Bool {
    if c.kind == .massCancel {
      return order.account == c.account && ports[Int(order.port)].capabilities.cancelsAll
        && (c.instrument == .none || order.instrument == c.instrument)
    }
    if c.scope == .port { return order.port == c.port.raw }
    let instrument = c.kind == .cancelAll ? c.instrument : .none
    return isIn(
      c.scope, order, account: c.account, strategy: c.strategy, instrument: instrument)
  }

  /// Requests of our own. In a replay they come from the journal.
  private mutating func ask(for c: Command) {
    switch c.kind {
    case .kill where c.cancels: askCancels(c)
    case .cancelAll: askCancels(c)
    case .massCancel: askVenues(.massCancel, c)
    case .disableEntry: askVenues(.disableEntry, c)
    case .enableEntry: askVenues(.enableEntry, c)
    case .inquire: for port in 0..<portCount { _ = inquireAll(port) }
    case .kill, .rearm, .conditionEnded, .setLimit, .dropLimits, .commitLimits, .resume: break
    }
  }

  mutating func causes(of c: Command) -> LatchCauses {
    isLatchScope(c.scope) && isThere(c) ? causes(at: latchPlace(c)) : .every
  }

  private mutating func latchPlace(_ c: Command) -> Int {
    c.scope == .port ? place(ofPort: Int(c.port.raw)) : limitPlace(c) ?? 0
  }

  /// A request about many orders, to every venue of the account that has such a thing.
  private mutating func askVenues(_ kind: VenueRequest.Kind, _ c: Command) {
    var next = firstPort(for: c)
    while let port = next {
      askVenue(kind, c, port)
      next = firstPort(for: c, from: port + 1)
    }
  }

  /// It takes a reference, and overtakes what waits in the outbox, which would be new risk behind it (or be
  /// ignored, where references have to rise): that is withdrawn.
  private mutating func askVenue(_ kind: VenueRequest.Kind, _ c: Command, _ port: Int) {
    if kind != .enableEntry { withdrawOrders(port) }
    var wire = VenueRequest(
      kind: kind, port: PortID(raw: UInt16(truncatingIfNeeded: port)), instrument: c.instrument,
      account: c.account, strategy: c.strategy)
    wire.venueReference = ports[port].nextReference
    wire.venue = VenueID(raw: UInt16(truncatingIfNeeded: ports[port].venue))
    wire.createdAt = machineTime
    wire.sessionTime = sessionTime
    recordPrivilegedIntent(&wire)
    applyManyOrders(port, wire)
  }

  /// A request about many orders is asked of the venue, and waits in the outbox.
  mutating func applyManyOrders(_ port: Int, _ wire: borrowing VenueRequest) {
    var entry = ReferenceEntry()
    entry.account = wire.account
    entry.kind = wire.kind
    entry.instrument = wire.instrument
    _ = ports[port].takeReference(entry, in: ports.references)
    var isUrgent = true
    switch wire.kind {
    case .enableEntry: isUrgent = false
    case .disableEntry: ports[port].setEntry(disabled: true)
    default: break
    }
    ports[port].outbox.push(wire, urgent: isUrgent)
    counters.total.otherRequests &+= 1
  }

  private mutating func withdrawOrders(_ port: Int) {
    for _ in 0..<ports[port].outbox.capacity {
      guard let request = ports[port].outbox.oldestOrder() else { break }
      _ = withdraw(port, request.kind, request.venueReference, .overtaken)
      if let slot = orders.slot(of: request.order) { repeatCancel(slot) }
    }
  }
}
