import CSupport
import Glibc
import Synchronization

/// One input of the exchange that is not history.
struct StoredInput: Equatable {
  enum Kind: UInt8 {
    case account = 1
    case request = 2
    case disconnect = 3
  }
  var kind: Kind
  var account: UInt32
  /// Messages of the feed that had been applied.
  var position: UInt64
  /// Session time.
  var time: Int64
  var bytes: [UInt8]
}

/// How far a session had come.
struct StoredProgress: Equatable {
  /// Messages of the feed that were applied.
  var position: UInt64 = 0
  /// Messages of ours that were published.
  var published: UInt64 = 0
  /// Messages in all accounts' streams.
  var events: UInt64 = 0
}

/// What makes the exchange durable: every input that is not history, with its place in the feed, and how
/// far the session had come. The rest follows from these by doing it again.
///
/// `inputs.ntx` is appended to with write(2) before anything is sent, each record closed by a CRC32C; a
/// torn tail is cut when the file is opened. `progress.ntx` is one page mapped shared, two slots written
/// in turn. Both survive SIGKILL of the process (not a loss of power). Threading: one owner.
@safe final class ExchangeStore {
  static let magic: [UInt8] = Array("NTEXCH01".utf8)
  /// Head of a record: length, kind, three zero bytes, account, bytes, position, time.
  static let headBytes = 32
  static let recordMax = 4_096
  /// The longest input that a record can hold: below what a SoupBinTCP packet can bring.
  static let inputMax = recordMax - headBytes - 4

  let directory: String
  private(set) var sessionNumber: UInt64
  /// What was there when the store was opened.
  var inputs: [StoredInput] = []
  /// Bytes of a torn tail that were cut.
  private(set) var cutBytes = 0
  private(set) var found: StoredProgress
  let descriptor: Int32
  let page: UnsafeMutableRawPointer
  private var turn: UInt64
  /// Bytes of whole records.
  private(set) var size: Int

  /// Opens or makes the store in a directory that exists.
  ///
  /// - Parameter identity: of feed and settings; a stored session of another identity is refused.
  init(directory: String, identity: String, newSession: Bool, firstNumber: UInt64)
    throws(StoreError)
  {
    self.directory = directory
    let path = directory + "/inputs.ntx"
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreError(path, "cannot be opened", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(descriptor)
      throw StoreError(
        path, "another exchange has it open", code, remedy: "stop it, or give another --data")
    }
    do throws(StoreError) {
      unsafe page = try Self.map(directory + "/progress.ntx")
    } catch {
      close(descriptor)
      throw error
    }
    (sessionNumber, size, turn, found) = (0, 0, 0, StoredProgress())
    try load(path: path, identity: identity, newSession: newSession, firstNumber: firstNumber)
  }

  deinit {
    // A child that is being started may have the descriptor too.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
    unsafe munmap(page, 4_096)
  }

  func opened(number: UInt64, size: Int, cut: Int, progress: StoredProgress) {
    sessionNumber = number
    self.size = size
    cutBytes = cut
    found = progress
  }

  func grew(by bytes: Int) { size += bytes }
  func resume(turn: UInt64) { self.turn = turn }
  func nextTurn() -> UInt64 {
    turn += 1
    return turn
  }

  private static func map(_ path: String) throws(StoreError) -> UnsafeMutableRawPointer {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreError(path, "cannot be opened", errno) }
    defer { close(descriptor) }
    // Written, not only lengthened: a full disk is found here and not by SIGBUS.
    var status = stat()
    if unsafe fstat(descriptor, &status) == 0, status.st_size < 4_096 {
      let zeroes = [UInt8](repeating: 0, count: 4_096)
      guard unsafe pwrite(descriptor, zeroes, zeroes.count, 0) == zeroes.count else {
        throw StoreError(path, "cannot be written", errno, remedy: "make room on the disk")
      }
    }
    let mapped = unsafe mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw StoreError(path, "cannot be mapped", errno)
    }
    return unsafe mapped
  }
}
