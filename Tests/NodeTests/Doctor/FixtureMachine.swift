import Foundation
import TestSupport

@testable import Node

/// A tree of /proc and /sys below a directory of its own: a machine of eight processors that is tuned
/// for processors 2 and 3, which tests then spoil.
final class FixtureMachine {
  let root = FileManager.default.temporaryDirectory
    .appendingPathComponent("needletail-\(UUID().uuidString)").path
  var files: MachineFiles { MachineFiles(root: root) }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  init() throws {
    for (path, text) in Self.tuned { try put(path, text) }
    for processor in 0..<8 {
      let cpu = "/sys/devices/system/cpu/cpu\(processor)/"
      try put(cpu + "cpufreq/scaling_governor", "performance")
      try put(cpu + "topology/thread_siblings_list", "\(processor)")
      for (state, name, latency, isOff) in [(0, "POLL", 0, 0), (1, "C1", 2, 0), (2, "C6", 133, 1)] {
        try put(cpu + "cpuidle/state\(state)/name", name)
        try put(cpu + "cpuidle/state\(state)/latency", "\(latency)")
        try put(cpu + "cpuidle/state\(state)/disable", "\(isOff)")
      }
    }
  }

  func put(_ path: String, _ text: String) throws { try put(path, bytes: Array(text.utf8) + [10]) }

  func put(_ path: String, bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: root + path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: root + path)
  }

  static let wishes: MachineWishes = {
    var wishes = MachineWishes()
    wishes.cores = [2, 3]
    wishes.numaNode = 0
    wishes.data = "/data"
    return wishes
  }()

  static let live = LiveProbes(
    uringRefusal: { nil }, freeBytes: { _ in 1 << 40 },
    offloads: { _ in
      LiveProbes.Offloads(mergesReceived: false, receiveDelay: 0, isAdaptive: false)
    })

  func machine(
    _ wishes: MachineWishes = FixtureMachine.wishes, _ live: LiveProbes = FixtureMachine.live
  ) -> InspectedMachine {
    InspectedMachine(files: files, wishes: wishes, live: live)
  }

  func report(
    _ wishes: MachineWishes = FixtureMachine.wishes, _ live: LiveProbes = FixtureMachine.live
  ) -> DoctorReport {
    DoctorReport(machine(wishes, live))
  }

  static let tuned: [(String, String)] = [
    ("/sys/devices/system/cpu/online", "0-7"),
    ("/sys/devices/system/cpu/isolated", "2-3"),
    ("/sys/devices/system/cpu/nohz_full", "2-3"),
    ("/proc/cmdline", "quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3"),
    ("/proc/irq/24/smp_affinity_list", "0-1,4-7"),
    ("/proc/irq/24/effective_affinity_list", "4"),
    ("/proc/irq/default_smp_affinity", "f3"),
    ("/proc/1/comm", "init"),
    ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1"),
    ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"),
    ("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm"),
    ("/proc/cpuinfo", "model name\t: Test\nflags\t\t: fpu constant_tsc nonstop_tsc sse2"),
    (
      "/proc/stat", "cpu  4 0 0 0 0 0 0 0 0 0\ncpu2 1 0 0 999 0 0 0 0 0 0\ncpu3 1 0 0 9 0 0 0 0 0 0"
    ),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"),
    ("/sys/devices/system/node/online", "0-1"),
    ("/sys/devices/system/node/node0/cpulist", "0-3"),
    ("/sys/devices/system/node/node1/cpulist", "4-7"),
    ("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "400"),
    ("/proc/sys/kernel/numa_balancing", "0"),
    (
      "/proc/self/limits",
      """
      Limit                     Soft Limit           Hard Limit           Units
      Max locked memory         unlimited            unlimited            bytes
      Max realtime priority     99                   99
      """
    ),
    (
      "/proc/self/status",
      "Name:\tx\nCpus_allowed_list:\t0-7\nCapEff:\t0000000000000000\nSeccomp:\t0"
    ),
    ("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"),
    ("/proc/sys/vm/swappiness", "60"),
    ("/proc/sys/kernel/sched_rt_runtime_us", "-1"),
    ("/proc/sys/kernel/timer_migration", "0"),
    ("/proc/sys/kernel/nmi_watchdog", "0"),
    ("/proc/sys/kernel/soft_watchdog", "0"),
    ("/proc/sys/kernel/watchdog_cpumask", "0-7"),
    ("/proc/sys/kernel/perf_event_paranoid", "1"),
    ("/proc/sys/kernel/io_uring_disabled", "0"),
    ("/proc/self/cgroup", "0::/user.slice/needletail"),
    ("/sys/fs/cgroup/cgroup.controllers", "cpu memory"),
    ("/sys/fs/cgroup/user.slice/cpu.max", "max 100000"),
    ("/sys/fs/cgroup/user.slice/needletail/cpu.max", "max 100000"),
    ("/proc/loadavg", "0.10 0.20 0.30 1/100 4242"),
    ("/sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI"),
    ("/sys/devices/system/cpu/vulnerabilities/l1tf", "Not affected"),
    ("/proc/sys/net/core/rmem_max", "16777216"),
    ("/proc/sys/net/core/wmem_max", "16777216"),
    ("/proc/sys/net/core/busy_read", "50"),
    ("/proc/sys/net/core/busy_poll", "50"),
    (
      "/proc/net/route",
      """
      Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
      eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
      eth1\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
      """
    ),
  ]
}
