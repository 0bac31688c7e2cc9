/// How each group of settings is read: its keys, and what each may be.

extension Configuration.Runtime {
  mutating func read(_ reader: inout SectionReader) {
    reader.read("topology", into: &topology)
    reader.read("processor", into: &processor, in: -1...1_023)
    reader.read("priority", into: &priority, in: 0...99)
    reader.read("lock_memory", into: &lockMemory)
    reader.read("huge_pages", into: &hugePages)
    reader.read("numa_node", into: &numaNode, in: -1...63)
    reader.read("wait", into: &wait)
    reader.read("network", into: &network)
    reader.read(
      "order_age_max_microseconds", into: &orderAgeMaxMicroseconds, in: 10...10_000_000)
    reader.read("stall_milliseconds", into: &stallMilliseconds, in: 0...600_000)
    reader.read("stall_pull_milliseconds", into: &stallPullMilliseconds, in: 0...600_000)
    reader.read("orders_max", into: &ordersMax, in: 1_024...1_048_576)
    reader.read("requests_per_day_max", into: &requestsPerDayMax, in: 0...16_777_216)
    reader.read("executions_max", into: &executionsMax, in: 1_024...16_777_216)
    reader.read("book_orders_max", into: &bookOrdersMax, in: 1_024...16_777_216)
  }
}

extension Configuration.Limits {
  mutating func read(_ reader: inout SectionReader) {
    reader.read("order_quantity", into: &orderQuantity, in: 1...999_999)
    reader.read("order_notional", into: &orderNotional, in: 1...10_000_000_000)
    reader.read("position", into: &position, in: 1...1_000_000_000)
    reader.read("open_orders", into: &openOrders, in: 1...1_000_000)
    reader.read("messages_per_second", into: &messagesPerSecond, in: 1...1_000_000)
    reader.read("message_burst", into: &messageBurst, in: 1...1_000_000)
    reader.read("cancel_tokens", into: &cancelTokens, in: 0...1_000_000)
    if cancelTokens >= messageBurst {
      let key = reader.has("cancel_tokens") ? "cancel_tokens" : "message_burst"
      reader.refuse(
        key,
        "no token would be left for orders: message_burst (\(messageBurst)) must be above "
          + "cancel_tokens (\(cancelTokens))")
    }
  }
}

extension Configuration.Strategy {
  /// All but name, kind and account.
  mutating func read(_ reader: inout SectionReader) {
    reader.words(
      "symbols", into: &symbols, count: 0...10_000, wanted: Wanted.symbol, where: Wanted.isSymbol)
    reader.read("quantity", into: &quantity, in: 1...999_999)
    reader.read("notional", into: &notional, in: 1...1_000_000_000)
    reader.read("position_max", into: &positionMax, in: 1...1_000_000_000)
    reader.section("limits") { limits.read(&$0) }
    let isMaker = kind == .marketMaker
    reader.refuse([isMaker ? "taker" : "market_maker"], notOf: "a \(kind.rawValue)")
    if isMaker {
      reader.section("market_maker") {
        $0.read("edge_ticks", into: &marketMaker.edgeTicks, in: 0...10_000)
        $0.read("skew_ticks", into: &marketMaker.skewTicks, in: 0...10_000)
        $0.read("tolerance_ticks", into: &marketMaker.toleranceTicks, in: 0...10_000)
        $0.read("pause_microseconds", into: &marketMaker.pauseMicroseconds, in: 0...60_000_000)
      }
    } else {
      reader.section("taker") {
        $0.read("ratio_percent", into: &taker.ratioPercent, in: 100...100_000)
        $0.read("shares_min", into: &taker.sharesMin, in: 1...1_000_000)
        $0.read("spread_ticks_max", into: &taker.spreadTicksMax, in: 1...10_000)
        $0.read(
          "cool_down_microseconds", into: &taker.coolDownMicroseconds, in: 0...3_600_000_000)
        $0.read("holding_milliseconds", into: &taker.holdingMilliseconds, in: 0...86_400_000)
      }
    }
  }
}

extension Configuration.Collars {
  mutating func read(_ reader: inout SectionReader) {
    reader.read("static_basis_points", into: &staticBasisPoints, in: 1...10_000)
    reader.read("dynamic_basis_points", into: &dynamicBasisPoints, in: 1...10_000)
    reader.read("absolute_width", into: &absoluteWidth, in: 0...10_000)
  }
}

extension Configuration.Quality {
  mutating func read(_ reader: inout SectionReader) {
    reader.read("data_age_max_milliseconds", into: &dataAgeMaxMilliseconds, in: 1...3_600_000)
    reader.read(
      "good_quote_age_max_milliseconds", into: &goodQuoteAgeMaxMilliseconds, in: 1...3_600_000)
    reader.read(
      "duplicate_window_microseconds", into: &duplicateWindowMicroseconds, in: 0...60_000_000)
    reader.read("duplicates_max", into: &duplicatesMax, in: 1...1_000)
    reader.read(
      "acknowledge_timeout_milliseconds", into: &acknowledgeTimeoutMilliseconds, in: 0...600_000)
    reader.read(
      "arbitration_wait_microseconds", into: &arbitrationWaitMicroseconds, in: 0...100_000)
    reader.read("repair_max_milliseconds", into: &repairMaxMilliseconds, in: 5...600_000)
    // Who waits for the other line for all of that time would ask nobody, and take a snapshot for each hole.
    if Int64(repairMaxMilliseconds) * 1_000 < 2 * arbitrationWaitMicroseconds {
      let key = "repair_max_milliseconds"
      reader.refuse(
        reader.has(key) ? key : "arbitration_wait_microseconds",
        "no time would be left to ask again: \(key) (\(repairMaxMilliseconds)) must be at least twice "
          + "arbitration_wait_microseconds (\(arbitrationWaitMicroseconds))")
    }
    reader.read("lag_max_order_ages", into: &lagMaxOrderAges, in: 0...1_000_000)
    reader.read("gap_grace_microseconds", into: &gapGraceMicroseconds, in: 0...1_000_000)
  }
}

extension Configuration.KillSwitch {
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "file", into: &file, wanted: "it takes the name of a file", where: { _ in true })
    reader.read("person", into: &person, wanted: Wanted.name, where: Wanted.isName)
    reader.read("session_doubt_stops_firm", into: &sessionDoubtStopsFirm)
  }
}

extension Configuration.VirtualTime {
  mutating func read(_ reader: inout SectionReader) {
    let range: ClosedRange<Int64> = 0...1_000_000_000
    reader.read("feed_latency_nanoseconds", into: &feedLatencyNanoseconds, in: range)
    reader.read("order_latency_nanoseconds", into: &orderLatencyNanoseconds, in: range)
    reader.read("report_latency_nanoseconds", into: &reportLatencyNanoseconds, in: range)
    reader.read("jitter_nanoseconds", into: &jitterNanoseconds, in: range)
  }
}
