internal import ExecutionCore
internal import CSupport

/// What changes an account: written to the broker's file before anybody is told, and read from it again.
///
/// A record is its length (u32), the CRC32C of the rest (u32), its kind and its fields, big-endian.
enum PaperFact: Sendable {
  /// An order came, accepted or rejected.
  case entered(PaperOrder)
  case changed(order: Int32, price: Int64, quantity: Int64, time: Int64)
  /// Cancelled.
  case ended(order: Int32, reason: PaperReason, time: Int64)
  case executed(PaperExecution)
  /// Money or a position of an account that no order brought.
  case adjusted(PaperAdjustment, account: Int32, instrument: Int32, time: Int64)
  /// Something happened to every position in an instrument, at a price where it had one.
  case acted(PaperAction.Kind, instrument: Int32, price: Price?, time: Int64)
}

/// What happens to an account without an order: a corporate action, funding, the settlement of a day.
public struct PaperAdjustment: Sendable, Hashable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    case dividend = 1
    case split = 2
    case funding = 3
    case settlement = 4
    case deposit = 5
  }
  public var kind: Kind
  /// 10⁻⁸ of the currency; above 0 the account has it.
  public var amount: Int128
  /// By how much the position changes, at the instrument's exponent.
  public var quantity: Int64
  public init(_ kind: Kind, amount: Int128, quantity: Int64 = 0) {
    self.kind = kind
    self.amount = amount
    self.quantity = quantity
  }
}

extension PaperFact {
  private static var headerBytes: Int { 8 }
  /// Longer than any record.
  static var bytesMax: Int { 248 }

  /// Writes the record; how many bytes.
  func write(to writer: WireWriter) -> Int {
    let v = unsafe WireWriter(
      writer.part(Self.headerBytes, min(Self.bytesMax, writer.count &- Self.headerBytes)))
    func i32(_ offset: Int, _ value: Int32) { v.u32(offset, UInt32(bitPattern: value)) }
    let length: Int
    switch self {
    case .entered(let o):
      length = 81
      v.u8(0, 1)
      v.name(1, o.id)
      v.u64(37, o.number)
      i32(45, o.account)
      i32(49, o.instrument)
      let isBuy: UInt8 = o.isBuy ? 1 : 0
      let isImmediate: UInt8 = o.isImmediate ? 2 : 0
      v.u8(53, isBuy | isImmediate | (o.isPostOnly ? 4 : 0))
      v.u8(54, o.status.rawValue)
      v.u16(55, o.reason.rawValue)
      v.i64(57, o.price)
      v.i64(65, o.quantity)
      v.i64(73, o.time)
    case .changed(let order, let price, let quantity, let time):
      length = 29
      v.u8(0, 2)
      i32(1, order)
      v.i64(5, price)
      v.i64(13, quantity)
      v.i64(21, time)
    case .ended(let order, let reason, let time):
      length = 15
      v.u8(0, 3)
      i32(1, order)
      v.u16(5, reason.rawValue)
      v.i64(7, time)
    case .executed(let e):
      length = 46
      v.u8(0, 4)
      v.u64(1, e.number)
      i32(9, e.order)
      v.u8(13, e.isTaker ? 1 : 0)
      v.i64(14, e.price)
      v.i64(22, e.quantity)
      v.i64(30, e.fee)
      v.i64(38, e.time)
    case .adjusted(let a, let account, let instrument, let time):
      length = 42
      v.u8(0, 5)
      v.u8(1, a.kind.rawValue)
      v.i128(2, a.amount)
      v.i64(18, a.quantity)
      i32(26, account)
      i32(30, instrument)
      v.i64(34, time)
    case .acted(let action, let instrument, let price, let time):
      length = 47
      v.u8(0, 6)
      let (kind, first, second) = action.terms
      v.u8(1, kind.rawValue)
      i32(2, instrument)
      v.i64(6, time)
      v.u8(14, price == nil ? 0 : 1)
      v.i64(15, price?.raw ?? 0)
      v.i128(23, first)
      v.i64(39, second)
    }
    writer.u32(0, UInt32(truncatingIfNeeded: length))
    writer.u32(4, writer.crc32c(Self.headerBytes, length))
    return Self.headerBytes &+ length
  }

  /// What is at a place that is none of a whole record: the end of a write that was cut off, of which nobody was told, or
  /// what was written and is not what it was.
  static func isTorn(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    let left = bytes.count &- offset
    guard left >= headerBytes else { return true }
    let length = unsafe Int(WireView(bytes).u32(offset))
    if length > 0, length <= bytesMax, left < headerBytes &+ length { return true }
    // Length that was made before its content was.
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...]).allSatisfy { $0 == 0 }
  }

  /// The record at a place; nil where there is none that is whole.
  static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (fact: PaperFact, next: Int)?
  {
    guard offset >= 0, bytes.count &- offset >= headerBytes else { return nil }
    let view = unsafe WireView(bytes)
    let length = Int(view.u32(offset))
    let start = offset &+ headerBytes
    guard length > 0, length <= bytesMax, bytes.count &- start >= length,
      view.crc32c(start, length) == view.u32(offset &+ 4),
      let fact = unsafe parse(WireView(view.part(start, length)))
    else { return nil }
    return (fact, start &+ length)
  }

  private static func parse(_ v: WireView) -> PaperFact? {
    func i32(_ offset: Int) -> Int32 { Int32(bitPattern: v.u32(offset)) }
    switch (v.u8(0), v.count) {
    case (1, 81):
      var o = PaperOrder()
      guard let id = v.name(1), let status = PaperStatus(rawValue: v.u8(54)),
        let reason = PaperReason(rawValue: v.u16(55))
      else { return nil }
      o.id = id
      o.number = v.u64(37)
      o.account = i32(45)
      o.instrument = i32(49)
      let flags = v.u8(53)
      o.isBuy = flags & 1 != 0
      o.isImmediate = flags & 2 != 0
      o.isPostOnly = flags & 4 != 0
      o.status = status
      o.reason = reason
      o.price = v.i64(57)
      o.quantity = v.i64(65)
      o.time = v.i64(73)
      return .entered(o)
    case (2, 29):
      return .changed(order: i32(1), price: v.i64(5), quantity: v.i64(13), time: v.i64(21))
    case (3, 15):
      guard let reason = PaperReason(rawValue: v.u16(5)) else { return nil }
      return .ended(order: i32(1), reason: reason, time: v.i64(7))
    case (4, 46):
      var e = PaperExecution()
      e.number = v.u64(1)
      e.order = i32(9)
      e.isTaker = v.u8(13) != 0
      e.price = v.i64(14)
      e.quantity = v.i64(22)
      e.fee = v.i64(30)
      e.time = v.i64(38)
      return .executed(e)
    case (5, 42):
      guard let kind = PaperAdjustment.Kind(rawValue: v.u8(1)) else { return nil }
      let amount = Int128(v.i64(2)) << 64 | Int128(v.u64(10))
      return .adjusted(
        PaperAdjustment(kind, amount: amount, quantity: v.i64(18)), account: i32(26),
        instrument: i32(30), time: v.i64(34))
    case (6, 47):
      let first = Int128(v.i64(23)) << 64 | Int128(v.u64(31))
      guard let kind = PaperAction.Kind(v.u8(1), first, v.i64(39)), v.u8(14) <= 1 else {
        return nil
      }
      return .acted(
        kind, instrument: i32(2), price: v.u8(14) == 0 ? nil : Price(raw: v.i64(15)),
        time: v.i64(6))
    default: return nil
    }
  }
}

extension PaperAction.Kind {
  /// Its kind of adjustment, and the two numbers that it is made of.
  fileprivate var terms: (PaperAdjustment.Kind, Int128, Int64) {
    switch self {
    case .dividend(let perUnit): (.dividend, perUnit.raw, 0)
    case .funding(let rate): (.funding, Int128(rate), 0)
    case .split(let numerator, let denominator): (.split, Int128(numerator), denominator)
    case .settlement(let at, let before): (.settlement, Int128(at.raw), before.raw)
    }
  }
  fileprivate init?(_ kind: UInt8, _ first: Int128, _ second: Int64) {
    switch (PaperAdjustment.Kind(rawValue: kind), Int64(exactly: first)) {
    case (.dividend, _): self = .dividend(perUnit: Money(raw: first))
    case (.funding, let rate?): self = .funding(rate: rate)
    case (.split, let numerator?): self = .split(numerator: numerator, denominator: second)
    case (.settlement, let at?):
      self = .settlement(at: Price(raw: at), before: Price(raw: second))
    default: return nil
    }
  }
}

extension WireWriter {
  /// Of what has been written.
  func crc32c(_ offset: Int, _ length: Int) -> UInt32 {
    unsafe WireView(UnsafeRawBufferPointer(part(offset, length))).crc32c(0, length)
  }
}
