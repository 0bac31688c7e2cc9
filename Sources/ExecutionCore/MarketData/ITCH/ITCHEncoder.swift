internal import CSupport

/// Encodes ``MarketRecord`` as NASDAQ TotalView-ITCH 5.0: the inverse of ``ITCHDecoder``, byte for byte.
///
/// Pure functions, safe on any thread; no allocation, no locks.
public enum ITCHEncoder {
  /// Writes one message without a length word.
  ///
  /// The time stamp is `sessionTime − midnight`, cut to the 48 bits of the wire.
  /// - Returns: bytes written; 0 when the kind is unknown or `capacity` is too small.
  @_noLocks public static func encode(
    _ record: UnsafePointer<MarketRecord>, midnight: Int64, into out: UnsafeMutablePointer<UInt8>,
    capacity: Int
  ) -> Int {
    let length = unsafe ITCHDecoder.length(of: record.pointee.kind)
    guard length > 0, capacity >= length else { return 0 }
    unsafe out.pointee = record.pointee.kind
    unsafe nt_store_be16(out + 1, record.pointee.locate)
    unsafe nt_store_be16(out + 3, record.pointee.tracking)
    let time = unsafe record.pointee.sessionTime &- midnight
    unsafe nt_store_be48(out + 5, UInt64(bitPattern: time))
    unsafe encodeBody(record, into: out)
    return length
  }

  /// Writes a 2-byte big-endian length and the message, as in ITCH files and MoldUDP64 message blocks.
  ///
  /// - Returns: bytes written, the length word included; 0 as for ``encode(_:midnight:into:capacity:)``.
  @_noLocks public static func encodeFrame(
    _ record: UnsafePointer<MarketRecord>, midnight: Int64, into out: UnsafeMutablePointer<UInt8>,
    capacity: Int
  ) -> Int {
    guard capacity >= 2 else { return 0 }
    let length = unsafe encode(record, midnight: midnight, into: out + 2, capacity: capacity &- 2)
    guard length > 0 else { return 0 }
    unsafe nt_store_be16(out, UInt16(truncatingIfNeeded: length))
    return length &+ 2
  }

  @_noLocks @inline(__always) private static func encodeBody(
    _ r: UnsafePointer<MarketRecord>, into p: UnsafeMutablePointer<UInt8>
  ) {
    typealias Kind = ITCHDecoder.Kind
    let kind = unsafe r.pointee.kind
    switch kind {
    case Kind.add, Kind.addAttributed, Kind.trade:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe p[19] = r.pointee.side
      unsafe nt_store_be32(p + 20, r.pointee.shares)
      unsafe nt_store_raw64(p + 24, r.pointee.symbol)
      unsafe nt_store_be32(p + 32, r.pointee.price)
      if kind == Kind.addAttributed { unsafe storeRaw32(p + 36, r.pointee.detail) }
      if kind == Kind.trade { unsafe nt_store_be64(p + 36, r.pointee.second) }
    case Kind.delete:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
    case Kind.executed, Kind.executedAtPrice:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_be32(p + 19, r.pointee.shares)
      unsafe nt_store_be64(p + 23, r.pointee.second)
      if kind == Kind.executedAtPrice {
        unsafe p[31] = UInt8(truncatingIfNeeded: r.pointee.code)
        unsafe nt_store_be32(p + 32, r.pointee.price)
      }
    case Kind.cancel:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_be32(p + 19, r.pointee.shares)
    case Kind.replace:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_be64(p + 19, r.pointee.second)
      unsafe nt_store_be32(p + 27, r.pointee.shares)
      unsafe nt_store_be32(p + 31, r.pointee.price)
    default:
      unsafe encodeRare(r, kind: kind, into: p)
    }
  }

  @_noLocks private static func encodeRare(
    _ r: UnsafePointer<MarketRecord>, kind: UInt8, into p: UnsafeMutablePointer<UInt8>
  ) {
    typealias Kind = ITCHDecoder.Kind
    switch kind {
    case Kind.systemEvent, Kind.breakerStatus:
      unsafe p[11] = UInt8(truncatingIfNeeded: r.pointee.code)
    case Kind.directory:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe storeRaw16(p + 19, r.pointee.code)
      unsafe nt_store_be32(p + 21, r.pointee.shares)
      unsafe p[25] = r.pointee.side
      unsafe nt_store_raw64(p + 26, r.pointee.detail)
      unsafe nt_store_be32(p + 34, r.pointee.price)
      unsafe p[38] = UInt8(truncatingIfNeeded: r.pointee.reference)
    case Kind.tradingAction:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe storeRaw16(p + 19, r.pointee.code)
      unsafe storeRaw32(p + 21, r.pointee.detail)
    case Kind.regSHO, Kind.retailInterest:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe p[19] = UInt8(truncatingIfNeeded: r.pointee.code)
    case Kind.participant:
      unsafe storeRaw32(p + 11, r.pointee.detail)
      unsafe nt_store_raw64(p + 15, r.pointee.symbol)
      unsafe storeRaw16(p + 23, r.pointee.code)
      unsafe p[25] = r.pointee.side
    case Kind.breakerLevels:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_be64(p + 19, r.pointee.second)
      unsafe nt_store_be64(p + 27, r.pointee.detail)
    case Kind.ipoQuoting:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe nt_store_be32(p + 19, r.pointee.shares)
      unsafe p[23] = UInt8(truncatingIfNeeded: r.pointee.code)
      unsafe nt_store_be32(p + 24, r.pointee.price)
    case Kind.auctionCollar:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe nt_store_be32(p + 19, UInt32(truncatingIfNeeded: r.pointee.detail))
      unsafe nt_store_be32(p + 23, r.pointee.price)
      unsafe nt_store_be32(p + 27, r.pointee.shares)
      unsafe nt_store_be32(p + 31, UInt32(truncatingIfNeeded: r.pointee.detail >> 32))
    case Kind.operationalHalt:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe p[19] = UInt8(truncatingIfNeeded: r.pointee.code >> 8)
      unsafe p[20] = UInt8(truncatingIfNeeded: r.pointee.code)
    default:
      unsafe encodeAuction(r, kind: kind, into: p)
    }
  }

  @_noLocks private static func encodeAuction(
    _ r: UnsafePointer<MarketRecord>, kind: UInt8, into p: UnsafeMutablePointer<UInt8>
  ) {
    typealias Kind = ITCHDecoder.Kind
    switch kind {
    case Kind.cross:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_raw64(p + 19, r.pointee.symbol)
      unsafe nt_store_be32(p + 27, r.pointee.price)
      unsafe nt_store_be64(p + 31, r.pointee.second)
      unsafe p[39] = UInt8(truncatingIfNeeded: r.pointee.code)
    case Kind.broken:
      unsafe nt_store_be64(p + 11, r.pointee.second)
    case Kind.imbalance:
      unsafe nt_store_be64(p + 11, r.pointee.reference)
      unsafe nt_store_be64(p + 19, r.pointee.second)
      unsafe p[27] = r.pointee.side
      unsafe nt_store_raw64(p + 28, r.pointee.symbol)
      unsafe nt_store_be32(p + 36, r.pointee.shares)
      unsafe nt_store_be32(p + 40, r.pointee.price)
      unsafe nt_store_be32(p + 44, UInt32(truncatingIfNeeded: r.pointee.detail))
      unsafe storeRaw16(p + 48, r.pointee.code)
    case Kind.directListing:
      unsafe nt_store_raw64(p + 11, r.pointee.symbol)
      unsafe p[19] = UInt8(truncatingIfNeeded: r.pointee.code)
      unsafe nt_store_be32(p + 20, UInt32(truncatingIfNeeded: r.pointee.second))
      unsafe nt_store_be32(p + 24, UInt32(truncatingIfNeeded: r.pointee.second >> 32))
      unsafe nt_store_be32(p + 28, r.pointee.price)
      unsafe nt_store_be64(p + 32, r.pointee.reference)
      unsafe nt_store_be32(p + 40, UInt32(truncatingIfNeeded: r.pointee.detail))
      unsafe nt_store_be32(p + 44, UInt32(truncatingIfNeeded: r.pointee.detail >> 32))
    default:
      break
    }
  }

  @_noLocks @inline(__always) private static func storeRaw32(
    _ p: UnsafeMutablePointer<UInt8>, _ word: UInt64
  ) {
    unsafe nt_store_be32(p, UInt32(truncatingIfNeeded: word).byteSwapped)
  }

  @_noLocks @inline(__always) private static func storeRaw16(
    _ p: UnsafeMutablePointer<UInt8>, _ word: UInt16
  ) {
    unsafe nt_store_be16(p, word.byteSwapped)
  }
}
