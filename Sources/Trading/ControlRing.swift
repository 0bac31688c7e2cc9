public import CSupport
public import ExecutionCore

/// Commands from the main thread to the hot one, and what became of them: two rings of a few places.
///
/// Threading: ``ask(_:)`` and ``answer()`` by one thread, the main one; ``next()`` and ``tell(_:)`` by the hot one.
@safe @usableFromInline package final class ControlRing: @unchecked Sendable {
  /// What became of a command.
  @frozen @usableFromInline package struct Answer: BitwiseCopyable, Sendable {
    /// ``Command/number`` of its question.
    @usableFromInline package var number: UInt16 = 0
    @usableFromInline package var isDone: UInt16 = 0
    /// ``LatchCauses`` of the command's scope afterwards, and of all scopes together.
    @usableFromInline package var causes: UInt32 = 0
    @usableFromInline package var everywhere: UInt64 = 0
    @inlinable init() {}
    @inlinable package init(
      _ command: Command, isDone: Bool, causes: LatchCauses, everywhere: LatchCauses
    ) {
      number = command.number
      self.isDone = isDone ? 1 : 0
      self.causes = causes.raw
      self.everywhere = UInt64(everywhere.raw)
    }
  }
  private static let places: UInt64 = 16

  private let commands: OpaquePointer
  private let answers: OpaquePointer
  @usableFromInline let ends: UnsafeMutablePointer<Ends>
  @unsafe @usableFromInline struct Ends {
    @usableFromInline var asking = unsafe nt_spsc_producer()
    @usableFromInline var hearing = unsafe nt_ring_consumer()
    @usableFromInline var telling = unsafe nt_spsc_producer()
    @usableFromInline var learning = unsafe nt_ring_consumer()
  }

  /// nil when there is no memory for it.
  package init?() {
    guard let commands = unsafe Self.ring(MemoryLayout<Command>.size),
      let answers = unsafe Self.ring(MemoryLayout<Answer>.size)
    else { return nil }
    unsafe self.commands = commands
    unsafe self.answers = answers
    // Aligned to a cache line, as both ends are made to be.
    let raw = unsafe UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<Ends>.stride, alignment: 128)
    unsafe ends = raw.bindMemory(to: Ends.self, capacity: 1)
    unsafe ends.initialize(to: Ends())
    guard unsafe nt_spsc_producer_open(&ends.pointee.asking, commands) == 0,
      unsafe nt_ring_consumer_open(&ends.pointee.hearing, commands) == 0,
      unsafe nt_spsc_producer_open(&ends.pointee.telling, answers) == 0,
      unsafe nt_ring_consumer_open(&ends.pointee.learning, answers) == 0
    else { return nil }
  }
  deinit {
    unsafe nt_ring_close(commands)
    unsafe nt_ring_close(answers)
    unsafe UnsafeMutableRawPointer(ends).deallocate()
  }

  private static func ring(_ bytes: Int) -> OpaquePointer? {
    var made: OpaquePointer?
    let options = nt_ring_options(
      kind: NT_RING_SPSC, payload_bytes: UInt32(bytes), capacity: places, tag: 1)
    return unsafe nt_ring_create(&made, options, nil) == 0 ? made : nil
  }

  // MARK: The main thread

  /// False when the ring is full: the hot thread has not looked for long.
  package func ask(_ command: Command) -> Bool {
    unsafe withUnsafePointer(to: command) {
      unsafe nt_spsc_push(&ends.pointee.asking, $0, MemoryLayout<Command>.size)
    }
  }
  /// Answers come in the order of the commands; nil while there is none.
  package func answer() -> Answer? {
    var answer = Answer()
    let came = unsafe nt_ring_pop(&ends.pointee.learning, &answer, MemoryLayout<Answer>.size)
    return came ? answer : nil
  }

  // MARK: The hot thread

  @inlinable package func next() -> Command? {
    var command = Command(.inquire, scope: .firm)
    let came = unsafe nt_ring_pop(&ends.pointee.hearing, &command, MemoryLayout<Command>.size)
    return came ? command : nil
  }
  /// There is always room: no more are asked than the ring has places.
  @inlinable package func tell(_ answer: Answer) {
    var answer = answer
    _ = unsafe nt_spsc_push(&ends.pointee.telling, &answer, MemoryLayout<Answer>.size)
  }
}
