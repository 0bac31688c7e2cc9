/// How fast the hot processors run, and what they do when they rest.
extension Check {
  static let power: [Check] = [
    Check(
      "governor", why: "a clock that must first rise costs 10 to 500 us after every quiet spell"
    ) {
      try $0.governor()
    },
    Check("turbo", why: "it is faster, and its clock changes with what the other cores do") {
      try $0.turbo()
    },
    Check(
      "idle states", why: "waking from a deep idle state takes 50 to 200 us, and loses the caches"
    ) { try $0.idleStates() },
    Check(
      "clock source", why: "where it is not the counter, every reading of the time costs 0.5 us"
    ) { try $0.clockSource() },
    Check(
      "time stamp counter", why: "a counter that changes its rate or stops cannot measure latency"
    ) { try $0.counter() },
    Check("stolen time", why: "a hypervisor that runs others here takes milliseconds at a time") {
      try $0.stolenTime()
    },
  ]
}

extension InspectedMachine {
  private static let system = "/sys/devices/system/cpu/"

  func governor() throws(Unreadable) -> Observation {
    var slow: [String] = []
    var source = ""
    for processor in hot {
      source = Self.system + "cpu\(processor)/cpufreq/scaling_governor"
      let governor = try files.text(source)
      if governor != "performance" { slow.append("\(processor): \(governor)") }
    }
    guard !slow.isEmpty else { return .ok("performance", source) }
    return .problem(
      slow.joined(separator: ", "), source, fix: "cpupower frequency-set -g performance")
  }

  /// Reported; whether the speed or the steadiness counts is the owner's to decide.
  func turbo() throws(Unreadable) -> Observation {
    let intel = Self.system + "intel_pstate/no_turbo"
    if files.exists(intel) {
      return .ok(try files.integer(intel) == 0 ? "on" : "off", intel)
    }
    let boost = Self.system + "cpufreq/boost"
    return .ok(try files.integer(boost) == 1 ? "on" : "off", boost)
  }

  func idleStates() throws(Unreadable) -> Observation {
    if let bound = latencyBound(), bound <= 2 {
      return .ok("held at \(bound) us by a program", "/dev/cpu_dma_latency")
    }
    var deep: Set<String> = []
    var source = ""
    for processor in hot {
      let directory = Self.system + "cpu\(processor)/cpuidle"
      source = directory
      for state in try files.names(directory) where state.hasPrefix("state") {
        let path = "\(directory)/\(state)/"
        let latency = try files.integer(path + "latency")
        let isOff = try files.integer(path + "disable") != 0
        if latency > 2, !isOff { deep.insert("\(try files.text(path + "name")) (\(latency) us)") }
      }
    }
    guard !deep.isEmpty else { return .ok("none deeper than 2 us", source) }
    return .warning(
      deep.sorted().joined(separator: ", "), source,
      fix: "cpupower -c \(hotText) idle-set -D 2 (for good: boot with intel_idle.max_cstate=1 "
        + "processor.max_cstate=1)")
  }

  /// Microseconds; nil when it cannot be read. Four bytes of this machine's order.
  private func latencyBound() -> Int? {
    guard let bytes = try? files.bytes("/dev/cpu_dma_latency"), bytes.count == 4 else { return nil }
    let value = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    return value < 0 ? nil : Int(value)
  }

  func clockSource() throws(Unreadable) -> Observation {
    let directory = "/sys/devices/system/clocksource/clocksource0/"
    let source = directory + "current_clocksource"
    let current = try files.text(source)
    if current == "tsc" || current == "arch_sys_counter" { return .ok(current, source) }
    let known = try files.text(directory + "available_clocksource").split(separator: " ")
    guard known.contains("tsc") else {
      return .problem(
        "\(current); the kernel does not trust the counter", source, fix: boot("tsc=reliable"),
        reboot: true)
    }
    return .problem(current, source, fix: "echo tsc > \(source)")
  }

  func counter() throws(Unreadable) -> Observation? {
    let source = "/proc/cpuinfo"
    // Elsewhere than on x86 there is no such line, and the counter is steady by its definition.
    if try files.text(source).contains("CPU implementer") { return nil }
    let flags = Set(try files.field("flags", of: source).split(separator: " "))
    let missing = ["constant_tsc", "nonstop_tsc"].filter { !flags.contains(Substring($0)) }
    guard !missing.isEmpty else { return .ok("constant, and never stops", source) }
    return .problem(
      "without \(missing.joined(separator: ", "))", source,
      fix: "use another machine; of a virtual one, let its host pass invtsc on")
  }

  func stolenTime() throws(Unreadable) -> Observation {
    let source = "/proc/stat"
    let text = try files.text(source)
    var stolen = 0.0
    var total = 0.0
    for processor in hot {
      let name = "cpu\(processor)"
      guard
        let line = text.split(separator: "\n").first(where: {
          $0.split(separator: " ").first == name[...]
        })
      else { throw Unreadable(source: source, reason: "has no line '\(name)'") }
      // user nice system idle iowait irq softirq steal; guest time is in user time already.
      let ticks = line.split(separator: " ").dropFirst().prefix(8).map {
        Int($0).map(Double.init) ?? -1
      }
      guard ticks.count == 8, ticks.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
        throw files.misunderstood(source, String(line))
      }
      stolen += ticks[7]
      total += ticks.reduce(0, +)
    }
    let share = total > 0 ? stolen / total * 100 : 0
    let virtual = hasFlag("hypervisor") == true
    let seen = "\(Self.decimal(share)) % since boot" + (virtual ? ", a virtual machine" : "")
    if share < 0.1 { return .ok(seen, source) }
    let fix = "pin the virtual processors on the host, or use a machine of your own"
    return share < 1 ? .warning(seen, source, fix: fix) : .problem(seen, source, fix: fix)
  }

  /// Two decimals, of what is not negative and no more than a trillion.
  static func decimal(_ value: Double) -> String {
    let hundredths = Int((min(max(value, 0), 1e12) * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}
