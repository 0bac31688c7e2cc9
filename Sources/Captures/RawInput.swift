internal import Glibc

/// Reads a descriptor from its start to its end. A regular file is read at offsets of our own, so that others who
/// have the same file open do not move us.
///
/// Threading: one thread.
struct RawInput: ~Copyable {
  enum End: Equatable {
    case whole
    /// A file that was longer when it was opened; how long.
    case shrunk(from: Int)
    /// The errno of a read that failed.
    case system(Int32)
  }

  /// nil while there may be more.
  private(set) var end: End?
  private let descriptor: Int32
  /// Of a regular file as it was opened: what is appended since is not read.
  private let size: Int?
  private let pieceMax: Int
  private(set) var taken = 0

  /// Owns the descriptor.
  init(descriptor: Int32, size: Int?, pieceMax: Int) {
    self.descriptor = descriptor
    self.size = size
    self.pieceMax = max(1, pieceMax)
  }

  deinit { close(descriptor) }

  /// At most `capacity` bytes; 0 at the end, which ``end`` then tells.
  mutating func read(into out: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int {
    guard end == nil, capacity > 0 else { return 0 }
    var most = min(capacity, pieceMax)
    if let size { most = min(most, size - taken) }
    guard most > 0 else {
      end = .whole
      return 0
    }
    var got = 0
    repeat {
      got =
        size == nil
        ? unsafe Glibc.read(descriptor, out, most)
        : unsafe pread(descriptor, out, most, taken)
    } while got < 0 && errno == EINTR
    if got < 0 {
      end = .system(errno)
    } else if got == 0 {
      end = size.map { .shrunk(from: $0) } ?? .whole
    }
    taken += max(0, got)
    return max(0, got)
  }
}
