import BenchSupport
import Foundation

/// A folder for the files of one measurement: gone when it is, also where a signal ends the program.
///
/// What a SIGKILL leaves is removed by the next one of the same name: a lock tells a folder whose owner
/// lives from one that was left.
final class ScratchFolder {
  /// Where the files go: within the folder that is removed, so that no thread that still runs makes that one again.
  let path: String
  private let whole: String
  private let lock: Int32
  private var isClosed = false
  /// Seconds in which a new folder is locked by its owner.
  private static let youth = 60

  /// Makes it under a folder, and that one too.
  init(in parent: String = FileManager.default.temporaryDirectory.path, _ name: String) throws {
    Self.removeLeft(in: parent, name + "-")
    whole = "\(parent)/\(name)-\(UUID().uuidString)"
    path = whole + "/files"
    try AtEnd.shared.make(folder: whole)
    mkdir(path, 0o755)
    lock = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    flock(lock, LOCK_EX | LOCK_NB)
  }

  deinit { remove() }

  func remove() {
    try? FileManager.default.removeItem(atPath: whole)
    AtEnd.shared.forget(folder: whole)
    if !isClosed { close(lock) }
    isClosed = true
  }

  /// - Parameter youth: seconds for which a folder is left alone.
  static func removeLeft(in parent: String, _ prefix: String, youth: Int = youth) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(prefix) {
      let path = "\(parent)/\(name)"
      var facts = stat()
      guard stat(path, &facts) == 0, time(nil) - facts.st_ctim.tv_sec > youth else { continue }
      let lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard lock >= 0 else { continue }
      if flock(lock, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: path) }
      close(lock)
    }
  }
}

/// What must not outlive the program: folders, and programs that it started.
///
/// Threading: any.
final class AtEnd: @unchecked Sendable {
  static let shared = AtEnd()
  private let lock = NSLock()
  private var folders: Set<String> = []
  private var children: Set<pid_t> = []

  // What is made and what is remembered is one step, so that no signal falls between the two.

  func make(folder: String) throws {
    try lock.withLock {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch { throw BenchError("cannot make \(folder): \(error.localizedDescription)") }
      folders.insert(folder)
    }
  }
  func start(_ child: Process) throws {
    try lock.withLock {
      try child.run()
      children.insert(child.processIdentifier)
    }
  }
  func forget(folder: String) { lock.withLock { _ = folders.remove(folder) } }
  func forget(child: pid_t) { lock.withLock { _ = children.remove(child) } }

  /// The lock is kept: nothing is made after it.
  private func clean() {
    lock.lock()
    for child in children {
      kill(child, SIGKILL)
      // What it still writes would be in a folder that is being removed.
      var status: Int32 = 0
      waitpid(child, &status, 0)
    }
    for folder in folders {
      // Our own threads still run, and may put a file where one has just been removed.
      for _ in 0..<1_000 where access(folder, F_OK) == 0 {
        try? FileManager.default.removeItem(atPath: folder)
      }
    }
  }

  /// SIGTERM, SIGINT and SIGHUP end the program as they always do, once what is left has been removed. To
  /// be called before there is a second thread: all have them blocked but the one that waits for them.
  ///
  /// A parent that blocks or ignores SIGTERM hands that on; a measurement ends when it is told to.
  static func install() {
    signal(SIGTERM, SIG_DFL)
    let taken = [SIGTERM] + [SIGINT, SIGHUP].filter { !isIgnored($0) }
    var set = sigset_t()
    sigemptyset(&set)
    for number in taken { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let waited = set
    let thread = Thread {
      var set = waited
      var number: Int32 = 0
      sigwait(&set, &number)
      shared.clean()
      signal(number, SIG_DFL)
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
      kill(getpid(), number)
    }
    thread.name = "at-end"
    thread.start()
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// Where a program that we start writes its errors: no file of that name is there any more, so that
/// nothing is left of it, and no pipe can fill.
struct ChildLog {
  let handle: FileHandle

  init() throws {
    var name = Array(
      "\(FileManager.default.temporaryDirectory.path)/needletail-log-XXXXXX".utf8CString)
    let file = mkstemp(&name)
    guard file >= 0 else { throw BenchError("no file for a program's errors: errno \(errno)") }
    unlink(name)
    handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  /// The last of it, in parentheses; empty where nothing was said.
  var said: String {
    guard (try? handle.seek(toOffset: 0)) != nil, let all = try? handle.readToEnd() else {
      return ""
    }
    let text = String(decoding: all.suffix(600), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return text.isEmpty ? "" : " (it said: \(text))"
  }
}
