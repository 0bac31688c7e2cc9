import ExecutionCore
import Gateways
import Transport

/// One connection that speaks SoupBinTCP: order entry's or the snapshot service's.
class SoupConnection {
  let connection: ConnectionID
  /// Where it comes from.
  let peer: Endpoint
  var soup: SoupServer
  var outlet: Outlet
  /// nil until the log-in.
  var account: Int?
  /// A log-in that is right, and waits for its turn.
  var waiting: SoupLogin?
  /// Something that was to be sent found no room: what follows would not be what it should be.
  var isBroken = false
  /// Of a log-in that waits, that it does.
  var isDelayTold = false
  /// It is among the server's connections no more.
  var isDropped = false
  var isLoggedIn: Bool { soup.state == .active }

  init(_ event: ReactorEvent, settings: SoupServerSettings, now: Int64) {
    connection = event.connection
    peer = event.peer
    soup = SoupServer(settings, now: now)
    outlet = Outlet(now: now)
  }
}

/// One connection to order entry.
final class OrderClient: SoupConnection {
  var messages: Allowance

  init(
    _ event: ReactorEvent, settings: SoupServerSettings, messagesPerSecond: Int, now: Int64
  ) {
    messages = Allowance(perSecond: messagesPerSecond)
    super.init(event, settings: settings, now: now)
  }
}

/// One connection to the snapshot service.
final class SnapshotSubscriber: SoupConnection {
  /// Made at the log-in.
  var stream: OrderStream?
  var isAllSent: Bool {
    guard let stream else { return false }
    return soup.nextToSend == stream.nextSequence
  }
}

extension ExchangeServer {
  /// Bytes that may wait in a connection's send queue before more is added.
  private static let unsentMax = 32_768

  mutating func handle(_ event: ReactorEvent, now: Int64) {
    switch event.kind {
    case .accepted: accept(event, now: now)
    case .received:
      if event.connection == rerequestSocket {
        answer(event)
      } else if let index = clients.firstIndex(where: { $0.connection == event.connection }) {
        receive(event, client: clients[index], now: now)
      } else if let index = snapshots.firstIndex(where: { $0.connection == event.connection }) {
        receive(event, subscriber: snapshots[index], now: now)
      }
    case .failed where isOwn(event): break
    case .ended: drop(event.connection, .ended, now: now)
    case .failed: drop(event.connection, .failed(errorNumber: event.errorNumber), now: now)
    case .sendFailed: countUnsent(event)
    case .acceptFailed: tell?(.notAccepted(errorNumber: event.errorNumber))
    default: break
    }
  }

  private func soupSettings() -> SoupServerSettings? {
    guard
      let credentials = SoupCredentials(
        username: session.settings.accounts.first ?? "", password: settings.password)
    else { return nil }
    var soup = SoupServerSettings(session: session.name, credentials: credentials)
    soup.heartbeatInterval = settings.heartbeatInterval
    soup.timeout = settings.timeout
    soup.loginTimeout = settings.limits.loginTimeout
    return soup
  }

  /// Everyone is let in; the oldest who has not said who he is makes room. Who has, and waits for his turn, does not.
  private mutating func accept(_ event: ReactorEvent, now: Int64) {
    guard let soup = soupSettings() else {
      reactor.close(event.connection)
      return
    }
    let isOrderEntry = event.token == Token.orderEntry
    let strangers = (isOrderEntry ? clients as [SoupConnection] : snapshots)
      .filter { !$0.isLoggedIn && $0.waiting == nil }
    if strangers.count >= settings.limits.strangersMax, let oldest = strangers.first {
      counters.strangersDisplaced &+= 1
      drop(oldest.connection, .displaced, now: now)
    }
    if isOrderEntry {
      clients.append(
        OrderClient(
          event, settings: soup, messagesPerSecond: settings.limits.messagesPerSecond, now: now))
    } else {
      snapshots.append(SnapshotSubscriber(event, settings: soup, now: now))
    }
  }

  /// Closes a connection; nil where why has been told already.
  mutating func drop(_ connection: ConnectionID, _ why: ExchangeEvent.Closing?, now: Int64) {
    reactor.close(connection)
    let all = (clients as [SoupConnection]) + (snapshots as [SoupConnection])
    let found = all.first { $0.connection == connection }
    found?.isDropped = true
    snapshots.removeAll { $0.connection == connection }
    if let index = clients.firstIndex(where: { $0.connection == connection }) {
      let client = clients.remove(at: index)
      lastActivity = now
      if let account = client.account {
        counters.disconnects &+= 1
        _ = session.disconnect(account: UInt32(account), at: sessionTime(now: now))
      }
    }
    if let tell, let found, let why {
      tell(.closed(described(found), why, working: working(found)))
    }
  }

  /// A connection as it is told of.
  func described(_ client: SoupConnection) -> ExchangeEvent.Client {
    ExchangeEvent.Client(
      client is OrderClient ? .orderEntry : .snapshots, from: client.peer,
      username: client.account.map { session.settings.accounts[$0] })
  }

  /// Orders of its account that work, where it is the connection that they come by.
  private func working(_ client: SoupConnection) -> Int {
    guard client is OrderClient, let account = client.account else { return 0 }
    return session.core.workingCount(account: UInt32(account))
  }

  /// Says why, and closes.
  private mutating func refuse(
    _ client: SoupConnection, _ why: ExchangeEvent.Closing, _ reason: String, now: Int64
  ) {
    let length = unsafe Array(reason.utf8).withUnsafeBytes { text in
      unsafe SoupServer.debug(text, into: scratch)
    }
    transmit(length, to: client)
    reactor.submit()
    drop(client.connection, why, now: now)
  }

  // MARK: - Order entry

  private mutating func receive(_ event: ReactorEvent, client: OrderClient, now: Int64) {
    lastActivity = now
    var offset = 0
    // Each turn consumes bytes or ends.
    while let found = unsafe client.soup.next(event.bytes, &offset, now: now) {
      switch found {
      case .login(let login):
        guard admit(client, login, now: now) else { return }
      case .unsequenced(let message):
        guard let account = client.account else { continue }
        guard unsafe take(message, client, account, now: now) else { return }
      case .debug: continue
      case .logout: return drop(client.connection, .loggedOut, now: now)
      case .failed(let fault): return drop(client.connection, .fault(fault), now: now)
      }
    }
  }

  /// One message of a client; false when it is not a client any more.
  private mutating func take(
    _ message: UnsafeRawBufferPointer, _ client: OrderClient, _ account: Int, now: Int64
  ) -> Bool {
    guard client.messages.take(now: now) else {
      counters.ratesExceeded &+= 1
      refuse(
        client, .tooFast, "more than \(settings.limits.messagesPerSecond) messages a second",
        now: now)
      return false
    }
    switch unsafe session.take(message, account: UInt32(account), at: sessionTime(now: now)) {
    case .taken, .ignored: return true
    case .full:
      refuse(
        client, .roomUsedUp,
        "account \(session.settings.accounts[account]) has used up its room of "
          + "\(session.settings.accountBytesMax) bytes; cancels are taken", now: now)
    // Not stored is not accepted: without the store nothing may be answered.
    case .tooLong, .failed: drop(client.connection, .notTaken, now: now)
    }
    return false
  }

  /// Answers a log-in, now or when its turn comes; false when the connection is closed.
  private mutating func admit(_ client: OrderClient, _ login: SoupLogin, now: Int64) -> Bool {
    guard client.waiting == nil else {
      drop(client.connection, .fault(.unexpectedPacket), now: now)
      return false
    }
    if let account = session.account(of: login, password: settings.password),
      !loginAllowances[account].take(now: now)
    {
      counters.loginsDelayed &+= 1
      tellDelay(client, account)
      client.waiting = login
      // One of an account waits, the newest: else he who has its password could take every place.
      for other in clients
      where other !== client && other.waiting?.credentials == login.credentials {
        drop(other.connection, .overtaken, now: now)
      }
      return true
    }
    guard logIn(client, login, now: now) else {
      reactor.submit()
      drop(client.connection, nil, now: now)
      return false
    }
    return true
  }

  private mutating func logIn(_ client: OrderClient, _ login: SoupLogin, now: Int64) -> Bool {
    // Whoever is nobody's is refused as the first would be.
    let account = session.account(of: login, password: settings.password) ?? 0
    let stream = session.orderStreams[account]
    let answer =
      if let reason = loginsRefused[account] {
        unsafe client.soup.reject(reason, now: now, into: scratch)
      } else {
        unsafe client.soup.answer(
          login, credentials: session.credentials(of: account, password: settings.password),
          firstSequence: stream.firstSequence, nextSequence: stream.nextSequence, now: now,
          into: scratch)
      }
    switch answer {
    case .accepted(let bytes):
      transmit(bytes, to: client)
      // A newer log-in of the account ends an older connection.
      for other in clients where other !== client && other.account == account {
        drop(other.connection, .replaced(by: client.peer), now: now)
      }
      client.account = account
      counters.logins &+= 1
      tell?(.loggedIn(described(client), asked: login.sequence, next: stream.nextSequence))
      return true
    case .rejected(_, let bytes):
      counters.loginsRefused &+= 1
      tellRefusal(client, login, isSet: loginsRefused[account] != nil)
      transmit(bytes, to: client)
      return false
    case .noRoom: return false
    }
  }

  private func tellRefusal(_ client: SoupConnection, _ login: SoupLogin, isSet: Bool) {
    guard let tell else { return }
    let account = session.account(of: login, password: settings.password)
    let isOurs = login.session.isBlank || login.session.leftJustified == session.name.leftJustified
    let refusal: ExchangeEvent.Refusal =
      if isSet {
        .setting
      } else if let account {
        isOurs
          ? .sequence(login.sequence, next: session.orderStreams[account].nextSequence)
          : .session(login.session)
      } else {
        .credentials(username: "\(login.credentials.username)")
      }
    var described = described(client)
    described.username = account.map { session.settings.accounts[$0] }
    tell(.refused(described, refusal))
  }

  /// Once for each log-in that waits.
  private func tellDelay(_ client: SoupConnection, _ account: Int) {
    guard let tell, !client.isDelayTold else { return }
    client.isDelayTold = true
    var described = described(client)
    described.username = session.settings.accounts[account]
    tell(.delayed(described))
  }

  /// Sends the first bytes of the scratch buffer.
  mutating func transmit(_ length: Int, to client: SoupConnection) {
    guard length > 0 else { return }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: scratch[..<length])
    guard unsafe reactor.send(bytes, on: client.connection) == .queued else {
      client.isBroken = true
      return
    }
    client.outlet.add(length)
  }

  mutating func pumpClients(now: Int64) {
    for client in clients where !client.isDropped {
      if let login = client.waiting {
        client.waiting = nil
        let delayed = counters.loginsDelayed
        guard admit(client, login, now: now) else { continue }
        // Still the same one.
        counters.loginsDelayed = delayed
      }
      if let account = client.account { pump(client, session.orderStreams[account], now: now) }
      tick(client, now: now)
    }
  }

  private mutating func pump(_ client: SoupConnection, _ stream: OrderStream, now: Int64) {
    // Bounded by the send queue.
    while !client.isBroken, reactor.unsentBytes(of: client.connection) < Self.unsentMax {
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<16_384])
      let length = unsafe client.soup.pump(stream, now: now, into: part)
      guard length > 0 else { break }
      transmit(length, to: client)
    }
  }

  private mutating func tick(_ client: SoupConnection, now: Int64) {
    var fault: SoupFault?
    let isStranger = !client.isLoggedIn
    let length = unsafe client.soup.tick(now: now, into: scratch, &fault)
    transmit(length, to: client)
    let isStuck = client.outlet.isStuck(
      unsent: reactor.unsentBytes(of: client.connection), now: now,
      limit: settings.limits.drainTimeout)
    guard fault != nil || isStuck || client.isBroken else { return }
    if fault == nil {
      counters.slowReaders &+= 1
    } else if isStranger {
      counters.loginsTimedOut &+= 1
    }
    drop(
      client.connection, fault == nil ? .unread : isStranger ? .neverLoggedIn : .silent, now: now)
  }

  // MARK: - Snapshots

  private mutating func receive(
    _ event: ReactorEvent, subscriber client: SnapshotSubscriber, now: Int64
  ) {
    var offset = 0
    // Each turn consumes bytes or ends.
    while let found = unsafe client.soup.next(event.bytes, &offset, now: now) {
      switch found {
      case .login(let login):
        guard client.waiting == nil else {
          return drop(client.connection, .fault(.unexpectedPacket), now: now)
        }
        guard admit(client, login, now: now) else {
          return drop(client.connection, nil, now: now)
        }
      case .unsequenced, .debug: continue
      case .logout: return drop(client.connection, .loggedOut, now: now)
      case .failed(let fault): return drop(client.connection, .fault(fault), now: now)
      }
    }
  }

  /// Answers a log-in, now or when its turn comes; false when it is refused.
  private mutating func admit(
    _ client: SnapshotSubscriber, _ login: SoupLogin, now: Int64
  ) -> Bool {
    // A snapshot costs a walk through all books: nobody unknown gets one made.
    let account = session.account(of: login, password: settings.password)
    if let account {
      guard makeRoomForSnapshot(now: now), snapshotAllowance.take(now: now) else {
        counters.loginsDelayed &+= 1
        tellDelay(client, account)
        client.waiting = login
        let waiting = snapshots.filter { $0.waiting != nil }
        if waiting.count > settings.limits.snapshotsMax + settings.limits.strangersMax,
          let oldest = waiting.first
        {
          drop(oldest.connection, .overtaken, now: now)
        }
        return true
      }
    }
    let stream = account == nil ? OrderStream() : snapshotStream()
    var from = login
    if from.sequence == 0 { from.sequence = 1 }
    let answer = unsafe client.soup.answer(
      from, credentials: session.credentials(of: account ?? 0, password: settings.password),
      firstSequence: 1, nextSequence: stream.nextSequence, now: now, into: scratch)
    switch answer {
    case .accepted(let bytes):
      client.stream = stream
      client.account = account
      counters.snapshots &+= 1
      tell?(.loggedIn(described(client), asked: login.sequence, next: stream.nextSequence))
      transmit(bytes, to: client)
      return true
    case .rejected(_, let bytes):
      counters.loginsRefused &+= 1
      tellRefusal(client, login, isSet: false)
      transmit(bytes, to: client)
      reactor.submit()
      return false
    case .noRoom: return false
    }
  }

  /// Whether one more may log in.
  private mutating func makeRoomForSnapshot(now: Int64) -> Bool {
    let active = snapshots.filter(\.isLoggedIn)
    guard active.count >= settings.limits.snapshotsMax else { return true }
    let oldest = active.first {
      $0.isAllSent && reactor.unsentBytes(of: $0.connection) == 0
    }
    guard let oldest else { return false }
    drop(oldest.connection, .madeRoom, now: now)
    return true
  }

  /// Books and states as they are now: the last one again while nothing has happened.
  private mutating func snapshotStream() -> OrderStream {
    let (position, next) = (session.position, session.nextSequence)
    if let last = lastSnapshot, last.position == position, last.nextSequence == next {
      counters.snapshotsReused &+= 1
      return last.stream
    }
    let stream = OrderStream()
    session.writeSnapshot(into: stream)
    lastSnapshot = (stream, position, next)
    return stream
  }

  mutating func pumpSnapshots(now: Int64) {
    for client in snapshots where !client.isDropped {
      if let login = client.waiting {
        client.waiting = nil
        let delayed = counters.loginsDelayed
        guard admit(client, login, now: now) else {
          drop(client.connection, nil, now: now)
          continue
        }
        counters.loginsDelayed = delayed
      }
      if let stream = client.stream { pump(client, stream, now: now) }
      tick(client, now: now)
    }
    // Kept for who asks next, not for ever.
    if snapshots.isEmpty { lastSnapshot = nil }
  }
}
