import CSupport
import Testing

@testable import ExecutionCore

/// What an ITCH feed makes of the view, in the plainest words: the whole row anew after each step.
private struct NaiveQuotes {
  struct Row {
    var quote = (bid: UInt32(0), ask: UInt32(0), bidShares: UInt64(0), askShares: UInt64(0))
    var gates: QualityGates = .oneSided
    var good: (bid: UInt32, ask: UInt32)?
    var failingSince: Int64 = 0
    var outlierSince: Int64?
    var status = MarketStatus.unknown
    var rule = ShortSaleRule.unknown
  }
  let parts: UInt64
  let standing: Int64
  var rows = [Row(), Row()]

  mutating func set(_ i: Int, _ top: BookTop, isTrue: Bool, at time: Int64) {
    rows[i].quote = (top.bid, top.ask, top.bidShares, top.askShares)
    var gates: QualityGates = .empty
    if top.bidShares == 0 || top.askShares == 0 {
      gates = .oneSided
    } else if top.bid > top.ask {
      gates = .crossed
    } else if top.bid == top.ask {
      gates = .locked
    } else if isTrue, let good = rows[i].good {
      let (now, before) = (Int(top.bid) + Int(top.ask), Int(good.bid) + Int(good.ask))
      if abs(now - before) * 10_000 > before * Int(parts) {
        let since = rows[i].outlierSince ?? time
        if time - since < standing { gates = .outlier }
        rows[i].outlierSince = gates == .outlier ? since : nil
      }
    }
    if gates != .outlier { rows[i].outlierSince = nil }
    if !isTrue { gates.formUnion(.gap) }
    rows[i].gates = gates
    if gates.isEmpty {
      rows[i].good = (top.bid, top.ask)
      rows[i].failingSince = 0
    } else if rows[i].failingSince == 0 {
      rows[i].failingSince = time
    }
  }
}

struct QuotesTests {
  @Test func `rows and channels lie as they are meant to`() {
    #expect(MemoryLayout<QuoteRow>.stride == 128)
    #expect(MemoryLayout<QuoteRow>.offset(of: \.keptBid) == 64)
    #expect(MemoryLayout<QuoteChannel>.stride == 16)
  }

  /// The twin is told of what happened; the view must say the same at every step, of every instrument.
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `the view never lags behind books, states and holes`(seed: UInt64) throws {
    let parts: UInt64 = [0, 100, 1_000][Int(seed % 3)]
    let bench = try MarketBench {
      $0.outlierParts = UInt32(parts)
      $0.outlierAcceptedAfter = 20_000
      $0.staleAfter = 0
    }
    var twin = NaiveQuotes(parts: parts == 0 ? 1 << 40 : parts, standing: 20_000)
    var dice = SplitMix(state: seed)
    bench.apply(bench.state("S", code: "O", locate: 0))
    for (i, symbol) in ["NEEDLE", "OTHER"].enumerated() {
      bench.apply(bench.directory(symbol, locate: UInt16(i + 1)))
      twin.set(i, BookTop(), isTrue: true, at: bench.time)
    }
    var wholeness = (lost: false, loading: false, pending: false)
    var live: [(reference: UInt64, locate: UInt16)] = []
    var halted: Set<UInt16> = []
    var breach = false
    for step in 0..<4_000 {
      let i = dice.below(2)
      let locate = UInt16(i + 1)
      var moved: [Int] = []
      switch dice.below(40) {
      case 0 where !wholeness.loading:
        bench.market.gapDetected()
        wholeness.pending = true
      case 1 where wholeness.pending:
        bench.market.gapRepaired()
        wholeness.pending = false
      case 2 where !wholeness.loading && dice.below(4) == 0:
        bench.market.gapLost(missing: 1)
        (wholeness.lost, wholeness.pending) = (true, false)
      case 3 where wholeness.lost && !wholeness.loading:
        bench.market.beginSnapshot()
        wholeness.loading = true
        live = []
        moved = [0, 1]
      case 4 where wholeness.loading:
        bench.market.endSnapshot(next: bench.sequence + 1)
        wholeness = (false, false, false)
        moved = [0, 1]
      case 6:
        let letter: Character = ["T", "H", "P", "Q", "?"][dice.below(5)]
        bench.apply(bench.state("H", code: letter, locate: locate))
        twin.rows[i].status = MarketStatus(itch: letter.asciiValue ?? 0)
        if breach { breach = false }
        halted.remove(locate)
      case 7:
        let letter: Character = ["0", "1", "2", "?"][dice.below(4)]
        bench.apply(bench.state("Y", code: letter, locate: locate))
        twin.rows[i].rule = ShortSaleRule(itch: letter.asciiValue ?? 0)
      case 8:
        bench.apply(bench.state("W", code: "1", locate: 0))
        breach = true
        halted = [1, 2]
      case 9..<22:
        if let k = live.indices.randomElement(using: &dice) {
          let order = live.remove(at: k)
          bench.apply(Flow.on("D", order.reference, locate: order.locate))
          moved = [Int(order.locate) - 1]
        }
      default:
        let side: Character = dice.below(2) == 0 ? "B" : "S"
        let middle = dice.below(30) == 0 ? 13_000 : 10_000
        let away = side == "B" ? -dice.below(60) : dice.below(60)
        let price = UInt32(middle + away + dice.below(8))
        var record = Flow.add(
          UInt64(step + 1), side, UInt32(1 + dice.below(500)), price, locate: locate)
        record.symbol = SymbolCode.encode(i == 0 ? "NEEDLE" : "OTHER") ?? 0
        if wholeness.loading {
          bench.applySnapshot(record)
        } else {
          bench.apply(record)
        }
        live.append((UInt64(step + 1), locate))
        moved = [i]
      }
      let isTrue = !wholeness.lost && !wholeness.loading
      for i in moved {
        let top = bench.market.books.top(UInt16(i + 1))
        let before = twin.rows[i].quote
        let isSame = before == (top.bid, top.ask, top.bidShares, top.askShares)
        // A snapshot's begin and end look at every quote.
        if moved.count == 1, isSame { continue }
        let time = moved.count == 2 || wholeness.loading ? bench.market.channelState.lastTime : 0
        twin.set(i, top, isTrue: isTrue, at: time == 0 ? bench.time : time)
      }
      for i in 0..<2 {
        let id = InstrumentID(raw: UInt32(i))
        let row = twin.rows[i]
        var status = row.status
        if halted.contains(UInt16(i + 1)), status == .trading { status = .halted }
        let isWhole = isTrue && !wholeness.pending
        var gates = row.gates.subtracting(.gap)
        if !isWhole { gates.formUnion(.gap) }
        let quote = bench.quotes.quote(id)
        let good = bench.quotes.goodQuote(id, now: bench.time)
        let seen = """
          \(quote.bid.raw / 10_000) \(quote.ask.raw / 10_000) \(quote.bidQuantity.raw) \
          \(quote.askQuantity.raw) gates \(bench.quotes.gates(id, now: bench.time).rawValue) \
          whole \(bench.quotes.isWhole(id)) \(bench.quotes.status(id)) \
          \(bench.quotes.shortSale(id)) good \(good.isKnown) \(good.bid.raw / 10_000) \
          \(good.ask.raw / 10_000) \(good.isCurrent) since \(bench.quotes.failingSince(id))
          """
        let wanted = """
          \(row.quote.bid) \(row.quote.ask) \(row.quote.bidShares) \
          \(row.quote.askShares) gates \(gates.rawValue) \
          whole \(isWhole) \(status) \
          \(row.rule) good \(row.good != nil) \(row.good?.bid ?? 0) \
          \(row.good?.ask ?? 0) \(gates.isEmpty && row.good != nil) since \(row.failingSince)
          """
        #expect(seen == wanted, "seed \(seed), step \(step), instrument \(i)")
        if seen != wanted { return }
      }
    }
  }

  @Test func `an unknown instrument has no quote and fails every question`() throws {
    let bench = try MarketBench { $0.startsWhole = true }
    for raw in [2, 3, UInt32.max] {
      let id = InstrumentID(raw: raw)
      let quotes = bench.quotes
      #expect(quotes.quote(id).bidQuantity.raw == 0 && quotes.lastTrade(id) == nil)
      #expect(!quotes.goodQuote(id, now: 0).isKnown && !quotes.isWhole(id))
      #expect(!quotes.gates(id, now: 0).isEmpty && quotes.age(id, now: 0) == .max)
      #expect(quotes.feedAge(id, now: 0) == .max && quotes.failingSince(id) == 0)
      #expect(quotes.status(id) == .unknown && quotes.shortSale(id) == .unknown)
      #expect(quotes.hours(id) == .unknown && !quotes.isNamed(id) && !quotes.awaitsRepair(id))
    }
  }

  /// A feed of another kind than ITCH: prices of any size and sign, at the exponents of the instrument.
  @Test(arguments: [Int64.max - 1, Int64.min + 1, 1 << 62, -(1 << 62), 1 << 50, 0, -5] as [Int64])
  func `prices of any size and sign are shown, and their outliers told`(price: Int64) throws {
    let bench = try MarketBench {
      $0.startsWhole = true
      $0.outlierParts = 1_000
      $0.staleAfter = 0
    }
    bench.apply(bench.directory("NEEDLE", locate: 7))
    func set(_ bid: Int64, _ ask: Int64, at time: Int64) {
      _ = bench.quotes.set(
        0,
        Quote(
          bid: Price(raw: bid), ask: Price(raw: ask), bidQuantity: Quantity(raw: 1),
          askQuantity: Quantity(raw: 1)), at: time)
    }
    set(-3, -1, at: 1)
    #expect(bench.gates().isEmpty)
    set(price, price &+ 1, at: 2)
    #expect(bench.gates() == .outlier)
    #expect(bench.good.bid.raw == -3 && bench.quotes.quote(bench.needle).bid.raw == price)
  }
}
