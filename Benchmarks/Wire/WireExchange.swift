import BenchSupport
import ExecutionCore
import Foundation
import Gateways
import Transport

/// The far end of the wire suite: publishes MoldUDP64 datagrams and answers OUCH over SoupBinTCP,
/// with plain sockets on loopback and the product's own codecs. Every order is rejected, so that
/// nothing stays open.
///
/// Threading: one thread, which spins.
final class WireExchange {
  static let midnight: Int64 = 1_577_664_000_000_000_000
  /// For one answer: long, for where real-time threads of others hold the processor.
  static let patience: Int64 = 20_000_000_000

  private static let messageBytes = 64

  private let sockets: WireSockets
  private var server: SoupServer
  private var store = RetainedMessages(messages: 4_096, bytes: 1 << 20)
  private var publisher: MoldPublisher
  private var request = OUCHRequest(.accountQuery)
  private var message = [UInt8](repeating: 0, count: messageBytes)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
  private(set) var orders = 0
  private(set) var errors = 0
  private(set) var lastOrderBytes = 0
  private(set) var lastReference: UInt32 = 0
  private(set) var hasEnded = false
  /// Datagrams and answers that it sent, and packets that came which are no heartbeats.
  private(set) var datagrams = 0
  private(set) var answers = 0
  private var events = 0
  /// Heartbeats of the product: a send each, where for a second there was no order.
  var heartbeats: Int { Int(server.packets) - events }

  /// Of the order session and of the feed.
  static let session = SessionName("BENCH00001") ?? .blank

  static func credentials() throws -> SoupCredentials {
    guard let made = SoupCredentials(username: "bench", password: "bench") else {
      throw BenchError("the log-in is not valid")
    }
    return made
  }

  /// On connected sockets; the log-in comes later.
  init(_ sockets: WireSockets) throws {
    self.sockets = sockets
    server = SoupServer(
      SoupServerSettings(session: Self.session, credentials: try Self.credentials()),
      now: nanoseconds())
    publisher = MoldPublisher(session: Self.session)
  }

  deinit { buffer.deallocate() }

  /// Messages published so far.
  var published: UInt64 { publisher.nextSequence - 1 }

  /// One message in a datagram of its own.
  func publish(_ record: MarketRecord) throws { try publish([record]) }
  func publish(_ records: [MarketRecord]) throws { try send(try datagram(records)) }

  /// The messages in one datagram; its bytes are valid until the next.
  func datagram(_ records: [MarketRecord]) throws -> UnsafeRawBufferPointer {
    for var record in records {
      let length = ITCHEncoder.encode(
        &record, midnight: Self.midnight, into: &message, capacity: Self.messageBytes)
      let appended = message.withUnsafeBytes {
        publisher.append(UnsafeRawBufferPointer(rebasing: $0[..<length]))
      }
      guard length > 0, case .sequence = appended else {
        throw BenchError("a message cannot be published")
      }
    }
    guard let made = publisher.take(now: 0) else { throw BenchError("an empty datagram") }
    return made
  }

  func send(_ datagram: UnsafeRawBufferPointer) throws {
    guard Foundation.send(sockets.datagram, datagram.baseAddress, datagram.count, 0) > 0 else {
      throw BenchError("the datagram was not taken: errno \(errno)")
    }
    datagrams += 1
  }

  /// Sends the datagram and waits for the order that it makes: nanoseconds from before the send
  /// until the last byte of the order was read.
  func trip(_ datagram: UnsafeRawBufferPointer) throws -> Int64 {
    let wanted = orders + 1
    let start = nanoseconds()
    try send(datagram)
    while true {
      let count = receive()
      let now = nanoseconds()
      if count > 0 {
        try take(count)
        if orders >= wanted { return now - start }
      }
      guard now - start < Self.patience, !hasEnded else {
        throw BenchError("no order came after \(orders) within \(Self.patience / 1_000_000) ms")
      }
    }
  }

  /// Takes what has come, without answering; true when something had.
  func look() throws -> Bool {
    let count = receive()
    if count > 0 { try take(count) }
    guard !hasEnded else { throw BenchError("the order session ended") }
    return count > 0
  }

  /// Answers what has come, without waiting.
  func serve() throws {
    let count = receive()
    if count > 0 { try take(count) }
    var fault: SoupFault?
    let beat = server.tick(now: nanoseconds(), into: buffer, &fault)
    if beat > 0 { try write(UnsafeRawBufferPointer(rebasing: buffer[..<beat])) }
  }

  /// Sends the rejections of the orders that were counted so far.
  func answer() throws {
    let count = server.pump(store, now: nanoseconds(), into: buffer)
    if count > 0 { try write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
  }

  private func receive() -> Int {
    let count = recv(sockets.stream, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    if count == 0 { hasEnded = true }
    return count
  }

  private func take(_ count: Int) throws {
    let input = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    var offset = 0
    let now = nanoseconds()
    while let event = server.next(input, &offset, now: now) {
      events += 1
      switch event {
      case .login(let login): try logIn(login, now)
      case .unsequenced(let message):
        lastOrderBytes = message.count + 3
        try requested(message)
      case .logout: hasEnded = true
      case .debug: break
      case .failed(let fault): throw BenchError("order session: \(fault)")
      }
    }
  }

  private func logIn(_ login: SoupLogin, _ now: Int64) throws {
    let out = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    defer { out.deallocate() }
    let answer = server.answer(
      login, firstSequence: store.firstSequence, nextSequence: store.nextSequence, now: now,
      into: out)
    guard case .accepted(let bytes) = answer else { throw BenchError("log-in refused: \(answer)") }
    try write(UnsafeRawBufferPointer(rebasing: out[..<bytes]))
  }

  private func requested(_ message: UnsafeRawBufferPointer) throws {
    if request.decode(message) != nil { errors += 1 }
    switch request.kind {
    case .enter:
      orders += 1
      // Dense: a number left out or used twice is an order lost or doubled.
      if request.userRefNum != lastReference + 1 { errors += 1 }
      lastReference = request.userRefNum
      if request.quantity != 100 || request.price != 1_000_100 { errors += 1 }
      var response = OUCHResponse(.rejected)
      response.userRefNum = request.userRefNum
      response.reason = 1
      response.clOrdID = request.clOrdID
      try say(response)
    case .accountQuery:
      var response = OUCHResponse(.accountQueryResponse)
      response.userRefNum = lastReference + 1
      try say(response)
      try queryAnswered()
    default:
      // Nothing else is ever asked: orders are gone by the time the run ends.
      errors += 1
    }
  }

  private func say(_ response: OUCHResponse) throws {
    var fault: OUCHFault?
    var bytes = [UInt8](repeating: 0, count: OUCHLimits.messageBytesMax)
    let length = bytes.withUnsafeMutableBytes { response.encode(into: $0, &fault) }
    guard length > 0 else { throw BenchError("no answer could be encoded") }
    bytes.withUnsafeBytes { _ = store.append(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
  }

  /// The log-in is over only with this answer; it is not part of a measured trip.
  private func queryAnswered() throws {
    let out = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
    defer { out.deallocate() }
    let count = server.pump(store, now: nanoseconds(), into: out)
    try write(UnsafeRawBufferPointer(rebasing: out[..<count]))
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    let flags = Int32(MSG_NOSIGNAL)
    guard Foundation.send(sockets.stream, bytes.baseAddress, bytes.count, flags) == bytes.count
    else { throw BenchError("the order connection took no answer: errno \(errno)") }
    answers += 1
  }
}

/// The exchange's two sockets: datagrams to the feed's reader, and the order connection.
final class WireSockets {
  let datagram: Int32
  private(set) var stream: Int32 = -1
  private let listener: Int32
  /// Where orders are taken.
  let port: UInt16

  init() throws {
    datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard datagram >= 0, listener >= 0 else { throw BenchError("no sockets: errno \(errno)") }
    port = try Self.bindLoopback(listener)
    guard listen(listener, 4) == 0 else { throw BenchError("cannot listen: errno \(errno)") }
  }

  deinit {
    for descriptor in [datagram, listener, stream] where descriptor >= 0 { close(descriptor) }
  }

  /// Datagrams go there from now on.
  func connectDatagrams(to port: UInt16) throws {
    var address = Self.loopback(port)
    let error = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(datagram, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard error == 0 else { throw BenchError("no feed at port \(port): errno \(errno)") }
  }

  /// Takes the order connection, with an answer's patience.
  func accept() throws {
    var wait = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    let patience = Int32(WireExchange.patience / 1_000_000)
    guard poll(&wait, 1, patience) == 1 else { throw BenchError("nobody connects for orders") }
    stream = Foundation.accept(listener, nil, nil)
    guard stream >= 0 else { throw BenchError("no order connection: errno \(errno)") }
    Self.noDelay(stream)
  }

  static func noDelay(_ descriptor: Int32) {
    var on: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
    return address
  }

  /// Binds to a free port of loopback and returns it.
  static func bindLoopback(_ descriptor: Int32) throws -> UInt16 {
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let error = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) != 0 ? errno : getsockname(descriptor, $0, &length)
      }
    }
    guard error == 0 else { throw BenchError("no port on loopback: errno \(error)") }
    return UInt16(bigEndian: address.sin_port)
  }
}
