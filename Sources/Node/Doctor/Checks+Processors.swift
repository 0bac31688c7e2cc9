/// Who else may run where the hot thread spins.
extension Check {
  static let processors: [Check] = [
    Check(
      "processors",
      why: "two spinning threads on one processor wait for each other by milliseconds"
    ) { try $0.processorCount() },
    Check(
      "isolation",
      why: "the scheduler puts other tasks on a processor that is not isolated: milliseconds each"
    ) { try $0.isolation() },
    Check(
      "timer tick",
      why: "the scheduler's tick interrupts a spinning thread 100 to 1000 times a second"
    ) { try $0.tickless() },
    Check(
      "RCU callbacks", why: "the kernel frees its memory in softirqs on the processor that used it"
    ) { try $0.callbacks() },
    Check(
      "hardware threads",
      why: "a busy sibling takes half of the core's execution units and its first-level caches"
    ) { try $0.siblings() },
    Check(
      "interrupts", why: "an interrupt on the hot processor costs 2 to 20 us and evicts its caches"
    ) { try $0.interrupts() },
    Check("irqbalance", why: "it moves interrupts onto processors that look idle to it") {
      try $0.irqbalance()
    },
  ]
}

extension InspectedMachine {
  private static let system = "/sys/devices/system/cpu/"

  func processorCount() throws(Unreadable) -> Observation {
    let source = Self.system + "online"
    let online = try files.processors(source)
    let wanted = wishes.spinningThreads
    let seen =
      "\(allowed.count) of \(online.count) processors may be used, \(wanted) "
      + "thread\(wanted == 1 ? "" : "s") will spin"
    if let missing = hot.first(where: { !online.contains($0) }) {
      return .problem(
        "there is no processor \(missing); online are \(ProcessorList.text(online))", source,
        fix: "needletail run: set runtime.processor to one of \(ProcessorList.text(allowed))")
    }
    if let foreign = hot.first(where: { !allowed.contains($0) }) {
      return .problem(
        "processor \(foreign) is not allowed to this process (\(ProcessorList.text(allowed)) are)",
        "/proc/self/status", fix: "start it by taskset -c \(hotText), or widen the cgroup's cpuset")
    }
    if max(wanted, hot.count) > allowed.count {
      return .problem(
        seen, source, fix: "use a larger machine, or set runtime.wait to block")
    }
    if wanted == allowed.count, wanted > 0 {
      return .warning(
        seen + ": none is left for interrupts, the journal and the kernel", source,
        fix: "use a machine with more processors than spinning threads")
    }
    return .ok(seen, source)
  }

  func isolation() throws(Unreadable) -> Observation {
    let source = Self.system + "isolated"
    let isolated = try files.processors(source)
    let open = hot.filter { !isolated.contains($0) }
    guard !open.isEmpty else { return .ok("\(hotText) isolated", source) }
    return .problem(
      "\(ProcessorList.text(open)) not isolated", source,
      fix: boot("isolcpus=managed_irq,domain,\(hotText)"), reboot: true)
  }

  func tickless() throws(Unreadable) -> Observation {
    let source = Self.system + "nohz_full"
    guard files.exists(source) else {
      // The file is there only where the kernel was built with it.
      _ = try files.processors(Self.system + "online")
      return .warning(
        "this kernel has no CONFIG_NO_HZ_FULL", source,
        fix: "install a kernel built with CONFIG_NO_HZ_FULL, then boot nohz_full=\(hotText)",
        reboot: true)
    }
    let tickless = try files.processors(source)
    let open = hot.filter { !tickless.contains($0) }
    guard !open.isEmpty else { return .ok("no tick on \(hotText)", source) }
    return .warning(
      "\(ProcessorList.text(open)) tick", source, fix: boot("nohz_full=\(hotText)"), reboot: true)
  }

  func callbacks() throws(Unreadable) -> Observation {
    let source = "/proc/cmdline"
    let last = try files.processors(Self.system + "online").last
    var offloaded: Set<Int> = []
    for name in ["rcu_nocbs", "nohz_full"] {
      guard let text = try bootOption(name) else { continue }
      // Without a list: all of them may be, and none is.
      guard let list = ProcessorList.parse(text, last: last) else {
        throw files.misunderstood(source, "\(name)=\(text)")
      }
      offloaded.formUnion(list)
    }
    let open = hot.filter { !offloaded.contains($0) }
    guard !open.isEmpty else { return .ok("off \(hotText)", source) }
    return .warning(
      "run on \(ProcessorList.text(open))", source, fix: boot("rcu_nocbs=\(hotText)"), reboot: true)
  }

  func siblings() throws(Unreadable) -> Observation {
    var shared: [Int] = []
    var source = ""
    for processor in hot {
      source = Self.system + "cpu\(processor)/topology/thread_siblings_list"
      shared += try files.processors(source).filter { $0 != processor && !shared.contains($0) }
    }
    guard !shared.isEmpty else { return .ok("\(hotText) without a sibling", source) }
    let fix = shared.map { "echo 0 > \(Self.system)cpu\($0)/online" }.joined(separator: "; ")
    let both = shared.filter { hot.contains($0) }
    guard both.isEmpty else {
      return .problem(
        "\(ProcessorList.text(both)) share one core, and both are hot", source,
        fix: "give --cores and runtime.processor threads of different cores")
    }
    return .warning("\(ProcessorList.text(shared)) share a core with \(hotText)", source, fix: fix)
  }

  func interrupts() throws(Unreadable) -> Observation {
    let source = "/proc/irq"
    var here: [String] = []
    var possible: [String] = []
    var seen = 0
    var refused: Unreadable?
    for name in try files.names(source) where Int(name) != nil {
      let directory = "\(source)/\(name)/"
      do throws(Unreadable) {
        let may = try files.processors(directory + "smp_affinity_list")
        let effective = try? files.processors(directory + "effective_affinity_list")
        seen += 1
        if hot.contains(where: (effective ?? may).contains) {
          here.append(name)
        } else if hot.contains(where: may.contains) {
          possible.append(name)
        }
      } catch { refused = error }
    }
    if let refused, here.isEmpty { throw refused }
    guard seen > 0 else { return .unknown("no interrupt is listed", source) }
    let list = (here + possible).joined(separator: " ")
    let fix =
      "for i in \(list); do echo \(othersText) > /proc/irq/$i/smp_affinity_list; done"
    guard !others.isEmpty || here.isEmpty else {
      return .problem(
        "\(here.count) of \(seen) come to \(hotText), and there is no other processor", source,
        fix: "use a machine with a processor to spare")
    }
    if !here.isEmpty {
      return .problem("\(here.count) of \(seen) come to \(hotText)", source, fix: fix)
    }
    if !possible.isEmpty {
      return .warning("\(possible.count) of \(seen) may come to \(hotText)", source, fix: fix)
    }
    return .ok("none of \(seen) may come to \(hotText)", source)
  }

  func irqbalance() throws(Unreadable) -> Observation {
    let source = "/proc/*/comm"
    let processes = try files.names("/proc").filter { Int($0) != nil }
    guard !processes.isEmpty else { return .unknown("no process is listed", source) }
    let runs = processes.contains { (try? files.text("/proc/\($0)/comm")) == "irqbalance" }
    guard runs else { return .ok("not running", source) }
    let isolated = (try? files.processors(Self.system + "isolated")) ?? []
    if hot.allSatisfy(isolated.contains) {
      return .ok("running; it leaves isolated processors alone", source)
    }
    return .warning("running", source, fix: "systemctl disable --now irqbalance")
  }
}
