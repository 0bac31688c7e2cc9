import CSupport
import Foundation
import Trading
import Transport

/// What the checks look at: the machine's files, what the configuration wants of it, and the few
/// questions that no file answers.
struct InspectedMachine: Sendable {
  let files: MachineFiles
  let wishes: MachineWishes
  let live: LiveProbes
  /// Processors that the kernel runs, ascending; empty where it does not say.
  let online: [Int]
  /// Those of them that this process may use.
  let allowed: [Int]
  /// Where the hot thread spins, and whatever else `--cores` names.
  let hot: [Int]

  init(files: MachineFiles, wishes: MachineWishes, live: LiveProbes) {
    self.files = files
    self.wishes = wishes
    self.live = live
    online = (try? files.processors("/sys/devices/system/cpu/online")) ?? []
    let status = try? files.field("Cpus_allowed_list", of: "/proc/self/status")
    allowed = status.flatMap { ProcessorList.parse($0) } ?? online
    hot = wishes.cores.isEmpty ? Array(allowed.suffix(1)) : wishes.cores
  }

  var hotText: String { ProcessorList.text(hot) }
  /// Where everything else may go.
  var others: [Int] { online.filter { !hot.contains($0) } }
  var othersText: String { ProcessorList.text(others) }

  /// Whether the processor's own description has the flag; nil where it lists none.
  func hasFlag(_ flag: String) -> Bool? {
    guard let flags = try? files.field("flags", of: "/proc/cpuinfo") else { return nil }
    return flags.split(separator: " ").contains { $0 == flag }
  }

  /// Whether this process has the capability of this number.
  func hasCapability(_ number: Int) throws(Unreadable) -> Bool {
    let path = "/proc/self/status"
    let text = try files.field("CapEff", of: path)
    guard let mask = UInt64(text, radix: 16) else { throw files.misunderstood(path, text) }
    return mask & (1 << UInt64(number)) != 0
  }

  /// A soft limit of this process; `Int.max` for unlimited.
  func limit(_ name: String) throws(Unreadable) -> Int {
    let path = "/proc/self/limits"
    for line in try files.text(path).split(separator: "\n") where line.hasPrefix(name) {
      let words = line.dropFirst(name.count).split(separator: " ")
      if words.first == "unlimited" { return Int.max }
      guard let soft = words.first.flatMap({ Int($0) }) else {
        throw files.misunderstood(path, String(line))
      }
      return soft
    }
    throw Unreadable(source: path, reason: "has no line '\(name)'")
  }

  /// The value of a word `name=value` of the kernel's command line; nil when it is not there.
  func bootOption(_ name: String) throws(Unreadable) -> String? {
    let words = try files.text("/proc/cmdline").split(separator: " ")
    if let word = words.last(where: { $0.hasPrefix(name + "=") }) {
      return String(word.dropFirst(name.count + 1))
    }
    return words.contains { $0 == name } ? "" : nil
  }

  /// What to write for a word that the kernel must be booted with.
  func boot(_ words: String) -> String {
    "add \(words) to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub"
  }
}

/// What a configuration wants of the machine.
struct MachineWishes: Sendable {
  /// `--cores`, or the hot thread's processor of the configuration; empty: the last one there is.
  var cores: [Int] = []
  /// Threads that never sleep.
  var spinningThreads = 2
  var priority = 0
  var locksMemory = true
  var hugePages = true
  var numaNode = -1
  var needsURing = false
  var segmentBytes = 64 << 20
  /// Where the journal will lie.
  var data = "needletail-data"
  /// Bytes that the feed's sockets ask for.
  var feedSocketBytes = Int(FeedLines.socketBytes)
  /// Addresses outside this machine that are configured.
  var peers: [UInt32] = []

  init() {}

  init(_ configuration: Configuration) {
    let runtime = configuration.runtime
    if runtime.processor >= 0 { cores = [runtime.processor] }
    // The exchange that a run starts itself turns without sleeping, as the hot thread does.
    spinningThreads =
      (runtime.wait == .block ? 0 : 1) + (configuration.exchange?.isAttached == false ? 1 : 0)
    priority = runtime.priority
    locksMemory = runtime.lockMemory
    hugePages = runtime.hugePages
    numaNode = runtime.numaNode
    needsURing = runtime.network == .ioUring
    segmentBytes = configuration.journal.segmentMebibytes << 20
    let places =
      configuration.venues.map(\.attach) + configuration.feeds.flatMap { [$0.lineA, $0.lineB] }
    for text in places {
      guard let endpoint = try? Endpoint(parsing: text), endpoint.address >> 24 != 127,
        endpoint.address != 0
      else { continue }
      if !peers.contains(endpoint.address) { peers.append(endpoint.address) }
    }
  }
}

/// What the kernel answers only when it is asked; tests put their own in place.
struct LiveProbes: Sendable {
  /// Nil when a ring can be made, else why not.
  var uringRefusal: @Sendable () -> String?
  /// Bytes free for this user on the file system of the path, or of the nearest parent there is.
  var freeBytes: @Sendable (_ path: String) -> Int?
  var offloads: @Sendable (_ interface: String) -> Offloads?

  /// What a network card holds back packets for.
  struct Offloads: Equatable, Sendable {
    var mergesReceived: Bool?
    /// Microseconds that it waits before it interrupts.
    var receiveDelay: UInt32?
    /// Whether it sets that wait by itself.
    var isAdaptive: Bool?
  }

  static let machine = LiveProbes(
    uringRefusal: { Reactor.ioUringRefusal() },
    freeBytes: { path in
      var path = path
      while access(path, F_OK) != 0, !path.isEmpty, path != "/", path != "." {
        path = (path as NSString).deletingLastPathComponent
      }
      var facts = statvfs()
      guard statvfs(path.isEmpty ? "." : path, &facts) == 0 else { return nil }
      return Int(
        clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize))
          .partialValue)
    },
    offloads: { EthernetCard.offloads($0) })
}
