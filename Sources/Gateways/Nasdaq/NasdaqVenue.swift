public import ExecutionCore

extension VenueConfiguration {
  /// A venue of US equities behind OUCH 5.0: the protocol's limits (at most 999,999 shares and $199,999.99), a
  /// hundredth of a cent below one dollar and the instrument's tick from there on (Regulation NMS, rule 612),
  /// orders in market hours, and what ``OUCHGateway`` can say.
  public static func nasdaq(
    name: String = "nasdaq", fees: FeeSchedule = .nasdaqExample
  ) -> VenueConfiguration {
    var rules = VenueRules()
    rules.quantities = 1...Int64(OUCHLimits.quantityMax)
    rules.prices = DecimalRange(1...Int64(OUCHLimits.priceMax), exponent: -4)
    rules.grid = PriceGrid(
      exponent: -4, bands: [PriceGrid.Band(from: 0, step: 1), PriceGrid.Band(from: 10_000)])
    var capabilities = VenueCapabilities()
    capabilities.cancelsAll = true
    capabilities.switchesEntry = true
    capabilities.flags = [.postOnly, .intermarketSweep]
    capabilities.replacesMax = OUCHClOrdID.incarnationsMax - 1
    // UserRefNum has 32 bits, and the one above the last is told as the next.
    capabilities.referenceMax = UInt64(UInt32.max) - 1
    return VenueConfiguration(name: name, rules: rules, capabilities: capabilities, fees: fees)
  }
}

extension FeeSchedule {
  /// Made-up round numbers of the usual size: adding earns 0.0020, removing costs 0.0030 a share.
  public static var nasdaqExample: FeeSchedule {
    FeeSchedule(
      perUnit: [UInt8(ascii: "A"): -200_000, UInt8(ascii: "R"): 300_000], unknown: 300_000)
  }
}
