import Gateways

/// How each group of settings is read: its keys, and what each may be.

extension Configuration.Feed {
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "source", into: &source, wanted: "it takes generated or the name of a file",
      where: { !$0.isEmpty })
    reader.read("seed", into: &seed, in: 0...UInt64(Int64.max))
    reader.read(
      "speed", into: &speed, wanted: Configuration.Speed.wanted, parse: Configuration.Speed.init)
    reader.read(
      "duration_seconds", into: &durationSeconds,
      wanted: "it takes 0, or a number from 0.1 to 86400",
      parse: { text in
        Decimal8(text).flatMap { $0 == 0 || Self.durationRange.contains($0) ? $0 : nil }
      })
    reader.read(
      "instruments_file", into: &instrumentsFile, wanted: "it takes the name of a file",
      where: { _ in true })
    reader.read(
      "date", into: &date, wanted: Wanted.date, where: { $0.isEmpty || Wanted.isDate($0) })
    reader.section("generator") {
      $0.read("scenario", into: &generator.scenario)
      $0.read("symbols", into: &generator.symbols, in: 1...12_000)
      $0.read("messages_per_second", into: &generator.messagesPerSecond, in: 1...100_000_000)
    }
  }
  static let durationRange: ClosedRange<Decimal8> = Decimal8(raw: 10_000_000)...86_400
}

extension Configuration.Exchange {
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "attach", into: &attach, wanted: Wanted.endpoint,
      where: { $0.isEmpty || Wanted.isEndpoint($0) })
    readEndpoint("line_a", into: &lineA, &reader)
    readEndpoint("line_b", into: &lineB, &reader)
    readEndpoint("rerequest", into: &rerequest, &reader)
    readEndpoint("snapshot", into: &snapshot, &reader)
    reader.read(
      "session", into: &session, wanted: "it takes 1 to 10 printable characters, or nothing",
      where: { SessionName($0) != nil })
    reader.read("address", into: &address, wanted: Wanted.address, where: Wanted.isAddress)
    reader.read("cancel_on_disconnect", into: &cancelOnDisconnect)
  }
  private func readEndpoint(
    _ key: String, into value: inout String, _ reader: inout SectionReader
  ) {
    reader.read(
      key, into: &value, wanted: Wanted.endpoint, where: { $0.isEmpty || Wanted.isEndpoint($0) })
  }
}

extension Configuration.Session {
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "username", into: &username, wanted: Self.usernameWanted, where: Self.isUsername)
    reader.read(
      "password", into: &password, wanted: "it takes \(Self.passwordWanted)", isSecret: true,
      parse: { Self.isPassword($0) ? Secret($0) : nil })
    reader.read("heartbeat_milliseconds", into: &heartbeatMilliseconds, in: 10...60_000)
    reader.read("timeout_milliseconds", into: &timeoutMilliseconds, in: 50...600_000)
    reader.read("reconnect_milliseconds", into: &reconnectMilliseconds, in: 1...60_000)
  }
  static let usernameWanted = "it takes 1 to 6 letters and digits"
  static func isUsername(_ text: String) -> Bool { isCredential(text, lengthMax: 6) }
  static let passwordWanted = "1 to 10 letters and digits"
  static func isPassword(_ text: String) -> Bool { isCredential(text, lengthMax: 10) }
  private static func isCredential(_ text: String, lengthMax: Int) -> Bool {
    (1...lengthMax).contains(text.utf8.count) && Wanted.isName(text)
      && !text.utf8.contains { $0 == 0x2d || $0 == 0x5f }
  }
}

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
    reader.read("position_max", into: &positionMax, in: 1...1_000_000_000)
    reader.section("limits") { limits.read(&$0) }
    let isMaker = kind == .marketMaker
    let other = isMaker ? "taker" : "market_maker"
    if reader.has(other), let node = reader.take(other) {
      reader.problems.add(
        "a \(kind.rawValue) has no such settings", at: node, path: reader.child(other))
    }
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

extension Configuration.Fees {
  mutating func read(_ reader: inout SectionReader) {
    reader.read("added_per_share", into: &addedPerShare, in: Self.range)
    reader.read("added_hidden_per_share", into: &addedHiddenPerShare, in: Self.range)
    reader.read("removed_per_share", into: &removedPerShare, in: Self.range)
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
