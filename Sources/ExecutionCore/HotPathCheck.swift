// The compiler checks the whole hot path here: `@_noLocks` on a concrete function that instantiates the
// driver with a strategy that uses everything of the desk. An allocation, a lock or an unspecialised
// generic anywhere below is an error. Release builds only: they compile the module as a whole, which
// the check needs to see across files.
#if !DEBUG

  /// Uses every call-back and everything that the desk offers.
  struct ProbeStrategy: Strategy {
    var handle = OrderHandle.none
    var seen: Int64 = 0

    mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
      let quote = desk.quote(instrument)
      if desk.gates(instrument).isEmpty { seen &+= desk.goodQuote(instrument).ask.raw }
      if let trade = desk.lastTrade(instrument) { seen &+= trade.price.raw }
      seen &+= quote.bid.raw &+ desk.tick(instrument, at: quote.bid)
      if let level = desk.depth(instrument, .buy, level: 1) { seen &+= level.quantity.raw }
    }
    mutating func onTrade(_ trade: Trade, _ desk: borrowing Desk) {
      seen &+= trade.quantity.raw &+ desk.position(trade.instrument).raw
    }
    mutating func onReport(_ update: OrderUpdate, _ desk: borrowing Desk) {
      if let view = desk.order(update.handle) { seen &+= view.leaves.raw }
      if let ahead = desk.queuePosition(update.handle) { seen &+= ahead.raw }
    }
    mutating func onTimer(_ token: UInt64, _ desk: borrowing Desk) {
      _ = desk.setTimer(due: desk.sessionTime &+ 1_000, token: token)
      _ = desk.cancelAll(InstrumentID(raw: 0))
    }
    mutating func onState(_ instrument: InstrumentID, _ desk: borrowing Desk) {
      if desk.isTradable(instrument) { seen &+= Int64(desk.openOrderCount(instrument)) }
      if desk.awaitsRepair(instrument) { seen &+= 1 }
      if desk.status(instrument).isTrading, desk.hours(instrument).isOpen { seen &+= 1 }
      if desk.shortSale(instrument).isUnrestricted { seen &+= 1 }
    }
    mutating func onBatchEnd(_ desk: borrowing Desk) {
      let instrument = InstrumentID(raw: 0)
      if let open = desk.openOrder(instrument, after: .none) {
        _ = desk.replace(open, price: Price(raw: seen), quantity: Quantity(raw: 1))
        _ = desk.modify(open, quantity: Quantity(raw: 1))
        _ = desk.cancel(open)
      }
      let verdict = desk.place(
        instrument, .buy, price: Price(raw: seen), quantity: Quantity(raw: 1))
      if case .accepted(let placed) = verdict { handle = placed }
    }
  }

  @_noLocks func checkHotPath(
    _ driver: inout Driver<Pair<ProbeStrategy, ProbeStrategy>>,
    _ records: UnsafePointer<MarketRecord>, _ count: Int, _ report: VenueReport, _ command: Command
  ) {
    unsafe driver.ingest(records, count: count, machineTime: 0)
    driver.apply(report, sessionTime: 0, machineTime: 0)
    _ = driver.apply(command, sessionTime: 0, machineTime: 0)
    driver.advance(sessionTime: 0, machineTime: 0)
    driver.stateChanged(sessionTime: 0, machineTime: 0)
    driver.engine.journalHash()
    if let request = driver.engine.nextRequest(machineTime: 0), request.quantity > 0 {
      driver.engine.requestTaken()
    }
  }

#endif
