/// What the kernel allows a thread, and what it does beside it.
extension Check {
  static let scheduling: [Check] = [
    Check("real-time priority", why: "without it the configured SCHED_FIFO priority is not given") {
      try $0.realtimePriority()
    },
    Check(
      "real-time throttling",
      why: "a spinning SCHED_FIFO thread is stopped for 50 ms of every second"
    ) { try $0.throttling() },
    Check("timer migration", why: "timers of idle processors are moved to busy ones") {
      try $0.timerMigration()
    },
    Check("watchdog", why: "it wakes a thread on every processor, and takes a performance counter")
    {
      try $0.watchdog()
    },
    Check(
      "processor quota", why: "a spinning thread uses its quota up and is stopped for up to 100 ms"
    ) { try $0.quota() },
    Check("load", why: "what runs now competes for processors and caches") { try $0.load() },
    Check("mitigations", why: "each makes every system call dearer, by 0.1 to 1 us in all") {
      try $0.mitigations()
    },
    Check("performance counters", why: "without them no profile tells where the time goes") {
      try $0.counters()
    },
  ]
}

extension InspectedMachine {
  func realtimePriority() throws(Unreadable) -> Observation? {
    guard wishes.priority > 0 else { return nil }
    let source = "/proc/self/limits"
    let limit = try limit("Max realtime priority")
    if limit >= wishes.priority { return .ok("up to \(limit)", source) }
    if try hasCapability(23) { return .ok("CAP_SYS_NICE", "/proc/self/status") }
    return .problem(
      "up to \(limit), \(wishes.priority) is configured", source,
      fix: "ulimit -r \(wishes.priority) (for good: rtprio in /etc/security/limits.conf, or "
        + "LimitRTPRIO of the service)")
  }

  func throttling() throws(Unreadable) -> Observation? {
    guard wishes.priority > 0 else { return nil }
    let source = "/proc/sys/kernel/sched_rt_runtime_us"
    let runtime = try files.integer(source)
    if runtime < 0 { return .ok("off", source) }
    return .problem(
      "after \(runtime) us", source, fix: "sysctl -w kernel.sched_rt_runtime_us=-1")
  }

  func timerMigration() throws(Unreadable) -> Observation {
    let source = "/proc/sys/kernel/timer_migration"
    if try files.integer(source) == 0 { return .ok("off", source) }
    return .warning("on", source, fix: "sysctl -w kernel.timer_migration=0")
  }

  func watchdog() throws(Unreadable) -> Observation {
    let source = "/proc/sys/kernel/nmi_watchdog"
    let hard = try files.integer(source) != 0
    let soft = try files.integer("/proc/sys/kernel/soft_watchdog") != 0
    guard hard || soft else { return .ok("off", source) }
    let watched = try files.processors("/proc/sys/kernel/watchdog_cpumask")
    guard hot.contains(where: watched.contains) else {
      return .ok("on, but not on \(hotText)", source)
    }
    return .warning(
      hard ? "on" : "on, soft lockups only", source, fix: "sysctl -w kernel.watchdog=0")
  }

  func quota() throws(Unreadable) -> Observation {
    let source = "/proc/self/cgroup"
    let text = try files.text(source)
    if files.exists("/sys/fs/cgroup/cgroup.controllers") {
      guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::") }) else {
        throw Unreadable(source: source, reason: "has no line '0::'")
      }
      return try quota(below: "/sys/fs/cgroup", path: String(line.dropFirst(3)))
    }
    let line = text.split(separator: "\n").first { line in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      return parts.count == 3 && parts[1].split(separator: ",").contains("cpu")
    }
    guard let line, let path = line.split(separator: ":", maxSplits: 2).last else {
      return .unknown("no cgroup of processors is told", source)
    }
    for mount in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"] where files.exists(mount) {
      return try oldQuota(mount, String(path))
    }
    return .unknown("the cgroup file system is not mounted", "/sys/fs/cgroup")
  }

  /// Any group above may bound us. A root group has no such file; below it every group has.
  private func quota(below mount: String, path: String) throws(Unreadable) -> Observation {
    var parts = path.split(separator: "/").map(String.init)[...]
    var isRoot = false
    while !isRoot {
      isRoot = parts.isEmpty
      let file = ([mount] + parts + ["cpu.max"]).joined(separator: "/")
      if files.exists(file) {
        let text = try files.text(file)
        let words = text.split(separator: " ")
        guard words.count == 2, let period = Int(words[1]), period > 0 else {
          throw files.misunderstood(file, text)
        }
        if words[0] != "max" {
          guard let quota = Int(words[0]) else { throw files.misunderstood(file, text) }
          return .problem(
            "\(quota) of every \(period) us", file,
            fix: "echo max > \(file), or give the container no "
              + "--cpus limit but --cpuset-cpus")
        }
      }
      _ = parts.popLast()
    }
    return .ok("none", "\(mount)\(path)")
  }

  private func oldQuota(_ mount: String, _ path: String) throws(Unreadable) -> Observation {
    // In a container the path may be the host's: then our own group is the mount.
    let own = "\(mount)\(path == "/" ? "" : path)/cpu.cfs_quota_us"
    let file = files.exists(own) ? own : mount + "/cpu.cfs_quota_us"
    if path == "/", !files.exists(file) { return .ok("none: the root group", mount) }
    let quota = try files.integer(file)
    if quota < 0 { return .ok("none", file) }
    return .problem("\(quota) us of every period", file, fix: "echo -1 > \(file)")
  }

  func load() throws(Unreadable) -> Observation {
    let source = "/proc/loadavg"
    let text = try files.text(source)
    guard let load = text.split(separator: " ").first.flatMap({ Double($0) }), load >= 0,
      load.isFinite
    else {
      throw files.misunderstood(source, text)
    }
    let count = max(1, allowed.count)
    let seen = "\(Self.decimal(load)) over a minute, \(count) processors"
    let spare = Double(count - wishes.spinningThreads)
    if load <= max(0.5, spare * 0.7) { return .ok(seen, source) }
    return .warning(seen, source, fix: "stop what else runs: top -H")
  }

  /// Told, and left to the owner: what they protect against depends on who else uses the machine.
  func mitigations() throws(Unreadable) -> Observation {
    let source = "/sys/devices/system/cpu/vulnerabilities"
    var on = 0
    var open: [String] = []
    let names = try files.names(source)
    for name in names {
      let text = try files.text("\(source)/\(name)")
      if text.hasPrefix("Mitigation") { on += 1 }
      if text.hasPrefix("Vulnerable") { open.append(name) }
    }
    let seen = "\(on) on" + (open.isEmpty ? "" : ", vulnerable: \(open.joined(separator: " "))")
    return names.isEmpty ? .unknown("none is listed", source) : .ok(seen, source)
  }

  func counters() throws(Unreadable) -> Observation {
    let source = "/proc/sys/kernel/perf_event_paranoid"
    let level = try files.integer(source)
    if level <= 1 { return .ok("level \(level)", source) }
    if try hasCapability(38) { return .ok("level \(level), CAP_PERFMON", source) }
    return .warning("level \(level)", source, fix: "sysctl -w kernel.perf_event_paranoid=1")
  }
}
