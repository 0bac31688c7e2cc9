import Gateways
import Testing

let moldSession = SessionName("NT20191230")!

func moldDatagram(
  _ first: UInt64, _ messages: [[UInt8]], session: SessionName = moldSession, count: UInt16? = nil
) -> [UInt8] {
  var bytes = (0..<10).map { session[$0] }
  bytes += [UInt8](be64: first) + [UInt8](be16: count ?? UInt16(messages.count))
  for message in messages { bytes += [UInt8](be16: UInt16(message.count)) + message }
  return bytes
}

/// The message of a sequence: its length and bytes follow from the number.
func moldMessage(_ sequence: UInt64) -> [UInt8] {
  var random = Random(seed: sequence)
  return random.bytes(Int(sequence % 40) + 1)
}

/// A receiver with what it delivered.
final class MoldListener {
  var receiver: MoldReceiver
  var delivered: [UInt64: [UInt8]] = [:]
  var order: [UInt64] = []
  var unsequenced: [[UInt8]] = []
  var all: MoldEvents = []

  init(_ change: (inout MoldReceiverSettings) -> Void = { _ in }) {
    var settings = MoldReceiverSettings()
    settings.session = moldSession
    settings.windowMessages = 256
    change(&settings)
    receiver = MoldReceiver(settings)
  }
  private func take(_ span: MoldSpan) {
    var at = 0
    for i in 0..<span.messages {
      let length = Int(span.framed[at]) << 8 | Int(span.framed[at + 1])
      let bytes = [UInt8](span.framed[(at + 2)..<(at + 2 + length)])
      at += 2 + length
      if span.firstSequence == 0 {
        unsequenced.append(bytes)
      } else {
        order.append(span.firstSequence + UInt64(i))
        delivered[span.firstSequence + UInt64(i)] = bytes
      }
    }
    #expect(at == span.framed.count)
  }
  @discardableResult
  func receive(_ bytes: [UInt8], line: Int = 0) -> MoldEvents {
    let events = bytes.withUnsafeBytes { raw in receiver.receive(raw, line: line) { take($0) } }
    all.formUnion(events)
    return events
  }
  /// Requests that are due, as (first, count).
  func poll(now: Int64) -> [(first: UInt64, count: UInt16)] {
    var requests: [(UInt64, UInt16)] = []
    var out = [UInt8](repeating: 0, count: 20)
    for _ in 0..<100 {
      let length = out.withUnsafeMutableBytes { receiver.poll(now: now, into: $0, &all) }
      guard length > 0, let header = out.withUnsafeBytes({ MoldHeader(parsing: $0) }) else { break }
      #expect(header.session == moldSession)
      requests.append((header.sequence, header.count))
    }
    return requests
  }
  func splice(_ sequence: UInt64) -> MoldEvents? {
    let events = receiver.splice(at: sequence) { take($0) }
    all.formUnion(events ?? [])
    return events
  }
  var hasGap: Bool { receiver.hasGap }
  var awaitsSnapshot: Bool { receiver.awaitsSnapshot }
  var ended: Bool { receiver.ended }
  var isDisputed: Bool { receiver.isDisputed }
  var isInOrder: Bool { zip(order, order.dropFirst()).allSatisfy { $0 < $1 } }
  var accounted: UInt64 {
    let c = receiver.counters
    return c.delivered + c.duplicates + c.dropped
  }
}

/// Messages from `first` on, as the feed has them.
func moldRun(_ first: UInt64, _ count: UInt64 = 1) -> [UInt8] {
  moldDatagram(first, (first..<first + count).map(moldMessage))
}
func moldHeartbeat(_ next: UInt64) -> [UInt8] { moldDatagram(next, []) }
func moldEnd(_ next: UInt64) -> [UInt8] { moldDatagram(next, [], count: 0xffff) }

extension MoldListener {
  /// Line 0 alters the message that line 1 has brought, and the re-request server bears that one out.
  func loseDispute(_ next: UInt64, now: Int64) {
    receive(moldRun(next), line: 1)
    receive(moldDatagram(next, [[9]]))
    _ = poll(now: now)
    #expect(receive(moldRun(next), line: 2) == .settled)
  }

  /// So many waits pass.
  func wait(_ waits: Int, from now: inout Int64) {
    for _ in 0..<waits {
      now += 5_000_000
      _ = poll(now: now)
    }
  }
}
