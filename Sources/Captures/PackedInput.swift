internal import CZlib
internal import Glibc

/// Reads bytes piece by piece: decompressed when it begins like a .gz, as it is otherwise.
///
/// zlib's own file reader ends without a word at bytes behind the last member that are no member; what a
/// recording has there may be the rest of it, damaged. So the members are walked here (RFC 1952).
/// Threading: one thread.
@safe struct PackedInput: ~Copyable {
  /// What ended the content.
  enum End: Equatable {
    /// All was read.
    case whole
    /// The file ends inside a member.
    case cut
    /// A member is not what its check sums say, or no deflate stream; zlib's words.
    case damaged(String)
    /// Bytes behind the last member that begin no other; where, in the file as it lies there.
    case junk(offset: UInt64)
    /// The errno of a read that failed, or of memory that was not to be had.
    case system(Int32)
  }
  private enum Form {
    case unknown
    case raw
    case packed
  }
  static var pieceMax: Int { 1 << 18 }
  /// 15 bits of window, and 16 for the frame of a .gz.
  private static var windowBits: Int32 { 31 }

  /// nil while there may be more.
  private(set) var end: End?
  private var source: RawInput
  private let piece: UnsafeMutablePointer<UInt8>
  // At one address for its whole life: zlib's state points back at it.
  private let stream: UnsafeMutablePointer<z_stream>
  private var form = Form.unknown
  private var isInMember = false
  private var isAtEnd = false

  /// nil when there is no memory.
  init?(_ source: consuming RawInput) {
    self.source = source
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard
      unsafe inflateInit2_(
        stream, Self.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else {
      unsafe stream.deallocate()
      return nil
    }
    unsafe piece = .allocate(capacity: Self.pieceMax)
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
    unsafe piece.deallocate()
  }

  /// Writes the next bytes of the content, at most `capacity`. 0 at its end, and then ``end`` says what
  /// ended it.
  mutating func read(into out: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int {
    guard capacity > 0 else { return 0 }
    // Each turn reads a piece, writes bytes or ends.
    while end == nil {
      if form == .unknown { detectForm() }
      if unsafe stream.pointee.avail_in == 0, !isAtEnd { refill() }
      guard end == nil else { break }
      let count = form == .raw ? unsafe copy(out, capacity) : unsafe inflated(out, capacity)
      if count > 0 { return count }
    }
    return 0
  }

  /// By the first two bytes, as the open file is told; a pipe may give them one by one.
  private mutating func detectForm() {
    while unsafe stream.pointee.avail_in < 2, !isAtEnd, end == nil { refill() }
    let isPacked = unsafe stream.pointee.avail_in >= 2 && piece[0] == 0x1f && piece[1] == 0x8b
    form = isPacked ? .packed : .raw
  }

  private mutating func refill() {
    let kept = unsafe Int(stream.pointee.avail_in)
    if kept > 0 { unsafe memmove(piece, stream.pointee.next_in, kept) }
    unsafe stream.pointee.next_in = unsafe piece
    let got = unsafe source.read(into: piece + kept, capacity: Self.pieceMax - kept)
    if got == 0 {
      switch source.end {
      case .system(let code):
        end = .system(code)
        return
      // The stream, or what is raw, ends before its time.
      case .shrunk where form != .packed: end = .cut
      default: break
      }
    }
    isAtEnd = got == 0
    unsafe stream.pointee.avail_in = UInt32(kept + got)
  }

  private mutating func copy(_ out: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
    let count = unsafe min(capacity, Int(stream.pointee.avail_in))
    guard count > 0 else {
      if isAtEnd { end = .whole }
      return 0
    }
    unsafe memcpy(out, stream.pointee.next_in, count)
    unsafe stream.pointee.next_in += count
    unsafe stream.pointee.avail_in -= UInt32(count)
    return count
  }

  private mutating func inflated(_ out: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
    if !isInMember {
      guard beginMember() else { return 0 }
    }
    let room = min(capacity, 1 << 30)
    unsafe stream.pointee.next_out = unsafe out
    unsafe stream.pointee.avail_out = UInt32(room)
    let code = unsafe inflate(stream, Z_NO_FLUSH)
    let count = unsafe room - Int(stream.pointee.avail_out)
    switch code {
    case Z_STREAM_END:
      isInMember = false
      unsafe inflateReset(stream)
    case Z_OK, Z_BUF_ERROR:
      if count == 0, isAtEnd, unsafe stream.pointee.avail_in == 0 { end = .cut }
    case Z_MEM_ERROR: end = .system(ENOMEM)
    default:
      end = .damaged(unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "unknown")
    }
    return count
  }

  /// Whether another member begins here; otherwise the content has ended, well or not.
  private mutating func beginMember() -> Bool {
    while unsafe stream.pointee.avail_in < 2, !isAtEnd, end == nil { refill() }
    guard end == nil else { return false }
    let left = unsafe stream.pointee.avail_in
    guard left > 0 else {
      end = .whole
      return false
    }
    let isMember =
      unsafe left >= 2 && stream.pointee.next_in[0] == 0x1f
      && stream.pointee.next_in[1] == 0x8b
    if !isMember { end = .junk(offset: UInt64(source.taken) - UInt64(left)) }
    isInMember = isMember
    return isMember
  }
}
