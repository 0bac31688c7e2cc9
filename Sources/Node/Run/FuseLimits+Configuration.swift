import Gateways

extension FuseLimits {
  /// The fuse must never trip before the engine's own limits have failed: it stands at this multiple of them.
  static let multiple: Int128 = 4

  /// Caps behind the engine's limits: ``multiple`` times what these let through in one second.
  ///
  /// In a second of session time the engine passes at most rate + burst. The fuse counts by machine time, in
  /// which `speed` seconds of the session pass: the rate grows by that, the burst does not. At `max` speed no
  /// number of session seconds is known, so only the open orders are capped.
  init(behind limits: Configuration.Limits, speed: Configuration.Speed) {
    self.init()
    openOrdersMax = Int(clamping: Int128(limits.openOrders) * Self.multiple)
    var rate = Int128(limits.messagesPerSecond)
    switch speed {
    case .max:
      ordersPerSecondMax = .max
      notionalPerSecondMax = .max
      return
    // Slower than real time is no reason for a lower cap.
    case .times(let factor): rate = max(rate, rate * Int128(factor.raw) / 100_000_000)
    }
    let orders = (rate + Int128(limits.messageBurst)) * Self.multiple
    ordersPerSecondMax = Int(clamping: orders)
    notionalPerSecondMax = Int64(clamping: Int128(limits.orderNotional.raw) / 10_000 * orders)
  }
}
