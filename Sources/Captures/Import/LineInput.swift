internal import Glibc

/// The lines of a source, whatever its size: an end mark (LF, or CR LF) is taken off, a last line needs none.
///
/// Threading: one thread.
@safe struct LineInput: ~Copyable {
  /// A line that is longer is given in pieces of this length, all but the last marked as too long; no format has such
  /// lines.
  static var lineMax: Int { FeedInput.windowMax }
  private static var usualLine: Int { 16_384 }

  private var input: FeedInput
  /// Bytes of the last line, its end mark included.
  private var taken = 0
  /// Of the last line, from 1.
  private(set) var number = 0
  /// The last line was longer than ``lineMax``.
  private(set) var isTooLong = false

  init(_ input: consuming FeedInput) { self.input = input }

  /// Bytes passed, after decompression.
  var offset: UInt64 { input.offset }
  var failure: FeedError? { input.failure }

  /// The next line; nil at the end. Valid until the next call.
  @unsafe mutating func next() -> UnsafeRawBufferPointer? {
    input.consume(taken)
    taken = 0
    isTooLong = false
    // A window of the usual length is almost always there without moving what is left of the buffer.
    var window = unsafe input.window(Self.usualLine)
    var length = unsafe Self.lineLength(window)
    if length == nil, window.count < Self.lineMax {
      unsafe window = unsafe input.window(Self.lineMax)
      length = unsafe Self.lineLength(window)
    }
    if let found = length, found >= Self.lineMax { length = nil }
    guard window.count > 0 else { return nil }
    number += 1
    taken = length.map { $0 + 1 } ?? min(window.count, Self.lineMax)
    isTooLong = length == nil && window.count >= Self.lineMax
    var count = length ?? taken
    if count > 0, unsafe window[count - 1] == 0x0d { count -= 1 }
    return unsafe UnsafeRawBufferPointer(rebasing: window[..<count])
  }

  private static func lineLength(_ window: UnsafeRawBufferPointer) -> Int? {
    guard let base = window.baseAddress, let found = unsafe memchr(base, 0x0a, window.count) else {
      return nil
    }
    return unsafe UnsafeRawPointer(found) - base
  }
}
