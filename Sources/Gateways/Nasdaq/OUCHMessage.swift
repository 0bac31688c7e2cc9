/// Limits and special prices of OUCH 5.0 (spec 5.0, section 1.2).
public enum OUCHLimits {
  public static var quantityMax: UInt32 { 999_999 }
  /// $199,999.9900 in ticks of 10⁻⁴.
  public static var priceMax: UInt64 { 1_999_999_900 }
  /// $200,000.0000: a market order in continuous trading.
  public static var marketPrice: UInt64 { 0x7735_9400 }
  /// $214,748.3647: a market order for a cross.
  public static var crossMarketPrice: UInt64 { 0x7fff_ffff }
  /// The longest message, in either direction, with every option that it may carry.
  public static var messageBytesMax: Int { 256 }
}

/// Why a message could not be decoded or encoded.
@frozen public struct OUCHFault: BitwiseCopyable, Sendable, Equatable, Error {
  @frozen public enum Code: UInt8, BitwiseCopyable, Sendable {
    case empty = 1
    case unknownType = 2
    /// Shorter than the fixed part, or longer where nothing may follow.
    case length = 3
    /// The appendage's length does not reach exactly to the end of the message.
    case appendageLength = 4
    /// An option's length does not fit its tag or the appendage.
    case optionLength = 5
    /// A tag that is unknown or not allowed in this message type.
    case optionRefused = 6
    case duplicateOption = 7
    case tooManyOptions = 8
    /// The output is too short.
    case noRoom = 9
  }
  public var code: Code
  /// The message type, an ASCII letter; 0 when there is none.
  public var type: UInt8
  /// The option's tag, where it is about one.
  public var tag: UInt8
  /// The length found.
  public var length: Int

  @_noLocks public init(_ code: Code, type: UInt8, tag: UInt8 = 0, length: Int = 0) {
    self.code = code
    self.type = type
    self.tag = tag
    self.length = length
  }
}

extension OUCHFault: CustomStringConvertible {
  public var description: String {
    let type = self.type > 0x20 && self.type < 0x7f ? String(Unicode.Scalar(self.type)) : "?"
    switch code {
    case .empty: return "OUCH message of length zero"
    case .unknownType: return "OUCH message of unknown type \(type)"
    case .length: return "OUCH message \(type) of \(length) bytes: the length does not fit the type"
    case .appendageLength:
      return
        "OUCH message \(type) of \(length) bytes: the appendage does not end where the message does"
    case .optionLength: return "OUCH message \(type): the length of option \(tag) does not fit"
    case .optionRefused:
      return "OUCH message \(type): option \(tag) is unknown or not allowed there"
    case .duplicateOption: return "OUCH message \(type): option \(tag) stands twice"
    case .tooManyOptions: return "OUCH message \(type): more than \(OUCHOptions.countMax) options"
    case .noRoom: return "OUCH message \(type): no room for it in the output"
    }
  }
}

/// An inbound message (client to exchange) as one fixed struct. Fields that a type does not have
/// are 0.
@frozen public struct OUCHRequest: BitwiseCopyable, Sendable, Equatable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case enter = 0x4f  // O
    case replace = 0x55  // U
    case cancel = 0x58  // X
    case modify = 0x4d  // M
    case massCancel = 0x43  // C
    case disableEntry = 0x44  // D
    case enableEntry = 0x45  // E
    case accountQuery = 0x51  // Q

    /// The type's letter; nil for a letter that is none.
    @_noLocks static func of(_ letter: UInt8) -> Kind? { Kind(rawValue: letter) }
    var letter: UInt8 {
      @_noLocks get { rawValue }
    }
  }
  public var kind: Kind
  /// `B`, `S`, `T` short, `E` short exempt (O, M).
  public var side: UInt8 = 0
  /// `0` day, `3` immediate or cancel, `5` extended, `6` good till time, `E` after hours (O, U).
  public var timeInForce: UInt8 = 0
  /// `Y` visible, `N` hidden, `A` attributable (O, U).
  public var display: UInt8 = 0
  /// `A` agency, `P` principal, `R` riskless, `O` other (O).
  public var capacity: UInt8 = 0
  /// `Y` or `N` (O, U).
  public var interMarketSweep: UInt8 = 0
  /// `N` continuous, `O` opening, `C` closing, `H` halt, … (O).
  public var crossType: UInt8 = 0
  /// The request's own number; of the order that is meant in X and M.
  public var userRefNum: UInt32 = 0
  /// U: the order that is replaced.
  public var originalUserRefNum: UInt32 = 0
  /// O, U: the whole intended quantity; X: the new intended total, 0 cancels all; M: the new one.
  public var quantity: UInt32 = 0
  /// C, D, E: four bytes of text, the first most significant; blanks are the account's own.
  public var firm: UInt32 = 0
  /// Ticks of 10⁻⁴ (O, U).
  public var price: UInt64 = 0
  /// Eight padded ASCII bytes in memory order (O, C).
  public var symbol: UInt64 = 0
  public var clOrdID = OUCHClOrdID.blank
  public var options = OUCHOptions()

  @_noLocks public init(_ kind: Kind) { self.kind = kind }
}

/// An outbound message (exchange to client) as one fixed struct. Fields that a type does not have
/// are 0.
@frozen public struct OUCHResponse: BitwiseCopyable, Sendable, Equatable {
  @frozen public enum Kind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
    case systemEvent = 0x53  // S
    case accepted = 0x41  // A
    case replaced = 0x55  // U
    case canceled = 0x43  // C
    case aiqCanceled = 0x44  // D
    case executed = 0x45  // E
    case brokenTrade = 0x42  // B
    case rejected = 0x4a  // J
    case cancelPending = 0x50  // P
    case cancelReject = 0x49  // I
    case priorityUpdate = 0x54  // T
    case restated = 0x52  // R
    case modified = 0x4d  // M
    case massCancelResponse = 0x58  // X
    case disableEntryResponse = 0x47  // G
    case enableEntryResponse = 0x4b  // K
    case accountQueryResponse = 0x51  // Q

    /// The type's letter; nil for a letter that is none.
    @_noLocks static func of(_ letter: UInt8) -> Kind? { Kind(rawValue: letter) }
    var letter: UInt8 {
      @_noLocks get { rawValue }
    }
  }
  public var kind: Kind
  public var side: UInt8 = 0
  public var timeInForce: UInt8 = 0
  public var display: UInt8 = 0
  public var capacity: UInt8 = 0
  public var interMarketSweep: UInt8 = 0
  public var crossType: UInt8 = 0
  /// `L` live, `D` dead (A, U).
  public var orderState: UInt8 = 0
  /// ASCII letter (E, D).
  public var liquidityFlag: UInt8 = 0
  /// ASCII letter (D); blank or 0 where the revision of the venue does not send it.
  public var aiqStrategy: UInt8 = 0
  /// J: the numeric reason. C, D, B, R: an ASCII letter. S: the event code, an ASCII letter.
  public var reason: UInt16 = 0
  /// Q: the next number that the venue will take.
  public var userRefNum: UInt32 = 0
  public var originalUserRefNum: UInt32 = 0
  /// A, U: open at the venue. E: executed. C, D: taken away. M: the new quantity.
  public var quantity: UInt32 = 0
  /// D: what would have traded.
  public var quantityPrevented: UInt32 = 0
  public var firm: UInt32 = 0
  /// Nanoseconds since midnight Eastern.
  public var timestamp: UInt64 = 0
  /// Ticks of 10⁻⁴ (A, U, E, T; D: where it would have traded).
  public var price: UInt64 = 0
  public var symbol: UInt64 = 0
  public var orderReference: UInt64 = 0
  public var matchNumber: UInt64 = 0
  public var clOrdID = OUCHClOrdID.blank
  public var options = OUCHOptions()

  @_noLocks public init(_ kind: Kind) { self.kind = kind }
}

/// Which options a message type may carry, a bit for each tag, and whether its appendage length is
/// always there.
struct OUCHAppendage: BitwiseCopyable {
  var allowed: UInt32
  var required: Bool

  @_noLocks @inline(__always) init(_ allowed: UInt32, required: Bool) {
    self.allowed = allowed
    self.required = required
  }
  private static var index: UInt32 { @_noLocks get { 1 << 28 } }

  @_noLocks static func of(_ kind: OUCHRequest.Kind) -> OUCHAppendage {
    switch kind {
    case .enter:
      // 2–7, 9–17, 24–26, 28
      OUCHAppendage(0x0000_00fc | 0x0003_fe00 | 0x0700_0000 | index, required: true)
    case .replace:
      // 3, 5, 6, 12, 15–17, 25–28
      OUCHAppendage(0x0000_0068 | 0x0003_9000 | 0x0e00_0000 | index, required: true)
    case .massCancel: OUCHAppendage(1 << 24 | 1 << 27 | index, required: true)
    case .disableEntry, .enableEntry: OUCHAppendage(index, required: true)
    case .modify: OUCHAppendage(1 << 25 | 1 << 26 | index, required: false)
    case .cancel, .accountQuery: OUCHAppendage(index, required: false)
    }
  }
  @_noLocks static func of(_ kind: OUCHResponse.Kind) -> OUCHAppendage {
    switch kind {
    case .accepted:
      // 2–7, 9–18, 24–26, 28
      OUCHAppendage(0x0000_00fc | 0x0007_fe00 | 0x0700_0000 | index, required: true)
    case .replaced:
      // 2–7, 9–18, 24–28
      OUCHAppendage(0x0000_00fc | 0x0007_fe00 | 0x0f00_0000 | index, required: true)
    case .executed: OUCHAppendage(1 << 19 | 1 << 20 | index, required: true)
    case .restated: OUCHAppendage(1 << 1 | 1 << 22 | 1 << 23 | index, required: true)
    case .massCancelResponse: OUCHAppendage(1 << 24 | 1 << 27 | index, required: true)
    case .disableEntryResponse, .enableEntryResponse: OUCHAppendage(index, required: true)
    case .canceled, .aiqCanceled, .brokenTrade, .rejected, .cancelPending, .cancelReject,
      .priorityUpdate, .modified, .accountQueryResponse:
      OUCHAppendage(index, required: false)
    case .systemEvent: OUCHAppendage(0, required: false)
    }
  }
}

extension OUCHRequest {
  /// Empty again, without touching the options' storage.
  @_noLocks mutating func reset(_ kind: Kind) {
    self.kind = kind
    side = 0
    timeInForce = 0
    display = 0
    capacity = 0
    interMarketSweep = 0
    crossType = 0
    userRefNum = 0
    originalUserRefNum = 0
    quantity = 0
    firm = 0
    price = 0
    symbol = 0
    clOrdID = .blank
    options.clear()
  }
}

extension OUCHResponse {
  /// Empty again, without touching the options' storage.
  @_noLocks mutating func reset(_ kind: Kind) {
    self.kind = kind
    side = 0
    timeInForce = 0
    display = 0
    capacity = 0
    interMarketSweep = 0
    crossType = 0
    orderState = 0
    liquidityFlag = 0
    aiqStrategy = 0
    reason = 0
    userRefNum = 0
    originalUserRefNum = 0
    quantity = 0
    quantityPrevented = 0
    firm = 0
    timestamp = 0
    price = 0
    symbol = 0
    orderReference = 0
    matchNumber = 0
    clOrdID = .blank
    options.clear()
  }
}
