import Foundation
import Testing

@testable import Captures

/// What one packet was, kept beyond the next.
struct SeenPacket: Equatable {
  var payload: [UInt8]
  var transport: CapturedPacket.Transport
  var time: Int64
  var port: UInt16
}

struct CaptureWalk {
  var packets: [SeenPacket] = []
  var other = 0
  var malformed = 0
  var fragments = 0
  var cut = 0
  var error: FeedError?

  init(_ bytes: [UInt8]) {
    do throws(FeedError) {
      var capture = try PacketCapture(input: FeedInput(bytes: bytes, path: "test.pcap"))
      do throws(FeedError) {
        while let packet = try capture.next() {
          packets.append(
            SeenPacket(
              payload: Array(packet.payload), transport: packet.transport, time: packet.time,
              port: packet.destinationPort))
        }
      } catch {
        self.error = error
      }
      other = capture.otherPackets
      malformed = capture.malformedPackets
      fragments = capture.fragments
      cut = capture.cutPackets
    } catch {
      self.error = error
    }
  }
}

struct PacketCaptureTests {
  let payload: [UInt8] = [1, 2, 3, 4, 5]

  @Test(arguments: [true, false], [true, false])
  func `a pcap of either byte order and stamp is read`(_ isLittle: Bool, _ isNano: Bool) {
    var writer = CaptureWriter(isLittle: isLittle, isNano: isNano)
    writer.pcapHeader()
    writer.pcapPacket(Frames.ethernet(Frames.udp(payload)), seconds: 3, fraction: 7)
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.error == nil)
    let time: Int64 = 3_000_000_000 + (isNano ? 7 : 7_000)
    #expect(
      walk.packets == [SeenPacket(payload: payload, transport: .udp, time: time, port: 0x676d)])
  }

  @Test(arguments: [true, false])
  func `a pcapng of either byte order is read, with its own time resolutions`(_ isLittle: Bool) {
    var writer = CaptureWriter(isLittle: isLittle)
    writer.section()
    writer.interface()
    writer.interface(resolution: 9)
    writer.interface(resolution: 0x80 | 10)
    writer.block(5, [0, 0, 0, 0])
    let frame = Frames.ethernet(Frames.udp(payload))
    writer.enhanced(frame, ticks: 5_000_001)
    writer.enhanced(frame, ticks: 5_000_000_001, interface: 1)
    writer.enhanced(frame, ticks: 1_536, interface: 2)
    writer.simple(frame)
    writer.section()
    writer.interface()
    writer.enhanced(frame, ticks: 1)
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.error == nil)
    #expect(walk.packets.map(\.time) == [5_000_001_000, 5_000_000_001, 1_500_000_000, 0, 1_000])
    #expect(walk.packets.allSatisfy { $0.payload == payload })
  }

  @Test func `payloads end where the IP and UDP lengths say and not where the frame does`() {
    var writer = CaptureWriter()
    writer.pcapHeader()
    let trailer = [UInt8](repeating: 0xee, count: 19)
    writer.pcapPacket(Frames.ethernet(Frames.udp(payload)) + trailer)
    writer.pcapPacket(Frames.ethernet(Frames.tcp(payload)) + trailer)
    writer.pcapPacket(Frames.ethernet(Frames.udp(payload, options: 8)) + trailer)
    var short = Frames.udp(payload)
    short[25] -= 2
    writer.pcapPacket(Frames.ethernet(short))
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.packets.map(\.payload) == [payload, payload, payload, [1, 2, 3]])
    #expect(walk.packets.map(\.transport) == [.udp, .tcp, .udp, .udp])
  }

  @Test func `VLAN tags are passed, one, two and four but not five`() {
    var writer = CaptureWriter()
    writer.pcapHeader()
    let tag: [UInt8] = [0x81, 0, 0, 0x8d]
    let outer: [UInt8] = [0x88, 0xa8, 0, 1]
    for tags in [tag, outer + tag, tag + tag + tag + tag, tag + tag + tag + tag + tag] {
      writer.pcapPacket(Frames.ethernet(Frames.udp(payload), tags: tags))
    }
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.packets.count == 3 && walk.other == 1)
  }

  @Test func `raw, loopback and cooked link layers are understood`() {
    let packet = Frames.udp(payload)
    let cooked = [UInt8](repeating: 0, count: 14) + [8, 0]
    let cooked2: [UInt8] = [8, 0] + [UInt8](repeating: 0, count: 18)
    let heads: [(UInt32, [UInt8])] = [
      (101, []), (12, []), (228, []), (0, [2, 0, 0, 0]), (108, [0, 0, 0, 2]), (113, cooked),
      (276, cooked2),
    ]
    for (link, head) in heads {
      var writer = CaptureWriter(link: link)
      writer.pcapHeader()
      writer.pcapPacket(head + packet)
      #expect(CaptureWalk(writer.bytes).packets.map(\.payload) == [payload], "link type \(link)")
    }
  }

  @Test
  func `stacked tags are passed behind cooked headers too, and IPv6 with its extensions is read`() {
    let tags: [UInt8] = [0, 7, 0x81, 0, 0, 9]
    let cooked = [UInt8](repeating: 0, count: 14) + [0x88, 0xa8] + tags + [8, 0]
    let cooked2: [UInt8] =
      [0x88, 0xa8] + [UInt8](repeating: 0, count: 18) + tags + [8, 0]
    for (link, head) in [(113, cooked), (276, cooked2)] as [(UInt32, [UInt8])] {
      var writer = CaptureWriter(link: link)
      writer.pcapHeader()
      writer.pcapPacket(head + Frames.udp(payload))
      #expect(CaptureWalk(writer.bytes).packets.map(\.payload) == [payload], "link type \(link)")
    }
    let hopByHop: [UInt8] = [60, 0, 1, 4, 0, 0, 0, 0]
    let options: [UInt8] = [44, 1] + [UInt8](repeating: 0, count: 14)
    let whole: [UInt8] = [17, 0, 0, 0, 0, 0, 0, 1]
    for (next, head) in [(17, []), (0, hopByHop + options + whole)] as [(UInt8, [UInt8])] {
      var writer = CaptureWriter()
      writer.pcapHeader()
      writer.pcapPacket(
        [UInt8](repeating: 0, count: 12) + [0x86, 0xdd]
          + Frames.ipv6(payload, next: next, extensions: head))
      let walk = CaptureWalk(writer.bytes)
      #expect(walk.packets.map(\.payload) == [payload] && walk.packets.map(\.port) == [0x676d])
    }
    var writer = CaptureWriter(link: 229)
    writer.pcapHeader()
    writer.pcapPacket(Frames.ipv6(payload, next: 44, extensions: [17, 0, 0, 1, 0, 0, 0, 1]))
    // Extensions without end, and one that goes beyond the packet.
    writer.pcapPacket(
      Frames.ipv6(payload, next: 0, extensions: [UInt8](repeating: 0, count: 8 * 20)))
    writer.pcapPacket(Frames.ipv6(payload, next: 0, extensions: [17, 255, 0, 0, 0, 0, 0, 0]))
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.packets.isEmpty && walk.fragments == 1 && walk.malformed == 2)
  }

  @Test func `fragments are put together in any order, and count where one is missing`() {
    let long = (0..<3_000).map { UInt8(truncatingIfNeeded: $0) }
    let body = Array(Frames.udp(long)[20...])
    func fragment(_ range: Range<Int>, of identification: UInt8) -> [UInt8] {
      var packet = Frames.ipv4(Array(body[range]), transport: 17)
      let place = range.lowerBound / 8 + (range.upperBound < body.count ? 0x2000 : 0)
      packet.replaceSubrange(
        4..<8, with: [0, identification, UInt8(place >> 8), UInt8(place & 255)])
      return Frames.ethernet(packet)
    }
    let pieces = [0..<1_480, 1_480..<2_960, 2_960..<body.count]
    var writer = CaptureWriter()
    writer.pcapHeader()
    for index in [2, 0, 1] {
      writer.pcapPacket(fragment(pieces[index], of: 7))
      // Another datagram between them, which stays without its end.
      if index != 2 { writer.pcapPacket(fragment(pieces[index], of: 8)) }
    }
    writer.pcapPacket(fragment(pieces[0], of: 7))
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.packets.map(\.payload) == [long] && walk.packets.map(\.port) == [0x676d])
    #expect(walk.fragments == 3)
  }

  @Test func `what a link word tells of frame check sequences is no link type`() {
    for high in [0x2400_0000, 0xf800_0000, 0x0001_0000] as [UInt32] {
      var writer = CaptureWriter(link: high | 1)
      writer.pcapHeader()
      writer.pcapPacket(Frames.ethernet(Frames.udp(payload)))
      #expect(CaptureWalk(writer.bytes).packets.map(\.payload) == [payload])
    }
  }

  @Test func `a link type that is not understood is an error that says so`() {
    var writer = CaptureWriter(link: 105)
    writer.pcapHeader()
    let error = CaptureWalk(writer.bytes).error
    #expect(error?.problem.contains("link type 105") == true)
    #expect(error?.description.hasPrefix("test.pcap at offset 0: ") == true)
    var next = CaptureWriter(link: 105)
    next.section()
    next.interface()
    // Nothing was captured there yet.
    #expect(CaptureWalk(next.bytes).error == nil)
    next.enhanced(Frames.udp(payload), ticks: 0)
    #expect(CaptureWalk(next.bytes).error?.problem.contains("link type 105") == true)
  }

  @Test func `what is not whole IPv4 with UDP or TCP is counted and passed over`() {
    var writer = CaptureWriter()
    writer.pcapHeader()
    writer.pcapPacket([1, 2, 3])
    writer.pcapPacket([UInt8](repeating: 0, count: 12) + [0x86, 0xdd] + Frames.udp(payload))
    writer.pcapPacket(Frames.ethernet(Frames.ipv4(payload, transport: 1)))
    var fragment = Frames.udp(payload)
    fragment[6] = 0x20
    writer.pcapPacket(Frames.ethernet(fragment))
    fragment[6] = 0
    fragment[7] = 9
    writer.pcapPacket(Frames.ethernet(fragment))
    var lie = Frames.udp(payload)
    lie[24] = 0xff
    writer.pcapPacket(Frames.ethernet(lie))
    lie = Frames.udp(payload)
    lie[0] = 0x41
    writer.pcapPacket(Frames.ethernet(lie))
    lie = Frames.tcp(payload)
    lie[32] = 0xf0
    writer.pcapPacket(Frames.ethernet(lie))
    writer.pcapPacket(Frames.ethernet(Frames.udp(payload)))
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.error == nil)
    #expect(walk.packets.count == 1 && walk.other == 3 && walk.malformed == 3)
    #expect(walk.fragments == 2)
  }

  @Test func `a datagram captured short gives what there is and is counted`() {
    var writer = CaptureWriter()
    writer.pcapHeader()
    let frame = Frames.ethernet(Frames.udp(payload))
    let kept = Array(frame.dropLast(2))
    writer.bytes += writer.word(1, 4) + writer.word(1, 4) + writer.word(UInt64(kept.count), 4)
    writer.bytes += writer.word(UInt64(frame.count), 4) + kept
    let walk = CaptureWalk(writer.bytes)
    #expect(walk.packets.map(\.payload) == [[1, 2, 3]])
    #expect(walk.cut == 1)
  }

  @Test func `a capture cut at any byte gives its whole packets and then an error with the place`()
  {
    var writer = CaptureWriter()
    writer.pcapHeader()
    var ends = [writer.bytes.count]
    for _ in 0..<2 {
      writer.pcapPacket(Frames.ethernet(Frames.udp(payload)))
      ends.append(writer.bytes.count)
    }
    var next = CaptureWriter(isLittle: false)
    next.section()
    next.interface()
    var nextEnds = [next.bytes.count]
    for _ in 0..<2 {
      next.enhanced(Frames.ethernet(Frames.udp(payload)), ticks: 0)
      nextEnds.append(next.bytes.count)
    }
    for (bytes, ends, whole) in [(writer.bytes, ends, [24]), (next.bytes, nextEnds, [28, 48])] {
      for size in 4..<bytes.count {
        let walk = CaptureWalk(Array(bytes[..<size]))
        #expect(walk.packets.count == ends.dropFirst().filter { $0 <= size }.count)
        let isWhole = ends.contains(size) || whole.contains(size)
        #expect((walk.error == nil) == isWhole, "cut at \(size)")
      }
    }
  }

  @Test func `impossible lengths are errors and never believed`() {
    var writer = CaptureWriter()
    writer.pcapHeader()
    writer.bytes += writer.word(1, 4) + writer.word(1, 4) + writer.word(0xffff_ffff, 4)
    writer.bytes += writer.word(4, 4) + [UInt8](repeating: 0, count: 64)
    #expect(CaptureWalk(writer.bytes).error?.problem.contains("4294967295") == true)
    for length in [0, 4, 11, 13, 0xffff_fffc] as [UInt64] {
      var next = CaptureWriter()
      next.section()
      next.bytes += next.word(6, 4) + next.word(length, 4) + [UInt8](repeating: 0, count: 64)
      #expect(CaptureWalk(next.bytes).error != nil, "\(length)")
    }
    var orphan = CaptureWriter()
    orphan.section()
    orphan.enhanced(Frames.ethernet(Frames.udp(payload)), ticks: 0)
    #expect(CaptureWalk(orphan.bytes).error?.problem.contains("interface 0") == true)
    var differing = CaptureWriter()
    differing.section()
    differing.interface()
    differing.bytes[differing.bytes.count - 1] ^= 1
    #expect(CaptureWalk(differing.bytes).error != nil)
  }

  @Test func `damaged captures give packets or errors and never anything else`() {
    var writer = CaptureWriter()
    writer.section()
    writer.interface(resolution: 6)
    for _ in 0..<4 { writer.enhanced(Frames.ethernet(Frames.udp(payload)), ticks: 9) }
    var other = CaptureWriter(isLittle: false, isNano: true)
    other.pcapHeader()
    for _ in 0..<4 { other.pcapPacket(Frames.ethernet(Frames.tcp(payload))) }
    let seed: UInt64 = 3
    var state = seed
    for round in 0..<3_000 {
      var bytes = round % 2 == 0 ? writer.bytes : other.bytes
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 25)
      }
      #expect(CaptureWalk(bytes).packets.count <= 4, "seed \(seed) round \(round)")
    }
  }
}
