import Transport

/// Sockets, io_uring, and the card where one is configured.
extension Check {
  static let network: [Check] = [
    Check("io_uring", why: "the sockets of the configuration go through it, or through epoll") {
      try $0.uring()
    },
    Check("socket buffers", why: "a feed's burst that the socket cannot hold is lost: a gap") {
      try $0.socketBuffers()
    },
    Check("busy polling", why: "without it a packet waits for the card's interrupt, 2 to 50 us") {
      try $0.busyPolling()
    },
    Check("network card", why: "a card that gathers packets holds each of them back") {
      try $0.card()
    },
  ]
}

extension InspectedMachine {
  func uring() throws(Unreadable) -> Observation {
    let source = "/proc/sys/kernel/io_uring_disabled"
    let level = try? files.integer(source)
    guard let refusal = live.uringRefusal() else {
      return .ok("a ring can be made" + (level.map { ", level \($0)" } ?? ""), source)
    }
    let isFiltered = (try? files.field("Seccomp", of: "/proc/self/status")) == "2"
    let seen = "\(refusal)" + (isFiltered ? ", under a seccomp filter" : "")
    let fix =
      level ?? 0 > 0
      ? "sysctl -w kernel.io_uring_disabled=0"
      : "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile"
    return wishes.needsURing
      ? .problem(seen, source, fix: fix) : .warning(seen, source, fix: fix)
  }

  func socketBuffers() throws(Unreadable) -> Observation {
    let source = "/proc/sys/net/core/rmem_max"
    let receive = try files.integer(source)
    let send = try files.integer("/proc/sys/net/core/wmem_max")
    let wanted = wishes.feedSocketBytes
    let seen = "receive up to \(receive) bytes, send up to \(send)"
    if receive >= wanted { return .ok(seen, source) }
    return .warning(
      seen + "; the feed asks for \(wanted)", source, fix: "sysctl -w net.core.rmem_max=\(wanted)")
  }

  /// Loopback has no card to poll.
  func busyPolling() throws(Unreadable) -> Observation? {
    guard !wishes.peers.isEmpty else { return nil }
    let source = "/proc/sys/net/core/busy_read"
    let read = try files.integer(source)
    let poll = try files.integer("/proc/sys/net/core/busy_poll")
    if read > 0 { return .ok("busy_read \(read), busy_poll \(poll) us", source) }
    return .warning("off", source, fix: "sysctl -w net.core.busy_read=50 net.core.busy_poll=50")
  }

  func card() throws(Unreadable) -> Observation? {
    guard !wishes.peers.isEmpty else { return nil }
    var cards: Set<String> = []
    for peer in wishes.peers {
      guard let name = try interface(to: peer) else {
        return .problem(
          "no route to \(Endpoint.text(ofAddress: peer))", "/proc/net/route",
          fix: "ip route add \(Endpoint.text(ofAddress: peer)) dev INTERFACE")
      }
      cards.insert(name)
    }
    var seen: [String] = []
    var cures: [String] = []
    for name in cards.sorted() where name != "lo" {
      let found = try judge(card: name)
      seen += found.seen
      cures += found.cures
    }
    let source = "/sys/class/net, ethtool"
    if !cures.isEmpty {
      return .warning(seen.joined(separator: ", "), source, fix: cures.joined(separator: "; "))
    }
    return .ok(seen.joined(separator: ", "), source)
  }

  private func judge(card name: String) throws(Unreadable) -> (seen: [String], cures: [String]) {
    guard let offloads = live.offloads(name) else {
      throw Unreadable(source: "ethtool \(name)", reason: "the card does not answer")
    }
    var seen: [String] = []
    var cures: [String] = []
    if offloads.mergesReceived == true {
      seen.append("\(name) merges packets (GRO)")
      cures.append("ethtool -K \(name) gro off lro off")
    }
    if let delay = offloads.receiveDelay, delay > 0 || offloads.isAdaptive == true {
      seen.append("\(name) waits \(offloads.isAdaptive == true ? "as it likes" : "\(delay) us")")
      cures.append("ethtool -C \(name) adaptive-rx off rx-usecs 0 rx-frames 1")
    }
    if let node = try? files.integer("/sys/class/net/\(name)/device/numa_node"), node >= 0,
      wishes.numaNode >= 0, node != wishes.numaNode
    {
      seen.append("\(name) is on node \(node)")
      cures.append("set runtime.numa_node to \(node), and a processor of that node")
    }
    if seen.isEmpty {
      guard offloads.mergesReceived != nil else {
        throw Unreadable(source: "ethtool \(name)", reason: "the card does not answer")
      }
      seen.append("\(name) hands on at once")
    }
    return (seen, cures)
  }

  /// The interface of the longest prefix in the kernel's table; nil without a route.
  private func interface(to address: UInt32) throws(Unreadable) -> String? {
    let source = "/proc/net/route"
    var best: (name: String, mask: UInt32)?
    for line in try files.text(source).split(separator: "\n").dropFirst() {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      // Both are hexadecimal, and in network order as this machine reads it.
      guard words.count >= 8, let destination = UInt32(words[1], radix: 16),
        let mask = UInt32(words[7], radix: 16)
      else { throw files.misunderstood(source, String(line)) }
      guard UInt32(bigEndian: destination) == address & UInt32(bigEndian: mask) else { continue }
      if best.map({ UInt32(bigEndian: mask) > $0.mask }) ?? true {
        best = (String(words[0]), UInt32(bigEndian: mask))
      }
    }
    return best?.name
  }
}
