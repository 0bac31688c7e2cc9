import BenchSupport
import Foundation
import Testing

@testable import NeedletailBench

/// The frozen C book builder, held against the naive twin.
@Suite struct BookFloorTests {
  private func played(
    _ bytes: [UInt8], orders: UInt32 = 100_000, levels: UInt32 = 400_000
  ) throws -> BookFloor.Played {
    let floor = try BookFloor(orders: orders, levels: levels)
    return try bytes.withUnsafeBufferPointer { try floor.play($0) }
  }

  private func twin(_ bytes: some Sequence<UInt8>) -> QuoteChanges {
    Array(bytes).withUnsafeBufferPointer { ITCHTwin.changes(of: $0) }
  }

  private func stream(_ seed: UInt64, _ messages: Int = 20_000) throws -> [UInt8] {
    try ITCHStreamMaker.make(.init(messages: messages, symbols: 40, live: 2_000, seed: seed))
  }

  /// Where each frame begins.
  private func frames(_ bytes: [UInt8]) -> [Int] {
    var starts: [Int] = []
    var at = 0
    while at + 2 < bytes.count {
      starts.append(at)
      at += 2 + Int(bytes[at]) << 8 + Int(bytes[at + 1])
    }
    return starts
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `every change of a generated session is the twin's`(_ seed: UInt64) throws {
    let bytes = try stream(seed)
    let found = try played(bytes)
    #expect(found.end == .whole && found.messages == 20_000)
    #expect(found.changes == twin(bytes) && found.changes.count > 5_000)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `so is every change of messages that make no sense`(_ seed: UInt64) throws {
    var wild = WildMessages(seed: seed)
    let bytes = wild.make(4_000)
    let found = try played(bytes)
    #expect(found.end == .whole && found.messages == 4_000)
    #expect(found.changes == twin(bytes) && found.changes.count > 100)
  }

  @Test func `a stream cut anywhere gives what came whole`() throws {
    let bytes = try stream(4, 3_000)
    let starts = frames(bytes)
    var random = BenchRandom(seed: 5)
    for _ in 0..<60 {
      let cut = Int(random.below(UInt64(bytes.count)))
      let whole = starts.last { $0 <= cut } ?? 0
      let found = try played(Array(bytes[..<cut]))
      #expect(found.end == (cut == whole ? .whole : .cut))
      #expect(found.changes == twin(bytes[..<whole]))
      #expect(found.messages == starts.filter { $0 < whole }.count)
    }
    #expect(try played([]).end == .whole)
  }

  @Test(arguments: ["A", "F", "E", "C", "X", "D", "U", ""])
  func `a frame shorter than its kind ends it there, and harms nothing`(_ kind: String) throws {
    let lengths = ["A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "": 1]
    let bytes = try stream(6, 3_000)
    let length = try #require(lengths[kind])
    let body = Array((kind + String(repeating: "x", count: 50)).utf8).prefix(length - 1)
    let at = frames(bytes)[2_500]
    let short = [0, UInt8(length - 1)] + Array(body)
    let found = try played(Array(bytes[..<at]) + short + Array(bytes[at...]))
    #expect(found.end == .malformed && found.messages == 2_500)
    #expect(found.changes == twin(bytes[..<at]))
  }

  @Test func `kinds that change no book may have any length but none`() throws {
    let found = try played([0, 1, 0x53, 0, 3, 0x50, 1, 2, 0, 2, 0xFF, 0])
    #expect(found == .init(end: .whole, messages: 3, changes: QuoteChanges()))
  }

  @Test(arguments: [0, 1, 2, 100, 1_999] as [UInt32])
  func `books full of orders say so, and the orders before are in them`(_ orders: UInt32) throws {
    // The session begins with 2,000 orders that nothing takes away.
    let bytes = try stream(7)
    let found = try played(bytes, orders: orders)
    #expect(found.end == .full && found.messages == 0)
    #expect(found.changes == twin(bytes[..<frames(bytes)[Int(orders)]]))
  }

  @Test func `books full of levels say so, and stay within them`() throws {
    let bytes = try stream(8, 1_000)
    let starts = frames(bytes)
    for levels: UInt32 in [0, 3, 4, 40, 400] {
      let floor = try BookFloor(orders: 10_000, levels: levels)
      let found = try bytes.withUnsafeBufferPointer { try floor.play($0) }
      #expect(found.end == .full)
      let prefixes = starts.lazy.map { twin(bytes[..<$0]) }
      #expect(prefixes.contains(found.changes))
      // Whoever goes on regardless finds them full again.
      #expect(try bytes.withUnsafeBufferPointer { try floor.play($0) }.end == .full)
    }
  }

  @Test func `one order fits as often as it comes and goes`() throws {
    var wild = WildMessages(seed: 9)
    let bytes = (0..<500).flatMap { _ in wild.add(reference: 7) + wild.delete(reference: 7) }
    let found = try played(bytes, orders: 1, levels: 100_000)
    #expect(found.end == .whole && found.changes == twin(bytes))
  }
}

/// Frames of the right lengths and of no sense: few references, so that they are taken twice, replaced by
/// themselves or unknown; wrong locates; no shares; prices at the ends.
private struct WildMessages {
  private var random: BenchRandom
  init(seed: UInt64) { random = BenchRandom(seed: seed) }

  mutating func make(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in message() } }

  private mutating func message() -> [UInt8] {
    let reference = random.below(40)
    switch random.below(10) {
    case 0..<4: return add(reference: reference)
    case 4, 5: return delete(reference: reference)
    case 6: return frame("X", 23, [(11, 8, reference), (19, 4, shares())])
    case 7: return frame("E", 31, [(11, 8, reference), (19, 4, shares())])
    case 8: return frame("C", 36, [(11, 8, reference), (19, 4, shares())])
    default:
      let prices = [(27, 4, shares()), (31, 4, price())]
      return frame("U", 35, [(11, 8, reference), (19, 8, random.below(40))] + prices)
    }
  }

  mutating func add(reference: UInt64) -> [UInt8] {
    let side = [UInt64(UInt8(ascii: "B")), UInt64(UInt8(ascii: "S")), 0][Int(random.below(3))]
    let fields = [(11, 8, reference), (19, 1, side), (20, 4, shares()), (32, 4, price())]
    return random.below(2) == 0 ? frame("A", 36, fields) : frame("F", 40, fields)
  }

  mutating func delete(reference: UInt64) -> [UInt8] { frame("D", 19, [(11, 8, reference)]) }

  private mutating func shares() -> UInt64 {
    [0, 1, 2, 100, 0xFFFF_FFFF][Int(random.below(5))]
  }

  private mutating func price() -> UInt64 {
    random.below(8) == 0 ? [0, 0xFFFF_FFFF][Int(random.below(2))] : 1_000 + random.below(30)
  }

  private mutating func frame(
    _ kind: Character, _ length: Int, _ fields: [(at: Int, size: Int, value: UInt64)]
  ) -> [UInt8] {
    var message = (0..<length).map { _ in UInt8(random.below(256)) }
    message[0] = kind.asciiValue ?? 0
    let locate = [0, 1, 2, 65_535][Int(random.below(4))] as UInt64
    for (at, size, value) in fields + [(1, 2, locate)] {
      for i in 0..<size {
        message[at + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - i)))
      }
    }
    return [0, UInt8(length)] + message
  }
}
