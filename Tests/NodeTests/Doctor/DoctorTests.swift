import Foundation
import TestSupport
import Testing

@testable import ExecutionCore
@testable import Node

struct DoctorTests {
  /// The finding of a name, from a tuned machine with one file changed.
  private func finding(
    _ name: String, _ path: String, _ text: String?, wishes: MachineWishes = FixtureMachine.wishes
  ) throws -> Finding {
    let machine = try FixtureMachine()
    if let text { try machine.put(path, text) } else { try machine.remove(path) }
    let found = machine.report(wishes).findings.first { $0.name == name }
    return try #require(found, "no finding '\(name)'")
  }

  @Test func `a tuned machine has nothing wrong`() throws {
    var wishes = FixtureMachine.wishes
    wishes.priority = 50
    wishes.peers = [0x0A01_0005]
    let machine = try FixtureMachine()
    let report = machine.report(wishes)
    #expect(report.findings.filter { $0.level != .ok } == [])
    #expect(report.findings.count == Check.all.count)
    #expect(report.exitCode == .ok)
  }

  @Test func `an empty tree is unknown throughout, and never ok`() throws {
    let directory = try TemporaryDirectory()
    var wishes = FixtureMachine.wishes
    wishes.priority = 50
    wishes.peers = [0x0A01_0005]
    let live = LiveProbes(
      uringRefusal: { "refused" }, freeBytes: { _ in nil }, offloads: { _ in nil })
    let report = DoctorReport(
      InspectedMachine(files: MachineFiles(root: directory.path), wishes: wishes, live: live))
    #expect(report.findings.filter { $0.level == .ok } == [])
    #expect(report.findings.filter { $0.level != .unknown }.map(\.name) == ["io_uring"])
    #expect(report.findings.allSatisfy { !$0.observed.isEmpty && !$0.source.isEmpty })
  }

  @Test func `rubbish in any file is unknown or wrong, and never a trap`() throws {
    let rubbish = [
      "", "zebra", "-1", "99999999999999999999999", "0-99999999999", "\u{0}\u{7f}", ",",
    ]
    let machine = try FixtureMachine()
    for (path, good) in FixtureMachine.tuned {
      for text in rubbish {
        try machine.put(path, text)
        #expect(machine.report().findings.count > 20)
      }
      try machine.put(path, good)
    }
  }

  /// One file of the tuned machine changed, and what is found then.
  struct Case: Sendable, CustomTestStringConvertible {
    let name, path, text: String
    let level: Finding.Level
    /// Empty: any.
    let observed: String
    var testDescription: String { "\(name): '\(text)'" }

    init(
      _ name: String, _ path: String, _ text: String, _ level: Finding.Level, _ observed: String
    ) {
      (self.name, self.path, self.text) = (name, path, text)
      (self.level, self.observed) = (level, observed)
    }
  }

  static let cases: [Case] = [
    Case(
      "isolation", "/sys/devices/system/cpu/isolated", "", .problem, "2-3 not isolated"
    ),
    Case("isolation", "/sys/devices/system/cpu/isolated", "2", .problem, "3 not isolated"),
    Case("isolation", "/sys/devices/system/cpu/isolated", "two", .unknown, "not understood: 'two'"),
    Case("timer tick", "/sys/devices/system/cpu/nohz_full", "(null)", .warning, "2-3 tick"),
    Case("RCU callbacks", "/proc/cmdline", "quiet", .warning, "run on 2-3"),
    Case("RCU callbacks", "/proc/cmdline", "rcu_nocbs=all", .ok, "off 2-3"),
    Case("RCU callbacks", "/proc/cmdline", "rcu_nocbs=1-N", .ok, "off 2-3"),
    Case(
      "hardware threads", "/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6",
      .warning, "6 share a core with 2-3"
    ),
    Case(
      "hardware threads", "/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2-3",
      .problem, "3 share one core, and both are hot"
    ),
    Case("interrupts", "/proc/irq/24/effective_affinity_list", "3", .problem, "1 of 1 come to 2-3"),
    Case("interrupts", "/proc/irq/24/smp_affinity_list", "0-7", .warning, "1 of 1 may come to 2-3"),
    Case(
      "governor", "/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave", .problem,
      "3: powersave"
    ),
    Case(
      "idle states", "/sys/devices/system/cpu/cpu3/cpuidle/state2/disable", "0", .warning,
      "C6 (133 us)"
    ),
    Case(
      "clock source", "/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet",
      .problem, "hpet"
    ),
    Case(
      "time stamp counter", "/proc/cpuinfo", "flags : fpu constant_tsc", .problem,
      "without nonstop_tsc"
    ),
    Case(
      "stolen time", "/proc/stat", "cpu2 50 0 0 940 0 0 0 10 0 0\ncpu3 0 0 0 1000 0 0 0 0 0 0",
      .warning, "0.50 % since boot"
    ),
    Case("stolen time", "/proc/stat", "cpu2 1 0 0 99 0 0 0 50\ncpu3 1 1", .unknown, ""),
    Case(
      "transparent huge pages", "/sys/kernel/mm/transparent_hugepage/enabled",
      "[always] madvise never", .warning, "always"
    ),
    Case(
      "huge pages", "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "0",
      .warning, "0 of 2 MiB free on node 0"
    ),
    Case(
      "huge pages", "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages",
      "200",
      .warning, "200 of 2 MiB free on node 0"
    ),
    Case(
      "NUMA", "/sys/devices/system/node/node0/cpulist", "0-2", .unknown, "processor 3 is on no node"
    ),
    Case("NUMA balancing", "/proc/sys/kernel/numa_balancing", "1", .warning, "on"),
    Case(
      "locked memory", "/proc/self/limits", "Max locked memory   8388608  8388608  bytes",
      .problem, "at most 8192 KiB"
    ),
    Case(
      "swap", "/proc/swaps", "Filename Type Size Used Priority\n/swap file 4096 12 -2", .problem,
      "12 KiB in use"
    ),
    Case(
      "swap", "/proc/swaps", "Filename Type Size Used Priority\n/swap file 4096 0 -2", .warning,
      "not in use now, swappiness 60"
    ),
    Case("timer migration", "/proc/sys/kernel/timer_migration", "1", .warning, "on"),
    Case("watchdog", "/proc/sys/kernel/nmi_watchdog", "1", .warning, "on"),
    Case(
      "processor quota", "/sys/fs/cgroup/user.slice/cpu.max", "150000 100000", .problem,
      "150000 of every 100000 us"
    ),
    Case("processor quota", "/proc/self/cgroup", "4:memory:/", .unknown, "has no line '0::'"),
    Case("load", "/proc/loadavg", "7.50 1 1 1/1 1", .warning, "7.50 over a minute, 8 processors"),
    Case("load", "/proc/loadavg", "nan 1 1 1/1 1", .unknown, "not understood: 'nan 1 1 1/1 1'"),
    Case(
      "performance counters", "/proc/sys/kernel/perf_event_paranoid", "4", .warning, "level 4"
    ),
    Case(
      "mitigations", "/sys/devices/system/cpu/vulnerabilities/l1tf", "Vulnerable", .ok,
      "1 on, vulnerable: l1tf"
    ),
    Case(
      "socket buffers", "/proc/sys/net/core/rmem_max", "212992", .warning,
      "receive up to 212992 bytes, send up to 16777216; the feed asks for 4194304"
    ),
    Case(
      "irqbalance", "/proc/77/comm", "irqbalance", .ok,
      "running; it leaves isolated processors alone"
    ),
    Case("processors", "/sys/devices/system/cpu/online", "0-2", .problem, ""),
  ]

  @Test(arguments: cases) func `one file decides`(_ one: Case) throws {
    let found = try finding(one.name, one.path, one.text)
    #expect(found.level == one.level, "\(found)")
    if !one.observed.isEmpty { #expect(found.observed == one.observed) }
    #expect((found.cure != nil) == (one.level == .problem || one.level == .warning))
  }

  @Test func `the huge pages of the cure are enough for the default settings`() throws {
    let plan = try RunPlan(RunOptions())
    let engine = try plan.configuration.engine(instruments: plan.instruments, day: plan.day)
    let bytes = Int(EngineState.bytes(engine))
    #expect(bytes <= InspectedMachine.defaultHugePages << 21)
    #expect(bytes > InspectedMachine.defaultHugePages << 20, "far more than is needed")
  }

  @Test func `what the kernel must be booted with says so`() throws {
    let found = try finding("isolation", "/sys/devices/system/cpu/isolated", "")
    #expect(found.cure?.needsReboot == true)
    #expect(found.cure?.command.contains("isolcpus=managed_irq,domain,2-3") == true)
  }

  @Test func `a program that holds the idle states down is seen`() throws {
    let machine = try FixtureMachine()
    try machine.put("/sys/devices/system/cpu/cpu3/cpuidle/state2/disable", "0")
    try machine.put("/dev/cpu_dma_latency", bytes: [0, 0, 0, 0])
    let found = machine.report().findings.first { $0.name == "idle states" }
    #expect(found?.level == .ok)
  }

  @Test func `more spinning threads than processors are a problem`() throws {
    let machine = try FixtureMachine()
    try machine.put("/sys/devices/system/cpu/online", "0-1")
    try machine.put("/proc/self/status", "Cpus_allowed_list:\t1\nCapEff:\t0")
    var wishes = FixtureMachine.wishes
    wishes.cores = []
    let verdict = try machine.machine(wishes).processorCount()
    #expect(machine.machine(wishes).hot == [1])
    #expect(verdict.level == .problem)
    wishes.spinningThreads = 1
    #expect(try machine.machine(wishes).processorCount().level == .warning)
  }

  @Test func `the priority is asked about only where one is configured`() throws {
    let machine = try FixtureMachine()
    try machine.put("/proc/self/limits", "Max locked memory unlimited\nMax realtime priority 0 0")
    let names = machine.report().findings.map(\.name)
    #expect(!names.contains("real-time priority") && !names.contains("real-time throttling"))
    var wishes = FixtureMachine.wishes
    wishes.priority = 10
    try machine.put("/proc/sys/kernel/sched_rt_runtime_us", "950000")
    let findings = machine.report(wishes).findings
    #expect(findings.first { $0.name == "real-time priority" }?.level == .problem)
    #expect(findings.first { $0.name == "real-time throttling" }?.level == .problem)
    // CAP_SYS_NICE stands in for the limit.
    try machine.put("/proc/self/status", "Cpus_allowed_list:\t0-7\nCapEff:\t0000000000800000")
    let again = machine.report(wishes).findings
    #expect(again.first { $0.name == "real-time priority" }?.level == .ok)
  }

  @Test func `the card of the longest route is asked, and what it holds back is told`() throws {
    let machine = try FixtureMachine()
    var wishes = FixtureMachine.wishes
    var live = FixtureMachine.live
    live.offloads = { name in
      name == "eth1"
        ? LiveProbes.Offloads(mergesReceived: true, receiveDelay: 50, isAdaptive: false) : nil
    }
    wishes.peers = [0x0A01_0005]
    let found = machine.report(wishes, live).findings.first { $0.name == "network card" }
    #expect(found?.level == .warning)
    #expect(found?.observed == "eth1 merges packets (GRO), eth1 waits 50 us")
    wishes.peers = [0x0A02_0005]
    let silent = machine.report(wishes, live).findings.first { $0.name == "network card" }
    #expect(silent?.level == .unknown)
    #expect(silent?.source == "ethtool eth0")
  }

  @Test func `a ring that cannot be made matters as much as the configuration needs it`() throws {
    let machine = try FixtureMachine()
    try machine.put("/proc/sys/kernel/io_uring_disabled", "2")
    var live = FixtureMachine.live
    live.uringRefusal = { "forbidden" }
    var wishes = FixtureMachine.wishes
    func found() -> Finding? {
      machine.report(wishes, live).findings.first { $0.name == "io_uring" }
    }
    #expect(found()?.level == .warning)
    wishes.needsURing = true
    #expect(found()?.level == .problem)
    #expect(found()?.cure?.command == "sysctl -w kernel.io_uring_disabled=0")
  }

  @Test(arguments: [
    ("0-3,8", [0, 1, 2, 3, 8]), ("", []), ("(null)", []), ("7", [7]), ("0-7:2/4", [0, 1, 4, 5]),
    ("3,1,1", [1, 3]),
  ]) func `lists of processors are read as the kernel writes them`(_ text: String, _ list: [Int]) {
    #expect(ProcessorList.parse(text) == list)
  }

  @Test(arguments: [
    "3-1", "-1", "1-", "a", "1,,2", "0-9999", "1:0/2", "1-2:2/1", "1-2-3", ",", "N",
  ])
  func `what is no list of processors is refused`(_ text: String) {
    #expect(ProcessorList.parse(text) == nil)
  }

  @Test func `a list of processors is written in ranges`() {
    #expect(ProcessorList.text([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8")
    #expect(ProcessorList.text([]) == "-")
  }
}
