public import ExecutionCore

/// What is to happen to every position in an instrument at a time of the session, without an order.
public struct PaperAction: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// So much for a whole unit; who is short pays it.
    case dividend(perUnit: Money)
    /// Longs pay shorts `rate` (10⁻⁸) of what a position comes to at the middle of what is quoted.
    case funding(rate: Int64)
    /// New units for old ones; what is left over of a smallest unit is paid at the middle of what is quoted.
    case split(numerator: Int64, denominator: Int64)
    /// The day's gain, from the settlement price before to this one.
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

extension PaperBroker {
  /// Books it for every account, at its time or, where that has passed, now.
  ///
  /// - Returns: false when there is a position for which it could not be booked: nothing is quoted that it could be paid
  ///   at, or no sum holds it.
  public mutating func carryOut(_ action: PaperAction, now: Int64) -> Bool {
    switch action.kind {
    case .dividend(let perUnit): return payDividend(action.symbol, perUnit: perUnit, now: now)
    case .settlement(let at, let before):
      return settleDay(action.symbol, at: at, before: before, now: now)
    case .funding(let rate):
      guard let price = middle(action.symbol) else { return isFlat(action.symbol) }
      return fund(action.symbol, rate: rate, at: price, now: now)
    case .split(let numerator, let denominator):
      guard let price = middle(action.symbol) else { return isFlat(action.symbol) }
      return split(
        action.symbol, numerator: numerator, denominator: denominator, at: price, now: now)
    }
  }

  /// Of what is quoted on both sides; nil where that is not there.
  private func middle(_ symbol: Symbol) -> Price? {
    guard let i = symbols[symbol] else { return nil }
    let (bid, ask) = (books[Int(i)].bid, books[Int(i)].ask)
    guard bid.quantity > 0, ask.quantity > 0 else { return nil }
    return Price(raw: bid.price / 2 + ask.price / 2 + (bid.price % 2 + ask.price % 2) / 2)
  }

  private func isFlat(_ symbol: Symbol) -> Bool {
    guard let i = symbols[symbol] else { return false }
    return accounts.allSatisfy { $0.positions[Int(i)].quantity == 0 }
  }
}
