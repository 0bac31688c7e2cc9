import BenchSupport
import CFloors

/// The frozen book builder in plain C (Benchmarks/Floors/book_floor.c), over a stream in memory.
final class BookFloor {
  struct Played: Equatable {
    var end: End
    /// Whole frames, whether or not they are of a book; those of a stream that ended full are not counted.
    var messages: Int
    var changes: QuoteChanges
  }
  enum End: UInt32 {
    case whole, cut, malformed, full
  }

  private let books: OpaquePointer

  /// Room for a busy day's orders, as our own books have it in this suite.
  static let dayOrders: UInt32 = 2_000_000
  static let dayLevels: UInt32 = 4_000_000

  /// - Parameters:
  ///   - orders: the most that live at one time.
  ///   - levels: of the arrays of all sides, which double as they grow.
  init(orders: UInt32 = dayOrders, levels: UInt32 = dayLevels) throws {
    guard let made = floor_books_create(orders, levels) else {
      throw BenchError("no memory for the books of the floor")
    }
    books = made
  }

  deinit { floor_books_destroy(books) }

  /// Goes on with the books as they are; the changes begin anew.
  func play(_ bytes: UnsafeBufferPointer<UInt8>) throws -> Played {
    var quotes = floor_quotes()
    let code = floor_books_play(books, bytes.baseAddress, bytes.count, &quotes).rawValue
    guard let end = End(rawValue: code) else { throw BenchError("the floor ended with \(code)") }
    return Played(
      end: end, messages: Int(quotes.messages),
      changes: QuoteChanges(count: quotes.changes, hash: quotes.hash))
  }
}

extension ITCHStream {
  /// Millions of messages a second of the plain C book builder, its memory taken before; refuses when its
  /// changes are not the twin's.
  func plainBooks() throws -> Double {
    let floor = try BookFloor()
    let start = nanoseconds()
    let played = try floor.play(bytes)
    let seconds = Double(nanoseconds() - start) / 1e9
    guard played.end == .whole, played.messages == messages else {
      throw BenchError("the plain C book builder ended with \(played.end)")
    }
    guard played.changes == expected else {
      throw BenchError(
        "the plain C book builder's changes are not the twin's: \(played.changes), not \(expected)")
    }
    return Double(messages) / seconds / 1e6
  }
}
