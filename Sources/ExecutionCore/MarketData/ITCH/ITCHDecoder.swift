internal import CSupport

/// What one call of ``ITCHDecoder/decodeFrames(_:count:midnight:firstSequence:into:capacity:framesMax:)`` did.
@frozen public struct ITCHBatch: BitwiseCopyable, Hashable, Sendable {
  /// Records written.
  public var records: Int
  /// Frames of an unknown type or of a length that does not fit the type; skipped.
  public var malformed: Int
  /// Bytes of whole frames, length words included. Less than `count` when the output is full, when
  /// `framesMax` is reached, or when the last frame is cut.
  public var consumed: Int
  /// Whole frames passed, well formed or not: each takes one sequence number.
  @inlinable public var frames: Int { @_noLocks get { records &+ malformed } }

  @_noLocks @inlinable public init(records: Int, malformed: Int, consumed: Int) {
    self.records = records
    self.malformed = malformed
    self.consumed = consumed
  }
}

/// Decodes NASDAQ TotalView-ITCH 5.0 in place: every message type, every field.
///
/// Nothing of the input is trusted: a message is read only after its length has been found equal to
/// the one length of its type. No allocation, no locks; pure functions, safe on any thread.
///
/// Every message has kind, locate, tracking and the time stamp (`sessionTime` = midnight + time stamp).
/// The other fields of ``MarketRecord`` by type, in the specification's words ("lo", "hi": low and
/// high half or byte; raw: bytes in memory order):
///
/// | type | fields |
/// | --- | --- |
/// | S system event | `code` event |
/// | R stock directory | `symbol`; `code` lo market category, hi financial status; `shares` round lot size; `side` round lots only; `detail` raw: issue classification, sub-type (2), authenticity, short-sale threshold, IPO flag, LULD tier, ETP flag; `price` ETP leverage factor; `reference` lo byte inverse indicator |
/// | H trading action | `symbol`; `code` lo trading state, hi reserved byte; `detail` lo raw reason (4) |
/// | Y Reg SHO | `symbol`; `code` action |
/// | L participant position | `symbol`; `detail` lo raw MPID; `code` lo primary market maker, hi market maker mode; `side` participant state |
/// | V circuit-breaker levels | `reference`, `second`, `detail`: levels 1, 2, 3 at 10⁻⁸ dollars |
/// | W circuit-breaker status | `code` breached level |
/// | K IPO quoting period | `symbol`; `shares` release time (seconds since midnight); `code` qualifier; `price` IPO price |
/// | J auction collar | `symbol`; `price` upper, `shares` lower; `detail` lo reference price, hi extension count |
/// | h operational halt | `symbol`; `code` lo action (`H`, `T`), hi market (`Q`, `B`, `X`) |
/// | A, F add | `reference`, `side`, `shares`, `symbol`, `price`; F: `detail` lo raw MPID |
/// | E executed | `reference`, `shares`, `second` match number |
/// | C executed at a price | as E; `code` printable, `price` |
/// | X cancel | `reference`, `shares` cancelled |
/// | D delete | `reference` |
/// | U replace | `reference` original, `second` new, `shares`, `price` |
/// | P trade, non-cross | `reference`, `side`, `shares`, `symbol`, `price`, `second` match number |
/// | Q cross trade | `reference` shares (64 bits), `symbol`, `price`, `second` match number, `code` cross type |
/// | B broken trade | `second` match number |
/// | I imbalance | `reference` paired, `second` imbalance shares; `side` direction; `symbol`; `shares` far, `price` near, `detail` lo current reference price; `code` lo cross type, hi price variation |
/// | N retail interest | `symbol`; `code` interest flag |
/// | O direct listing with capital raise | `symbol`; `code` open eligibility; `second` lo minimum, hi maximum allowable price; `price` near execution price; `reference` near execution time; `detail` lo lower, hi upper collar |
///
/// No field is lost: ``ITCHEncoder`` gives the bytes back.
public enum ITCHDecoder {
  /// The longest message, in bytes.
  @inlinable public static var lengthMax: Int { @_noLocks get { 50 } }
  /// All message types, in ASCII order.
  public static let kinds: [UInt8] = Array("ABCDEFHIJKLNOPQRSUVWXYh".utf8)

  /// How far ahead of the frame in hand bytes are fetched: past the end of the memory page, where the
  /// processor does not look by itself.
  private static var prefetchBytes: Int { @_noLocks get { 2048 } }

  /// The one length of a message type in bytes; 0 when the type is unknown.
  @_noLocks public static func length(of kind: UInt8) -> Int { Int(Shape.of(kind) & 0xFF) }

  /// Decodes one message (without a length word) into `record`.
  ///
  /// - Parameters:
  ///   - midnight: session nanoseconds since 1970 UTC of the session day's midnight, US Eastern.
  ///   - sequence: goes into the record as it is.
  /// - Returns: false, and `record` is untouched, when the type is unknown or `length` is not its length.
  @_noLocks public static func decode(
    _ message: UnsafePointer<UInt8>, length: Int, midnight: Int64, sequence: UInt64,
    into record: UnsafeMutablePointer<MarketRecord>
  ) -> Bool {
    let shape = unsafe Shape.of(message.pointee)
    guard length > 0, Int(shape & 0xFF) == length else { return false }
    unsafe decodeChecked(
      message, shape: shape, midnight: midnight, sequence: sequence, into: record)
    return true
  }

  /// Decodes a run of frames, each a 2-byte big-endian length and a message: the layout of ITCH files
  /// and of the message blocks of MoldUDP64.
  ///
  /// Stops at a frame that is not whole, when `records` is full, or after `framesMax` frames; call again
  /// from `consumed`. The first frame has `firstSequence`, each next one more, malformed ones included;
  /// 0 means that the source is not sequenced, and then every record has 0.
  @_noLocks public static func decodeFrames(
    _ bytes: UnsafePointer<UInt8>, count: Int, midnight: Int64, firstSequence: UInt64,
    into records: UnsafeMutablePointer<MarketRecord>, capacity: Int, framesMax: Int = .max
  ) -> ITCHBatch {
    var position = 0
    var written = 0
    var malformed = 0
    var sequence = firstSequence
    let step: UInt64 = firstSequence == 0 ? 0 : 1
    // Each turn consumes at least the two bytes of a length word: at most count / 2 turns.
    while written < capacity, count &- position >= 2, written &+ malformed < framesMax {
      let length = unsafe Int(nt_load_be16(bytes + position))
      guard count &- position &- 2 >= length else { break }
      let message = unsafe bytes + (position &+ 2)
      let shape = unsafe Shape.of(length > 0 ? message.pointee : 0)
      // Beyond the end nothing is read: a prefetch of any address is without effect.
      unsafe nt_prefetch_read(bytes + (position &+ prefetchBytes))
      if length > 0, Int(shape & 0xFF) == length {
        unsafe decodeChecked(
          message, shape: shape, midnight: midnight, sequence: sequence, into: records + written)
        written &+= 1
      } else {
        malformed &+= 1
      }
      position &+= length &+ 2
      sequence &+= step
    }
    return ITCHBatch(records: written, malformed: malformed, consumed: position)
  }

  /// The message types by name.
  @frozen public enum Kind {
    @inlinable public static var systemEvent: UInt8 { @_noLocks get { UInt8(ascii: "S") } }
    @inlinable public static var directory: UInt8 { @_noLocks get { UInt8(ascii: "R") } }
    @inlinable public static var tradingAction: UInt8 { @_noLocks get { UInt8(ascii: "H") } }
    @inlinable public static var regSHO: UInt8 { @_noLocks get { UInt8(ascii: "Y") } }
    @inlinable public static var participant: UInt8 { @_noLocks get { UInt8(ascii: "L") } }
    @inlinable public static var breakerLevels: UInt8 { @_noLocks get { UInt8(ascii: "V") } }
    @inlinable public static var breakerStatus: UInt8 { @_noLocks get { UInt8(ascii: "W") } }
    @inlinable public static var ipoQuoting: UInt8 { @_noLocks get { UInt8(ascii: "K") } }
    @inlinable public static var auctionCollar: UInt8 { @_noLocks get { UInt8(ascii: "J") } }
    @inlinable public static var operationalHalt: UInt8 { @_noLocks get { UInt8(ascii: "h") } }
    @inlinable public static var add: UInt8 { @_noLocks get { UInt8(ascii: "A") } }
    @inlinable public static var addAttributed: UInt8 { @_noLocks get { UInt8(ascii: "F") } }
    @inlinable public static var executed: UInt8 { @_noLocks get { UInt8(ascii: "E") } }
    @inlinable public static var executedAtPrice: UInt8 { @_noLocks get { UInt8(ascii: "C") } }
    @inlinable public static var cancel: UInt8 { @_noLocks get { UInt8(ascii: "X") } }
    @inlinable public static var delete: UInt8 { @_noLocks get { UInt8(ascii: "D") } }
    @inlinable public static var replace: UInt8 { @_noLocks get { UInt8(ascii: "U") } }
    @inlinable public static var trade: UInt8 { @_noLocks get { UInt8(ascii: "P") } }
    @inlinable public static var cross: UInt8 { @_noLocks get { UInt8(ascii: "Q") } }
    @inlinable public static var broken: UInt8 { @_noLocks get { UInt8(ascii: "B") } }
    @inlinable public static var imbalance: UInt8 { @_noLocks get { UInt8(ascii: "I") } }
    @inlinable public static var retailInterest: UInt8 { @_noLocks get { UInt8(ascii: "N") } }
    @inlinable public static var directListing: UInt8 { @_noLocks get { UInt8(ascii: "O") } }
  }

  /// Type and length are known to fit `shape`.
  @_noLocks @inline(__always) private static func decodeChecked(
    _ p: UnsafePointer<UInt8>, shape: UInt64, midnight: Int64, sequence: UInt64,
    into r: UnsafeMutablePointer<MarketRecord>
  ) {
    unsafe r.pointee.sessionTime = midnight &+ Int64(bitPattern: nt_load_be48(p + 5))
    unsafe r.pointee.sequence = sequence
    let kind = unsafe p.pointee
    unsafe r.pointee.kind = kind
    unsafe r.pointee.locate = nt_load_be16(p + 1)
    unsafe r.pointee.tracking = nt_load_be16(p + 3)
    unsafe r.pointee.code = 0
    unsafe r.pointee.detail = 0
    guard shape & Shape.common != 0 else {
      unsafe clearBody(r)
      unsafe decodeRare(p, kind: kind, into: r)
      return
    }
    // Which type comes next cannot be foreseen, so nothing here branches on it: every field is read,
    // from its offset or from the reference where the type has none, and what is not there made 0.
    unsafe r.pointee.reference = nt_load_be64(p + 11)
    unsafe r.pointee.shares =
      nt_load_be32(p + Shape.offset(shape, 8))
      & UInt32(truncatingIfNeeded: Shape.mask(shape, 48))
    unsafe r.pointee.price =
      nt_load_be32(p + Shape.offset(shape, 16))
      & UInt32(truncatingIfNeeded: Shape.mask(shape, 49))
    unsafe r.pointee.second =
      nt_load_be64(p + Shape.offset(shape, 24)) & Shape.mask(shape, 50)
    unsafe r.pointee.symbol =
      nt_load_raw64(p + Shape.offset(shape, 32)) & Shape.mask(shape, 51)
    unsafe r.pointee.side =
      p[Shape.offset(shape, 40)] & UInt8(truncatingIfNeeded: Shape.mask(shape, 52))
    if shape & Shape.extra != 0 {
      if kind == Kind.executedAtPrice {
        unsafe r.pointee.code = UInt16(p[31])
      } else {
        unsafe r.pointee.detail = raw32(p + 36)
      }
    }
  }

  @_noLocks @inline(__always) private static func clearBody(
    _ r: UnsafeMutablePointer<MarketRecord>
  ) {
    unsafe r.pointee.side = 0
    unsafe r.pointee.reference = 0
    unsafe r.pointee.second = 0
    unsafe r.pointee.symbol = 0
    unsafe r.pointee.shares = 0
    unsafe r.pointee.price = 0
  }

  /// The types that are not orders, executions or trades: a small part of any day.
  @_noLocks @inline(never) private static func decodeRare(
    _ p: UnsafePointer<UInt8>, kind: UInt8, into r: UnsafeMutablePointer<MarketRecord>
  ) {
    switch kind {
    case Kind.systemEvent, Kind.breakerStatus:
      unsafe r.pointee.code = UInt16(p[11])
    case Kind.directory:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.code = raw16(p + 19)
      unsafe r.pointee.shares = nt_load_be32(p + 21)
      unsafe r.pointee.side = p[25]
      unsafe r.pointee.detail = nt_load_raw64(p + 26)
      unsafe r.pointee.price = nt_load_be32(p + 34)
      unsafe r.pointee.reference = UInt64(p[38])
    case Kind.tradingAction:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.code = raw16(p + 19)
      unsafe r.pointee.detail = raw32(p + 21)
    case Kind.regSHO, Kind.retailInterest:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.code = UInt16(p[19])
    case Kind.participant:
      unsafe r.pointee.detail = raw32(p + 11)
      unsafe r.pointee.symbol = nt_load_raw64(p + 15)
      unsafe r.pointee.code = raw16(p + 23)
      unsafe r.pointee.side = p[25]
    case Kind.breakerLevels:
      unsafe r.pointee.reference = nt_load_be64(p + 11)
      unsafe r.pointee.second = nt_load_be64(p + 19)
      unsafe r.pointee.detail = nt_load_be64(p + 27)
    case Kind.ipoQuoting:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.shares = nt_load_be32(p + 19)
      unsafe r.pointee.code = UInt16(p[23])
      unsafe r.pointee.price = nt_load_be32(p + 24)
    case Kind.auctionCollar:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.price = nt_load_be32(p + 23)
      unsafe r.pointee.shares = nt_load_be32(p + 27)
      unsafe r.pointee.detail = UInt64(nt_load_be32(p + 19)) | UInt64(nt_load_be32(p + 31)) << 32
    case Kind.operationalHalt:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.code = UInt16(p[20]) | UInt16(p[19]) << 8
    default:
      unsafe decodeAuction(p, kind: kind, into: r)
    }
  }

  @_noLocks @inline(__always) private static func decodeAuction(
    _ p: UnsafePointer<UInt8>, kind: UInt8, into r: UnsafeMutablePointer<MarketRecord>
  ) {
    switch kind {
    case Kind.cross:
      unsafe r.pointee.reference = nt_load_be64(p + 11)
      unsafe r.pointee.symbol = nt_load_raw64(p + 19)
      unsafe r.pointee.price = nt_load_be32(p + 27)
      unsafe r.pointee.second = nt_load_be64(p + 31)
      unsafe r.pointee.code = UInt16(p[39])
    case Kind.broken:
      unsafe r.pointee.second = nt_load_be64(p + 11)
    case Kind.imbalance:
      unsafe r.pointee.reference = nt_load_be64(p + 11)
      unsafe r.pointee.second = nt_load_be64(p + 19)
      unsafe r.pointee.side = p[27]
      unsafe r.pointee.symbol = nt_load_raw64(p + 28)
      unsafe r.pointee.shares = nt_load_be32(p + 36)
      unsafe r.pointee.price = nt_load_be32(p + 40)
      unsafe r.pointee.detail = UInt64(nt_load_be32(p + 44))
      unsafe r.pointee.code = raw16(p + 48)
    case Kind.directListing:
      unsafe r.pointee.symbol = nt_load_raw64(p + 11)
      unsafe r.pointee.code = UInt16(p[19])
      unsafe r.pointee.second = UInt64(nt_load_be32(p + 20)) | UInt64(nt_load_be32(p + 24)) << 32
      unsafe r.pointee.price = nt_load_be32(p + 28)
      unsafe r.pointee.reference = nt_load_be64(p + 32)
      unsafe r.pointee.detail = UInt64(nt_load_be32(p + 40)) | UInt64(nt_load_be32(p + 44)) << 32
    default:
      break
    }
  }

  /// Four bytes in memory order, as the low half of a word.
  @_noLocks @inline(__always) private static func raw32(_ p: UnsafePointer<UInt8>) -> UInt64 {
    unsafe UInt64(nt_load_be32(p).byteSwapped)
  }

  /// Two bytes in memory order: the first is the low byte.
  @_noLocks @inline(__always) private static func raw16(_ p: UnsafePointer<UInt8>) -> UInt16 {
    unsafe nt_load_be16(p).byteSwapped
  }
}
