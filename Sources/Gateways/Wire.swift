internal import CSupport

/// Reads big-endian fields from bytes that somebody else owns and keeps alive for the call.
///
/// The one place of this module that turns pointers into numbers. Every access is checked against
/// `count`; the codecs check lengths before they read, so a failed precondition here is a mistake
/// of ours and never the sender's doing.
@safe struct WireView {
  private let base: UnsafePointer<UInt8>?
  let count: Int

  @_noLocks @inline(__always) init(_ bytes: UnsafeRawBufferPointer) {
    unsafe base = UnsafePointer(OpaquePointer(bytes.baseAddress))
    count = bytes.count
  }
  @_noLocks @inline(__always) private func address(_ offset: Int, _ width: Int) -> UnsafePointer<
    UInt8
  > {
    precondition(offset >= 0 && offset &+ width <= count)
    return unsafe base.unsafelyUnwrapped + offset
  }
  @_noLocks @inline(__always) func u8(_ offset: Int) -> UInt8 { unsafe address(offset, 1).pointee }
  @_noLocks @inline(__always) func u16(_ offset: Int) -> UInt16 {
    unsafe nt_load_be16(address(offset, 2))
  }
  @_noLocks @inline(__always) func u32(_ offset: Int) -> UInt32 {
    unsafe nt_load_be32(address(offset, 4))
  }
  @_noLocks @inline(__always) func u64(_ offset: Int) -> UInt64 {
    unsafe nt_load_be64(address(offset, 8))
  }
  /// Eight bytes in memory order: symbols.
  @_noLocks @inline(__always) func raw64(_ offset: Int) -> UInt64 {
    unsafe nt_load_raw64(address(offset, 8))
  }
  @_noLocks @inline(__always) func crc32c(_ offset: Int, _ length: Int) -> UInt32 {
    unsafe nt_crc32c(0, address(offset, length), length)
  }
  @inline(__always) func part(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer {
    guard length > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeRawBufferPointer(start: address(offset, length), count: length)
  }
}

/// Writes big-endian fields; checked like ``WireView``.
@safe struct WireWriter {
  private let base: UnsafeMutablePointer<UInt8>?
  let count: Int

  @_noLocks @inline(__always) init(_ bytes: UnsafeMutableRawBufferPointer) {
    unsafe base = UnsafeMutablePointer(OpaquePointer(bytes.baseAddress))
    count = bytes.count
  }
  @_noLocks @inline(__always) private func address(_ offset: Int, _ width: Int)
    -> UnsafeMutablePointer<UInt8>
  {
    precondition(offset >= 0 && offset &+ width <= count)
    return unsafe base.unsafelyUnwrapped + offset
  }
  @_noLocks @inline(__always) func u8(_ offset: Int, _ value: UInt8) {
    unsafe address(offset, 1).pointee = value
  }
  @_noLocks @inline(__always) func u16(_ offset: Int, _ value: UInt16) {
    unsafe nt_store_be16(address(offset, 2), value)
  }
  @_noLocks @inline(__always) func u32(_ offset: Int, _ value: UInt32) {
    unsafe nt_store_be32(address(offset, 4), value)
  }
  @_noLocks @inline(__always) func u64(_ offset: Int, _ value: UInt64) {
    unsafe nt_store_be64(address(offset, 8), value)
  }
  @_noLocks @inline(__always) func raw64(_ offset: Int, _ value: UInt64) {
    unsafe nt_store_raw64(address(offset, 8), value)
  }
  @_noLocks @inline(__always) func copy(_ offset: Int, _ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    unsafe nt_copy(address(offset, bytes.count), source, bytes.count)
  }
  @inline(__always) func part(_ offset: Int, _ length: Int) -> UnsafeMutableRawBufferPointer {
    precondition(offset >= 0 && length >= 0 && offset &+ length <= count)
    return unsafe UnsafeMutableRawBufferPointer(
      start: base.unsafelyUnwrapped + offset, count: length)
  }
  /// A right-justified decimal number, padded with blanks on the left. The caller makes sure that
  /// `width` holds it; digits that do not fit are cut off at the left.
  @_noLocks @inline(__always) func decimal(_ offset: Int, _ width: Int, _ value: UInt64) {
    var rest = value
    for i in 0..<width {
      let blank = rest == 0 && i > 0
      u8(offset &+ width &- 1 &- i, blank ? 0x20 : 0x30 &+ UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    }
  }
}

extension WireView {
  /// A decimal number with blanks on either side. nil when there is no digit, another character, a
  /// blank between digits, or more than 64 bits.
  func decimal(_ offset: Int, _ width: Int) -> UInt64? {
    var value: UInt64 = 0
    var digits = 0
    var ended = false
    for i in 0..<width {
      let byte = u8(offset &+ i)
      if byte == 0x20 {
        ended = digits > 0
        continue
      }
      guard byte >= 0x30, byte <= 0x39, !ended else { return nil }
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = scaled.addingReportingOverflow(UInt64(byte &- 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
      digits &+= 1
    }
    return digits > 0 ? value : nil
  }
}

/// A block of bytes taken at start-up and given back at the end: the only allocation that this
/// module's sessions make.
@safe struct Block: ~Copyable {
  private let bytes: UnsafeMutableRawBufferPointer
  var count: Int { unsafe bytes.count }

  init(count: Int) {
    let lines = (max(count, 1) + 63) / 64
    let memory = UnsafeMutableRawPointer.allocate(byteCount: lines * 64, alignment: 64)
    unsafe memory.initializeMemory(as: SIMD64<UInt8>.self, repeating: .zero, count: lines)
    unsafe bytes = UnsafeMutableRawBufferPointer(start: memory, count: max(count, 1))
  }
  deinit { unsafe bytes.deallocate() }

  @inline(__always) var writer: WireWriter { unsafe WireWriter(bytes) }
  @inline(__always) var view: WireView { unsafe WireView(UnsafeRawBufferPointer(bytes)) }
  /// Moves within the block; the two ranges may overlap.
  @inline(__always) func move(from: Int, to: Int, count length: Int) {
    guard length > 0 else { return }
    precondition(from >= 0 && to >= 0 && max(from, to) &+ length <= count)
    let base = unsafe bytes.baseAddress.unsafelyUnwrapped
    unsafe (base + to).copyMemory(from: base + from, byteCount: length)
  }
}

/// A column of fixed-size elements, taken at start-up and freed by the struct that holds it. One
/// bounds check per access. Not an owner, so that the compiler can specialise it in code without
/// allocation.
@safe struct HeapColumn<Element: BitwiseCopyable> {
  private let base: UnsafeMutablePointer<Element>
  let count: Int

  init(count: Int, repeating value: Element) {
    unsafe base = UnsafeMutablePointer<Element>.allocate(capacity: max(count, 1))
    unsafe base.initialize(repeating: value, count: max(count, 1))
    self.count = count
  }
  func free() { unsafe base.deallocate() }

  subscript(_ index: Int) -> Element {
    @inline(__always) unsafeAddress {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe UnsafePointer(base + index)
    }
    @inline(__always) nonmutating unsafeMutableAddress {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe base + index
    }
  }
  @inline(__always) func prefix(_ length: Int) -> UnsafeBufferPointer<Element> {
    precondition(length >= 0 && length <= count)
    return unsafe UnsafeBufferPointer(start: base, count: length)
  }
}
