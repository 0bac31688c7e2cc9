internal import Synchronization

/// Makes the Nth disk operation of a journal fail: the seam through which tests play the kernel.
///
/// Threading: may be set up and asked from any thread.
public final class JournalFaults: Sendable {
  /// The operations that can be made to fail, each counted on its own.
  public enum Operation: Int, Sendable, CaseIterable {
    case create
    case preallocate
    case map
    case write
    case sync
    case truncate
    case rename
  }
  private struct Plan {
    var count = 0
    var failAt = Int.max
    var code: Int32 = 0
    var isShort = false
  }
  private let plans = Mutex([Plan](repeating: Plan(), count: Operation.allCases.count))

  public init() {}

  /// The `number`th call (from 1, counted from the start) and all after it fail with this errno; a
  /// write with `short` takes half of its bytes and then reports no error.
  public func fail(_ operation: Operation, at number: Int, code: Int32, short: Bool = false) {
    plans.withLock {
      $0[operation.rawValue].failAt = number
      $0[operation.rawValue].code = code
      $0[operation.rawValue].isShort = short
    }
  }

  /// Calls of the operation so far.
  public func count(_ operation: Operation) -> Int {
    plans.withLock { $0[operation.rawValue].count }
  }

  enum Outcome: Equatable {
    case proceed
    case fail(Int32)
    case short
  }

  func next(_ operation: Operation) -> Outcome {
    plans.withLock {
      $0[operation.rawValue].count += 1
      let plan = $0[operation.rawValue]
      guard plan.count >= plan.failAt else { return .proceed }
      return plan.isShort ? .short : .fail(plan.code)
    }
  }
}
