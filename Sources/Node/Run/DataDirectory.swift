import Foundation

/// The one place a run writes to, held against other runs by a lock that the kernel drops when the
/// process ends, however it ends.
///
/// `journal/` has the record, `exchange/` the exchange's own durable state, `exchange.log` what it
/// said, `summary.json` the last run's summary.
struct DataDirectory: ~Copyable {
  let path: String
  private let lock: Int32

  var journal: String { path + "/journal" }
  var exchange: String { path + "/exchange" }
  var exchangeLog: String { path + "/exchange.log" }
  var summary: String { path + "/summary.json" }
  var defaultKillFile: String { path + "/kill" }

  /// Makes the directory where it is missing, and takes its lock.
  init(path: String) throws(CommandFailure) {
    for directory in [path, path + "/journal", path + "/exchange"] {
      try Self.make(directory)
    }
    let file = path + "/lock"
    let descriptor = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.cannotCreate(file, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw CommandFailure(
        .cannotCreate,
        "data directory \(path): another needletail is using it; end that one, or give another --data"
      )
    }
    self.path = path
    lock = descriptor
  }

  deinit { close(lock) }

  private static func make(_ directory: String) throws(CommandFailure) {
    var status = stat()
    if stat(directory, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw CommandFailure(
          .cannotCreate, "data directory \(directory): it is not a directory; give another --data")
      }
      return
    }
    guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
      throw cannotCreate(directory, errno)
    }
  }

  private static func cannotCreate(_ file: String, _ code: Int32) -> CommandFailure {
    let isPermission = code == EACCES || code == EPERM || code == EROFS
    return CommandFailure(
      isPermission ? .noPermission : .cannotCreate,
      "data directory \(file): \(String(cString: strerror(code))); give another --data")
  }

  /// Replaces the file whole or not at all.
  func write(_ text: String, to file: String) throws(CommandFailure) {
    let temporary = file + ".new"
    guard let handle = fopen(temporary, "w") else { throw Self.cannotCreate(temporary, errno) }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, handle)
    let closed = fclose(handle)
    guard written == bytes.count, closed == 0, rename(temporary, file) == 0 else {
      throw CommandFailure(
        .inputOutput, "\(file): \(String(cString: strerror(errno))); is the disk full?")
    }
  }
}
