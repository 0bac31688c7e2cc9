internal import CSupport
internal import Glibc

/// A processor that no other hot thread of this machine takes while this lives: a lock on a file of
/// its own, which the kernel lets go of when the process ends, however it ends.
///
/// The file is opened for reading only, never through a symbolic link, and never written or
/// removed: another user's serves as well as ours, and nothing of ours can be turned against
/// another's file. Processes in containers of their own, which do not share the folder, do not see
/// each other's locks.
@safe package final class ProcessorClaim: Sendable {
  /// Where the files are: the same for every user, or two users' runs would not see each other.
  package static let folders = ["/run/lock", "/tmp"]

  private let descriptor: Int32

  /// nil when another holds it, or when there is no folder for its file.
  package init?(_ processor: Int32, folders: [String] = ProcessorClaim.folders) {
    guard let descriptor = Self.open(processor, folders) else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }
  deinit {
    // A child that is being started may have the descriptor too.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Whether another holds it now.
  package static func isTaken(_ processor: Int32, folders: [String] = ProcessorClaim.folders)
    -> Bool
  {
    guard let descriptor = open(processor, folders) else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }

  private static func open(_ processor: Int32, _ folders: [String]) -> Int32? {
    for folder in folders {
      let path = "\(folder)/needletail-cpu\(processor).lock"
      let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
      // Two may make it at once: then it is there the second time.
      for _ in 0..<2 {
        var descriptor = unsafe Glibc.open(path, flags)
        if descriptor < 0, errno == ENOENT {
          descriptor = unsafe Glibc.open(path, flags | O_CREAT | O_EXCL, 0o444)
          // Whatever the umask: others must be able to open it.
          if descriptor >= 0 { _ = fchmod(descriptor, 0o444) }
        }
        guard descriptor >= 0 else { continue }
        var status = stat()
        if unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
          return descriptor
        }
        close(descriptor)
      }
    }
    return nil
  }
}

/// Where the hot thread of a run goes, and where everything else of it, so that it stays alone
/// there.
package struct ProcessorChoice: Sendable {
  /// −1: any of ``others``.
  package let processor: Int32
  /// For all other threads, and the processes that this one starts: not the hot thread's, and none
  /// that another run's hot thread has. Empty: there is nothing to choose.
  package let others: [Int32]
  /// What the run's latency must not be read without; nil when the hot thread has a processor to
  /// itself.
  package let note: String?
  private let claim: ProcessorClaim?

  /// The configured processor was taken.
  package struct Taken: Error {
    package let processor: Int
  }

  /// - Parameters:
  ///   - wanted: −1: the last that is free, as long as one is left for the rest of the run. One
  ///     that is asked for and taken is refused: two hot threads on one processor stop each other
  ///     for milliseconds, also the one that trades already, and nothing has been sent yet.
  ///   - allowed: processors that this process may use, ascending.
  package init(
    wanted: Int, allowed: [Int32] = Self.allowed, folders: [String] = ProcessorClaim.folders
  ) throws(Taken) {
    func free() -> [Int32] { allowed.filter { !ProcessorClaim.isTaken($0, folders: folders) } }
    if wanted >= 0 {
      let place = Int32(clamping: wanted)
      // One that there is not is the thread's to report.
      claim =
        allowed.contains(place) ? try Self.claim(place, asked: wanted, folders: folders) : nil
      processor = place
      let rest = free().filter { $0 != place }
      others = rest.isEmpty ? allowed.filter { $0 != place } : rest
      note = nil
      return
    }
    // Only a claim says what is free: another run may begin at this moment. Each turn one more is taken, or it ends.
    for _ in allowed {
      let found = free()
      // The last but one is for the exchange and the main thread.
      guard found.count > 1, let place = found.last else { break }
      guard let claim = ProcessorClaim(place, folders: folders) else { continue }
      let rest = free().filter { $0 != place }
      // Two that began together would have each the other's.
      guard !rest.isEmpty else { break }
      self.claim = claim
      processor = place
      others = rest
      note = nil
      return
    }
    let left = free()
    claim = nil
    processor = -1
    others = left.count < allowed.count ? left : []
    note =
      allowed.count < 2
      ? "there is one processor: the hot thread shares it, and its latency is not worth quoting"
      : "no processor is free for the hot thread (\(allowed.count - left.count) of "
        + "\(allowed.count) are taken by other runs): it runs unpinned, and its latency "
        + "is not worth quoting"
  }

  /// nil where there is no folder for the file of a claim.
  private static func claim(
    _ place: Int32, asked: Int, folders: [String]
  ) throws(Taken) -> ProcessorClaim? {
    // Who only looks holds it too, for a moment.
    for _ in 0..<20 {
      if let claim = ProcessorClaim(place, folders: folders) { return claim }
      guard !ProcessorClaim.isTaken(place, folders: folders) else { throw Taken(processor: asked) }
      var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
      unsafe nanosleep(&pause, nil)
    }
    return nil
  }

  /// Processors that this process may use, ascending.
  package static var allowed: [Int32] {
    var all = [Int32](repeating: 0, count: Int(NT_CPUS_MAX))
    let count = unsafe Int(nt_cpu_allowed(&all, UInt32(all.count)))
    return Array(all.prefix(count))
  }

  /// Moves the calling thread, and what it starts from now on, away from the hot thread.
  package func leaveHotProcessor() {
    guard !others.isEmpty else { return }
    // What is not granted costs latency and nothing else.
    _ = unsafe nt_thread_pin_self(others, UInt32(others.count))
  }
}
