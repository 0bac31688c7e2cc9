/// The limits of one scope: a row of the table. `.max` where it sets none.
struct ScopeLimits: BitwiseCopyable, Equatable {
  var orderNotional: Int128 = .max
  var orderQuantity: Int64 = .max
  var position: Int64 = .max
  var openOrders: Int64 = .max
  var messagesPerSecond: Int64 = .max
  var messageBurst: Int64 = .max
  var messagesKeptForCancels: Int64 = .max
  /// Of an instrument.
  var isRestricted = false

  init() {}
  init(_ limits: RiskLimits, isRestricted: Bool = false) {
    orderQuantity = limits.orderQuantity ?? .max
    orderNotional = limits.orderNotional?.raw ?? .max
    position = limits.position ?? .max
    openOrders = limits.openOrders.map(Int64.init) ?? .max
    if let rate = limits.messageRate {
      messagesPerSecond = Int64(rate.perSecond)
      messageBurst = Int64(rate.burst)
      messagesKeptForCancels = Int64(rate.keptForCancels)
    }
    self.isRestricted = isRestricted
  }

  /// For people.
  var riskLimits: RiskLimits {
    func number(_ value: Int64) -> Int64? { value == .max ? nil : value }
    var limits = RiskLimits()
    limits.orderQuantity = number(orderQuantity)
    limits.orderNotional = orderNotional == .max ? nil : Money(raw: orderNotional)
    limits.position = number(position)
    limits.openOrders = number(openOrders).map { Int(clamping: $0) }
    if hasMessageRate {
      limits.messageRate = MessageRate(
        perSecond: Int(clamping: messagesPerSecond), burst: Int(clamping: messageBurst),
        keptForCancels: Int(clamping: messagesKeptForCancels))
    }
    return limits
  }

  var hasMessageRate: Bool { messagesPerSecond != .max }

  /// `.max` takes it away.
  mutating func set(_ kind: LimitKind, _ value: Int128) {
    let narrow = Int64(clamping: value)
    switch kind {
    case .orderQuantity: orderQuantity = narrow
    case .orderNotional: orderNotional = value
    case .position: position = narrow
    case .openOrders: openOrders = narrow
    case .messagesPerSecond: messagesPerSecond = narrow
    case .messageBurst: messageBurst = narrow
    case .messagesKeptForCancels: messagesKeptForCancels = narrow
    case .restricted: isRestricted = value == 1
    }
  }

  private static var messagesMax: Int64 { 1_000_000_000 }

  /// It can be in force: the firm sets every limit, and a message rate is whole, with something left for orders.
  func isPossible(ofFirm: Bool) -> Bool {
    let isWhole =
      orderQuantity != .max && orderNotional != .max && position != .max && openOrders != .max
      && hasMessageRate
    if ofFirm, !isWhole { return false }
    if !hasMessageRate { return messageBurst == .max && messagesKeptForCancels == .max }
    return messagesPerSecond >= 1 && messagesPerSecond <= Self.messagesMax && messageBurst >= 1
      && messageBurst <= Self.messagesMax && messagesKeptForCancels < messageBurst
  }

  func mix(into h: inout StateHasher) {
    h.mix(orderNotional)
    h.mix(orderQuantity)
    h.mix(position)
    h.mix(openOrders)
    h.mix(messagesPerSecond)
    h.mix(messageBurst)
    h.mix(messagesKeptForCancels)
    h.mix(isRestricted ? 1 as UInt64 : 0)
  }
}
