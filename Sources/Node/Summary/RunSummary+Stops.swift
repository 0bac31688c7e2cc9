import ExecutionCore

extension RunSummary {
  /// Something that kept new orders from leaving, for a time or to the end.
  public struct Stop: Equatable, Sendable {
    /// `firm`, `account:NAME`, `strategy:NAME` or `port:NUMBER`.
    public var scope: String
    /// The latch's cause.
    public var cause: String
    /// Who or what set it.
    public var by: String
    public var why: String
    /// It still held at the end.
    public var isStanding: Bool

    init(
      scope: String, cause: LatchCause, by: String? = nil, why: String? = nil,
      isStanding: Bool = false
    ) {
      self.scope = scope
      self.cause = "\(cause)"
      self.by =
        by ?? (cause == .person ? "a person" : cause == .killFile ? "the kill file" : "the run")
      self.why = why ?? cause.inWords
      self.isStanding = isStanding
    }
  }

  /// What stands at the end.
  mutating func takeStops(_ state: EngineSnapshot, accounts: [String], strategies: [String]) {
    stops = state.latches.map { latch in
      let scope =
        switch latch.scope {
        case .account: "account:\(Self.name(accounts, latch.account.raw))"
        case .strategy: "strategy:\(Self.name(strategies, latch.strategy.raw))"
        case .port: "port:\(latch.port.raw)"
        case .firm, .order, .instrument: "firm"
        }
      return Stop(scope: scope, cause: latch.cause, isStanding: true)
    }
  }

  /// Adds what was seen to be stopped in the course of the run.
  mutating func add(stops seen: [Stop]) {
    var all = seen
    for stop in stops {
      let same = all.lastIndex { $0.scope == stop.scope && $0.cause == stop.cause }
      if let same { all[same].isStanding = true } else { all.append(stop) }
    }
    stops = all
  }
}

extension RunSummary.Stop {
  var value: JSONValue {
    .object([
      ("scope", .text(scope)), ("cause", .text(cause)), ("by", .text(by)), ("why", .text(why)),
      ("standing", .bool(isStanding)),
    ])
  }
}
