internal import ExecutionCore

extension RecordLayout {
  /// The layout of a type's payload in the version that this build writes; nil where it is only bytes.
  static func of(_ type: RecordType) -> RecordLayout? { table[type.rawValue] }

  private static let table: [UInt16: RecordLayout] = [
    RecordType.sessionStarted.rawValue: session,
    RecordType.sessionEnded.rawValue: session,
    RecordType.instrumentDefined.rawValue: instrumentDefined,
    RecordType.portDefined.rawValue: portDefined,
    RecordType.intent.rawValue: intent,
    RecordType.handedOver.rawValue: requestFate,
    RecordType.withdrawn.rawValue: requestFate,
    RecordType.cancelWanted.rawValue: orderNote,
    RecordType.report.rawValue: report,
    RecordType.timedOut.rawValue: orderNote,
    RecordType.refusal.rawValue: refusal,
    RecordType.orderState.rawValue: orderState,
    RecordType.execution.rawValue: execution,
    RecordType.alarm.rawValue: alarm,
    RecordType.latch.rawValue: latch,
    RecordType.limits.rawValue: limits,
    RecordType.command.rawValue: command,
    RecordType.marketState.rawValue: marketState,
    RecordType.timer.rawValue: timer,
    RecordType.stateHash.rawValue: stateHash,
    RecordType.recordsLost.rawValue: recordsLost,
  ]

  private static let session = LayoutBuilder(SessionRecord.self)
    .adding("tradingDay", \.tradingDay, .unsigned)
    .adding("configurationHash", \.configurationHash, .word)
    .adding("nextClientOrderID", \.nextClientOrderID, .unsigned)
    .adding("stateHash", \.stateHash, .word)
    .adding("instruments", \.instruments, .unsigned)
    .adding("accounts", \.accounts, .unsigned)
    .adding("strategies", \.strategies, .unsigned)
    .adding("ports", \.ports, .unsigned)
    .adding("openOrders", \.openOrders, .unsigned)
    .adding("executions", \.executions, .unsigned)
    .adding("alarms", \.alarms, .unsigned)
    .adding("applyVersion", \.applyVersion, .unsigned)
    .adding("standingCauses", \.standingCauses, .latchCauses)
    .adding("end", \.end, .runEnd)
    .layout

  private static let portDefined = LayoutBuilder(PortRecord.self)
    .adding("port", \.port, .unsigned)
    .adding("name", \.name, .text)
    .adding("venue", \.venue, .unsigned)
    .adding("venueName", \.venueName, .text)
    .adding("nextVenueReference", \.nextVenueReference, .unsigned)
    .layout

  private static let instrumentDefined = LayoutBuilder(InstrumentRecord.self)
    .instrument(\.instrument)
    .symbol(\.symbol)
    .adding("tick", \.tick, .price)
    .adding("roundLot", \.roundLot, .quantity)
    .adding("previousClose", \.previousClose, .price)
    .adding("averageVolume", \.averageVolume, .quantity)
    .adding("lowerBand", \.lowerBand, .price)
    .adding("upperBand", \.upperBand, .price)
    .adding("currency", \.currency, .text)
    .adding("multiplier", \.multiplier, .signed)
    .adding("multiplierExponent", \.multiplierExponent, .signed)
    .adding("minimumNotional", \.minimumNotional, .money)
    .adding("allowsNegativePrices", \.allowsNegativePrices, .flag)
    .adding("priceExponent", \.priceExponent, .signed)
    .adding("quantityExponent", \.quantityExponent, .signed)
    .adding("shortable", \.shortable, .flag)
    .adding("shortSale", \.shortSale, .cases(ShortSaleRule.self))
    .adding("status", \.status, .cases(MarketStatus.self))
    .exponents(price: \.priceExponent, quantity: \.quantityExponent)
    .layout

  private static let intent = LayoutBuilder(IntentRecord.self)
    .adding("request", \.kind, .cases(VenueRequest.Kind.self))
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("venueReference", \.venueReference, .unsigned)
    .adding("originalVenueReference", \.originalVenueReference, .unsigned)
    .instrument(\.instrument)
    .adding("side", \.side, .cases(Side.self))
    .adding("price", \.price, .price)
    .adding("quantity", \.quantity, .quantity)
    .adding("timeInForce", \.timeInForce, .cases(TimeInForce.self))
    .adding("display", \.display, .cases(Display.self))
    .adding("capacity", \.capacity, .cases(OrderCapacity.self))
    .adding("incarnation", \.incarnation, .unsigned)
    .adding("flags", \.flags, .unsigned)
    .adding("venue", \.venue, .unsigned)
    .adding("port", \.port, .unsigned)
    .adding("order", \.order, .handle)
    .adding("bid", \.quote.bid, .price)
    .adding("bidQuantity", \.quote.bidQuantity, .quantity)
    .adding("ask", \.quote.ask, .price)
    .adding("askQuantity", \.quote.askQuantity, .quantity)
    .adding("feedPosition", \.feedPosition, .feed)
    .adding("limitsVersion", \.limitsVersion, .unsigned)
    .exponents(price: \.priceExponent, quantity: \.quantityExponent)
    .layout

  private static let requestFate = LayoutBuilder(RequestFateRecord.self)
    .adding("request", \.kind, .cases(VenueRequest.Kind.self))
    .adding("venueReference", \.venueReference, .unsigned)
    .adding("port", \.port, .unsigned)
    .adding("why", \.cause, .cases(NotSentCause.self))
    .layout

  private static let orderNote = LayoutBuilder(OrderNoteRecord.self)
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("order", \.order, .handle)
    .layout

  private static let report = LayoutBuilder(ReportRecord.self)
    .adding("report", \.kind, .cases(VenueReport.Kind.self))
    .adding("venueReference", \.venueReference, .unsigned)
    .adding("originalVenueReference", \.originalVenueReference, .unsigned)
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("venueOrderID", \.venueOrderID, .venueIdentifier)
    .adding("executionID", \.executionID, .venueIdentifier)
    .adding("side", \.side, .cases(Side.self))
    .adding("price", \.price, .price)
    .adding("quantity", \.quantity, .quantity)
    .adding("executedQuantity", \.executedQuantity, .quantity)
    .adding("venueTime", \.venueTime, .time)
    .adding("streamSequence", \.streamSequence, .unsigned)
    .adding("receivedAt", \.receivedAt, .signed)
    .adding("reason", \.reason, .unsigned)
    .adding("liquidity", \.liquidity, .letter)
    .adding("standing", \.standing, .cases(VenueStanding.self))
    .adding("subject", \.subject, .cases(VenueRequest.Kind.self))
    .adding("incarnation", \.incarnation, .unsigned)
    .adding("display", \.display, .unsigned)
    .adding("bookReference", \.bookReference, .unsigned)
    .adding("reportAccount", \.account, .identifier)
    .adding("port", \.port, .unsigned)
    .exponents(price: \.priceExponent, quantity: nil)
    .layout

  private static let refusal = LayoutBuilder(RefusalRecord.self)
    .adding("code", \.code, .cases(RefusalCode.self))
    .adding("scope", \.scope, .cases(RiskScope.self))
    .adding("limit", \.limit, .wide)
    .adding("observed", \.observed, .wide)
    .adding("number", \.number, .unsigned)
    .adding("firstNumber", \.firstNumber, .unsigned)
    .adding("count", \.count, .unsigned)
    .adding("request", \.request, .cases(VenueRequest.Kind.self))
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .instrument(\.instrument)
    .adding("side", \.side, .cases(Side.self))
    .adding("price", \.price, .price)
    .adding("quantity", \.quantity, .quantity)
    .adding("timeInForce", \.timeInForce, .cases(TimeInForce.self))
    .adding("bid", \.quote.bid, .price)
    .adding("bidQuantity", \.quote.bidQuantity, .quantity)
    .adding("ask", \.quote.ask, .price)
    .adding("askQuantity", \.quote.askQuantity, .quantity)
    .adding("feedPosition", \.feedPosition, .feed)
    .layout

  private static let orderState = LayoutBuilder(OrderStateRecord.self)
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("life", \.life, .cases(OrderLife.self))
    .adding("doneReason", \.doneReason, .cases(DoneReason.self))
    .adding("new", \.newState, .cases(RequestState.self))
    .adding("replace", \.replaceState, .cases(RequestState.self))
    .adding("cancel", \.cancelState, .cases(RequestState.self))
    .adding("venueReference", \.venueReference, .unsigned)
    .adding("pendingReference", \.pendingReference, .unsigned)
    .instrument(\.instrument)
    .adding("side", \.side, .cases(Side.self))
    .adding("price", \.price, .price)
    .adding("quantity", \.quantity, .quantity)
    .adding("leaves", \.leaves, .quantity)
    .adding("executed", \.executed, .quantity)
    .adding("order", \.order, .handle)
    .adding("incarnation", \.incarnation, .unsigned)
    .adding("update", \.update, .unsigned)
    .adding("port", \.port, .unsigned)
    .layout

  private static let execution = LayoutBuilder(ExecutionRecord.self)
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("venueReference", \.venueReference, .unsigned)
    .adding("executionID", \.executionID, .venueIdentifier)
    .adding("revision", \.revision, .unsigned)
    .instrument(\.instrument)
    .adding("side", \.side, .cases(Side.self))
    .adding("price", \.price, .price)
    .adding("quantity", \.quantity, .quantity)
    .adding("fee", \.fee, .money)
    .adding("position", \.position, .quantity)
    .adding("liquidity", \.liquidity, .letter)
    .adding("venueTime", \.venueTime, .time)
    .adding("tradingDay", \.tradingDay, .unsigned)
    .adding("venue", \.venue, .unsigned)
    .adding("port", \.port, .unsigned)
    .adding("incarnation", \.incarnation, .unsigned)
    .adding("flags", \.flags, .unsigned)
    .layout

  private static let alarm = LayoutBuilder(AlarmRecord.self)
    .adding("code", \.code, .cases(AlarmCode.self))
    .adding("report", \.report, .cases(VenueReport.Kind.self))
    .adding("clientOrderID", \.clientOrderID, .unsigned)
    .adding("port", \.port, .portOrNone)
    .adding("venueReference", \.venueReference, .unsigned)
    .instrument(\.instrument)
    .adding("bound", \.bound, .cases(EngineBound.self))
    .adding("expected", \.expected, .signed)
    .adding("observed", \.observed, .signed)
    .layout

  private static let latch = LayoutBuilder(LatchRecord.self)
    .adding("scope", \.scope, .cases(RiskScope.self))
    .adding("changed", \.changed, .latchCauses)
    .adding("isSet", \.isSet, .flag)
    .adding("standing", \.standing, .latchCauses)
    .adding("port", \.port, .portOrNone)
    .layout

  private static let limits = LayoutBuilder(LimitsRecord.self)
    .adding("version", \.version, .unsigned)
    .adding("changes", \.changes, .unsigned)
    .adding("hash", \.hash, .word)
    .layout

  private static let command = LayoutBuilder(CommandRecord.self)
    .adding("command", \.kind, .cases(Command.Kind.self))
    .adding("scope", \.scope, .cases(RiskScope.self))
    .adding("limit", \.limit, .cases(LimitKind.self))
    .adding("commandAccount", \.account, .identifier)
    .adding("commandStrategy", \.strategy, .identifier)
    .instrument(\.instrument)
    .adding("value", \.value, .signed)
    .adding("valueHigh", \.valueHigh, .signed)
    .adding("latchCause", \.cause, .latchCause)
    .adding("port", \.port, .portOrNone)
    .adding("person", \.person, .text)
    .adding("reason", \.reason, .text)
    .adding("user", \.user, .identifier)
    .adding("accepted", \.accepted, .flag)
    .adding("refusal", \.refusal, .cases(CommandRefusal.self))
    .layout

  private static let marketState = LayoutBuilder(MarketStateRecord.self)
    .instrument(\.instrument)
    .adding("status", \.status, .cases(MarketStatus.self))
    .adding("shortSale", \.shortSale, .cases(ShortSaleRule.self))
    .adding("hours", \.hours, .cases(MarketHours.self))
    .adding("whole", \.whole, .flag)
    .adding("feedPosition", \.feedPosition, .feed)
    .layout

  private static let stateHash = LayoutBuilder(StateHashRecord.self)
    .adding("stateHash", \.stateHash, .word)
    .layout

  private static let recordsLost = LayoutBuilder(RecordsLostRecord.self)
    .adding("count", \.count, .unsigned)
    .layout

  private static let timer = LayoutBuilder(TimerRecord.self)
    .adding("due", \.due, .time)
    .adding("token", \.token, .unsigned)
    .adding("timerStrategy", \.strategy, .identifier)
    .layout
}
