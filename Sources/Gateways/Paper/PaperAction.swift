public import ExecutionCore

/// What is to happen to every position in an instrument at a time of the session, without an order.
///
/// ```swift
/// let action = PaperAction(.funding(rate: 10_000), "BTC-USD", at: eightHours)
/// let isWhole = broker.carryOut(action, now: now)
/// ```
public struct PaperAction: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// So much for a whole unit; who is short pays it.
    case dividend(perUnit: Money)
    /// Longs pay shorts `rate` (10⁻⁸) of what a position comes to at the middle of what is quoted.
    case funding(rate: Int64)
    /// New units for old ones; the part of a smallest unit that is left over is paid at the middle of what is quoted.
    /// Orders that work stay as they are.
    case split(numerator: Int64, denominator: Int64)
    /// Futures: the day's gain, from the settlement price before to this one.
    case settlement(at: Price, before: Price)
  }
  /// Session nanoseconds since 1970 UTC.
  public var time: Int64
  public var symbol: Symbol
  public var kind: Kind

  public init(_ kind: Kind, _ symbol: Symbol, at time: Int64) {
    self.kind = kind
    self.symbol = symbol
    self.time = time
  }
}

extension PaperAction.Kind {
  /// What a position gets; nil where a price is needed and there is none, or no sum holds it.
  func adjustment(
    of position: Int64, in facts: InstrumentFacts, at price: Price?
  ) -> PaperAdjustment? {
    switch self {
    case .dividend(let perUnit):
      var unit: Int128 = 1
      for _ in 0..<max(0, 0 - Int(facts.quantityExponent)) { unit *= 10 }
      let (product, over) = Int128(position).multipliedReportingOverflow(by: perUnit.raw)
      return over ? nil : PaperAdjustment(.dividend, amount: product / unit)
    case .funding(let rate):
      guard let price, let value = facts.value(of: Quantity(raw: position), at: price)?.raw else {
        return nil
      }
      let (product, over) = value.multipliedReportingOverflow(by: Int128(rate))
      return over ? nil : PaperAdjustment(.funding, amount: 0 &- product / 100_000_000)
    case .split(let numerator, let denominator):
      guard numerator > 0, denominator > 0, let price else { return nil }
      let (whole, rest) = (Int128(position) * Int128(numerator)).quotientAndRemainder(
        dividingBy: Int128(denominator))
      guard let smallest = facts.value(of: Quantity(raw: 1), at: price)?.raw,
        let quantity = Int64(exactly: whole - Int128(position))
      else { return nil }
      let (cash, over) = smallest.multipliedReportingOverflow(by: rest)
      return over
        ? nil : PaperAdjustment(.split, amount: cash / Int128(denominator), quantity: quantity)
    case .settlement(let price, let before):
      let (move, over) = price.raw.subtractingReportingOverflow(before.raw)
      guard !over, let gain = facts.value(of: Quantity(raw: position), at: Price(raw: move))?.raw
      else { return nil }
      return PaperAdjustment(.settlement, amount: gain)
    }
  }
}

/// How far a broker is in the actions that it was given in the order of their times.
public struct PaperActionsDone: Sendable, Hashable {
  /// Of the last one, and how many of that time were carried out.
  public var time = Int64.min
  public var count = 0

  /// The place of the first that is not carried out, of actions in the order of their times.
  public func next(of actions: [PaperAction]) -> Int {
    let first = actions.firstIndex { $0.time >= time } ?? actions.count
    let behind = actions.firstIndex { $0.time > time } ?? actions.count
    return min(first + count, behind)
  }
}

extension PaperBroker {
  /// Books it for every account that holds the instrument, and tells them. It stands in the file as one record: however
  /// the broker dies, all of it was booked or nothing, and ``actionsDone`` says which.
  ///
  /// - Returns: false when there is a position for which it could not be booked: nothing is quoted that it could be paid
  ///   at, or no sum holds it; and for an instrument that is not there, or a time before ``actionsDone``.
  public mutating func carryOut(_ action: PaperAction, now: Int64) -> Bool {
    advance(to: now)
    guard let i = symbols[action.symbol], !hasFailed, action.time >= actionsDone.time else {
      return false
    }
    let price = middle(i)
    let found = adjustments(action.kind, i, price)
    record(.acted(action.kind, instrument: i, price: price, time: action.time))
    for one in found {
      if let adjustment = one.adjustment { tellCash(one.account, i, adjustment) }
    }
    return found.allSatisfy { $0.adjustment != nil }
  }

  /// For each account that holds the instrument.
  func adjustments(
    _ action: PaperAction.Kind, _ instrument: Int32, _ price: Price?
  ) -> [(account: Int32, adjustment: PaperAdjustment?)] {
    accounts.indices.compactMap { a in
      let held = accounts[a].positions[Int(instrument)].quantity
      guard held != 0 else { return nil }
      let found = action.adjustment(
        of: held, in: settings.instruments[Int(instrument)], at: price)
      let isPossible = found.map { isBookable($0, Int32(a), instrument) } ?? false
      return (Int32(a), isPossible ? found : nil)
    }
  }

  /// Of what is quoted on both sides; nil where that is not there.
  private func middle(_ instrument: Int32) -> Price? {
    let (bid, ask) = (books[Int(instrument)].bid, books[Int(instrument)].ask)
    guard bid.quantity > 0, ask.quantity > 0 else { return nil }
    return Price(raw: bid.price / 2 + ask.price / 2 + (bid.price % 2 + ask.price % 2) / 2)
  }
}
