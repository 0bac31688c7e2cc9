import CSupport

extension Reactor {
  /// Listens for TCP connections; port 0 binds a free one (see ``localEndpoint(of:)``). Accepted
  /// connections carry the listener's token and options.
  public mutating func listen(
    on endpoint: Endpoint, options: SocketOptions = SocketOptions(), token: UInt64 = 0
  ) throws(ReactorError) -> ConnectionID {
    var connection: UInt64 = 0
    let error = unsafe withUnsafePointer(to: options.cOptions) { options in
      unsafe nt_net_listen(net, endpoint.cEndpoint, options, token, &connection)
    }
    try Reactor.check(error, .listen, endpoint)
    return ConnectionID(rawValue: connection)
  }

  /// Begins to connect; the result comes as a `connected` event. Throws only when there is no socket.
  public mutating func connect(
    to endpoint: Endpoint, options: SocketOptions = SocketOptions(), token: UInt64 = 0
  ) throws(ReactorError) -> ConnectionID {
    var connection: UInt64 = 0
    let error = unsafe withUnsafePointer(to: options.cOptions) { options in
      unsafe nt_net_connect(net, endpoint.cEndpoint, nil, options, token, &connection)
    }
    try Reactor.check(error, .connect, endpoint)
    return ConnectionID(rawValue: connection)
  }

  /// A UDP socket. For a multicast group bind the group's endpoint (several receivers may share it),
  /// then ``join(group:interface:on:)``.
  public mutating func openDatagram(
    bind endpoint: Endpoint, options: SocketOptions = SocketOptions(), token: UInt64 = 0
  ) throws(ReactorError) -> ConnectionID {
    var connection: UInt64 = 0
    let error = unsafe withUnsafePointer(to: options.cOptions) { options in
      unsafe nt_net_open_datagram(net, endpoint.cEndpoint, options, token, &connection)
    }
    try Reactor.check(error, .openDatagram, endpoint)
    return ConnectionID(rawValue: connection)
  }

  /// Receives what is sent to `group` on the interface that has the address `interface` (0: the
  /// system's choice). Addresses in host order.
  public mutating func join(
    group: UInt32, interface: UInt32, on connection: ConnectionID
  ) throws(ReactorError) {
    let error = unsafe nt_net_join(net, connection.rawValue, group, interface)
    try Reactor.check(error, .join, Endpoint(address: group, port: 0))
  }

  public mutating func leave(
    group: UInt32, interface: UInt32, on connection: ConnectionID
  ) throws(ReactorError) {
    let error = unsafe nt_net_leave(net, connection.rawValue, group, interface)
    try Reactor.check(error, .leave, Endpoint(address: group, port: 0))
  }

  /// Through which interface multicast leaves, how many hops it may go (0 stays on this machine), and
  /// whether this machine hears it.
  public mutating func setMulticastOutput(
    interface: UInt32, hops: UInt8, loop: Bool, on connection: ConnectionID
  ) throws(ReactorError) {
    let error = unsafe nt_net_multicast_output(net, connection.rawValue, interface, hops, loop)
    try Reactor.check(error, .multicastOutput, Endpoint(address: interface, port: 0))
  }

  /// Where the socket is bound: the port that the system chose for port 0.
  public func localEndpoint(of connection: ConnectionID) throws(ReactorError) -> Endpoint {
    var found = nt_net_endpoint()
    let error = unsafe nt_net_local(net, connection.rawValue, &found)
    guard error == 0 else { throw ReactorError(operation: .localEndpoint, errorNumber: error) }
    return Endpoint(address: found.address, port: found.port)
  }

  /// The other end of a connected stream.
  public func peerEndpoint(of connection: ConnectionID) throws(ReactorError) -> Endpoint {
    var found = nt_net_endpoint()
    let error = unsafe nt_net_peer(net, connection.rawValue, &found)
    guard error == 0 else { throw ReactorError(operation: .localEndpoint, errorNumber: error) }
    return Endpoint(address: found.address, port: found.port)
  }

  /// From now on events of the connection carry this token. False when it is closed.
  @discardableResult
  public mutating func setToken(_ token: UInt64, of connection: ConnectionID) -> Bool {
    unsafe nt_net_set_token(net, connection.rawValue, token) == 0
  }

  /// For other threads. Valid as long as the reactor lives.
  public var waker: ReactorWaker { unsafe ReactorWaker(net: net) }

  private static func check(
    _ error: Int32, _ operation: ReactorError.Operation, _ endpoint: Endpoint
  ) throws(ReactorError) {
    guard error != 0 else { return }
    let isGroup = [.join, .leave, .multicastOutput].contains(operation)
    let subject = isGroup ? Endpoint.text(ofAddress: endpoint.address) : endpoint.description
    throw ReactorError(operation: operation, errorNumber: error, subject: subject)
  }
}

/// Ends another thread's poll. Must not outlive its reactor.
@safe
public struct ReactorWaker: @unchecked Sendable {
  let net: OpaquePointer

  init(net: OpaquePointer) { unsafe self.net = unsafe net }

  /// The current or next poll reports `woken`. Free of locks; a system call only when the reactor
  /// sleeps.
  @_noLocks
  public func wake() { unsafe nt_net_wake(net) }
}

extension Endpoint {
  var cEndpoint: nt_net_endpoint { nt_net_endpoint(address: address, port: port, pad: 0) }
}

extension SocketOptions {
  var cOptions: nt_net_socket_options {
    var flags: UInt32 = 0
    if isDirect { flags |= 1 }
    if reportsPeer { flags |= 2 }
    if reportsReceiveTime { flags |= 4 }
    if isExclusive { flags |= 16 }
    if samplesReceiveTime { flags |= 32 }
    return nt_net_socket_options(
      flags: flags, receive_buffer_bytes: receiveBufferBytes, send_buffer_bytes: sendBufferBytes,
      busy_poll_us: busyPollMicroseconds, backlog: backlog)
  }
}

extension ReactorSettings {
  /// Nil when a number does not even fit the field; the C side judges the ranges.
  var options: nt_net_options? {
    let values = [
      connections, receiveBuffers, receiveBufferBytes, sendBytes, timers, submissionEntries,
      completionEntries,
    ]
    guard values.allSatisfy({ UInt32(exactly: $0) != nil }) else { return nil }
    let choice: UInt32 =
      switch backEnd {
      case _ where network != nil, .memory: 3
      case .automatic: 0
      case .ioUring: 1
      case .epoll: 2
      }
    return unsafe nt_net_options(
      back_end: choice, connections: UInt32(connections),
      receive_buffers: UInt32(receiveBuffers), receive_buffer_bytes: UInt32(receiveBufferBytes),
      send_bytes: UInt32(sendBytes), timers: UInt32(timers),
      submission_entries: UInt32(submissionEntries),
      completion_entries: UInt32(completionEntries), explicit_release: releasesExplicitly,
      prefault: prefaults, memnet: network?.memnet)
  }
}
