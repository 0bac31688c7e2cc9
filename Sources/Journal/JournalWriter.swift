internal import CSupport
public import ExecutionCore
internal import Glibc
internal import Synchronization

/// Keeps a journal: owns the data directory, the segments and the thread that works behind the
/// engine's back.
///
/// The engine appends through ``lane``; the journal thread prepares the next segment ahead, copies
/// out (mode memory), flushes in the background, and seals what the engine has left. The first error
/// of the disk fails the lane for good: ordinary appends are refused from then on, ``failure`` says
/// why, and nothing is tried twice; what had been appended stays.
///
/// Threading: open, start and close by one thread; append by the engine's; `failure` and
/// `statistics` by any. Without ``start()``, in virtual time, ``pump()`` does the thread's work.
@safe public final class JournalWriter: @unchecked Sendable {
  /// Where the engine appends. Refuses everything after ``close()``.
  public let lane: RecordLane
  public let directory: String
  public let options: JournalOptions
  /// What the directory held before: highest numbers, open business, torn tail.
  public let previous: JournalSummary

  private let data: DataDirectory
  private let raw: UnsafeMutablePointer<nt_lane>
  // The journal thread's from start() to its end, else the owner's.
  private var current: SegmentFile
  private var spare: SegmentFile?
  private var copyFailed = false
  private var flushFailed = false
  private var pollsUnflushed = 0
  private var thread: OpaquePointer?
  private var isClosed = false

  private let stopping = Atomic<Bool>(false)
  private let reason = Mutex<JournalError?>(nil)
  private let segments = Atomic<Int>(1)
  private let durable = Atomic<Int>(0)
  private let sealedBytes = Atomic<Int>(0)

  /// Opens the directory for writing, making it when it is absent.
  ///
  /// Refuses a directory that another process writes (`.locked`), that is corrupt, or whose orders or
  /// positions are open (`.invalid`, unless ``JournalOptions/acceptsUnfinished``). A torn tail of an
  /// earlier crash is cut off and told in ``previous``.
  public static func open(_ directory: String, _ options: JournalOptions) throws(JournalError)
    -> JournalWriter
  {
    try options.validate(directory)
    let disk = Disk(faults: options.faults)
    try disk.makeDirectory(directory)
    var data = DataDirectory(path: directory, disk: disk)
    try data.lock()
    do throws(JournalError) {
      let previous = try prepare(data, options)
      return try JournalWriter(data, options, previous)
    } catch {
      data.unlock()
      throw error
    }
  }

  /// Reads what is there, refuses what must not be continued, and ends what a crash left open.
  private static func prepare(_ data: DataDirectory, _ options: JournalOptions)
    throws(JournalError) -> JournalSummary
  {
    try data.removeUnfinished()
    let numbers = try data.segments()
    guard !numbers.isEmpty else { return JournalSummary() }
    let summary = try JournalSummary.scan(JournalReader(data.path), isBeingWritten: false)
    if let unfinished = summary.unfinished, !options.acceptsUnfinished {
      throw JournalError(
        .invalid, unfinished, file: data.path,
        remedy:
          "choose another --data directory; 'needletail journal replay' says what this one holds")
    }
    for number in numbers { try SegmentFile.finish(data.file(number), data.disk) }
    try data.disk.syncDirectory(data.path)
    return summary
  }

  private init(_ data: DataDirectory, _ options: JournalOptions, _ previous: JournalSummary)
    throws(JournalError)
  {
    let first = try SegmentFile(
      number: (try data.segments().last ?? 0) + 1, in: data, capacity: options.segmentBytes,
      isShared: options.mode == .shared, facts: options.facts)
    guard
      let made = unsafe nt_lane_create(
        first.descriptor.pointee, previous.lastSequence + 1, UInt64(options.reserve))
    else {
      throw Disk.error("cannot make the lane", data.path, ENOMEM)
    }
    unsafe raw = made
    unsafe lane = RecordLane(lane: UnsafeMutableRawPointer(made))
    current = first
    self.data = data
    self.options = options
    self.previous = previous
    directory = data.path
  }

  deinit {
    if !isClosed { try? close() }
    unsafe nt_lane_destroy(raw)
  }

  /// Why the journal failed: file, cause and remedy. nil while it is healthy.
  public var failure: JournalError? { reason.withLock { $0 } }

  /// Figures for the summary.
  public struct Statistics: Sendable {
    public var records: UInt64
    public var refused: UInt64
    /// Segments begun by this writer.
    public var segments: Int
    /// Bytes of files, headers included, known to be on the disk.
    public var durableBytes: Int
  }
  public var statistics: Statistics {
    Statistics(
      records: lane.appended, refused: lane.refused,
      segments: segments.load(ordering: .relaxed), durableBytes: durable.load(ordering: .relaxed))
  }

  private func fail(_ error: JournalError) {
    reason.withLock { if $0 == nil { $0 = error } }
    unsafe nt_lane_fail(raw, error.code)
  }

  /// One round of the journal thread's work. Call it only while no thread has been started; how often
  /// makes no difference to the bytes of the journal once it is closed.
  /// It flushes only by ``JournalOptions/flushBytes``.
  public func pump() {
    takeRoll()
    copyOut()
    prepareSpare()
    flushWhenDue()
    current.prefaultAhead()
  }

  /// Without a thread, before each step of what appends: a round of work where the lane may need it, so that no
  /// append is refused for want of one. A step must append less than a segment.
  public func keepAhead() {
    if unsafe !nt_lane_offered(raw), lane.failure == 0 { pump() }
  }

  /// The engine has moved on to the offered segment: ends the one it has left.
  private func takeRoll() {
    guard let next = spare, unsafe !nt_lane_offered(raw) else { return }
    let left = current
    current = next
    spare = nil
    segments.add(1, ordering: .relaxed)
    pollsUnflushed = 0
    guard !copyFailed, !flushFailed else { return }
    do throws(JournalError) {
      try left.seal()
      sealedBytes.add(left.published, ordering: .relaxed)
    } catch {
      // Nothing may follow in the next file what is perhaps missing in this one.
      copyFailed = true
      flushFailed = true
      fail(error)
    }
  }

  private func copyOut() {
    guard !copyFailed else { return }
    do throws(JournalError) { try current.copyOut() } catch {
      copyFailed = true
      fail(error)
    }
  }

  private func prepareSpare() {
    guard spare == nil, failure == nil else { return }
    do throws(JournalError) {
      let next = try SegmentFile(
        number: current.number + 1, in: data, capacity: options.segmentBytes,
        isShared: options.mode == .shared, facts: options.facts)
      spare = next
      _ = unsafe nt_lane_offer(raw, next.descriptor)
    } catch {
      fail(error)
    }
  }

  private func flushWhenDue() {
    let waiting = current.published - current.committed
    guard waiting > 0, !flushFailed, !copyFailed else { return }
    guard waiting >= options.flushBytes || pollsUnflushed >= options.flushPolls else { return }
    pollsUnflushed = 0
    do throws(JournalError) {
      try current.flush()
      durable.store(
        sealedBytes.load(ordering: .relaxed) + current.committed, ordering: .relaxed)
    } catch {
      flushFailed = true
      fail(error)
    }
  }

  /// Starts the journal thread.
  public func start() throws(JournalError) {
    guard unsafe thread == nil, !isClosed else { return }
    let context = unsafe Unmanaged.passUnretained(self)
    var handle: OpaquePointer?
    // The thread holds the writer from its first step on, and close() joins it.
    let code = unsafe "nt-journal".withCString { name in
      var wanted = unsafe nt_thread_options()
      unsafe wanted.name = unsafe name
      unsafe wanted.cpu = options.cpu
      return unsafe nt_thread_start(
        &handle, wanted,
        { context in
          unsafe Unmanaged<JournalWriter>.fromOpaque(context.unsafelyUnwrapped)
            .takeUnretainedValue().run()
        }, context.toOpaque(), nil)
    }
    guard code == 0 else {
      throw Disk.error("cannot start the journal thread", directory, code)
    }
    unsafe thread = handle
  }

  private func run() {
    while !stopping.load(ordering: .acquiring) {
      pollsUnflushed += 1
      pump()
      var pause = timespec(tv_sec: 0, tv_nsec: options.pollMicroseconds * 1000)
      unsafe nanosleep(&pause, nil)
    }
  }

  /// Ends the journal: everything appended is brought to the disk, the last segment is cut to its
  /// length and sealed, the unused one removed, the directory unlocked. The engine must have stopped.
  ///
  /// Throws the first failure of the journal's life; the directory is unlocked all the same.
  public func close() throws(JournalError) {
    guard !isClosed else { return }
    isClosed = true
    stopping.store(true, ordering: .releasing)
    if let thread = unsafe thread { _ = unsafe nt_thread_join(thread) }
    unsafe thread = nil
    takeRoll()
    copyOut()
    unsafe nt_lane_close(raw)
    do throws(JournalError) {
      if !copyFailed && !flushFailed { try finish() }
    } catch {
      fail(error)
    }
    var data = data
    data.unlock()
    if let failure { throw failure }
  }

  private func finish() throws(JournalError) {
    if current.isEmpty {
      try data.disk.remove(current.path)
    } else {
      try current.seal()
      sealedBytes.add(current.published, ordering: .relaxed)
      durable.store(sealedBytes.load(ordering: .relaxed), ordering: .relaxed)
    }
    if let unused = spare { try data.disk.remove(unused.path) }
    spare = nil
    try data.disk.syncDirectory(directory)
  }
}
