import BenchSupport
import CFloors
import CSupport
import Foundation

/// What this machine is, measured in under half a second: three frozen kernels that nothing of ours has
/// a part in, with what others took meanwhile. Reports whose kernels differ are of two machines,
/// whatever name the processors go by.
struct MachineKernels {
  /// Nanoseconds of a step of dependent arithmetic, of a branch that nobody foresees, and of a load that
  /// waits for the one before, beyond the second-level cache.
  var arithmetic = Double.nan
  var branch = Double.nan
  var load = Double.nan
  /// Where the kernels ended: at ``ends``, or work was left out.
  var check: [UInt64] = [0, 0, 0]
  /// Of one processor, meanwhile. The kernel counts in hundredths of a second.
  var othersPercent = 0.0
  var stolenPercent = 0.0
  /// The least that two readings of the clock differ by, where they differ.
  var clockStep: Int64 = 0

  /// Many and short, a millisecond or two each: most of them pass between two turns of the scheduler, so that
  /// the medians stand while others run.
  private static let runs = 25
  private static let steps: UInt64 = 800_000
  private static let words: UInt64 = 6_000
  private static let loads: UInt64 = 10_000
  /// 2²⁰ lines: 64 MiB.
  private static let lineBits: UInt32 = 20
  /// Of so many steps, words and loads, on every machine.
  static let ends: [UInt64] = [0xDEF5_A510_6DA2_2E48, 0xD10A_9945_59AE_F193, 0xC_CF20]

  /// Runs the kernels on the calling thread, in turn.
  static func measure() throws -> MachineKernels {
    let start = nanoseconds()
    let before = (all: ProcessorTime.read(), own: NoiseMeter.ownUsage().seconds)
    var found = try medians()
    guard found.check == ends else { throw BenchError("the kernels left work out: \(found.check)") }
    found.clockStep = leastStep()
    let seconds = Double(nanoseconds() - start) / 1e9
    let after = (all: ProcessorTime.read(), own: NoiseMeter.ownUsage().seconds)
    let others = after.all.busy - before.all.busy - (after.own - before.own)
    found.othersPercent = max(0, 100 * others / seconds)
    found.stolenPercent = max(0, 100 * (after.all.stolen - before.all.stolen) / seconds)
    return found
  }

  private static func medians() throws -> MachineKernels {
    var times = (arithmetic: [Double](), branch: [Double](), load: [Double]())
    var found = MachineKernels()
    try withCircle { lines in
      for _ in 0..<runs {
        times.arithmetic.append(time(steps) { found.check[0] = machine_arithmetic(1, steps) })
        times.branch.append(time(words * 64) { found.check[1] = machine_branches(1, words) })
        // Goes on where it was: what has just been loaded is in a cache, as is what was made last.
        let from = UInt32(found.check[2])
        times.load.append(
          time(loads) { found.check[2] = UInt64(machine_loads(lines, from, loads)) })
      }
    }
    found.arithmetic = middle(times.arithmetic)
    found.branch = middle(times.branch)
    found.load = middle(times.load)
    return found
  }

  private static func time(_ operations: UInt64, _ body: () -> Void) -> Double {
    let start = nanoseconds()
    body()
    return Double(nanoseconds() - start) / Double(operations)
  }

  /// The circle on huge pages where the kernel has them, as the books have theirs: else a load is also
  /// a walk through page tables.
  private static func withCircle(_ body: (UnsafePointer<machine_line>) -> Void) throws {
    let bytes = UInt64(MemoryLayout<machine_line>.stride) << lineBits
    var made: OpaquePointer?
    let error = nt_arena_create(
      &made, bytes + 4_096,
      nt_arena_options(numa_node: -1, huge_pages: true, lock: false, prefault: true), nil)
    guard error == 0, let arena = made else {
      throw BenchError("no memory for the kernels: errno \(error)")
    }
    defer { nt_arena_destroy(arena) }
    guard let memory = nt_arena_take(arena, bytes, 64) else {
      throw BenchError("the arena is too small for the kernels")
    }
    let lines = memory.assumingMemoryBound(to: machine_line.self)
    machine_circle(lines, lineBits)
    body(lines)
  }

  private static func leastStep() -> Int64 {
    var least = Int64.max
    var last = nanoseconds()
    for _ in 0..<20_000 {
      let now = nanoseconds()
      if now > last { least = min(least, now - last) }
      last = now
    }
    return least == .max ? 0 : least
  }

  /// One line, `machine: …`.
  /// - Parameter machine: ``Machine/describe()``.
  func line(_ machine: String) -> String {
    func text(_ x: Double) -> String {
      String(format: x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x)
    }
    let taken = String(format: "others %.1f %%, stolen %.1f %%", othersPercent, stolenPercent)
    return "machine: \(machine); arithmetic \(text(arithmetic)) ns, branch \(text(branch)) ns, "
      + "load \(text(load)) ns; \(taken); clock step \(clockStep) ns"
  }

  /// The line, or nil and on standard error why not: a report is worth having without it.
  static func line(of machine: String) -> String? {
    do { return try measure().line(machine) } catch {
      Bench.say("machine: \(Bench.text(of: error))")
      return nil
    }
  }

  /// `needletail-bench machine`.
  static func run(_ arguments: [String]) -> Int32 {
    let help = """
      usage: \(Bench.name) machine

      Says in one line what this machine is: processors and kernel; nanoseconds of a step of dependent
      arithmetic, of a branch that nobody foresees and of a load that waits for the one before (64 MiB);
      what others and the hypervisor took meanwhile, percent of one processor; the clock's least step.
      """
    if arguments == ["--help"] {
      print(help)
      return 0
    }
    guard arguments.isEmpty else {
      Bench.say("machine takes no arguments; see \(Bench.command) machine --help")
      return 64
    }
    guard let line = line(of: Machine.describe()) else { return 70 }
    print(line)
    return 0
  }
}
