import ExecutionCore
import Gateways
import Transport

/// One connection to order entry.
final class OrderClient {
  let connection: ConnectionID
  var soup: SoupServer
  /// nil until the log-in.
  var account: Int?
  var isLoggedIn: Bool { account != nil }

  init(connection: ConnectionID, settings: SoupServerSettings, now: Int64) {
    self.connection = connection
    soup = SoupServer(settings, now: now)
  }
}

/// One connection to the snapshot service.
final class SnapshotSubscriber {
  let connection: ConnectionID
  var soup: SoupServer
  /// Made at the log-in.
  var stream: OrderStream?
  var isAllSent: Bool {
    guard let stream else { return false }
    return soup.nextToSend == stream.nextSequence
  }

  init(connection: ConnectionID, settings: SoupServerSettings, now: Int64) {
    self.connection = connection
    soup = SoupServer(settings, now: now)
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
        receive(event, client: index, now: now)
      } else if let index = snapshots.firstIndex(where: { $0.connection == event.connection }) {
        receive(event, snapshot: index, now: now)
      }
    case .ended, .failed: drop(event.connection, now: now)
    case .sendFailed: counters.unsent &+= 1
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
    return soup
  }

  private mutating func accept(_ event: ReactorEvent, now: Int64) {
    guard let soup = soupSettings(), clients.count + snapshots.count < Self.connectionsMax else {
      reactor.close(event.connection)
      return
    }
    if event.token == Token.orderEntry {
      clients.append(OrderClient(connection: event.connection, settings: soup, now: now))
    } else {
      snapshots.append(SnapshotSubscriber(connection: event.connection, settings: soup, now: now))
    }
  }

  mutating func drop(_ connection: ConnectionID, now: Int64) {
    reactor.close(connection)
    snapshots.removeAll { $0.connection == connection }
    guard let index = clients.firstIndex(where: { $0.connection == connection }) else { return }
    let client = clients.remove(at: index)
    lastActivity = now
    guard let account = client.account else { return }
    counters.disconnects &+= 1
    _ = session.disconnect(account: UInt32(account), at: sessionTime(now: now))
  }

  // MARK: - Order entry

  private mutating func receive(_ event: ReactorEvent, client index: Int, now: Int64) {
    let client = clients[index]
    lastActivity = now
    var offset = 0
    // Each turn consumes bytes or ends.
    while let found = unsafe client.soup.next(event.bytes, &offset, now: now) {
      switch found {
      case .login(let login):
        guard logIn(client, login, now: now) else {
          reactor.submit()
          drop(client.connection, now: now)
          return
        }
      case .unsequenced(let message):
        guard let account = client.account else { continue }
        // Not stored is not accepted: without the store nothing may be answered.
        guard
          unsafe session.submit(message, account: UInt32(account), at: sessionTime(now: now))
        else {
          drop(client.connection, now: now)
          return
        }
      case .debug: continue
      case .logout, .failed:
        drop(client.connection, now: now)
        return
      }
    }
  }

  private mutating func logIn(_ client: OrderClient, _ login: SoupLogin, now: Int64) -> Bool {
    // Whoever is nobody's is refused as the first would be.
    let account = session.account(of: login, password: settings.password) ?? 0
    let stream = session.orderStreams[account]
    let answer = unsafe client.soup.answer(
      login, credentials: session.credentials(of: account, password: settings.password),
      firstSequence: stream.firstSequence, nextSequence: stream.nextSequence, now: now,
      into: scratch)
    switch answer {
    case .accepted(let bytes):
      // A newer log-in of the account ends an older connection.
      for other in clients where other !== client && other.account == account {
        drop(other.connection, now: now)
      }
      client.account = account
      counters.logins &+= 1
      transmit(bytes, to: client.connection)
      return true
    case .rejected(_, let bytes):
      counters.loginsRefused &+= 1
      transmit(bytes, to: client.connection)
      return false
    case .noRoom: return false
    }
  }

  /// Sends the first bytes of the scratch buffer.
  mutating func transmit(_ length: Int, to connection: ConnectionID) {
    guard length > 0 else { return }
    _ = unsafe reactor.send(UnsafeRawBufferPointer(rebasing: scratch[..<length]), on: connection)
  }

  mutating func pumpClients(now: Int64) {
    for client in clients {
      guard let account = client.account else {
        tick(client, now: now)
        continue
      }
      // Bounded by the send queue.
      while reactor.unsentBytes(of: client.connection) < Self.unsentMax {
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<16_384])
        let length = unsafe client.soup.pump(
          session.orderStreams[account], now: now, into: part)
        guard length > 0 else { break }
        transmit(length, to: client.connection)
      }
      tick(client, now: now)
    }
  }

  private mutating func tick(_ client: OrderClient, now: Int64) {
    var fault: SoupFault?
    let length = unsafe client.soup.tick(now: now, into: scratch, &fault)
    transmit(length, to: client.connection)
    if fault != nil { drop(client.connection, now: now) }
  }

  // MARK: - Re-requests

  private mutating func answer(_ event: ReactorEvent) {
    guard var request = unsafe retransmitter.request(event.bytes) else { return }
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<1_472])
    // Bounded by the request's count, which the retransmitter bounds.
    while true {
      // What has not been published yet is not given out either.
      guard request.sequence < nextToPublish else { return }
      request.count = UInt16(
        clamping: min(UInt64(request.count), nextToPublish - request.sequence))
      let length = unsafe retransmitter.answer(&request, from: session.stream, into: part)
      guard length > 0 else { return }
      _ = unsafe reactor.sendDatagram(
        UnsafeRawBufferPointer(rebasing: part[..<length]), to: event.peer, on: rerequestSocket)
    }
  }

  // MARK: - Snapshots

  private mutating func receive(_ event: ReactorEvent, snapshot index: Int, now: Int64) {
    let client = snapshots[index]
    var offset = 0
    // Each turn consumes bytes or ends.
    while let found = unsafe client.soup.next(event.bytes, &offset, now: now) {
      switch found {
      case .login(let login):
        let stream = OrderStream()
        session.writeSnapshot(into: stream)
        client.stream = stream
        var from = login
        if from.sequence == 0 { from.sequence = 1 }
        let answer = unsafe client.soup.answer(
          from, firstSequence: 1, nextSequence: stream.nextSequence, now: now, into: scratch)
        guard case .accepted(let bytes) = answer else {
          if case .rejected(_, let bytes) = answer { transmit(bytes, to: client.connection) }
          reactor.submit()
          drop(client.connection, now: now)
          return
        }
        counters.snapshots &+= 1
        transmit(bytes, to: client.connection)
      case .unsequenced, .debug: continue
      case .logout, .failed:
        drop(client.connection, now: now)
        return
      }
    }
  }

  mutating func pumpSnapshots(now: Int64) {
    for client in snapshots {
      guard let stream = client.stream else {
        tick(client, now: now)
        continue
      }
      while reactor.unsentBytes(of: client.connection) < Self.unsentMax {
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<16_384])
        let length = unsafe client.soup.pump(stream, now: now, into: part)
        guard length > 0 else { break }
        transmit(length, to: client.connection)
      }
      tick(client, now: now)
    }
  }

  private mutating func tick(_ client: SnapshotSubscriber, now: Int64) {
    var fault: SoupFault?
    let length = unsafe client.soup.tick(now: now, into: scratch, &fault)
    transmit(length, to: client.connection)
    if fault != nil { drop(client.connection, now: now) }
  }
}
