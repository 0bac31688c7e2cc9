internal import ExecutionCore

/// Frames from clients, and what they ask for.
extension PaperBroker {
  mutating func handle(
    _ frame: (kind: UInt8, payload: WireView), _ number: Int, _ client: PaperClient
  ) {
    typealias Kind = PaperProtocol.Kind
    let v = frame.payload
    if frame.kind == Kind.login { return logIn(v, number, client) }
    guard client.account >= 0 else { return client.fail() }
    switch frame.kind {
    case Kind.heartbeat: return
    case Kind.logout: return client.fail()
    default:
      guard let kind = request(frame.kind, v, client.account) else {
        counters.malformed += 1
        return client.fail()
      }
      let request = PaperRequest(
        due: now + settings.acceptLatency, account: client.account, kind: kind)
      if settings.acceptLatency == 0, waitingFirst == waiting.count, !hasFailed {
        carryOut(request)
      } else if waiting.count - waitingFirst < settings.requestsMax {
        waiting.append(request)
      } else {
        counters.slow += 1
        client.fail()
      }
    }
  }

  private mutating func logIn(_ v: WireView, _ number: Int, _ client: PaperClient) {
    guard v.u8(0) == PaperProtocol.version else { return refuse(.version, client) }
    guard !hasFailed else { return refuse(.notWritable, client) }
    guard let account = names[v.text(1, PaperProtocol.accountBytes)] else {
      return refuse(.unknownAccount, client)
    }
    let password = v.text(1 + PaperProtocol.accountBytes, PaperProtocol.accountBytes)
    guard password == settings.accounts[Int(account)].password else {
      return refuse(.password, client)
    }
    // Whoever had the session before has lost it: two would each know half of it.
    if let other = self.client(accounts[Int(account)].client), other !== client { other.fail() }
    accounts[Int(account)].client = number
    client.account = account
    counters.logins += 1
    sessions += 1
    let (session, revision, time) = (sessions, accounts[Int(account)].revision, now)
    client.say(PaperProtocol.headerBytes + 24, now: time) {
      let at = $0.frame(PaperProtocol.Kind.loggedIn, payload: 24)
      $0.u64(at, session)
      $0.u64(at + 8, revision)
      $0.i64(at + 16, time)
      return at + 24
    }
  }

  private mutating func refuse(_ why: PaperProtocol.Refusal, _ client: PaperClient) {
    counters.loginsRefused += 1
    client.say(PaperProtocol.headerBytes + 1, now: now) {
      let at = $0.frame(PaperProtocol.Kind.loginRefused, payload: 1)
      $0.u8(at, why.rawValue)
      return at + 1
    }
    client.fail()
  }

  /// nil for what no client can mean.
  private func request(_ kind: UInt8, _ v: WireView, _ account: Int32) -> PaperRequest.Kind? {
    typealias Kind = PaperProtocol.Kind
    switch kind {
    case Kind.new: return newOrder(v, account)
    case Kind.change:
      return v.name(0).map { .change($0, price: v.i64(36), quantity: v.i64(44)) }
    case Kind.cancel: return v.name(0).map { .cancel($0) }
    case Kind.cancelAll: return .cancelAll
    case Kind.queryOrder: return v.name(4).map { .queryOrder(v.u32(0), $0) }
    case Kind.queryOrders:
      return .queryOrders(v.u32(0), after: v.u64(4), isOpenOnly: v.u8(12) != 0)
    case Kind.queryExecutions:
      return .queryExecutions(v.u32(0), after: v.u64(4), v.name(12) ?? .none)
    case Kind.queryPositions: return .queryPositions(v.u32(0), after: v.u32(4))
    default: return nil
    }
  }

  /// What can't be right in it is its reason; nil where it has no name that an answer could have.
  private func newOrder(_ v: WireView, _ account: Int32) -> PaperRequest.Kind? {
    guard let id = v.name(0) else { return nil }
    var order = PaperOrder()
    order.id = id
    order.account = account
    order.isBuy = v.u8(68) == 1
    order.isImmediate = v.u8(69) == TimeInForce.immediateOrCancel.rawValue
    order.isPostOnly = v.u8(70) & 1 != 0
    order.price = v.i64(73)
    order.quantity = v.i64(81)
    guard let symbol = v.symbol(36), let instrument = symbols[symbol] else {
      return .new(order, .unknownSymbol)
    }
    order.instrument = instrument
    let isKnown =
      (v.u8(68) == 1 || v.u8(68) == 2)
      && (order.isImmediate || v.u8(69) == TimeInForce.day.rawValue)
      && v.u8(70) & ~1 == 0
    guard isKnown else { return .new(order, .unsupported) }
    let facts = settings.instruments[Int(instrument)]
    guard
      let price = PaperProtocol.scaled(order.price, from: v.i8(71), to: facts.priceExponent)
    else { return .new(order, .badPrice) }
    order.price = price
    guard
      let quantity = PaperProtocol.scaled(
        order.quantity, from: v.i8(72), to: facts.quantityExponent)
    else { return .new(order, .badQuantity) }
    order.quantity = quantity
    return .new(order, refusal(price, quantity, Int(instrument)))
  }

  /// What is wrong with a price and a quantity by themselves.
  func refusal(_ price: Int64, _ quantity: Int64, _ instrument: Int) -> PaperReason {
    let grid = grids[instrument]
    guard quantity > 0, quantity <= Self.quantityMax, quantity % grid.lot == 0 else {
      return .badQuantity
    }
    guard price > 0 || grid.allowsNegativePrices, price.magnitude <= 1 << 62,
      price % grid.tick == 0
    else { return .badPrice }
    let facts = settings.instruments[instrument]
    guard let value = facts.value(of: Quantity(raw: quantity), at: Price(raw: price)),
      value.raw.magnitude >> 100 == 0
    else { return .badPrice }
    return value.raw.magnitude < UInt128(max(0, facts.minimumNotional)) ? .tooSmall : .none
  }

  // MARK: Taking effect

  mutating func carryOut(_ request: PaperRequest) {
    switch request.kind {
    case .new(let order, let reason): enter(order, reason)
    case .change(let id, let price, let quantity):
      change(id, request.account, price: price, quantity: quantity)
    case .cancel(let id): cancel(id, request.account)
    case .cancelAll: cancelAll(request.account, .userCanceled)
    case .queryOrder(let query, let id): answer(query, id, request.account)
    case .queryOrders(let query, let after, let isOpenOnly):
      answerOrders(query, after, isOpenOnly, request.account)
    case .queryExecutions(let query, let after, let id):
      answerExecutions(query, after, id, request.account)
    case .queryPositions(let query, let after): answerPositions(query, after, request.account)
    }
  }

  private mutating func enter(_ asked: PaperOrder, _ found: PaperReason) {
    var order = asked
    var reason = found
    let account = Int(order.account)
    counters.newOrders += 1
    if accounts[account].orders.place(of: order.id, in: orders) != nil {
      // The one that has the name is not touched.
      counters.rejected += 1
      order.reason = .duplicateID
      order.status = .rejected
      return tell(order, .rejected)
    }
    if reason == .none, orders.count >= settings.ordersMax { reason = .tooMany }
    let instrument = Int(order.instrument)
    if reason == .none, !books[instrument].status.isTrading { reason = .notTrading }
    if reason == .none, !books[instrument].isQuoted { reason = .noQuote }
    if reason == .none, settings.rejects > 0, dice.happens(settings.rejects) { reason = .atRandom }
    if reason == .none, order.isPostOnly, isMarketable(order) { reason = .wouldTake }
    order.time = now
    order.reason = reason
    order.number = UInt64(orders.count) + 1
    if reason != .none {
      order.status = .rejected
      counters.rejected += 1
      // One of a symbol or a quantity that there is not has no place in the books; its name may be used again.
      guard order.quantity > 0, order.quantity <= Self.quantityMax,
        orders.count < settings.ordersMax,
        reason != .unknownSymbol
      else { return tell(order, .rejected) }
    }
    let place = Int32(orders.count)
    record(.entered(order))
    tell(place, reason == .none ? .accepted : .rejected)
    guard reason == .none else { return }
    take(place)
    let isWorking = orders[Int(place)].status == .working
    if isWorking, orders[Int(place)].isImmediate {
      end(place, .immediateOrCancel)
    } else if isWorking {
      join(place)
    }
  }

  private func working(_ id: PaperID, _ account: Int32) -> (Int32?, PaperReason) {
    guard let place = accounts[Int(account)].orders.place(of: id, in: orders) else {
      return (nil, .unknownOrder)
    }
    return (place, orders[Int(place)].status == .working ? .none : .alreadyDone)
  }

  private mutating func change(
    _ id: PaperID, _ account: Int32, price: Int64, quantity: Int64
  ) {
    counters.changes += 1
    let (place, state) = working(id, account)
    guard let place, state == .none else {
      return refuse(id, account, place, .changeRefused, state)
    }
    let order = orders[Int(place)]
    let reason = refusal(price, quantity, Int(order.instrument))
    guard reason == .none else { return refuse(id, account, place, .changeRefused, reason) }
    var wanted = order
    wanted.price = price
    if order.isPostOnly, isMarketable(wanted) {
      return refuse(id, account, place, .changeRefused, .wouldTake)
    }
    guard quantity > order.executed else {
      return refuse(id, account, place, .changeRefused, .badQuantity)
    }
    remove(place)
    record(.changed(order: place, price: price, quantity: quantity, time: now))
    // Its place in the queue stays only where nobody could mind.
    if price != order.price || quantity > order.quantity { orders[Int(place)].ahead = -1 }
    tell(place, .changed)
    take(place)
    if orders[Int(place)].status == .working { join(place) }
  }

  private mutating func cancel(_ id: PaperID, _ account: Int32) {
    counters.cancels += 1
    let (place, state) = working(id, account)
    guard let place, state == .none else {
      return refuse(id, account, place, .cancelRefused, state)
    }
    remove(place)
    end(place, .userCanceled)
  }

  mutating func cancelAll(_ account: Int32, _ reason: PaperReason) {
    for (i, order) in orders.enumerated()
    where order.account == account && order.status == .working {
      remove(Int32(i))
      end(Int32(i), reason)
    }
  }

  mutating func end(_ place: Int32, _ reason: PaperReason) {
    record(.ended(order: place, reason: reason, time: now))
    tell(place, .canceled)
  }

  private mutating func refuse(
    _ id: PaperID, _ account: Int32, _ place: Int32?, _ event: PaperEvent,
    _ reason: PaperReason
  ) {
    counters.refusals += 1
    var order = PaperOrder()
    order.id = id
    order.account = account
    order.status = .unknown
    if let place { order = orders[Int(place)] }
    order.reason = reason
    tell(order, event)
  }
}

extension WireView {
  /// Printable characters before the first zero.
  func text(_ offset: Int, _ width: Int) -> String {
    var text = ""
    for i in 0..<width {
      let byte = u8(offset &+ i)
      if byte == 0 { break }
      text.unicodeScalars.append(byte >= 0x20 && byte < 0x7f ? Unicode.Scalar(byte) : "?")
    }
    return text
  }
}
