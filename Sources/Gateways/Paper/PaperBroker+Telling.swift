internal import ExecutionCore

/// What clients are told: of orders as they change, and in answer to questions.
extension PaperBroker {
  /// Frames of one page of an answer.
  static var page: Int { 64 }

  private func client(of account: Int32) -> PaperClient? {
    let number = accounts[Int(account)].client
    guard let client = client(number), client.isLoggedIn else { return nil }
    return client
  }

  // MARK: Orders

  mutating func tell(_ place: Int32, _ event: PaperEvent) { tell(orders[Int(place)], event) }

  mutating func tell(_ order: PaperOrder, _ event: PaperEvent) {
    let frame = frame(order, event)
    send(order.account) { $0.put(frame) }
  }

  private func frame(
    _ order: PaperOrder, _ event: PaperEvent, query: UInt32 = 0
  ) -> PaperOrderFrame {
    var f = PaperOrderFrame()
    f.id = order.id
    f.number = order.number
    let instrument = Int(order.instrument)
    f.symbol = settings.instruments[instrument].symbol
    f.priceExponent = settings.instruments[instrument].priceExponent
    f.quantityExponent = settings.instruments[instrument].quantityExponent
    f.revision = order.revision
    f.time = order.time
    f.price = order.price
    f.quantity = order.quantity
    f.executed = order.executed
    f.open = order.open
    f.event = event.rawValue
    f.status = order.status.rawValue
    f.side = order.isBuy ? 1 : 2
    f.reason = order.reason.rawValue
    f.query = query
    return f
  }

  mutating func tellExecution(_ index: Int, query: UInt32) {
    let e = executions[index]
    let order = orders[Int(e.order)]
    let facts = settings.instruments[Int(order.instrument)]
    var f = PaperExecutionFrame()
    f.order = order.id
    f.symbol = facts.symbol
    f.number = e.number
    f.time = e.time
    f.price = e.price
    f.quantity = e.quantity
    f.fee = e.fee
    f.executed = e.executed
    f.open = order.open
    f.priceExponent = facts.priceExponent
    f.quantityExponent = facts.quantityExponent
    f.side = order.isBuy ? 1 : 2
    f.liquidity = e.isTaker ? Self.removed : Self.added
    f.query = query
    if query == 0 {
      send(order.account) { $0.put(f) }
    } else {
      answer(order.account) { $0.put(f) }
    }
  }

  mutating func tellCash(_ account: Int32, _ instrument: Int32, _ a: PaperAdjustment) {
    let balance = accounts[Int(account)].cash
    let symbol = settings.instruments[Int(instrument)].symbol
    answer(account) {
      let at = $0.frame(PaperProtocol.Kind.cash, payload: 65)
      $0.u8(at, a.kind.rawValue)
      $0.symbol(at + 1, symbol)
      $0.i128(at + 33, a.amount)
      $0.i128(at + 49, balance)
      return at + 65
    }
  }

  // MARK: Sending

  /// What happens is told after the latency, and may be forgotten, delayed or doubled by setting.
  private mutating func send(_ account: Int32, _ write: (WireWriter) -> Int) {
    guard let client = client(of: account) else { return }
    if settings.forgets > 0, dice.happens(settings.forgets) {
      counters.forgotten += 1
      return
    }
    if settings.delays > 0, dice.happens(settings.delays) {
      counters.delayed += 1
      let due = now + settings.reportLatency + settings.delay
      if !client.tell(at: due, isDelayed: true, write) { counters.slow += 1 }
      return
    }
    let isDoubled = settings.doubles > 0 && dice.happens(settings.doubles)
    if isDoubled { counters.doubled += 1 }
    for _ in 0..<(isDoubled ? 2 : 1) {
      told(client, write)
    }
  }

  /// An answer is told after the latency.
  private mutating func answer(_ account: Int32, _ write: (WireWriter) -> Int) {
    guard let client = client(of: account) else { return }
    told(client, write)
  }

  private mutating func told(_ client: PaperClient, _ write: (WireWriter) -> Int) {
    let isTold =
      settings.reportLatency == 0
      ? client.say(PaperProtocol.frameBytesMax, now: now, write)
      : client.tell(at: now + settings.reportLatency, isDelayed: false, write)
    if !isTold { counters.slow += 1 }
  }

  // MARK: Answers

  private enum Outcome: UInt8 {
    case complete = 0
    case more = 1
  }

  private mutating func end(_ query: UInt32, _ outcome: Outcome, _ cursor: UInt64, _ account: Int32)
  {
    answer(account) {
      let at = $0.frame(PaperProtocol.Kind.queryEnd, payload: 13)
      $0.u32(at, query)
      $0.u8(at + 4, outcome.rawValue)
      $0.u64(at + 5, cursor)
      return at + 13
    }
  }

  mutating func answer(_ query: UInt32, _ id: PaperID, _ account: Int32) {
    counters.queries += 1
    var order = PaperOrder()
    order.id = id
    order.account = account
    order.status = .unknown
    order.reason = .unknownOrder
    if let place = accounts[Int(account)].orders.place(of: id, in: orders) {
      order = orders[Int(place)]
    }
    if settings.contradicts > 0, order.status != .unknown, dice.happens(settings.contradicts) {
      counters.contradicted += 1
      order.status = order.status == .working ? .canceled : .working
    }
    let told = frame(order, .answer, query: query)
    answer(account) { $0.put(told) }
    end(query, .complete, order.revision, account)
  }

  /// The account's orders in the order of their last change, those behind a revision.
  mutating func answerOrders(_ query: UInt32, _ after: UInt64, _ isOpenOnly: Bool, _ account: Int32)
  {
    counters.queries += 1
    let changes = accounts[Int(account)].changes
    // Dense from 1.
    var at = Int(clamping: after)
    var told = 0
    var cursor = after
    while at < changes.count, told < Self.page {
      let change = changes[at]
      at += 1
      cursor = change.revision
      let order = orders[Int(change.order)]
      guard order.revision == change.revision, !isOpenOnly || order.status == .working else {
        continue
      }
      let frame = frame(order, .answer, query: query)
      answer(account) { $0.put(frame) }
      told += 1
    }
    end(query, at < changes.count ? .more : .complete, cursor, account)
  }

  /// Executions with numbers above one, of an order or of all.
  mutating func answerExecutions(
    _ query: UInt32, _ after: UInt64, _ id: PaperID, _ account: Int32
  ) {
    counters.queries += 1
    let list = accounts[Int(account)].executions
    var only: Int32?
    var low = 0
    if !id.isNone {
      guard let place = accounts[Int(account)].orders.place(of: id, in: orders),
        orders[Int(place)].firstExecution >= 0
      else { return end(query, .complete, after, account) }
      only = place
      low = Int(orders[Int(place)].firstExecution)
    }
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if executions[Int(list[middle])].number <= after { low = middle + 1 } else { high = middle }
    }
    var told = 0
    var cursor = after
    while low < list.count, told < Self.page {
      let e = executions[Int(list[low])]
      low += 1
      cursor = e.number
      if let only, e.order != only { continue }
      tellExecution(Int(list[low - 1]), query: query)
      told += 1
      if let only, e.executed == orders[Int(only)].executed {
        low = list.count
      }
    }
    end(query, low < list.count ? .more : .complete, cursor, account)
  }

  mutating func answerPositions(_ query: UInt32, _ after: UInt32, _ account: Int32) {
    counters.queries += 1
    var at = Int(after)
    var told = 0
    while at < settings.instruments.count, told < Self.page {
      let position = accounts[Int(account)].positions[at]
      let facts = settings.instruments[at]
      at += 1
      guard position != PaperPosition() else { continue }
      told += 1
      answer(account) {
        let at = $0.frame(PaperProtocol.Kind.position, payload: 78)
        $0.u32(at, query)
        $0.symbol(at + 4, facts.symbol)
        $0.i64(at + 36, position.quantity)
        $0.u8(at + 44, UInt8(bitPattern: facts.quantityExponent))
        $0.u8(at + 45, 0)
        $0.i128(at + 46, position.cashFlow)
        $0.i128(at + 62, position.fees)
        return at + 78
      }
    }
    end(query, at < settings.instruments.count ? .more : .complete, UInt64(at), account)
  }
}

extension WireWriter {
  func i128(_ offset: Int, _ value: Int128) {
    u64(offset, UInt64(truncatingIfNeeded: value >> 64))
    u64(offset &+ 8, UInt64(truncatingIfNeeded: value))
  }
}
