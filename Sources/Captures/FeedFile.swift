internal import CSupport
internal import Glibc

/// A feed file that can be read more than once, and is the same each time.
///
/// A regular file stays open, so that what replaces it under its name meanwhile is not read. What gives its
/// bytes only once (a pipe, standard input, a device) is copied into memory first, as it comes: a .gz stays
/// packed. Threading: one owner.
public struct FeedFile: ~Copyable {
  /// Bytes that are copied at the most.
  public static var copiedMax: Int { 2 << 30 }

  /// As it was named, for messages; "standard input" for `-`.
  public let path: String
  /// It is a copy of what can be read only once.
  public let isCopied: Bool
  /// Regular, and ours; closed at the end.
  public let descriptor: Int32

  /// Opens a file; `-` is standard input. Reads what is no regular file to its end.
  ///
  /// - Parameter copiedMax: of such a file; beyond it is refused.
  public init(path: String, copiedMax: Int = Self.copiedMax) throws(FeedError) {
    let name = path == "-" ? "standard input" : path
    let opened = try Self.open(path, name, copiedMax)
    self.path = name
    isCopied = opened.isCopied
    descriptor = opened.descriptor
  }

  private static func open(
    _ path: String, _ name: String, _ copiedMax: Int
  ) throws(FeedError) -> (descriptor: Int32, isCopied: Bool) {
    let opened =
      path == "-"
      ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw FeedError.system(name, "cannot be opened") }
    var status = stat()
    guard unsafe fstat(opened, &status) == 0 else {
      let failure = FeedError.system(name, "cannot be examined")
      close(opened)
      throw failure
    }
    let type = status.st_mode & S_IFMT
    if type == S_IFREG { return (opened, false) }
    defer { close(opened) }
    guard type != S_IFDIR else {
      throw FeedError(
        path: name, offset: nil, cause: .system(EISDIR), problem: "is a directory",
        remedy: "name a file")
    }
    return (try copy(opened, name, most: copiedMax), true)
  }

  deinit { close(descriptor) }

  /// By which a process that inherits ``descriptor`` opens the same bytes.
  public var inheritedPath: String { "/proc/self/fd/\(descriptor)" }

  /// Whether another process finds the same bytes under the path: standard input and the like are its own there.
  public var isFoundByPath: Bool {
    !isCopied && path != "standard input" && !path.hasPrefix("/dev/") && !path.hasPrefix("/proc/")
  }

  /// Its content from the start, as often as it is wanted.
  public func input() throws(FeedError) -> FeedInput {
    let again = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard again >= 0 else { throw FeedError.system(path, "cannot be opened again") }
    return try FeedInput(descriptor: again, path: path)
  }

  /// What it holds, by its first bytes.
  public func kind() throws(FeedError) -> FeedKind {
    var input = try input()
    return input.kind()
  }

  /// Capture time of the first packet; nil without one, and of what is no capture.
  public func firstStamp() -> Int64? {
    guard var input = try? input(), input.kind() != .framedITCH,
      var capture = try? PacketCapture(input: input)
    else { return nil }
    return (try? capture.next())?.time
  }

  private static func copy(
    _ from: Int32, _ name: String, most: Int
  ) throws(FeedError) -> Int32 {
    let to = unsafe nt_memory_file("needletail-feed")
    guard to >= 0 else {
      errno = -to
      throw FeedError.system(name, "cannot be copied into memory")
    }
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    var copied = 0
    // Ends with the content, or past the most that is copied.
    while true {
      let got = unsafe piece.withUnsafeMutableBytes { unsafe read(from, $0.baseAddress, $0.count) }
      if got < 0, errno == EINTR { continue }
      guard got != 0 else { return to }
      var failure: FeedError?
      if got < 0 { failure = FeedError.system(name, "cannot be read", at: copied) }
      copied += max(0, got)
      if copied > most {
        failure = FeedError(
          path: name, offset: UInt64(most), cause: .system(EFBIG),
          problem: "gives more than \(most >> 20) MiB, and can be read only once",
          remedy: "write it to a file, and name that")
      }
      if failure == nil, !write(piece, got, to) {
        failure = FeedError.system(name, "cannot be copied into memory", at: copied)
      }
      if let failure {
        close(to)
        throw failure
      }
    }
  }

  private static func write(_ piece: [UInt8], _ count: Int, _ to: Int32) -> Bool {
    var done = 0
    while done < count {
      let from = done
      let wrote = unsafe piece.withUnsafeBytes {
        unsafe Glibc.write(to, $0.baseAddress?.advanced(by: from), count - from)
      }
      if wrote < 0, errno == EINTR { continue }
      guard wrote > 0 else { return false }
      done += wrote
    }
    return true
  }
}

extension FeedError {
  /// What the errno says.
  static func system(_ path: String, _ problem: String, at offset: Int? = nil) -> FeedError {
    let code = errno
    let remedy =
      switch code {
      case ENOENT: "check the path"
      case EACCES, EPERM: "check its permissions"
      default: "check the disk and the file"
      }
    let reason = unsafe String(cString: strerror(code))
    return FeedError(
      path: path, offset: offset.map(UInt64.init), cause: .system(code),
      problem: "\(problem): \(reason)", remedy: remedy)
  }
}
