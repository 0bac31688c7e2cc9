import ExecutionCore
import Testing

@Suite struct LimitVersionTests {
  private let account = AccountID(raw: 0)
  private let apple = InstrumentID(raw: 0)

  @Test func `a version comes into force at once, and is recorded with who and why`() throws {
    let market = try Market(NoStrategy())
    let commands = Command.limits(
      [LimitChange(.orderQuantity, of: account, 50), LimitChange(.restricted, of: apple, 1)],
      after: 0)
    for command in commands.dropLast() {
      #expect(market.apply(command))
      #expect(market.place(.buy, 60, 10_000).refusal == nil)
      market.time += 1
    }
    let commit = try #require(commands.last).named("Ada", because: "earnings")
    #expect(market.apply(commit))
    #expect(market.place(.buy, 60, 10_000).refusal?.limit == 50)
    #expect(market.place(.buy, 50, 10_000).refusal?.code == .restricted)
    #expect(market.version == 1 && market.isRestricted(apple))
    #expect(market.limits(account)?.orderQuantity == 50)
    #expect(market.limits().orderQuantity == 10_000)
    let record = try #require(market.records(.limits, LimitsRecord.self).first)
    #expect(record.version == 1 && record.changes == 2)
    let by = try #require(market.records(.command, CommandRecord.self).last?.command)
    #expect(by.personName == "Ada" && by.isReasoned && by.kind == .commitLimits)
  }

  @Test func `an intent names the version that it was decided with`() throws {
    let market = try Market(NoStrategy())
    _ = try market.place(.buy, 60, 10_000).handle
    #expect(market.change([LimitChange(.position, of: account, 500)]))
    let order = try market.place(.buy, 60, 10_000).handle
    market.cancel(order)
    #expect(market.records(.intent, IntentRecord.self).map(\.limitsVersion) == [0, 1])
    let (working, _) = try market.working(.buy, 10, 10_000)
    market.cancel(working)
    #expect(market.records(.intent, IntentRecord.self).last?.limitsVersion == 1)
  }

  @Test func `nobody changes limits anonymously, for no reason, or upon another's version`() throws
  {
    let market = try Market(NoStrategy())
    let changes = [LimitChange(.orderQuantity, of: account, 50)]
    let commands = Command.limits(changes, after: 0)
    let commit = try #require(commands.last)
    for command in commands.dropLast() { #expect(market.apply(command)) }
    #expect(!market.apply(commit))
    #expect(!market.apply(commit.named("Ada")))
    #expect(!market.apply(commit.named("", because: "earnings")))
    #expect(!market.apply(commit.named("\0x", because: "\0x")))
    #expect(!market.apply(commit.named(" ", because: "earnings")))
    // Somebody puts another change aside meanwhile.
    #expect(market.apply(Command.limits([LimitChange(.position, of: account, 1)], after: 0)[1]))
    #expect(!market.apply(commit.named("Ada", because: "earnings")))
    // And brings his own into force.
    #expect(market.change([LimitChange(.openOrders, of: account, 7)]))
    for command in commands.dropLast() { #expect(market.apply(command)) }
    #expect(!market.apply(commit.named("Ada", because: "earnings")))
    #expect(market.change(changes))
    #expect(market.version == 2)
    #expect(market.limits(account) == RiskLimits(orderQuantity: 50, openOrders: 7))
    #expect(market.records(.limits, LimitsRecord.self).map(\.version) == [1, 2])
    #expect(market.invariants == [])
  }

  @Test func `what would leave the limits unwhole is refused, all of it`() throws {
    let market = try Market(NoStrategy())
    let before = market.hash
    let good = LimitChange(.orderQuantity, of: account, 50)
    for kind in LimitKind.allCases where kind != .restricted {
      #expect(!market.change([good, LimitChange(kind, ofFirm: nil)]), "\(kind)")
    }
    // Nothing would be left for orders; half of a message rate.
    #expect(!market.change([good, LimitChange(.messagesKeptForCancels, ofFirm: 10_000)]))
    #expect(!market.change([good, LimitChange(.messageBurst, of: account, 10)]))
    #expect(!market.change([good, LimitChange(.messagesPerSecond, ofFirm: 0)]))
    #expect(!market.change([]))
    #expect(market.apply(Command(.dropLimits, scope: .firm)))
    #expect(market.limits(account) == RiskLimits())
    #expect(market.hash == before && market.invariants == [])
  }

  @Test func `a change that means nothing is refused by itself`() throws {
    let market = try Market(NoStrategy())
    func refused(_ change: LimitChange, _ edit: (inout Command) -> Void = { _ in }) -> Bool {
      var command = Command.limits([change], after: 0)[1]
      edit(&command)
      return !market.apply(command)
    }
    let good = LimitChange(.orderQuantity, of: account, 50)
    #expect(!refused(good))
    #expect(refused(LimitChange(.orderQuantity, of: account, -1)))
    #expect(refused(LimitChange(.orderQuantity, of: account, 1 << 63)))
    #expect(refused(LimitChange(.orderNotional, of: account, -1)))
    #expect(refused(LimitChange(.orderQuantity, of: AccountID(raw: 1), 1)))
    #expect(refused(LimitChange(.orderQuantity, of: StrategyID(raw: 2), 1)))
    #expect(refused(LimitChange(.orderQuantity, of: InstrumentID(raw: 2), 1)))
    #expect(refused(LimitChange(.messageBurst, of: apple, 1)))
    #expect(refused(LimitChange(.restricted, of: account, 1)))
    #expect(refused(LimitChange(.restricted, of: apple, 2)))
    #expect(refused(good) { $0.limit = 99 })
    for scope in [RiskScope.order, .port] { #expect(refused(good) { $0.scope = scope }) }
    #expect(market.limits(AccountID(raw: 9)) == nil)
    #expect(market.limits(StrategyID(raw: 9)) == nil)
    #expect(market.limits(InstrumentID(raw: 9)) == nil)
    #expect(market.isRestricted(InstrumentID(raw: 9)))
  }

  @Test func `a lower message rate takes tokens away, and a higher one gives none`() throws {
    let market = try Market(NoStrategy())
    func rate(_ burst: Int128) -> [LimitChange] {
      [
        LimitChange(.messagesPerSecond, of: account, 1),
        LimitChange(.messageBurst, of: account, burst),
        LimitChange(.messagesKeptForCancels, of: account, 0),
      ]
    }
    #expect(market.change(rate(3)))
    for _ in 0..<3 { _ = try market.place(.buy, 10, 10_000).handle }
    #expect(market.place(.buy, 10, 10_000).refusal?.code == .messageRate)
    #expect(market.change(rate(1_000)))
    #expect(market.place(.buy, 10, 10_000).refusal?.code == .messageRate)
    market.time += 3_000_000_000
    market.add(1, "B", 100, 999_900)
    #expect(market.change(rate(1)))
    _ = try market.place(.buy, 10, 10_000).handle
    #expect(market.place(.buy, 10, 10_000).refusal?.code == .messageRate)
    // Taken away altogether.
    #expect(
      market.change(
        [LimitKind.messagesPerSecond, .messageBurst, .messagesKeptForCancels].map {
          LimitChange($0, of: account, nil)
        }))
    _ = try market.place(.buy, 10, 10_000).handle
  }

  /// The naive twin: a dictionary, and the rules in words.
  private struct Twin {
    var table: [String: [LimitKind: Int128]] = [:]

    func isWhole(_ name: String) -> Bool {
      let row = table[name] ?? [:]
      let rate = [LimitKind.messagesPerSecond, .messageBurst, .messagesKeptForCancels]
      if name == "firm" {
        guard LimitKind.allCases.allSatisfy({ $0 == .restricted || row[$0] != nil }) else {
          return false
        }
      }
      guard let second = row[rate[0]] else { return row[rate[1]] == nil && row[rate[2]] == nil }
      guard let burst = row[rate[1]], let kept = row[rate[2]] else { return false }
      return second >= 1 && burst >= 1 && kept < burst
    }

    func limits(_ name: String) -> RiskLimits {
      let row = table[name] ?? [:]
      var limits = RiskLimits()
      limits.orderQuantity = row[.orderQuantity].map { Int64($0) }
      limits.orderNotional = row[.orderNotional].map { Money(raw: $0) }
      limits.position = row[.position].map { Int64($0) }
      limits.openOrders = row[.openOrders].map { Int($0) }
      if let second = row[.messagesPerSecond], let burst = row[.messageBurst],
        let kept = row[.messagesKeptForCancels]
      {
        limits.messageRate = MessageRate(
          perSecond: Int(second), burst: Int(burst), keptForCancels: Int(kept))
      }
      return limits
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `the table is what a dictionary of the changes is`(seed: UInt64) throws {
    let market = try Market(NoStrategy())
    var dice = Dice(seed)
    var twin = Twin()
    let rate = MessageRate(perSecond: 100_000, burst: 10_000, keptForCancels: 100)
    twin.table["firm"] = [
      .orderQuantity: 10_000, .orderNotional: 10_000_000 * 100_000_000, .position: 100_000,
      .openOrders: 1_000, .messagesPerSecond: Int128(rate.perSecond),
      .messageBurst: Int128(rate.burst), .messagesKeptForCancels: Int128(rate.keptForCancels),
    ]
    var done = 0
    for _ in 0..<400 {
      var next = twin
      var names: Set<String> = []
      let changes = (0...dice.below(3)).map { _ -> LimitChange in
        let name = ["firm", "account", "one", "two", "apple"][dice.below(5)]
        let kinds: [LimitKind] =
          name == "apple"
          ? [.orderQuantity, .orderNotional, .position, .openOrders]
          : LimitKind.allCases.filter { $0 != .restricted }
        let kind = kinds[dice.below(kinds.count)]
        let value: Int128? = dice.chance(30) ? nil : Int128(dice.below(2_000))
        names.insert(name)
        next.table[name, default: [:]][kind] = value
        return switch name {
        case "firm": LimitChange(kind, ofFirm: value)
        case "account": LimitChange(kind, of: account, value)
        case "apple": LimitChange(kind, of: apple, value)
        default: LimitChange(kind, of: StrategyID(raw: name == "one" ? 0 : 1), value)
        }
      }
      let isWhole = names.allSatisfy(next.isWhole)
      #expect(market.change(changes) == isWhole, "seed \(seed), \(changes)")
      if isWhole {
        twin = next
        done += 1
      }
      #expect(market.version == UInt32(done))
      #expect(market.limits() == twin.limits("firm"), "seed \(seed)")
      #expect(market.limits(account) == twin.limits("account"), "seed \(seed)")
      #expect(market.limits(StrategyID(raw: 0)) == twin.limits("one"), "seed \(seed)")
      #expect(market.limits(StrategyID(raw: 1)) == twin.limits("two"), "seed \(seed)")
      #expect(market.limits(apple) == twin.limits("apple"), "seed \(seed)")
    }
    #expect(done > 50 && done < 350 && market.invariants == [], "seed \(seed)")
    #expect(try market.replay([market.boundary()]) == 1)
  }
}

extension Market {
  fileprivate var version: UInt32 { driver.engine.limitsVersion }
  fileprivate var hash: UInt64 { driver.engine.stateHash() }
  fileprivate func limits() -> RiskLimits { driver.engine.limits() }
  fileprivate func limits(_ account: AccountID) -> RiskLimits? { driver.engine.limits(account) }
  fileprivate func limits(_ strategy: StrategyID) -> RiskLimits? { driver.engine.limits(strategy) }
  fileprivate func limits(_ id: InstrumentID) -> RiskLimits? { driver.engine.limits(id) }
  fileprivate func isRestricted(_ id: InstrumentID) -> Bool { driver.engine.isRestricted(id) }
}
