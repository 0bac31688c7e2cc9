import Foundation
import Gateways
import Testing

private let name = moldSession
private typealias Listener = MoldListener

private func datagram(
  _ first: UInt64, _ messages: [[UInt8]], session: SessionName = name, count: UInt16? = nil
) -> [UInt8] {
  moldDatagram(first, messages, session: session, count: count)
}

private func message(_ sequence: UInt64) -> [UInt8] { moldMessage(sequence) }

@Suite struct `MoldUDP64 datagrams` {
  @Test func `a header is byte exact in both directions`() throws {
    let bytes = datagram(0x0102_0304_0506_0708, [], count: 0x090a)
    let header = try #require(bytes.withUnsafeBytes { MoldHeader(parsing: $0) })
    #expect(header.session.description == "NT20191230")
    #expect(header.sequence == 0x0102_0304_0506_0708)
    #expect(header.count == 0x090a)
    var out = [UInt8](repeating: 0, count: 20)
    #expect(out.withUnsafeMutableBytes { header.write(into: $0) } == 20)
    #expect(out == bytes)
    #expect([UInt8](bytes.prefix(19)).withUnsafeBytes { MoldHeader(parsing: $0) } == nil)
    #expect([UInt8](bytes.prefix(19)).withUnsafeBytes { MoldBlocks($0) == nil })
  }

  @Test func `blocks are walked, and lengths that lie end the walk`() {
    let bytes = datagram(5, [[1], [], [2, 3]])
    for length in 20...bytes.count {
      [UInt8](bytes.prefix(length)).withUnsafeBytes { raw in
        var blocks = MoldBlocks(raw)!
        var count = 0
        while blocks.next() != nil { count += 1 }
        #expect(count == (length < 23 ? 0 : length < 25 ? 1 : length < 29 ? 2 : 3))
        #expect((blocks.fault == nil) == (length == bytes.count))
      }
    }
    (bytes + [0]).withUnsafeBytes { raw in
      var blocks = MoldBlocks(raw)!
      while blocks.next() != nil {}
      #expect(blocks.fault == .trailingBytes)
    }
  }

  @Test func `a publisher's datagrams give its messages back`() {
    var publisher = MoldPublisher(session: name, datagramBytesMax: 200, heartbeatInterval: 10)
    let listener = Listener()
    var sent: UInt64 = 0
    for sequence: UInt64 in 1...500 {
      let body = message(sequence)
      var result = body.withUnsafeBytes { publisher.append($0) }
      if result == .full {
        let bytes = publisher.take(now: 0).map { [UInt8]($0) } ?? []
        #expect(bytes.count <= 200)
        sent += 1
        listener.receive(bytes)
        result = body.withUnsafeBytes { publisher.append($0) }
      }
      #expect(result == .sequence(sequence))
    }
    #expect(publisher.heartbeat(now: 100) == nil, "messages are waiting")
    listener.receive([UInt8](publisher.take(now: 100)!))
    #expect(publisher.take(now: 100) == nil)
    #expect(publisher.heartbeat(now: 109) == nil)
    let beat = [UInt8](publisher.heartbeat(now: 110)!)
    #expect(beat == datagram(501, []))
    listener.receive(beat)
    let end = [UInt8](publisher.endOfSession(now: 111)!)
    #expect(listener.receive(end) == [])
    #expect(listener.receive(end, line: 1) == .endOfSession)
    #expect(listener.order == Array(1...500))
    #expect((1...500).allSatisfy { listener.delivered[$0] == message($0) })
    #expect(publisher.datagrams == sent + 3)
    #expect([UInt8](repeating: 0, count: 179).withUnsafeBytes { publisher.append($0) } == .tooLong)
  }

  @Test func `the re-request server answers in several datagrams and says what is gone`() {
    var store = RetainedMessages(messages: 100, bytes: 1 << 16)
    for sequence: UInt64 in 1...250 {
      #expect(message(sequence).withUnsafeBytes { store.append($0) } == sequence)
    }
    #expect(store.firstSequence == 151)
    var server = MoldRetransmitter(session: name)
    func ask(_ first: UInt64, _ count: UInt16, session: SessionName = name) -> [[UInt8]] {
      let bytes = datagram(first, [], session: session, count: count)
      guard var request = bytes.withUnsafeBytes({ server.request($0) }) else { return [] }
      var out = [UInt8](repeating: 0, count: 256)
      var answers: [[UInt8]] = []
      while answers.count < 100 {
        let length = out.withUnsafeMutableBytes { server.answer(&request, from: store, into: $0) }
        if length == 0 { break }
        answers.append(Array(out.prefix(length)))
      }
      return answers
    }
    let listener = Listener { $0.firstSequence = 200 }
    for answer in ask(200, 60) { listener.receive(answer, line: 2) }
    #expect(listener.order == Array(200...250))
    #expect(ask(251, 5).isEmpty)
    #expect(ask(10, 5) == [datagram(151, [])])
    #expect(ask(200, 5, session: SessionName("OTHER")!).isEmpty)
    #expect(ask(200, 0).isEmpty)
    #expect([UInt8](repeating: 0, count: 7).withUnsafeBytes { server.request($0) } == nil)
    #expect(server.malformed == 2)
    #expect(server.foreignSession == 1)
    #expect(server.gone == 1)
  }
}

@Suite struct `MoldUDP64 receiver` {
  @Test func `in order nothing is asked for and nothing copied`() {
    let listener = Listener()
    let bytes = datagram(1, (1...5).map(message))
    bytes.withUnsafeBytes { raw in
      _ = listener.receiver.receive(raw, line: 0) { span in
        #expect(span.framed.baseAddress == raw.baseAddress! + 20)
        #expect(span.messages == 5 && span.firstSequence == 1)
      }
    }
    #expect(listener.poll(now: 0).isEmpty)
    #expect(listener.receiver.nextSequence == 6)
  }

  @Test func `a gap is asked for, repaired and closed, and what came ahead is kept`() {
    let listener = Listener()
    listener.receive(datagram(1, [message(1)]))
    #expect(listener.receive(datagram(4, [message(4), message(5)])) == .gapOpened)
    #expect(listener.hasGap)
    let asked = listener.poll(now: 100)
    #expect(asked.map(\.first) == [2] && asked.map(\.count) == [2])
    #expect(listener.poll(now: 101).isEmpty, "it waits for the answer")
    #expect(listener.receive(datagram(2, [message(2), message(3)]), line: 2) == .gapClosed)
    #expect(listener.order == [1, 2, 3, 4, 5])
    #expect(listener.receiver.counters.buffered == 2)
    #expect(listener.receiver.counters.missing == 2)
    #expect(listener.receiver.line(0).missedMessages == 2)
  }

  @Test func `a heartbeat shows that the newest messages are missing`() {
    let listener = Listener()
    listener.receive(datagram(1, [message(1)]))
    #expect(listener.receive(datagram(4, [])) == .gapOpened)
    #expect(listener.poll(now: 0).map(\.count) == [2])
    #expect(listener.receive(datagram(4, [], count: 0xffff)) == [])
    #expect(listener.receive(datagram(4, [], count: 0xffff), line: 1) == [])
    #expect(
      listener.receive(datagram(2, [message(2), message(3)]), line: 2)
        == [.gapClosed, .endOfSession])
  }

  @Test func `requests are bounded, repeated after longer and longer waits, and end in a snapshot`()
  {
    let listener = Listener {
      $0.requestMessagesMax = 10
      $0.requestsOutstandingMax = 2
      $0.requestRetry = 1_000
      $0.requestRetryMax = 3_000
      $0.repairWaitsMax = 5
    }
    listener.receive(datagram(101, [message(101)]))
    #expect(listener.poll(now: 0).map(\.first) == [1, 11])
    // The wait doubles, and is three thousand at the most.
    for now in [1_000, 3_000, 6_000, 9_000] as [Int64] {
      #expect(listener.poll(now: now - 1).isEmpty)
      #expect(listener.poll(now: now).map(\.first) == [1, 11])
    }
    #expect(!listener.all.contains(.needsSnapshot))
    #expect(listener.poll(now: 12_000).isEmpty)
    #expect(listener.all.contains(.needsSnapshot))
    #expect(listener.awaitsSnapshot)
    #expect(listener.receiver.counters.snapshotsNeeded == 1)
    #expect(listener.receiver.counters.repairsTooSlow == 1)
    // Live messages go on being kept; the snapshot ends at 100.
    listener.receive(datagram(102, [message(102)]))
    #expect(listener.order.isEmpty)
    #expect(listener.splice(101) == [])
    #expect(listener.receiver.counters.lost == 0, "a late start has lost nothing")
    #expect(listener.receiver.counters.spliced == 100, "but the snapshot stands for a hundred")
    #expect(listener.order == [101, 102])
    #expect(!listener.awaitsSnapshot)
    #expect(listener.splice(50) == nil, "a snapshot that is older than what was delivered")
  }

  @Test func `a gap that is too wide needs a snapshot at once`() {
    let listener = Listener { $0.repairableMessagesMax = 50 }
    #expect(listener.receive(datagram(52, [message(52)])) == [.gapOpened, .needsSnapshot])
    #expect(listener.poll(now: 0).isEmpty)
  }

  @Test func `the server's word that it is gone needs a snapshot`() {
    let listener = Listener()
    listener.receive(datagram(10, [message(10)]))
    #expect(listener.poll(now: 0).count == 1)
    #expect(listener.receive(datagram(5, []), line: 2) == .needsSnapshot)
    #expect(listener.receiver.counters.gone == 1)
  }

  @Test func `a splice tells the gap above it, which is asked for again`() {
    let listener = Listener { $0.repairableMessagesMax = 50 }
    listener.receive(datagram(1, [message(1), message(2)]))
    #expect(listener.receive(datagram(60, [message(60)])) == [.gapOpened, .needsSnapshot])
    listener.receive(datagram(63, [message(63)]))
    // The snapshot ends before 61: 60 is in it, 61 and 62 are still missing.
    #expect(listener.receiver.unseen(before: 61) == 57)
    #expect(listener.splice(61) == .gapOpened)
    #expect(listener.receiver.counters.lost == 57, "3 to 59 never came")
    #expect(listener.receiver.counters.spliced == 58)
    #expect(listener.receiver.counters.gaps == 2)
    #expect(listener.hasGap)
    let asked = listener.poll(now: 100)
    #expect(asked.map(\.first) == [61] && asked.map(\.count) == [2])
    #expect(listener.receive(datagram(61, [message(61), message(62)]), line: 2) == .gapClosed)
    #expect(listener.order == [1, 2, 61, 62, 63])
  }

  @Test func `a splice to the end of the session tells that it has ended`() {
    let listener = Listener { $0.repairableMessagesMax = 50 }
    listener.receive(datagram(1, [message(1)]))
    #expect(listener.receive(datagram(101, [], count: 0xffff)) == [.gapOpened, .needsSnapshot])
    listener.receive(datagram(101, [], count: 0xffff), line: 1)
    #expect(!listener.ended)
    #expect(listener.splice(101) == .endOfSession)
    #expect(listener.ended)
    #expect(listener.receiver.counters.lost == 99)
  }

  @Test func `what is still missing is known at any moment, of a late start too`() {
    let listener = Listener { $0.windowMessages = 16 }
    listener.receive(datagram(11, [message(11)]))
    #expect(listener.receiver.missing == 10, "nothing was delivered, and 1 to 10 never came")
    #expect(listener.receiver.unseen(before: 11) == 0, "which a snapshot goes over without a loss")
    listener.receive(datagram(1, (1...4).map(message)), line: 2)
    #expect(listener.receiver.missing == 6)
    listener.receive(datagram(14, []))
    listener.receive(datagram(5, (5...13).map(message)), line: 2)
    #expect(listener.receiver.missing == 0)
  }

  @Test func `what is kept beyond the window while a snapshot is awaited is not missing`() {
    let listener = Listener {
      $0.repairableMessagesMax = 1
      $0.windowMessages = 16
    }
    listener.receive(datagram(1, [message(1)]))
    for sequence: UInt64 in 10...100 { listener.receive(datagram(sequence, [message(sequence)])) }
    // 85 to 100 are kept; what was pushed out is as good as never received.
    #expect(listener.receiver.missing == 83)
    #expect(listener.receiver.unseen(before: 90) == 83)
    #expect(listener.splice(90) == [])
    #expect(listener.receiver.counters.lost == 83)
    #expect(listener.receiver.missing == 0)
  }

  @Test func `while a snapshot is awaited the newest messages are kept`() {
    let listener = Listener {
      $0.repairableMessagesMax = 1
      $0.windowMessages = 16
    }
    listener.receive(datagram(10, [message(10)]))
    for sequence: UInt64 in 11...200 { listener.receive(datagram(sequence, [message(sequence)])) }
    #expect(listener.splice(190) != nil)
    #expect(listener.order == Array(190...200))
    #expect(listener.accounted == 191)
  }

  @Test func `two lines: the first good copy wins and disagreement is an alarm`() {
    let listener = Listener()
    listener.receive(datagram(1, [message(1), message(2)]), line: 0)
    listener.receive(datagram(1, [message(1), message(2), message(3)]), line: 1)
    #expect(listener.order == [1, 2, 3])
    #expect(listener.receiver.line(0).firstMessages == 2)
    #expect(listener.receiver.line(1).firstMessages == 1)
    #expect(listener.receiver.line(1).duplicateMessages == 2)
    #expect(listener.receive(datagram(3, [[9, 9]]), line: 0) == .disputed)
    #expect(listener.receiver.counters.disagreements == 1)
    #expect(listener.delivered[3] == message(3))
    // Ahead of a gap too.
    listener.receive(datagram(5, [message(5)]), line: 0)
    listener.receive(datagram(5, [[7]]), line: 1)
    #expect(listener.receiver.counters.disagreements == 2)
  }

  @Test func `sequence 0 is applied in the order of capture`() {
    let listener = Listener {
      $0.session = .blank
      $0.isUnsequenced = true
    }
    listener.receive(datagram(0, [[1], [2]], session: .blank))
    listener.receive(datagram(0, [[3]], session: .blank))
    #expect(listener.unsequenced == [[1], [2], [3]])
    #expect(!listener.hasGap)
  }

  @Test func `truncated datagrams give their whole messages and count`() {
    let listener = Listener()
    let bytes = datagram(1, [message(1), message(2), message(3)])
    #expect(listener.receive(Array(bytes.dropLast())) == .malformed)
    #expect(listener.order == [1, 2])
    #expect(listener.receive(Array(bytes.prefix(12))) == .malformed)
    #expect(listener.receive(bytes) == [])
    #expect(listener.order == [1, 2, 3])
    #expect(listener.receive(datagram(.max, [[1], [2]])) == .malformed)
    #expect(listener.receiver.counters.malformed == 3)
  }

  @Test(arguments: 0..<40)
  func `every message is delivered once and in order, whatever the network does`(seed: Int) {
    var random = Random(seed: UInt64(seed))
    let last: UInt64 = 600
    let loss = random.below(40)
    let listener = Listener {
      $0.windowMessages = 64
      $0.requestMessagesMax = 1 + random.below(20)
      $0.repairWaitsMax = 5_000
      $0.requestRetry = 10
      $0.requestRetryMax = 80
      $0.arbitrationWait = random.chance(50) ? 0 : 25
    }
    // Both lines cut the stream their own way, lose, repeat and reorder.
    var network: [(line: Int, bytes: [UInt8])] = []
    for line in 0..<2 {
      var sequence: UInt64 = 1
      while sequence <= last {
        let count = min(UInt64(random.below(5)), last - sequence + 1)
        let bytes = datagram(sequence, (sequence..<(sequence + count)).map(message))
        for _ in 0..<(random.chance(10) ? 2 : 1) where !random.chance(loss) {
          let at = max(network.count - random.below(12), 0)
          network.insert((line, bytes), at: line == 0 ? at : random.below(network.count + 1))
        }
        sequence += count
      }
    }
    var received: UInt64 = 0
    var now: Int64 = 0
    func answer() {
      now += 10
      for (first, count) in listener.poll(now: now) where !random.chance(loss) {
        let end = min(first + UInt64(count), last + 1)
        let part = first..<(random.chance(30) ? first + (end - first + 1) / 2 : end)
        received += UInt64(part.count)
        listener.receive(datagram(part.lowerBound, part.map(message)), line: 2)
      }
    }
    for (line, bytes) in network {
      received += UInt64(bytes[19])
      listener.receive(bytes, line: line)
      if random.chance(20) { answer() }
    }
    for line in 0..<2 { listener.receive(datagram(last + 1, [], count: 0xffff), line: line) }
    for _ in 0..<5_000 where !listener.ended { answer() }
    #expect(listener.ended, "seed \(seed)")
    #expect(listener.order == Array(1...last), "seed \(seed)")
    #expect((1...last).allSatisfy { listener.delivered[$0] == message($0) }, "seed \(seed)")
    #expect(listener.accounted == received, "seed \(seed)")
    #expect(listener.receiver.counters.disagreements == 0)
    #expect(!listener.all.contains(.needsSnapshot))
  }

  @Test func `random bytes never crash`() {
    let seed: UInt64 = 0x301d
    var random = Random(seed: seed)
    let listener = Listener { $0.repairableMessagesMax = 1 << 40 }
    for _ in 0..<20_000 {
      var bytes =
        random.chance(80)
        ? datagram(UInt64(random.below(400)), (0..<UInt64(random.below(6))).map(message))
        : random.bytes(random.below(100))
      for _ in 0..<random.below(3) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      listener.receive(bytes, line: random.below(4))
      if random.chance(10) { _ = listener.poll(now: Int64(random.below(1 << 40))) }
      if random.chance(1) { _ = listener.splice(UInt64(random.below(500))) }
    }
    #expect(listener.receiver.counters.malformed > 100, "seed \(seed)")
    #expect(listener.isInOrder, "seed \(seed)")
  }

  /// Skipped, and shown as such, where the captures are not at hand.
  @Test(
    .enabled(if: Shared.folder("moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0.20230822") != nil))
  func `captured datagrams are whole and unsequenced`() throws {
    for folder in [
      "moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0.20230822",
      "moldudp64/Nasdaq.Equities.TotalView.Itch.v5.0",
    ] {
      guard let url = Shared.folder(folder) else { continue }
      for file in try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
      where file.hasSuffix(".pcap") {
        // Whoever opens a capture says which session it is: its first datagram's.
        let payloads = try NaivePcap.payloads(url.appending(path: file))
        let listener = Listener {
          $0.session = payloads.first?.withUnsafeBytes { MoldHeader(parsing: $0)?.session }
          $0.isUnsequenced = true
        }
        var expected = 0
        for payload in payloads {
          expected += Int(payload[18]) << 8 | Int(payload[19])
          listener.receive(payload)
        }
        #expect(listener.receiver.counters.malformed == 0, "\(file)")
        if folder.hasSuffix("20230822") {
          #expect(listener.unsequenced.count == expected, "\(file)")
        }
      }
    }
  }
}

@Suite struct `Retained messages` {
  @Test func `the newest are held within messages and bytes`() {
    for seed: UInt64 in 0..<20 {
      var random = Random(seed: seed)
      let messages = 1 + random.below(20)
      let size = 64 + random.below(300)
      var store = RetainedMessages(messages: messages, bytes: size)
      var model: [[UInt8]] = []
      for _ in 0..<300 {
        let body = random.bytes(random.below(60))
        #expect(body.withUnsafeBytes { store.append($0) } == UInt64(model.count + 1))
        model.append(body)
        #expect(store.nextSequence == UInt64(model.count + 1))
        #expect(store.nextSequence - store.firstSequence <= UInt64(messages))
        #expect(store.nextSequence - store.firstSequence >= 1)
        for sequence in store.firstSequence..<store.nextSequence {
          let held = store.message(at: sequence).map { [UInt8]($0) }
          #expect(held == model[Int(sequence) - 1], "seed \(seed)")
        }
        #expect(store.message(at: store.firstSequence - 1) == nil)
        #expect(store.message(at: store.nextSequence) == nil)
      }
    }
  }
}
