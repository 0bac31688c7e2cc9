internal import ExecutionCore

/// The order-entry protocol of the paper broker: frames over a byte stream, described field by field in
/// [Protocol.md](Protocol.md). Numbers are big-endian, texts padded with zeros.
///
/// It has what a broker behind an API has and an exchange has not: orders are named by a text of up to 36 bytes that
/// the client chooses, change in place under it, and are asked for; no stream has numbers that could be missing.
public enum PaperProtocol {
  /// Told at the log-in; another one is refused.
  public static var version: UInt8 { 1 }
  /// Longest text that names an order or an execution.
  public static var identifierBytes: Int { 36 }
  static var accountBytes: Int { 16 }
  static var symbolBytes: Int { Symbol.bytesMax }
  /// Length and kind.
  static var headerBytes: Int { 3 }
  /// No frame is longer.
  static var frameBytesMax: Int { 256 }

  /// What a frame is. Capitals go to the broker, small letters come from it.
  enum Kind {
    static var login: UInt8 { 0x4c }  // L
    static var new: UInt8 { 0x4e }  // N
    static var change: UInt8 { 0x43 }  // C
    static var cancel: UInt8 { 0x58 }  // X
    static var cancelAll: UInt8 { 0x41 }  // A
    static var queryOrder: UInt8 { 0x51 }  // Q
    static var queryOrders: UInt8 { 0x4f }  // O
    static var queryExecutions: UInt8 { 0x45 }  // E
    static var queryPositions: UInt8 { 0x50 }  // P
    static var heartbeat: UInt8 { 0x48 }  // H
    static var logout: UInt8 { 0x5a }  // Z

    static var loggedIn: UInt8 { 0x6c }  // l
    static var loginRefused: UInt8 { 0x6a }  // j
    static var order: UInt8 { 0x6f }  // o
    static var execution: UInt8 { 0x65 }  // e
    static var position: UInt8 { 0x70 }  // p
    static var cash: UInt8 { 0x63 }  // c
    static var queryEnd: UInt8 { 0x71 }  // q
    static var alive: UInt8 { 0x68 }  // h
  }

  /// Payload bytes of a kind, its header apart; nil for a kind that there is not.
  static func length(of kind: UInt8) -> Int? {
    switch kind {
    case Kind.login: 41
    case Kind.new: 89
    case Kind.change: 52
    case Kind.cancel: 36
    case Kind.cancelAll, Kind.heartbeat, Kind.logout, Kind.alive: 0
    case Kind.queryOrder: 40
    case Kind.queryOrders: 13
    case Kind.queryExecutions: 48
    case Kind.queryPositions: 8
    case Kind.loggedIn: 24
    case Kind.loginRefused: 1
    case Kind.order: 164
    case Kind.execution: 168
    case Kind.position: 78
    case Kind.cash: 65
    case Kind.queryEnd: 13
    default: nil
    }
  }

  /// A mantissa at another exponent; nil when that is not exact or too large.
  static func scaled(_ mantissa: Int64, from: Int8, to: Int8) -> Int64? {
    var shift = Int(from) - Int(to)
    guard abs(shift) <= 18 else { return mantissa == 0 ? 0 : nil }
    var value = mantissa
    while shift > 0 {
      let (next, over) = value.multipliedReportingOverflow(by: 10)
      if over { return nil }
      value = next
      shift -= 1
    }
    while shift < 0 {
      guard value % 10 == 0 else { return nil }
      value /= 10
      shift += 1
    }
    return value
  }

  /// Why a log-in is refused.
  enum Refusal: UInt8 {
    case version = 1
    case unknownAccount = 2
    case password = 3
    /// The broker can't write its file: it takes nobody in.
    case notWritable = 4
  }
}

/// How an order stands, and what a frame about it is about.
@frozen public enum PaperStatus: UInt8, BitwiseCopyable, Sendable {
  case working = 1
  case filled = 2
  case canceled = 3
  case rejected = 4
  /// Of an order that is asked for and is not there.
  case unknown = 5
}

/// What made a frame about an order.
@frozen public enum PaperEvent: UInt8, BitwiseCopyable, Sendable {
  case accepted = 1
  case rejected = 2
  case changed = 3
  case canceled = 4
  case changeRefused = 5
  case cancelRefused = 6
  /// It was asked for.
  case answer = 7
  /// It was filled; the execution has a frame of its own, which came before.
  case filled = 8
}

/// Why the broker refuses a request or ends an order. Never renumber: the numbers are in journals.
@frozen public enum PaperReason: UInt16, BitwiseCopyable, Sendable, CaseIterable {
  case none = 0
  case unknownSymbol = 1
  case duplicateID = 2
  case badQuantity = 3
  case badPrice = 4
  case tooSmall = 5
  case unknownOrder = 6
  case alreadyDone = 7
  case notTrading = 8
  case noQuote = 9
  case wouldTake = 10
  /// By setting: a share of all orders.
  case atRandom = 11
  case immediateOrCancel = 12
  case tooMany = 13
  case userCanceled = 14
  case unsupported = 15
  /// The session was dropped, by setting.
  case sessionDropped = 16
}

/// The name of an order: up to 36 bytes of the client's, as they lie on the wire.
struct PaperID: BitwiseCopyable, Equatable, Sendable {
  var first: UInt64 = 0
  var second: UInt64 = 0
  var third: UInt64 = 0
  var fourth: UInt64 = 0
  var fifth: UInt32 = 0
  static var none: PaperID { PaperID() }
  var isNone: Bool { first == 0 }

  var mixed: UInt64 {
    var h = first &* 0x9e37_79b9_7f4a_7c15 ^ second &* 0xc2b2_ae3d_27d4_eb4f
    h = (h ^ h >> 32) &* 0xff51_afd7_ed55_8ccd ^ third &* 0xc4ce_b9fe_1a85_ec53
    h = (h ^ h >> 29) &* 0xbf58_476d_1ce4_e5b9 ^ (fourth ^ UInt64(fifth) << 13)
    h = (h ^ h >> 31) &* 0x94d0_49bb_1331_11eb
    return h ^ h >> 27
  }

  /// Nothing stands behind its end.
  fileprivate var isWhole: Bool {
    var hasEnded = false
    for i in 0..<36 {
      let byte = byte(i)
      if byte == 0 { hasEnded = true } else if hasEnded { return false }
    }
    return true
  }
  private func byte(_ i: Int) -> UInt8 {
    let word: UInt64 =
      switch i / 8 {
      case 0: first
      case 1: second
      case 2: third
      case 3: fourth
      default: UInt64(fifth)
      }
    return UInt8(truncatingIfNeeded: word >> UInt64(8 * (i % 8)))
  }
  /// No byte of it is 0.
  fileprivate var isFull: Bool {
    let bytes: UInt64 = 0x0101_0101_0101_0101
    func hasZero(_ word: UInt64) -> Bool {
      (word &- bytes) & ~word & 0x8080_8080_8080_8080 != 0
    }
    return !hasZero(first) && !hasZero(second) && !hasZero(third) && !hasZero(fourth)
      && !hasZero(UInt64(fifth) | 0x0101_0101_0000_0000)
  }
}

/// A frame about an order.
struct PaperOrderFrame: BitwiseCopyable {
  var id = PaperID.none
  /// The broker's own number of it, which the wire has in 36 characters; 0: none.
  var number: UInt64 = 0
  /// As it came.
  var brokerID = VenueIdentifier.none
  var symbol = Symbol.none
  /// Of the log-in that it was entered in; rises with every change of any order of the account.
  var revision: UInt64 = 0
  /// Nanoseconds since 1970 UTC.
  var time: Int64 = 0
  var price: Int64 = 0
  /// The whole quantity, what has been executed included.
  var quantity: Int64 = 0
  var executed: Int64 = 0
  var open: Int64 = 0
  var priceExponent: Int8 = 0
  var quantityExponent: Int8 = 0
  var event: UInt8 = 0
  var status: UInt8 = 0
  var side: UInt8 = 0
  var reason: UInt16 = 0
  /// 0: as it happens; else the number of the query that it answers.
  var query: UInt32 = 0
}

/// A frame about an execution.
struct PaperExecutionFrame: BitwiseCopyable {
  /// As it came; written from its number.
  var id = VenueIdentifier.none
  var order = PaperID.none
  var symbol = Symbol.none
  /// Rises with every execution of the broker; not dense.
  var number: UInt64 = 0
  var time: Int64 = 0
  var price: Int64 = 0
  var quantity: Int64 = 0
  /// 10⁻⁸ of the currency.
  var fee: Int64 = 0
  /// Of the order, this one included.
  var executed: Int64 = 0
  var open: Int64 = 0
  var priceExponent: Int8 = 0
  var quantityExponent: Int8 = 0
  var side: UInt8 = 0
  /// `A` added, `R` removed.
  var liquidity: UInt8 = 0
  /// 0: as it happens; else the number of the query that it answers.
  var query: UInt32 = 0
}

extension WireWriter {
  /// Length, kind; where the payload begins.
  func frame(_ kind: UInt8, payload: Int) -> Int {
    u16(0, UInt16(truncatingIfNeeded: payload &+ 1))
    u8(2, kind)
    return PaperProtocol.headerBytes
  }
  func name(_ offset: Int, _ id: PaperID) {
    raw64(offset, id.first)
    raw64(offset &+ 8, id.second)
    raw64(offset &+ 16, id.third)
    raw64(offset &+ 24, id.fourth)
    u32(offset &+ 32, id.fifth.byteSwapped)
  }
  /// 17 characters, and 19 digits; zeros for no number.
  func number(_ offset: Int, _ prefix: PaperPrefix, _ number: UInt64) {
    guard number != 0 else { return name(offset, .none) }
    raw64(offset, prefix.first)
    raw64(offset &+ 8, prefix.second)
    u8(offset &+ 16, 0x2d)
    var rest = number
    for i in 0..<19 {
      u8(offset &+ 35 &- i, 0x30 &+ UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    }
  }
  func symbol(_ offset: Int, _ symbol: Symbol) {
    let words = symbol.words
    for i in 0..<4 { raw64(offset &+ 8 &* i, words[i]) }
  }
  func i64(_ offset: Int, _ value: Int64) { u64(offset, UInt64(bitPattern: value)) }

  func put(_ f: PaperOrderFrame) -> Int {
    let size = PaperProtocol.length(of: PaperProtocol.Kind.order) ?? 0
    let at = frame(PaperProtocol.Kind.order, payload: size)
    name(at, f.id)
    number(at &+ 36, .order, f.number)
    symbol(at &+ 72, f.symbol)
    u64(at &+ 104, f.revision)
    i64(at &+ 112, f.time)
    i64(at &+ 120, f.price)
    i64(at &+ 128, f.quantity)
    i64(at &+ 136, f.executed)
    i64(at &+ 144, f.open)
    u8(at &+ 152, UInt8(bitPattern: f.priceExponent))
    u8(at &+ 153, UInt8(bitPattern: f.quantityExponent))
    u8(at &+ 154, f.event)
    u8(at &+ 155, f.status)
    u8(at &+ 156, f.side)
    u8(at &+ 157, 0)
    u16(at &+ 158, f.reason)
    u32(at &+ 160, f.query)
    return at &+ size
  }

  func put(_ f: PaperExecutionFrame) -> Int {
    let size = PaperProtocol.length(of: PaperProtocol.Kind.execution) ?? 0
    let at = frame(PaperProtocol.Kind.execution, payload: size)
    number(at, .execution, f.number)
    name(at &+ 36, f.order)
    symbol(at &+ 72, f.symbol)
    u64(at &+ 104, f.number)
    i64(at &+ 112, f.time)
    i64(at &+ 120, f.price)
    i64(at &+ 128, f.quantity)
    i64(at &+ 136, f.fee)
    i64(at &+ 144, f.executed)
    i64(at &+ 152, f.open)
    u8(at &+ 160, UInt8(bitPattern: f.priceExponent))
    u8(at &+ 161, UInt8(bitPattern: f.quantityExponent))
    u8(at &+ 162, f.side)
    u8(at &+ 163, f.liquidity)
    u32(at &+ 164, f.query)
    return at &+ size
  }
}

/// What the broker's own identifiers begin with.
struct PaperPrefix: BitwiseCopyable {
  let first: UInt64
  let second: UInt64
  static let order = PaperPrefix("paper-order-0000")
  static let execution = PaperPrefix("paper-exec-00000")

  private init(_ text: String) {
    let bytes = Array(text.utf8)
    func word(_ at: Int) -> UInt64 {
      bytes[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    first = word(0)
    second = word(8)
  }
}

extension WireView {
  /// 1 to 36 bytes before the first zero; nil where there is none, or something behind the zero.
  func name(_ offset: Int) -> PaperID? {
    let id = PaperID(
      first: raw64(offset), second: raw64(offset &+ 8), third: raw64(offset &+ 16),
      fourth: raw64(offset &+ 24), fifth: u32(offset &+ 32).byteSwapped)
    return id.isFull || !id.isNone && u8(offset) != 0 && id.isWhole ? id : nil
  }
  /// Up to 36 bytes before the first zero; nil where there is none, or something behind the zero.
  func identifier(_ offset: Int) -> VenueIdentifier? {
    var count = 0
    while count < PaperProtocol.identifierBytes, u8(offset &+ count) != 0 { count &+= 1 }
    for i in count..<PaperProtocol.identifierBytes where u8(offset &+ i) != 0 { return nil }
    return unsafe VenueIdentifier(part(offset, count))
  }
  func symbol(_ offset: Int) -> Symbol? {
    Symbol(words: [
      raw64(offset), raw64(offset &+ 8), raw64(offset &+ 16), raw64(offset &+ 24),
    ])
  }
  func i64(_ offset: Int) -> Int64 { Int64(bitPattern: u64(offset)) }
  func i8(_ offset: Int) -> Int8 { Int8(bitPattern: u8(offset)) }

  /// Of a payload whose length has been checked; nil where a text is none.
  func orderFrame() -> PaperOrderFrame? {
    guard let id = name(0), let symbol = symbol(72) else { return nil }
    var f = PaperOrderFrame()
    f.id = id
    f.brokerID = identifier(36) ?? .none
    f.symbol = symbol
    f.revision = u64(104)
    f.time = i64(112)
    f.price = i64(120)
    f.quantity = i64(128)
    f.executed = i64(136)
    f.open = i64(144)
    f.priceExponent = i8(152)
    f.quantityExponent = i8(153)
    f.event = u8(154)
    f.status = u8(155)
    f.side = u8(156)
    f.reason = u16(158)
    f.query = u32(160)
    return f
  }

  func executionFrame() -> PaperExecutionFrame? {
    guard let id = identifier(0), let order = name(36), let symbol = symbol(72) else {
      return nil
    }
    var f = PaperExecutionFrame()
    f.id = id
    f.order = order
    f.symbol = symbol
    f.number = u64(104)
    f.time = i64(112)
    f.price = i64(120)
    f.quantity = i64(128)
    f.fee = i64(136)
    f.executed = i64(144)
    f.open = i64(152)
    f.priceExponent = i8(160)
    f.quantityExponent = i8(161)
    f.side = u8(162)
    f.liquidity = u8(163)
    f.query = u32(164)
    return f
  }
}
