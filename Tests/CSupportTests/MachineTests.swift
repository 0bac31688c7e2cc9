import CSupport
import Foundation
import Testing

/// Clocks, arenas and threads: what holds on any machine, and what is said where the kernel refuses.
@Suite struct ClockTests {
  @Test func `calibrating twice gives the same answer and names the source`() {
    let first = nt_clock_calibrate()
    #expect(nt_clock_calibrate() == first)
    #expect(nt_clock_load()!.pointee.counter == UInt64(first))
    #expect(nt_clock_load()!.pointee.multiplier != 0)
    let source = String(cString: nt_clock_source())
    #expect(first == 1 ? source != "clock_gettime" : source == "clock_gettime")
    #expect(nt_clock_frequency() >= 1_000_000)
  }

  @Test func `the clock never goes back on one thread, recalibrated or not`() {
    _ = nt_clock_calibrate()
    var last = nt_clock_now()
    var lastTicks = nt_clock_ticks()
    for i in 0..<300_000 {
      if i % 50_000 == 0 { _ = nt_clock_recalibrate() }
      let ticks = nt_clock_ticks()
      let now = nt_clock_now()
      #expect(now >= last && ticks >= lastTicks)
      last = now
      lastTicks = ticks
    }
  }

  @Test func `conversion is monotonic, additive to a nanosecond, and exact for a second of ticks`()
  {
    _ = nt_clock_calibrate()
    let frequency = nt_clock_frequency()
    // frequency is rounded down to a whole tick, so a second of ticks may miss by one tick's worth.
    let second = nt_clock_ticks_to_nanoseconds(frequency)
    let tick = Int64(1_000_000_000 / frequency) + 1
    #expect(second <= 1_000_000_000 && second >= 1_000_000_000 - tick - 1)
    #expect(nt_clock_ticks_to_nanoseconds(0) == 0)
    var random = Generator(state: 5)
    for _ in 0..<10_000 {
      let a = random.next() >> (random.next() % 40 + 8)
      let b = random.next() >> (random.next() % 40 + 8)
      let sum = nt_clock_ticks_to_nanoseconds(a &+ b)
      let parts = nt_clock_ticks_to_nanoseconds(a) + nt_clock_ticks_to_nanoseconds(b)
      #expect(sum == parts || sum == parts + 1)
      #expect(
        nt_clock_ticks_to_nanoseconds(max(a, b)) >= nt_clock_ticks_to_nanoseconds(min(a, b)))
    }
  }

  @Test func `a stamp taken between two others converts to a time between theirs`() {
    _ = nt_clock_calibrate()
    for _ in 0..<1_000 {
      let a = nt_clock_ticks()
      let b = nt_clock_ticks()
      let c = nt_clock_ticks()
      #expect(nt_clock_at(a) <= nt_clock_at(b) && nt_clock_at(b) <= nt_clock_at(c))
      #expect(nt_clock_ticks_to_nanoseconds(c &- a) >= nt_clock_ticks_to_nanoseconds(b &- a))
    }
  }

  @Test func `clock_gettime takes over on request and ticks are then nanoseconds`() async {
    await #expect(processExitsWith: .success) {
      _ = nt_clock_calibrate()
      nt_clock_use_clock_gettime()
      guard String(cString: nt_clock_source()) == "clock_gettime" else { exit(1) }
      guard nt_clock_calibrate() == 0, nt_clock_recalibrate() == 0 else { exit(2) }
      guard nt_clock_frequency() == 1_000_000_000 else { exit(3) }
      guard nt_clock_ticks_to_nanoseconds(12_345) == 12_345 else { exit(4) }
      // The same clock, so strictly between: no tolerance.
      let before = nt_clock_system()
      let now = nt_clock_now()
      let after = nt_clock_system()
      guard before <= now, now <= after else { exit(5) }
      exit(0)
    }
  }
}

@Suite struct ArenaTests {
  static let plain = nt_arena_options(
    numa_node: -1, huge_pages: false, lock: false, prefault: false)

  @Test func `memory is zeroed, aligned, apart, and ends with the arena`() throws {
    var arena: OpaquePointer?
    var report = nt_arena_report()
    try #require(nt_arena_create(&arena, 100_000, Self.plain, &report) == 0)
    defer { nt_arena_destroy(arena) }
    #expect(report.bytes >= 100_000 && nt_arena_free_bytes(arena) == report.bytes)
    var end = UInt(0)
    for (bytes, alignment) in [(1, 1), (24, 8), (64, 64), (5, 16), (4096, 4096), (1, 128)] {
      let memory = try #require(nt_arena_take(arena, UInt64(bytes), UInt64(alignment)))
      let address = UInt(bitPattern: memory)
      #expect(address % UInt(alignment) == 0 && address >= end)
      end = address + UInt(bytes)
      for i in 0..<bytes { #expect(memory.load(fromByteOffset: i, as: UInt8.self) == 0) }
      memset(memory, 0xFF, bytes)
    }
    let left = nt_arena_free_bytes(arena)
    #expect(nt_arena_take(arena, left + 1, 1) == nil)
    #expect(nt_arena_take(arena, UInt64.max, 8) == nil)
    #expect(nt_arena_take(arena, 8, 0) == nil && nt_arena_take(arena, 8, 3) == nil)
    #expect(nt_arena_take(arena, 8, 1 << 40) == nil)
    #expect(nt_arena_free_bytes(arena) == left, "a refused request took something")
    #expect(nt_arena_take(arena, left, 1) != nil)
    #expect(nt_arena_take(arena, 1, 1) == nil)
  }

  @Test func `impossible sizes are refused`() {
    var arena: OpaquePointer?
    #expect(nt_arena_create(&arena, 0, Self.plain, nil) == EINVAL)
    #expect(nt_arena_create(&arena, UInt64.max, Self.plain, nil) == ENOMEM)
    #expect(nt_arena_create(&arena, (1 << 46) + 1, Self.plain, nil) == ENOMEM)
  }

  @Test func `huge pages, locking and NUMA are granted or reported with a remedy`() throws {
    var arena: OpaquePointer?
    var report = nt_arena_report()
    let wishes = nt_arena_options(numa_node: 0, huge_pages: true, lock: true, prefault: true)
    try #require(nt_arena_create(&arena, 3 << 20, wishes, &report) == 0)
    defer { nt_arena_destroy(arena) }
    #expect(report.bytes % (2 << 20) == 0)
    #expect((report.huge_pages == 2) == (report.huge_errno == 0))
    #expect(report.locked == (report.lock_errno == 0))
    #expect((report.numa_node == 0) == (report.numa_errno == 0))
    let text = line { nt_arena_report_text(&report, $0, $1) }
    let granted = report.huge_pages == 2 && report.locked && report.numa_node == 0
    #expect(text.isEmpty == granted)
    #expect(text.contains("huge pages") == (report.huge_pages != 2))
    #expect(!text.contains("\n"))
  }

  @Test func `a node that does not exist is reported and the memory is there all the same`() throws
  {
    var arena: OpaquePointer?
    var report = nt_arena_report()
    var wishes = Self.plain
    wishes.numa_node = 1_000
    try #require(nt_arena_create(&arena, 4096, wishes, &report) == 0)
    defer { nt_arena_destroy(arena) }
    #expect(report.numa_node == -1)
    #expect([EINVAL, ENOSYS].contains(report.numa_errno))
    #expect(line { nt_arena_report_text(&report, $0, $1) }.contains("NUMA node 1000"))
  }

  @Test func `the line says how many huge pages are needed`() {
    var report = nt_arena_report()
    report.wanted.huge_pages = true
    report.numa_node = -1
    report.huge_errno = ENOMEM
    report.bytes = 1 << 30
    let pages = line { nt_arena_report_text(&report, $0, $1) }.firstMatch(
      of: /it takes (\d+) of (\d+) MiB/)
    #expect(pages.map { (Int($0.1) ?? 0) * (Int($0.2) ?? 0) } == 1_024)
  }

  @Test func `the line is cut to the buffer and its whole length is returned`() {
    var report = nt_arena_report()
    report.wanted = nt_arena_options(numa_node: 3, huge_pages: true, lock: true, prefault: false)
    report.numa_node = -1
    report.lock_errno = EPERM
    let whole = nt_arena_report_text(&report, nil, 0)
    var buffer = [CChar](repeating: 1, count: 10)
    #expect(nt_arena_report_text(&report, &buffer, 10) == whole && whole > 10)
    #expect(buffer[9] == 0)
  }

  @Test func `without the right to lock memory an arena is reported as not locked`() async {
    await #expect(processExitsWith: .success) {
      dropPrivileges()
      var arena: OpaquePointer?
      var report = nt_arena_report()
      let wishes = nt_arena_options(
        numa_node: -1, huge_pages: false, lock: true, prefault: true)
      guard nt_arena_create(&arena, 4 << 20, wishes, &report) == 0 else { exit(1) }
      guard !report.locked, [EPERM, ENOMEM, EAGAIN].contains(report.lock_errno) else { exit(2) }
      let text = line { nt_arena_report_text(&report, $0, $1) }
      guard text.contains("not locked"), text.contains("ulimit -l") else { exit(3) }
      guard nt_memory_lock_all() == EPERM else { exit(4) }
      exit(0)
    }
  }
}

@Suite struct ThreadTests {
  @Test func `a thread runs its body with its context, named and pinned as asked`() throws {
    var cpus = [Int32](repeating: -1, count: Int(NT_CPUS_MAX))
    let count = Int(nt_cpu_allowed(&cpus, UInt32(NT_CPUS_MAX)))
    try #require(count >= 1)
    #expect(cpus[..<count].sorted() == Array(cpus[..<count]))
    let seen = UnsafeMutablePointer<Int32>.allocate(capacity: 3)
    defer { seen.deallocate() }
    seen.initialize(repeating: -2, count: 3)
    for cpu in cpus[..<count] {
      var thread: OpaquePointer?
      var report = nt_thread_report()
      let error = "a-name-longer-than-the-kernel-keeps".withCString { name in
        let options = nt_thread_options(
          name: name, cpu: cpu, fifo_priority: 0, stack_bytes: 256 * 1024, prefault_stack: true)
        return nt_thread_start(
          &thread, options,
          { context in
            let seen = context!.assumingMemoryBound(to: Int32.self)
            seen[0] = nt_cpu_current()
            let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
            seen[1] = name == "a-name-longer-t\n" ? 0 : 1
            seen[2] = Int32(nt_thread_prefault_stack(1 << 30) / 1024)
          }, seen, &report)
      }
      #expect(error == 0)
      #expect(nt_thread_join(thread) == 0)
      #expect(report.pin_errno == 0 && report.cpu == cpu && seen[0] == cpu)
      #expect(report.name_errno == 0 && report.thread_id > 0)
      #expect(seen[1] == 0)
      // The C library may give a stack that an earlier thread left, up to four times as large.
      #expect(seen[2] > 0 && seen[2] < 4 * 256, "the stack's end is kept clear")
      #expect(nt_thread_report_text(&report, "x", nil, 0) == 0)
      #expect(report.numa_node == nt_cpu_numa_node(cpu))
    }
    #expect(nt_cpu_numa_node(-1) == -1)
  }

  @Test
  func `a CPU that does not exist is EINVAL, said in words, and the thread runs all the same`()
    throws
  {
    var thread: OpaquePointer?
    var report = nt_thread_report()
    let ran = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { ran.deallocate() }
    ran.pointee = 0
    let options = nt_thread_options(
      name: nil, cpu: Int32(NT_CPUS_MAX) - 1, fifo_priority: 0, stack_bytes: 0,
      prefault_stack: false)
    try #require(
      nt_thread_start(
        &thread, options, { $0!.assumingMemoryBound(to: Int32.self).pointee = 1 }, ran, &report)
        == 0)
    #expect(nt_thread_join(thread) == 0)
    #expect(ran.pointee == 1 && report.cpu == -1 && report.pin_errno == EINVAL)
    let text = line { nt_thread_report_text(&report, "engine", $0, $1) }
    #expect(text.contains("thread engine: not pinned"))
    for cpu in [-1, Int32(NT_CPUS_MAX), Int32.max, Int32.min] {
      #expect(nt_thread_pin_self([cpu], 1) == EINVAL)
    }
    #expect(nt_thread_pin_self([], 0) == EINVAL)
  }

  @Test func `a thread that asks for no CPU does not inherit its maker's`() throws {
    var cpus = [Int32](repeating: -1, count: Int(NT_CPUS_MAX))
    let allowed = nt_cpu_allowed(&cpus, UInt32(NT_CPUS_MAX))
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 2)
    defer { counts.deallocate() }
    counts.initialize(repeating: -1, count: 2)
    var thread: OpaquePointer?
    let pinned = nt_thread_options(
      name: nil, cpu: cpus[0], fifo_priority: 0, stack_bytes: 0, prefault_stack: false)
    try #require(
      nt_thread_start(
        &thread, pinned,
        { context in
          let counts = context!.assumingMemoryBound(to: Int.self)
          counts[0] = cpusOfThisThread()
          var inner: OpaquePointer?
          let free = nt_thread_options(
            name: nil, cpu: -1, fifo_priority: 0, stack_bytes: 0, prefault_stack: false)
          let body: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
            $0!.assumingMemoryBound(to: Int.self)[1] = cpusOfThisThread()
          }
          if nt_thread_start(&inner, free, body, context, nil) == 0 { nt_thread_join(inner) }
        }, counts, nil) == 0)
    #expect(nt_thread_join(thread) == 0)
    #expect(counts[0] == 1)
    #expect(counts[1] == Int(allowed))
  }

  @Test func `impossible options make no thread`() {
    var thread: OpaquePointer?
    let body: @convention(c) (UnsafeMutableRawPointer?) -> Void = { _ in }
    var options = nt_thread_options(
      name: nil, cpu: -1, fifo_priority: 100, stack_bytes: 0, prefault_stack: false)
    #expect(nt_thread_start(&thread, options, body, nil, nil) == EINVAL)
    options.fifo_priority = 0
    options.stack_bytes = 1024
    #expect(nt_thread_start(&thread, options, body, nil, nil) == EINVAL)
    options.stack_bytes = 0
    options.cpu = -2
    #expect(nt_thread_start(&thread, options, body, nil, nil) == EINVAL)
  }

  @Test func `without the right to real-time priority the thread runs and the report says so`()
    async
  {
    await #expect(processExitsWith: .success) {
      dropPrivileges()
      var thread: OpaquePointer?
      var report = nt_thread_report()
      let options = nt_thread_options(
        name: nil, cpu: -1, fifo_priority: 10, stack_bytes: 0, prefault_stack: true)
      guard nt_thread_start(&thread, options, { _ in }, nil, &report) == 0 else { exit(1) }
      guard nt_thread_join(thread) == 0, report.priority_errno == EPERM else { exit(2) }
      let text = line { nt_thread_report_text(&report, "io", $0, $1) }
      guard text.contains("no real-time priority"), text.contains("CAP_SYS_NICE") else { exit(3) }
      exit(0)
    }
  }
}

/// The text that a report function writes.
private func line(_ write: (UnsafeMutablePointer<CChar>?, Int) -> Int) -> String {
  var buffer = [CChar](repeating: 0, count: 1024)
  let length = buffer.withUnsafeMutableBufferPointer { write($0.baseAddress, $0.count) }
  precondition(length < 1024)
  return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Bits set in the kernel's affinity mask of the calling thread.
private func cpusOfThisThread() -> Int {
  let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
  let mask = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
  return mask.split(separator: "\t").last.map { text in
    text.compactMap { $0.hexDigitValue?.nonzeroBitCount }.reduce(0, +)
  } ?? 0
}

/// In a child process: an ordinary user who may lock next to nothing.
private func dropPrivileges() {
  var limit = rlimit(rlim_cur: 65_536, rlim_max: 65_536)
  guard setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else { exit(90) }
  limit = rlimit(rlim_cur: 0, rlim_max: 0)
  guard setrlimit(__rlimit_resource_t(__RLIMIT_RTPRIO.rawValue), &limit) == 0 else { exit(91) }
  if geteuid() == 0, setuid(65_534) != 0 { exit(92) }
}
