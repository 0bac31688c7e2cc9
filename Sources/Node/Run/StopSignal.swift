import Foundation
import Synchronization

/// Signals as a value that is asked for, not as an interruption: they are blocked in every thread
/// and taken here.
///
/// Every signal that can be caught and would end or suspend a process ends the run in order
/// instead: working orders are cancelled, the confirmations awaited, then it exits. So does Ctrl-Z.
/// A process that is suspended keeps its orders in the market and does not know what becomes of
/// them; one that cancelled them first and slept would come back to a market it has not seen, with
/// a session that the exchange has closed meanwhile, and a shell's `fg` is not the word of a person
/// who has looked: to trade again is to start again. SIGPIPE is ignored, for a log whose reader has
/// gone is no reason to stop. SIGKILL and SIGSTOP cannot be caught: cancel-on-disconnect is for
/// these.
///
/// Faults of the program itself (SIGSEGV, SIGABRT and their kin) are not among them: after those
/// nothing it would still do can be trusted. They end it at once (``endAtFaults()``): while the language's
/// backtracer looked at it, its connections would stay open and its orders in the market.
///
/// Threading: `block` on the first thread before it starts others, so that they inherit it.
enum StopSignal {
  /// By number, the real-time signals apart.
  static let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGUSR1: "SIGUSR1",
    SIGUSR2: "SIGUSR2", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGSTKFLT: "SIGSTKFLT",
    SIGTSTP: "SIGTSTP", SIGTTIN: "SIGTTIN", SIGTTOU: "SIGTTOU", SIGXCPU: "SIGXCPU",
    SIGXFSZ: "SIGXFSZ", SIGVTALRM: "SIGVTALRM", SIGPROF: "SIGPROF", SIGIO: "SIGIO",
    SIGPWR: "SIGPWR",
  ]
  /// Those that the C library leaves to programs.
  static let realTime = __libc_current_sigrtmin()...__libc_current_sigrtmax()

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in names.keys { sigaddset(&set, number) }
    for number in realTime { sigaddset(&set, number) }
    return set
  }

  static func block() {
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// A fault ends the process, with a core file where the system writes one, and its connections with it:
  /// cancel-on-disconnect takes its orders off.
  static func endAtFaults() {
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV, SIGSYS] {
      signal(number, SIG_DFL)
    }
  }

  /// Waits so long at most; true when a signal came.
  static func wait(milliseconds: Int) -> Bool { take(milliseconds: milliseconds) != nil }

  /// Waits so long at most; the signal that came.
  static func take(milliseconds: Int) -> Int32? {
    var set = set
    var time = timespec(tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
    let number = sigtimedwait(&set, nil, &time)
    guard number > 0 else { return nil }
    taken.store(number, ordering: .relaxed)
    return number
  }

  /// The last one that came; nil: none has.
  static var last: Int32? {
    let number = taken.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
  private static let taken = Atomic<Int32>(0)

  static func name(_ number: Int32) -> String {
    names[number] ?? "real-time signal \(number - realTime.lowerBound)"
  }
}
