internal import CSupport

/// A fixed array of plain values in memory that somebody else owns: the arena, which outlives it.
///
/// An index outside is a programming error and traps; an index that comes from input is checked by the
/// caller first. Threading: none of its own.
@safe struct Column<Element: BitwiseCopyable>: BitwiseCopyable {
  let base: UnsafeMutablePointer<Element>
  let count: Int

  @inline(__always) init(base: UnsafeMutablePointer<Element>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  @inline(__always) func holds(_ i: Int) -> Bool {
    UInt(bitPattern: i) < UInt(bitPattern: count)
  }

  @inline(__always) func withPointer(_ i: Int, _ body: (UnsafeMutablePointer<Element>) -> Void) {
    unsafe body(address(i))
  }

  /// Fetches all cache lines of an element that is to be written soon.
  @inline(__always) func prefetch(_ i: Int) {
    let first = unsafe UnsafeRawPointer(address(i))
    var offset = 0
    while offset < MemoryLayout<Element>.stride {
      unsafe nt_prefetch_write(first + offset)
      offset &+= 64
    }
  }

  /// For the subscripts, here and of the rooms that are one column to the outside.
  @inline(__always) func address(_ i: Int) -> UnsafeMutablePointer<Element> {
    precondition(UInt(bitPattern: i) < UInt(bitPattern: count))
    return unsafe base + i
  }

  subscript(_ i: Int) -> Element {
    @inline(__always) unsafeAddress { return unsafe UnsafePointer(address(i)) }
    @inline(__always) nonmutating unsafeMutableAddress { return unsafe address(i) }
  }
}

/// Hands out columns of one block, or, without a block, adds up how large it must be: the same code
/// runs twice, so that the two can't disagree. Start-up only.
@safe struct ColumnBuilder {
  private let base: UnsafeMutableRawPointer?
  private(set) var offset = 0

  /// The block is all zeros, as the arena gives it.
  init(base: UnsafeMutableRawPointer?) { unsafe self.base = unsafe base }

  /// `count` elements (at least one), each set to `value`, beginning on a cache line.
  mutating func column<T: BitwiseCopyable>(_ value: T, _ count: Int) -> Column<T> {
    let column = zeros(T.self, count)
    if unsafe base != nil {
      unsafe column.base.initialize(repeating: value, count: column.count)
    }
    return column
  }

  /// Elements whose bytes are all zero, as the arena has them: of a large table only those pages are touched that
  /// are used. Of a type that says what it is then.
  mutating func zeros<T: BitwiseCopyable>(_: T.Type, _ count: Int) -> Column<T> {
    let number = max(1, count)
    offset = (offset + 63) & ~63
    defer { offset += number * MemoryLayout<T>.stride }
    guard let base = unsafe base else {
      // Counting only: never dereferenced, because the state made in this pass is thrown away.
      return unsafe Column(base: UnsafeMutablePointer(bitPattern: 64)!, count: number)
    }
    let start = unsafe (base + offset).bindMemory(to: T.self, capacity: number)
    return unsafe Column(base: start, count: number)
  }

  /// The elements of an array, of which there is at least one.
  mutating func column<T: BitwiseCopyable>(_ values: [T]) -> Column<T> {
    let made = column(values[0], values.count)
    if unsafe base != nil { for i in 0..<values.count { made[i] = values[i] } }
    return made
  }
}
