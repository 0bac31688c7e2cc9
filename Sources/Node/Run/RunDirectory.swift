import Foundation

/// The one place a run writes to, but for the lock files of the processors (`ProcessorClaim`).
///
/// `journal-*.ntj` are the record (Journal keeps other runs out while one writes), `exchange/` is the
/// exchange's own durable state, `exchange.log` what it said, `exchange.json` its own account, `paper-NAME` the same of a
/// paper broker, `control` the socket by which people stop and re-arm the run, `summary.json` the last run's summary.
struct RunDirectory: Sendable {
  let path: String

  var exchange: String { path + "/exchange" }
  /// Where a venue keeps its state, what it said, and its own account.
  func places(of venue: Configuration.Venue) -> (data: String, log: String, report: String) {
    let name = venue.kind == .exchange ? exchange : path + "/paper-" + venue.name
    return (name, name + ".log", name + ".json")
  }
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

  /// Makes one directory, for its owner alone, and those that it lies in.
  static func make(_ directory: String, mode: mode_t = 0o700) throws(CommandFailure) {
    var status = stat()
    if stat(directory, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw CommandFailure(
          .cannotCreate, "data directory \(directory): it is not a directory; give another --data")
      }
      return
    }
    guard mkdir(directory, mode) != 0, errno != EEXIST else { return }
    let code = errno
    let parent = (directory as NSString).deletingLastPathComponent
    guard code == ENOENT, !parent.isEmpty, parent != directory else {
      throw cannotCreate(directory, code)
    }
    try make(parent, mode: 0o755)
    guard mkdir(directory, mode) == 0 || errno == EEXIST else {
      throw cannotCreate(directory, errno)
    }
  }

  private static func cannotCreate(_ file: String, _ code: Int32) -> CommandFailure {
    CommandFailure(
      .creating(errno: code),
      "data directory \(file): \(String(cString: strerror(code))); give another --data")
  }

  /// Whether what is there would be destroyed by another file in its place: a link, a device, a pipe.
  private static func isSpecial(_ file: String) -> Bool {
    var status = stat()
    return lstat(file, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
  }

  /// Replaces the file whole or not at all; what is no plain file is written to where it is.
  ///
  /// - Parameter mode: of a new file; what tells of money is its owner's alone.
  static func replace(
    _ file: String, with text: String, mode: mode_t = 0o600
  ) throws(CommandFailure) {
    guard !isSpecial(file) else { return try write(text, to: file, mode) }
    try replace(file, with: Array(text.utf8), mode: mode)
  }

  static func replace(
    _ file: String, with bytes: [UInt8], mode: mode_t = 0o600
  ) throws(CommandFailure) {
    let temporary = file + ".new"
    let handle = try open(temporary, mode, of: file)
    var code: Int32 = 0
    if fwrite(bytes, 1, bytes.count, handle) != bytes.count { code = errno }
    if fclose(handle) != 0, code == 0 { code = errno }
    if code == 0, rename(temporary, file) != 0 { code = errno }
    guard code != 0 else { return }
    unlink(temporary)
    throw notWritten(file, code, .inputOutput)
  }

  /// A new file, whatever a run that was killed has left there.
  private static func open(
    _ temporary: String, _ mode: mode_t, of file: String
  ) throws(CommandFailure) -> UnsafeMutablePointer<FILE> {
    unlink(temporary)
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0, let handle = fdopen(descriptor, "w") else {
      let code = errno
      if descriptor >= 0 { close(descriptor) }
      throw notWritten(file, code, .creating(errno: code))
    }
    return handle
  }

  private static func write(
    _ text: String, to file: String, _ mode: mode_t
  ) throws(CommandFailure) {
    // A pipe that nobody reads is told at once.
    let descriptor = Glibc.open(
      file, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_TRUNC, mode)
    guard descriptor >= 0 else { throw notWritten(file, errno, .creating(errno: errno)) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        throw notWritten(file, count == 0 ? EIO : errno, .inputOutput)
      }
      done += count
    }
  }

  /// Whether the file can be written when its time comes: it is tried at the start, while something can be done.
  static func checkPlace(of file: String) throws(CommandFailure) {
    guard !isSpecial(file) else {
      // A link to what is not there yet is made then.
      guard access(file, W_OK) == 0 || errno == ENOENT else {
        throw notWritten(file, errno, .creating(errno: errno))
      }
      return
    }
    let temporary = file + ".new"
    fclose(try open(temporary, 0o600, of: file))
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
