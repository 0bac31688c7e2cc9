/// Carrying out commands. Each is journalled, done or refused.
extension EngineState {
  mutating func apply(_ command: Command) -> Bool {
    let isDone = isPossible(command)
    cause = feedPosition
    cause = record(
      .command, CommandRecord(command: command, accepted: isDone), account: command.account,
      strategy: command.strategy)
    if isDone { carryOut(command) }
    return isDone
  }

  /// Everything that the command names exists, and what must be there is there.
  private mutating func isPossible(_ c: Command) -> Bool {
    switch c.scope {
    case .account where Int(c.account.raw) >= accountCount: return false
    case .strategy where Int(c.strategy.raw) >= strategyCount: return false
    case .instrument where Int(c.instrument.raw) >= instrumentCount: return false
    default: break
    }
    switch c.kind {
    case .kill: return c.scope != .order && c.scope != .instrument
    case .rearm: return c.scope != .order && c.scope != .instrument && c.isNamed
    case .cancelAll:
      return c.scope != .order && (c.scope != .instrument || c.instrument != .none)
    case .massCancel, .disableEntry, .enableEntry:
      return Int(c.account.raw) < accountCount && session.isUp && hasReference
        && outbox.hasUrgentRoom && outbox.hasRoom
    case .restrict:
      return Int(c.instrument.raw) < instrumentCount && (c.value == 0 || c.value == 1)
    case .setLimit:
      guard let limit = LimitKind(rawValue: c.limit), c.scope != .order else { return false }
      let value = Wide.joined(low: c.value, high: c.valueHigh)
      return value >= 0 && (limit == .orderNotional || value <= Int128(Int64.max))
    case .accountQuery: return session.isUp && outbox.hasRoom
    }
  }

  private mutating func carryOut(_ c: Command) {
    switch c.kind {
    case .kill:
      scopes[scopeIndex(c)].killed = true
      if c.value == 0 {
        _ = cancelAll(
          scope: c.scope, account: c.account, strategy: c.strategy, instrument: .none)
      }
    case .rearm: scopes[scopeIndex(c)].killed = false
    case .cancelAll:
      _ = cancelAll(
        scope: c.scope, account: c.account, strategy: c.strategy, instrument: c.instrument)
    case .massCancel: askVenue(.massCancel, c)
    case .disableEntry: askVenue(.disableEntry, c)
    case .enableEntry: askVenue(.enableEntry, c)
    case .restrict:
      risk[Int(c.instrument.raw)].restricted = c.value == 1
      setBounds(instrument: Int(c.instrument.raw))
    case .setLimit: setLimit(c)
    case .accountQuery: askAccount()
    }
  }

  private mutating func scopeIndex(_ c: Command) -> Int {
    switch c.scope {
    case .account: accountScope(c.account)
    case .strategy: strategyScope(c.strategy)
    default: 0
    }
  }

  private mutating func setLimit(_ c: Command) {
    let value = Wide.joined(low: c.value, high: c.valueHigh)
    let narrow = Int64(clamping: value)
    var limit =
      c.scope == .instrument ? instrumentLimits[Int(c.instrument.raw)] : limits[scopeIndex(c)]
    switch LimitKind(rawValue: c.limit) {
    case .orderQuantity: limit.orderQuantity = narrow
    case .orderNotional: limit.orderNotional = value
    case .position: limit.position = narrow
    case .openOrders: limit.openOrders = narrow
    case nil: break
    }
    if c.scope == .instrument {
      instrumentLimits[Int(c.instrument.raw)] = limit
      setBounds(instrument: Int(c.instrument.raw))
    } else {
      limits[scopeIndex(c)] = limit
      setStrategyBounds()
    }
  }

  /// A request about many orders. It takes a reference, and the venue ignores lower ones that come
  /// later: so what still waits in the outbox is withdrawn before one that overtakes it.
  private mutating func askVenue(_ kind: VenueRequest.Kind, _ c: Command) {
    if kind != .enableEntry { withdrawOrdinary() }
    var entry = ReferenceEntry()
    entry.account = c.account
    entry.kind = kind
    entry.instrument = c.instrument
    var wire = VenueRequest(
      kind: kind, instrument: c.instrument, account: c.account, strategy: c.strategy)
    wire.venueReference = nextVenueReference
    wire.venue = venue
    wire.createdAt = machineTime
    wire.sessionTime = sessionTime
    wire.symbol = Int(c.instrument.raw) < instrumentCount ? risk[Int(c.instrument.raw)].symbol : 0
    if !recordIntent(&wire, privileged: true) {
      settings.journalLost = true
      countAlarm(.journalLost)
    }
    _ = takeReference(entry)
    outbox.push(wire, urgent: kind != .enableEntry)
    counters.otherRequests &+= 1
    if kind == .disableEntry { scopes[accountScope(c.account)].entryDisabled = true }
  }

  private mutating func withdrawOrdinary() {
    let isAsking = session.queryPending
    for _ in 0..<outbox.capacity {
      guard let request = outbox.takeOrdinary() else { break }
      notSent(kind: request.kind, reference: request.venueReference)
    }
    // The query raises no risk, and the session is not ready without its answer.
    if isAsking, !session.queryPending { askAccount() }
  }

  // MARK: Handing over

  /// The request that is to be sent next; see ``Engine/nextRequest(machineTime:)``.
  mutating func nextRequest(machineTime: Int64) -> VenueRequest? {
    if machineTime != 0 { self.machineTime = machineTime }
    for _ in 0..<outbox.capacity {
      guard let request = outbox.offer() else { return nil }
      guard isTooOld(request, at: machineTime) else { return request }
      outbox.drop()
      notSent(kind: request.kind, reference: request.venueReference)
    }
    return nil
  }

  /// Only what could raise risk grows too old.
  private mutating func isTooOld(_ request: borrowing VenueRequest, at time: Int64) -> Bool {
    guard time != 0, request.createdAt != 0 else { return false }
    switch request.kind {
    case .new, .replace: return time &- request.createdAt > outbox.ageMax
    default: return false
    }
  }

  mutating func requestTaken() {
    if outbox.drop() { counters.sent &+= 1 }
  }
}

extension Wide {
  /// A number from a command's two words.
  static func joined(low: Int64, high: Int64) -> Int128 {
    Int128(high) << 64 | Int128(UInt64(bitPattern: low))
  }
}
