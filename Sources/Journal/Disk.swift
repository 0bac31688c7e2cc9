internal import Glibc

/// The one door to the kernel of this module: every call loops on EINTR, turns errno into a
/// ``JournalError`` with file and remedy, and asks the fault seam first.
///
/// Threading: no state but the seam; any thread.
struct Disk: Sendable {
  /// Calls made for one operation at most: far more than interruptions and partial transfers need.
  private static let callsMax = 100_000
  var faults: JournalFaults?

  static func remedy(_ code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "free space on that file system or choose another --data directory"
    case EIO: "check the disk; do not reuse the file system before it has been checked"
    case EACCES, EPERM: "give this user write permission or choose another --data directory"
    case EROFS: "the file system is read-only: choose another --data directory"
    case ENOENT: "check the path"
    case EFBIG: "raise the file size limit (ulimit -f) or choose smaller segments"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
    case ENOMEM, EAGAIN: "free memory, raise the locked-memory limit or choose smaller segments"
    default: "see errno(3) for the cause"
    }
  }

  static func error(_ doing: String, _ file: String, _ code: Int32) -> JournalError {
    let text = unsafe String(cString: strerror(code))
    let kind: JournalError.Kind = code == ENOENT ? .notFound : .system(code: code)
    return JournalError(kind, "\(doing): \(text)", file: file, remedy: remedy(code))
  }

  private func check(_ operation: JournalFaults.Operation, _ doing: String, _ file: String)
    throws(JournalError)
  {
    if case .fail(let code) = faults?.next(operation) ?? .proceed {
      throw Disk.error(doing, file, code)
    }
  }

  /// Calls until it is not interrupted.
  private func retrying(_ call: () -> Int32) -> Int32 {
    for _ in 0..<Disk.callsMax {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
    return -1
  }

  func makeDirectory(_ path: String) throws(JournalError) {
    if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    throw Disk.error("cannot make the data directory", path, errno)
  }

  func open(_ path: String, _ flags: Int32, doing: String) throws(JournalError) -> Int32 {
    if flags & O_CREAT != 0 { try check(.create, doing, path) }
    let descriptor = retrying { unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600) }
    if descriptor < 0 { throw Disk.error(doing, path, errno) }
    return descriptor
  }

  func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  func size(_ descriptor: Int32, _ path: String) throws(JournalError) -> Int {
    var facts = stat()
    if unsafe fstat(descriptor, &facts) != 0 {
      throw Disk.error("cannot read its size", path, errno)
    }
    return Int(facts.st_size)
  }

  /// Reserves real blocks, so that a full disk is found here and not by a later SIGBUS.
  func preallocate(_ descriptor: Int32, _ bytes: Int, _ path: String) throws(JournalError) {
    let doing = "cannot preallocate \(bytes) bytes"
    try check(.preallocate, doing, path)
    for _ in 0..<Disk.callsMax {
      let code = posix_fallocate(descriptor, 0, off_t(bytes))
      if code == 0 { return }
      if code != EINTR { throw Disk.error(doing, path, code) }
    }
    throw Disk.error(doing, path, EINTR)
  }

  /// Maps the file shared and writable, or anonymous memory when `descriptor` is -1, and makes every
  /// page present and writable.
  func map(_ descriptor: Int32, _ bytes: Int, _ path: String)
    throws(JournalError) -> UnsafeMutableRawPointer
  {
    let doing = "cannot map \(bytes) bytes"
    try check(.map, doing, path)
    let flags = descriptor >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS
    let address = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Disk.error(doing, path, errno)
    }
    unsafe prefault(address, bytes)
    return unsafe address
  }

  /// Write-faults the pages without changing them (MADV_POPULATE_WRITE, Linux 5.14); older kernels
  /// take the faults when the pages are first used.
  func prefault(_ address: UnsafeMutableRawPointer, _ bytes: Int) {
    let populateWrite: Int32 = 23
    _ = unsafe madvise(address, bytes, populateWrite)
  }

  func unmap(_ address: UnsafeMutableRawPointer, _ bytes: Int) { _ = unsafe munmap(address, bytes) }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int, _ path: String)
    throws(JournalError)
  {
    let outcome = faults?.next(.write) ?? .proceed
    if case .fail(let code) = outcome { throw Disk.error("cannot write", path, code) }
    let wanted = outcome == .short ? bytes.count / 2 : bytes.count
    var done = 0
    var calls = 0
    while done < wanted, calls < Disk.callsMax {
      calls += 1
      let n = unsafe pwrite(
        descriptor, bytes.baseAddress.unsafelyUnwrapped + done, wanted - done,
        off_t(offset + done))
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw Disk.error("cannot write", path, errno) }
      if n == 0 { break }
      done += n
    }
    if done < bytes.count {
      throw JournalError(
        .shortWrite, "wrote \(done) of \(bytes.count) bytes", file: path, offset: offset,
        remedy: "check the disk and its free space")
    }
  }

  /// Reads up to the buffer's size; fewer bytes mean the end of the file.
  func read(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ path: String
  ) throws(JournalError) -> Int {
    var done = 0
    var calls = 0
    while done < buffer.count, calls < Disk.callsMax {
      calls += 1
      let n = unsafe pread(
        descriptor, buffer.baseAddress.unsafelyUnwrapped + done, buffer.count - done,
        off_t(offset + done))
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw Disk.error("cannot read", path, errno) }
      if n == 0 { break }
      done += n
    }
    return done
  }

  /// Once only: after a failed flush the kernel calls the lost pages clean, so a second try lies.
  func sync(_ descriptor: Int32, _ path: String) throws(JournalError) {
    try check(.sync, "cannot flush", path)
    if retrying({ fdatasync(descriptor) }) != 0 { throw Disk.error("cannot flush", path, errno) }
  }

  /// Flushes whole pages of a shared mapping and the blocks behind them; `address` is at a page.
  func sync(_ address: UnsafeMutableRawPointer, _ bytes: Int, _ path: String) throws(JournalError) {
    try check(.sync, "cannot flush", path)
    if retrying({ unsafe msync(address, bytes, Int32(MS_SYNC)) }) != 0 {
      throw Disk.error("cannot flush", path, errno)
    }
  }

  func truncate(_ descriptor: Int32, _ bytes: Int, _ path: String) throws(JournalError) {
    try check(.truncate, "cannot cut to \(bytes) bytes", path)
    if retrying({ ftruncate(descriptor, off_t(bytes)) }) != 0 {
      throw Disk.error("cannot cut to \(bytes) bytes", path, errno)
    }
  }

  func rename(_ from: String, _ to: String) throws(JournalError) {
    try check(.rename, "cannot rename to \(to)", from)
    if unsafe Glibc.rename(from, to) != 0 {
      throw Disk.error("cannot rename to \(to)", from, errno)
    }
  }

  func remove(_ path: String) throws(JournalError) {
    if unsafe unlink(path) != 0 && errno != ENOENT {
      throw Disk.error("cannot remove", path, errno)
    }
  }

  /// Makes creations, renames and removals in the directory durable.
  func syncDirectory(_ path: String) throws(JournalError) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY, doing: "cannot open the directory")
    defer { close(descriptor) }
    try check(.sync, "cannot flush the directory", path)
    if retrying({ fsync(descriptor) }) != 0 {
      throw Disk.error("cannot flush the directory", path, errno)
    }
  }

  func isDirectory(_ path: String) throws(JournalError) -> Bool {
    var facts = stat()
    if unsafe stat(path, &facts) != 0 { throw Disk.error("cannot open", path, errno) }
    return facts.st_mode & S_IFMT == S_IFDIR
  }

  /// Names in the directory, sorted by bytes.
  func list(_ path: String) throws(JournalError) -> [String] {
    guard let stream = unsafe opendir(path) else {
      throw Disk.error("cannot list the directory", path, errno)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }
}
