import Foundation

/// The one place a run writes to.
///
/// `journal-*.ntj` are the record (Journal keeps other runs out while one writes), `exchange/` is the
/// exchange's own durable state, `exchange.log` what it said, `exchange.json` its own account, `summary.json` the last run's summary.
struct RunDirectory: Sendable {
  let path: String

  var exchange: String { path + "/exchange" }
  var exchangeLog: String { path + "/exchange.log" }
  var exchangeReport: String { path + "/exchange.json" }
  var flowControl: String { exchange + "/flow" }
  var summary: String { path + "/summary.json" }
  var defaultKillFile: String { path + "/kill" }

  /// Makes the directory where it is missing.
  init(path: String) throws(CommandFailure) {
    self.path = path
    for directory in [path, exchange] { try Self.make(directory) }
  }

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
    CommandFailure(
      .creating(errno: code),
      "data directory \(file): \(String(cString: strerror(code))); give another --data")
  }

  /// Replaces the file whole or not at all.
  static func replace(_ file: String, with text: String) throws(CommandFailure) {
    let temporary = file + ".new"
    guard let handle = fopen(temporary, "w") else { throw cannotCreate(temporary, errno) }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, handle)
    let closed = fclose(handle)
    guard written == bytes.count, closed == 0, rename(temporary, file) == 0 else {
      throw CommandFailure(
        .inputOutput, "\(file): \(String(cString: strerror(errno))); is the disk full?")
    }
  }
}
