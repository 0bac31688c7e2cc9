import Foundation

/// Ctrl-C and SIGTERM as a value that is asked for, not as an interruption: the signals are blocked
/// in every thread and taken here.
///
/// Threading: `block` on the first thread before it starts others, so that they inherit it.
enum StopSignal {
  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGHUP)
    return set
  }

  static func block() {
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits so long at most; true when a signal came.
  static func wait(milliseconds: Int) -> Bool {
    var set = set
    var time = timespec(tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
    return sigtimedwait(&set, nil, &time) > 0
  }
}
