import Gateways

/// Input: datagrams, each behind a byte for the line and two for the length. The receiver must
/// deliver in order, lose no message from its books, and ask only for what is missing.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  var settings = MoldReceiverSettings()
  settings.session = SessionName("NT20191230")
  settings.plausibleAhead = 1_000
  settings.supportingPackets = 3
  settings.supportingWaits = 4
  settings.windowMessages = 64
  settings.compareMessages = 64
  settings.requestMessagesMax = 8
  settings.repairableMessagesMax = 1 << 50
  var receiver = MoldReceiver(settings)
  var expected: UInt64 = 1
  var at = 0
  var now: Int64 = 0
  var request = [UInt8](repeating: 0, count: 20)
  let deliver: (MoldSpan) -> Void = { span in
    var end = 0
    for _ in 0..<span.messages {
      precondition(end + 2 <= span.framed.count)
      end += 2 + (Int(span.framed[end]) << 8 | Int(span.framed[end + 1]))
    }
    precondition(end == span.framed.count, "a span's frames fill it")
    guard span.firstSequence != 0 else { return }
    precondition(span.firstSequence >= expected, "delivered twice or out of order")
    expected = span.firstSequence + UInt64(span.messages)
  }
  while at + 3 <= size {
    let line = Int(data[at])
    let length = min(Int(data[at + 1]) << 8 | Int(data[at + 2]), size - at - 3)
    let datagram = UnsafeRawBufferPointer(start: data + at + 3, count: length)
    at += 3 + length
    _ = receiver.receive(datagram, line: line & 3, deliver)
    if line & 0x10 != 0 {
      now += 3_000_000
      var said: MoldEvents = []
      for _ in 0..<16 {
        let written = request.withUnsafeMutableBytes { receiver.poll(now: now, into: $0, &said) }
        if written == 0 { break }
        let header = request.withUnsafeBytes { MoldHeader(parsing: $0) }
        // What was delivered is asked for again where two copies differ, and nowhere else.
        precondition(
          header!.sequence >= receiver.nextSequence || receiver.isDisputed, "asked for what it has")
        precondition(header!.count > 0 && header!.count <= 8)
      }
    }
    if line & 0x60 == 0x60 {
      let before = receiver.nextSequence
      let at = before &+ UInt64(line >> 7)
      let standing = receiver.standing(of: at)
      let said = receiver.splice(at: at, deliver)
      precondition((said == nil) == (standing != .fits), "spliced where it does not fit")
    } else if line & 0x60 == 0x40 {
      // The last message could not be read: a snapshot may end a little below it.
      _ = receiver.distrust()
      let at = max(1, receiver.nextSequence - min(receiver.nextSequence, 3))
      if receiver.standing(of: at) == .fits {
        expected = min(expected, at)
        _ = receiver.splice(at: at, deliver)
      }
    }
    precondition(receiver.nextSequence <= receiver.endSequence)
    precondition(receiver.session == settings.session, "a datagram chose the session")
  }
  // The same bytes as a re-request.
  var server = MoldRetransmitter(session: .blank)
  var store = RetainedMessages(messages: 8, bytes: 256)
  for _ in 0..<12 { store.append(UnsafeRawBufferPointer(start: data, count: min(size, 40))) }
  if var asked = server.request(UnsafeRawBufferPointer(start: data, count: size)) {
    var out = [UInt8](repeating: 0, count: 128)
    for _ in 0..<5_000 {
      if out.withUnsafeMutableBytes({ server.answer(&asked, from: store, into: $0) }) == 0 { break }
    }
    precondition(asked.count == 0 || size > 20)
  }
  return 0
}

func seeds() -> [[UInt8]] {
  let session = Array("NT20191230".utf8)
  func message(_ sequence: Int) -> [UInt8] { Array(repeating: UInt8(sequence & 255), count: 19) }
  func datagram(_ line: Int, _ first: Int, _ count: Int, _ said: Int? = nil) -> [UInt8] {
    var bytes = session + be64(first) + be16(said ?? count)
    for i in 0..<count { bytes += be16(19) + message(first + i) }
    return [UInt8(line)] + be16(bytes.count) + bytes
  }
  return [
    datagram(0, 1, 3) + datagram(1, 1, 3) + datagram(0, 4, 2),
    datagram(0, 1, 1) + datagram(0x10, 5, 2) + datagram(2, 2, 3) + datagram(0, 7, 0),
    datagram(0, 40, 2) + datagram(0x12, 20, 0) + datagram(0x70, 41, 1) + datagram(0xf0, 60, 1),
    datagram(0, 0, 4) + datagram(0, 1, 0, 0xffff), datagram(0, 3, 1, 9),
    datagram(0, 1, 2) + datagram(0x10, 1 << 60, 0) + datagram(0x11, 1 << 60, 1),
    datagram(0x40, 1, 3) + datagram(0x10, 1 << 40, 0) + datagram(0x12, 1 << 40, 0),
    session + be64(2) + be16(4),
  ]
}
