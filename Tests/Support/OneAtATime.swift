package import Testing

/// Suites that start trading processes wait for each other, in whatever module they are: each process
/// spins on threads of its own, and together they would starve each other of the few processors.
package struct OneAtATime: SuiteTrait, TestScoping {
  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Turn.shared.take()
    do {
      try await function()
    } catch {
      await Turn.shared.release()
      throw error
    }
    await Turn.shared.release()
  }

  private actor Turn {
    static let shared = Turn()
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
      guard isTaken else {
        isTaken = true
        return
      }
      await withCheckedContinuation { waiting.append($0) }
    }
    /// Hands the turn to the next who waits.
    func release() {
      if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }
  }
}

extension Trait where Self == OneAtATime {
  package static var oneAtATime: OneAtATime { OneAtATime() }
}
