import Foundation

/// The one place a run writes to, but for the lock files of the processors (`ProcessorClaim`).
///
/// `journal-*.ntj` are the record (Journal keeps other runs out while one writes), `exchange/` is the
/// exchange's own durable state, `control` the socket by which people stop and re-arm the run, `exchange.log` what it said, `exchange.json` its own account, `summary.json` the last run's summary.
struct RunDirectory: Sendable {
  let path: String

  var exchange: String { path + "/exchange" }
  var exchangeLog: String { path + "/exchange.log" }
  var exchangeReport: String { path + "/exchange.json" }
  var flowControl: String { exchange + "/flow" }
  var summary: String { path + "/summary.json" }
  var defaultKillFile: String { path + "/kill" }
  /// By which people ask something of the run.
  static func control(in directory: String) -> String { directory + "/control" }

  /// Makes the directory, and those that it lies in, where they are missing.
  init(path: String) throws(CommandFailure) {
    self.path = path
    for directory in [path, exchange] { try Self.make(directory) }
  }

  /// Makes one directory, and those that it lies in.
  static func make(_ directory: String) throws(CommandFailure) {
    var status = stat()
    if stat(directory, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw CommandFailure(
          .cannotCreate, "data directory \(directory): it is not a directory; give another --data")
      }
      return
    }
    guard mkdir(directory, 0o755) != 0, errno != EEXIST else { return }
    let code = errno
    let parent = (directory as NSString).deletingLastPathComponent
    guard code == ENOENT, !parent.isEmpty, parent != directory else {
      throw cannotCreate(directory, code)
    }
    try make(parent)
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
    guard let handle = fopen(temporary, "w") else {
      let code = errno
      throw notWritten(file, code, .creating(errno: code))
    }
    let bytes = Array(text.utf8)
    var code: Int32 = 0
    if fwrite(bytes, 1, bytes.count, handle) != bytes.count { code = errno }
    if fclose(handle) != 0, code == 0 { code = errno }
    if code == 0, rename(temporary, file) != 0 { code = errno }
    guard code != 0 else { return }
    unlink(temporary)
    throw notWritten(file, code, .inputOutput)
  }

  /// Whether the file can be written when its time comes: it is tried at the start, while something can be done.
  static func checkPlace(of file: String) throws(CommandFailure) {
    let temporary = file + ".new"
    guard let handle = fopen(temporary, "w") else {
      let code = errno
      throw notWritten(file, code, .creating(errno: code))
    }
    fclose(handle)
    unlink(temporary)
  }

  private static func notWritten(
    _ file: String, _ code: Int32, _ exit: ExitCode
  ) -> CommandFailure {
    let remedy = code == ENOSPC ? "make room on its disk" : "see that it can be written"
    return CommandFailure(
      exit, "\(file) is not written: \(String(cString: strerror(code))); \(remedy)")
  }
}
