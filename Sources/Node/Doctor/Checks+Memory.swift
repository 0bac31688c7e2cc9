/// Pages: of what size, where, and whether they stay.
extension Check {
  static let memory: [Check] = [
    Check(
      "transparent huge pages",
      why:
        "'always' lets the kernel stop a thread to compact memory; we ask for them where we want them"
    ) { try $0.transparentHugePages() },
    Check("huge pages", why: "with plain pages the books miss the TLB on every random access") {
      try $0.hugePages()
    },
    Check("NUMA", why: "memory of another socket costs 60 to 100 ns more, each time") {
      try $0.placement()
    },
    Check("NUMA balancing", why: "it unmaps pages to see who uses them: a fault each") {
      try $0.balancing()
    },
    Check("locked memory", why: "memory that is not locked can be taken away, and faults") {
      try $0.lockedMemory()
    },
    Check("swap", why: "one page from disk is a hundred microseconds to many milliseconds") {
      try $0.swap()
    },
  ]
}

extension InspectedMachine {
  private static let nodes = "/sys/devices/system/node/"

  func transparentHugePages() throws(Unreadable) -> Observation {
    let source = "/sys/kernel/mm/transparent_hugepage/enabled"
    let choice = try files.choice(source)
    guard choice == "always" else { return .ok(choice, source) }
    return .warning(choice, source, fix: "echo madvise > \(source)")
  }

  func hugePages() throws(Unreadable) -> Observation? {
    guard wishes.hugePages else { return nil }
    let node = wishes.numaNode >= 0 ? wishes.numaNode : (try? node(of: hot[0])) ?? 0
    var source = "\(Self.nodes)node\(node)/hugepages/hugepages-2048kB/free_hugepages"
    let free: Int
    let seen: String
    if files.exists("\(Self.nodes)node\(node)") {
      free = try files.integer(source)
      seen = "\(free) of 2 MiB free on node \(node)"
    } else {
      source = "/proc/meminfo"
      let text = try files.field("HugePages_Free", of: source)
      guard let count = Int(text) else { throw files.misunderstood(source, text) }
      free = count
      seen = "\(free) free"
    }
    let wanted = Self.defaultHugePages
    if free >= wanted { return .ok(seen, source) }
    return .warning(
      seen, source,
      fix:
        "echo \(wanted) > \(Self.nodes)node\(node)/hugepages/hugepages-2048kB/nr_hugepages (enough for "
        + "the default settings; for good: boot with hugepages=\(wanted))")
  }
  /// What the engine takes with the default settings, and a little more; of 2 MiB each.
  static let defaultHugePages = 400

  /// The node of a processor; nil when the machine has none.
  private func node(of processor: Int) throws(Unreadable) -> Int? {
    guard files.exists(Self.nodes) else { return nil }
    for node in try files.processors(Self.nodes + "online") {
      if try files.processors("\(Self.nodes)node\(node)/cpulist").contains(processor) {
        return node
      }
    }
    return nil
  }

  func placement() throws(Unreadable) -> Observation? {
    let source = Self.nodes + "online"
    let nodes = try files.processors(source)
    if nodes.count == 1 { return .ok("one node", source) }
    var hotNodes: Set<Int> = []
    for processor in hot {
      guard let node = try node(of: processor) else {
        return .unknown("processor \(processor) is on no node", source)
      }
      hotNodes.insert(node)
    }
    let list = ProcessorList.text(hotNodes)
    guard hotNodes.count == 1, let node = hotNodes.first else {
      return .problem(
        "the processors \(hotText) are on nodes \(list)", source,
        fix: "choose processors of one node")
    }
    if wishes.numaNode == node { return .ok("processors and memory on node \(node)", source) }
    let memory = wishes.numaNode < 0 ? "wherever the kernel puts it" : "on \(wishes.numaNode)"
    return .warning(
      "processors on node \(node), memory \(memory)", source,
      fix: "set runtime.numa_node to \(node)")
  }

  func balancing() throws(Unreadable) -> Observation? {
    let source = "/proc/sys/kernel/numa_balancing"
    guard try files.processors(Self.nodes + "online").count > 1 else { return nil }
    if try files.integer(source) == 0 { return .ok("off", source) }
    return .warning("on", source, fix: "sysctl -w kernel.numa_balancing=0")
  }

  func lockedMemory() throws(Unreadable) -> Observation? {
    guard wishes.locksMemory else { return nil }
    let source = "/proc/self/limits"
    let limit = try limit("Max locked memory")
    if limit == Int.max { return .ok("unlimited", source) }
    if try hasCapability(14) { return .ok("CAP_IPC_LOCK", "/proc/self/status") }
    return .problem(
      "at most \(limit >> 10) KiB", source,
      fix:
        "ulimit -l unlimited (for good: memlock in /etc/security/limits.conf, or LimitMEMLOCK of "
        + "the service)")
  }

  func swap() throws(Unreadable) -> Observation {
    let source = "/proc/swaps"
    let lines = try files.text(source).split(separator: "\n")
    guard lines.first?.hasPrefix("Filename") == true else {
      throw files.misunderstood(source, String(lines.first ?? ""))
    }
    var used = 0
    for line in lines.dropFirst() {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count >= 4, let kibibytes = Int(words[3]), kibibytes >= 0 else {
        throw files.misunderstood(source, String(line))
      }
      used = Int(clamping: Int128(used) + Int128(kibibytes))
    }
    if lines.count == 1 { return .ok("none", source) }
    if used > 0 { return .problem("\(used) KiB in use", source, fix: "swapoff -a") }
    let swappiness = try files.integer("/proc/sys/vm/swappiness")
    if swappiness <= 1 { return .ok("not in use, swappiness \(swappiness)", source) }
    return .warning(
      "not in use now, swappiness \(swappiness)", source,
      fix: "swapoff -a, or sysctl -w vm.swappiness=1"
    )
  }
}
