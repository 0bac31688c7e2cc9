internal import Glibc

/// A data directory: the names of its files, and the lock that keeps two writers apart.
///
/// The lock is an open-file-description lock on the file `lock`: it goes with the process, however
/// that ends, and a second open in the same process is refused as well.
///
/// Threading: one thread.
struct DataDirectory {
  static let prefix = "journal-"
  static let suffix = ".ntj"
  /// Eight digits: more than any retention keeps.

  let path: String
  let disk: Disk
  private var lockDescriptor: Int32 = -1

  init(path: String, disk: Disk) {
    self.path = path
    self.disk = disk
  }

  static func fileName(_ number: UInt64) -> String {
    let digits = String(number)
    return prefix + String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits + suffix
  }

  /// The number in a segment's file name; nil for any other name.
  static func number(of name: String) -> UInt64? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard digits.utf8.count == 8, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return nil
    }
    return UInt64(digits)
  }

  func file(_ number: UInt64) -> String { path + "/" + DataDirectory.fileName(number) }

  /// Segment numbers present, ascending.
  func segments() throws(JournalError) -> [UInt64] {
    try disk.list(path).compactMap(DataDirectory.number).sorted()
  }

  /// Removes segments that a crash left half prepared.
  func removeUnfinished() throws(JournalError) {
    for name in try disk.list(path)
    where name.hasPrefix(DataDirectory.prefix) && name.hasSuffix(DataDirectory.suffix + ".new") {
      try disk.remove(path + "/" + name)
    }
  }

  private static let getOpenFileLock: Int32 = 36
  private static let setOpenFileLock: Int32 = 37

  private static func exclusive() -> flock { whole(F_WRLCK) }

  private static func whole(_ type: Int32) -> flock {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    return lock
  }

  /// Takes the directory for this writer until ``unlock()``.
  mutating func lock() throws(JournalError) {
    let file = path + "/lock"
    let descriptor = try disk.open(file, O_RDWR | O_CREAT, doing: "cannot open the lock")
    var wanted = DataDirectory.exclusive()
    if unsafe fcntl(descriptor, DataDirectory.setOpenFileLock, &wanted) != 0 {
      let code = errno
      disk.close(descriptor)
      guard code == EAGAIN || code == EACCES else {
        throw Disk.error("cannot lock the data directory", file, code)
      }
      throw JournalError(
        .locked, "the data directory is in use by another running needletail", file: path,
        remedy: "stop that process or choose another --data directory")
    }
    lockDescriptor = descriptor
  }

  mutating func unlock() {
    guard lockDescriptor >= 0 else { return }
    // A child that is being started has the descriptor too until it runs its program: closing ours alone would leave
    // the lock.
    var none = DataDirectory.whole(F_UNLCK)
    _ = unsafe fcntl(lockDescriptor, DataDirectory.setOpenFileLock, &none)
    disk.close(lockDescriptor)
    lockDescriptor = -1
  }

  /// True while a writer holds the directory; asks without taking the lock.
  static func isInUse(_ path: String) -> Bool {
    let descriptor = unsafe Glibc.open(path + "/lock", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return false }
    defer { _ = Glibc.close(descriptor) }
    var wanted = exclusive()
    guard unsafe fcntl(descriptor, getOpenFileLock, &wanted) == 0 else { return false }
    return wanted.l_type != Int16(F_UNLCK)
  }
}
