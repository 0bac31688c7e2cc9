/// Tags of OUCH 5.0 appendages (spec 5.0, appendix A).
@frozen public enum OUCHTag: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case secondaryOrderReference = 1
  case firm = 2
  case minimumQuantity = 3
  case customerType = 4
  case maximumFloor = 5
  case priceType = 6
  case pegOffset = 7
  case discretionPrice = 9
  case discretionPriceType = 10
  case discretionPegOffset = 11
  case postOnly = 12
  case randomReserve = 13
  case route = 14
  case expireTime = 15
  case tradeNow = 16
  case handleInstruction = 17
  case bboWeight = 18
  case referencePrice = 19
  case referencePriceType = 20
  case displayQuantity = 22
  case displayPrice = 23
  case groupID = 24
  case sharesLocated = 25
  case locateBroker = 26
  case side = 27
  case userReferenceIndex = 28

  /// Bytes of the value.
  public var width: Int {
    @_noLocks get { OUCHOptions.width(of: rawValue) }
  }
}

/// The options of one message, in the order in which they stand on the wire.
///
/// Numbers are numbers; texts (firm, route, broker) and letters are their bytes, the first one most
/// significant. Only tags that are known are kept.
@frozen public struct OUCHOptions: BitwiseCopyable, Sendable {
  /// Options of one message at most.
  public static var countMax: Int { 24 }
  /// The two bytes of the appendage's length were there (or are to be written), even if they are 0.
  public var isPresent = false
  public private(set) var count: Int = 0
  var tags = InlineArray<24, UInt8>(repeating: 0)
  var values = InlineArray<24, UInt64>(repeating: 0)

  @_noLocks public init() {}

  /// The value, or nil when the option is not there.
  @_noLocks public func value(_ tag: OUCHTag) -> UInt64? {
    var i = 0
    while i < count {
      if tags[i] == tag.rawValue { return values[i] }
      i &+= 1
    }
    return nil
  }
  /// Sets an option, at the end when it is new. False when there are already ``countMax``.
  @discardableResult
  @_noLocks public mutating func set(_ tag: OUCHTag, _ value: UInt64) -> Bool {
    var i = 0
    while i < count {
      if tags[i] == tag.rawValue {
        values[i] = value
        return true
      }
      i &+= 1
    }
    guard count < 24 else { return false }
    tags[count] = tag.rawValue
    values[count] = value
    count &+= 1
    isPresent = true
    return true
  }
  @_noLocks public mutating func clear() {
    isPresent = false
    count = 0
  }

  /// Bytes of the value of a tag; 0 when the tag is unknown.
  @_noLocks static func width(of tag: UInt8) -> Int {
    switch tag {
    case 1, 9, 19, 23: 8
    case 2, 3, 5, 7, 11, 13, 14, 15, 22, 26: 4
    case 24: 2
    case 4, 6, 10, 12, 16, 17, 18, 20, 25, 27, 28: 1
    default: 0
    }
  }

  /// Bytes of the whole appendage with its length, 0 when it is not present.
  var byteCount: Int {
    @_noLocks get {
      guard isPresent else { return 0 }
      var sum = 2
      var i = 0
      while i < count {
        sum &+= 2 &+ Self.width(of: tags[i])
        i &+= 1
      }
      return sum
    }
  }

  /// Writes what ``byteCount`` says at `offset`.
  @_noLocks func write(_ writer: WireWriter, at offset: Int) {
    guard isPresent else { return }
    writer.u16(offset, UInt16(truncatingIfNeeded: byteCount &- 2))
    var at = offset &+ 2
    var i = 0
    while i < count {
      let width = Self.width(of: tags[i])
      writer.u8(at, UInt8(truncatingIfNeeded: width &+ 1))
      writer.u8(at &+ 1, tags[i])
      switch width {
      case 8: writer.u64(at &+ 2, values[i])
      case 4: writer.u32(at &+ 2, UInt32(truncatingIfNeeded: values[i]))
      case 2: writer.u16(at &+ 2, UInt16(truncatingIfNeeded: values[i]))
      default: writer.u8(at &+ 2, UInt8(truncatingIfNeeded: values[i]))
      }
      at &+= 2 &+ width
      i &+= 1
    }
  }

  /// The first tag that `allowed` (a bit for each tag) does not have; 0 when all are allowed.
  @_noLocks func refused(by allowed: UInt32) -> UInt8 {
    var i = 0
    while i < count {
      if allowed & (1 << UInt32(tags[i] & 31)) == 0 { return tags[i] }
      i &+= 1
    }
    return 0
  }
}

/// Reading an appendage.
extension OUCHOptions {
  /// What is wrong with the first wrong option; the good ones before it are kept.
  struct Fault: BitwiseCopyable {
    var code: OUCHFault.Code
    var tag: UInt8
  }

  /// Reads the appendage that begins at `offset`, which must reach to the end of the message.
  ///
  /// - Parameters:
  ///   - allowed: a bit for each tag that this message type may carry.
  ///   - strict: refuse unknown and not allowed tags (inbound); otherwise step over them
  ///     (outbound).
  ///   - skipped: counts what was stepped over.
  @_noLocks mutating func read(
    _ view: WireView, at offset: Int, allowed: UInt32, strict: Bool, skipped: inout UInt64
  ) -> Fault? {
    clear()
    guard offset < view.count else { return nil }
    guard offset &+ 2 <= view.count else { return Fault(code: .appendageLength, tag: 0) }
    isPresent = true
    let end = offset &+ 2 &+ Int(view.u16(offset))
    guard end == view.count else { return Fault(code: .appendageLength, tag: 0) }
    var at = offset &+ 2
    while at < end {
      let length = Int(view.u8(at))
      guard length >= 1, at &+ 1 &+ length <= end else {
        return Fault(code: .optionLength, tag: at &+ 1 < end ? view.u8(at &+ 1) : 0)
      }
      let tag = view.u8(at &+ 1)
      let width = Self.width(of: tag)
      let known = width > 0 && allowed & (1 << UInt32(tag & 31)) != 0 && tag < 32
      if known {
        if let fault = take(view, at: at, length: length, width: width, tag: tag) { return fault }
      } else if strict {
        return Fault(code: .optionRefused, tag: tag)
      } else {
        skipped &+= 1
      }
      at &+= 1 &+ length
    }
    return nil
  }

  @_noLocks private mutating func take(
    _ view: WireView, at: Int, length: Int, width: Int, tag: UInt8
  ) -> Fault? {
    guard length == width &+ 1 else { return Fault(code: .optionLength, tag: tag) }
    var i = 0
    while i < count {
      if tags[i] == tag { return Fault(code: .duplicateOption, tag: tag) }
      i &+= 1
    }
    guard count < 24 else { return Fault(code: .tooManyOptions, tag: tag) }
    tags[count] = tag
    switch width {
    case 8: values[count] = view.u64(at &+ 2)
    case 4: values[count] = UInt64(view.u32(at &+ 2))
    case 2: values[count] = UInt64(view.u16(at &+ 2))
    default: values[count] = UInt64(view.u8(at &+ 2))
    }
    count &+= 1
    return nil
  }
}

extension OUCHOptions: Equatable {
  public static func == (a: OUCHOptions, b: OUCHOptions) -> Bool {
    guard a.isPresent == b.isPresent, a.count == b.count else { return false }
    for i in 0..<a.count where a.tags[i] != b.tags[i] || a.values[i] != b.values[i] { return false }
    return true
  }
}
