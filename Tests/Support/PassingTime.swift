public import Transport

extension ReactorSettings {
  /// Of reactors that reach each other over a network in memory.
  public static func on(_ network: MemoryNetwork) -> ReactorSettings {
    var settings = ReactorSettings()
    settings.network = network
    return settings
  }
}

extension MemoryNetwork {
  /// Time goes on to what comes next: an arrival, what a server is `due` for, a millisecond at most.
  public func pass(until due: Int64) {
    advance(to: min(next ?? .max, max(due, now + 1_000), now + 1_000_000))
  }
}

extension Reactor {
  /// A poll. Over a network in memory time passes only here, when there was nothing: to the next arrival, or as long as
  /// the poll might have slept.
  public mutating func poll(passing wait: WaitStrategy) -> Int {
    let count = poll(wait)
    guard count == 0, let network else { return count }
    var end = network.next ?? network.now
    if case .block(let nanoseconds) = wait {
      let soonest = [network.next, due].compactMap { $0 }.min()
      end = min(soonest ?? .max, network.now + nanoseconds)
    }
    network.advance(to: end)
    return count
  }
}
