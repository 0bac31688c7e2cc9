import CAudit
import Glibc

/// What is done on purpose on the measured path, to show that it is seen.
enum Plant: String, CaseIterable {
  case allocation, object, retain, lock, syscall
  /// One more in each send over sockets, on the thread that trades there.
  case socketSyscall = "socket-syscall"
  case socketAllocation = "socket-allocation"
  case socketRetain = "socket-retain"
  case socketLock = "socket-lock"
  /// What counts the system calls of that thread hangs before it has told them.
  case tracer

  /// Those of which one is done in process.
  static let inProcess: [Plant] = [.allocation, .object, .retain, .lock, .syscall]

  @inline(never) func sow() {
    switch self {
    case .allocation: free(sink(malloc(24)))
    case .object: bury(Seed())
    case .retain: audit_retain_and_release(Unmanaged.passUnretained(kept).toOpaque())
    case .lock: audit_lock_on_purpose()
    case .syscall: audit_call_on_purpose()
    case .socketSyscall: audit_plant_in_send(AUDIT_PLANT_CALL, nil)
    case .socketAllocation: audit_plant_in_send(AUDIT_PLANT_ALLOCATION, nil)
    case .socketLock: audit_plant_in_send(AUDIT_PLANT_LOCK, nil)
    case .tracer: audit_stop_tracer_on_purpose()
    case .socketRetain:
      audit_plant_in_send(AUDIT_PLANT_RETAIN, Unmanaged.passUnretained(kept).toOpaque())
    }
  }

  /// One of them, and nothing of the others that matter, has been counted.
  func isSeen(in found: Found) -> Bool {
    switch self {
    case .allocation: found.counts.allocations > 0 && found.counts.frees > 0
    case .object: found.counts.objects > 0
    case .retain: found.counts.retains > 0 && found.counts.releases > 0
    case .lock: found.counts.locks == 1
    case .syscall: found.systemCalls == 1 && SystemCalls.found().first?.name == "getppid"
    case .socketSyscall, .socketAllocation, .socketRetain, .socketLock, .tracer: false
    }
  }
}

private final class Seed: Sendable { let value = 1 }
/// Made before anything is measured.
private let kept = Seed()

/// Keeps the compiler from leaving the pair out.
@inline(never) private func sink(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  memory?.storeBytes(of: 1, as: UInt8.self)
  return memory
}

@inline(never) @_optimize(none) private func bury(_ seed: Seed) { _ = seed.value }
