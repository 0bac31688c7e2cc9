extension RunSummary {
  /// The summary for people: sections of aligned columns, at most `symbolsMax` rows of positions.
  public func text(symbolsMax: Int = 20) -> String {
    var page = Page()
    runSection(&page)
    feedSection(&page)
    orderSection(&page)
    venueSection(&page)
    positionSection(&page, rowsMax: symbolsMax)
    latencySection(&page)
    memorySection(&page)
    boundSection(&page)
    if !stops.isEmpty { page.section("Stops") }
    for stop in stops {
      let end = stop.isStanding ? ", to the end" : ""
      page.line("  \(stop.scope): \(stop.cause) by \(stop.by)\(end): \(stop.why)")
    }
    page.section("Journal")
    page.row(
      [("records", journal.records.grouped), ("bytes", journal.bytes.grouped)])
    page.row([
      ("sequences", "\(journal.firstSequence) to \(journal.lastSequence)"), ("mode", journal.mode),
      ("refused", journal.refused.grouped),
    ])
    if !journal.error.isEmpty { page.line("  failed: \(journal.error)") }
    page.section("Invariants")
    for invariant in invariants {
      page.line(
        "  \(invariant.holds ? "holds " : "BROKEN")  \(invariant.name): \(invariant.detail)")
    }
    if !notes.isEmpty { page.section("Notes") }
    for note in notes { page.line("  \(note)") }
    return page.text
  }

  private func runSection(_ page: inout Page) {
    let time = run.isVirtualTime ? "virtual time" : "\(Self.seconds(run.elapsedNanoseconds)) s"
    let seed = run.seed.map { ", seed \($0)" } ?? ""
    page.line(
      "Needletail \(run.version): \(run.source)\(seed), speed \(run.speed), \(time), "
        + "ended by \(run.endedBy)")
  }

  private func feedSection(_ page: inout Page) {
    page.section("Feed")
    page.row([
      ("messages", feed.messages.grouped), ("datagrams", feed.datagrams.grouped),
      ("bytes", feed.bytes.grouped),
    ])
    page.row([
      ("gaps", feed.gaps.grouped), ("recovered", feed.recovered.grouped),
      ("lost", feed.lost.grouped),
    ])
    page.row([
      ("snapshots", feed.snapshots.grouped), ("by snapshot", feed.bySnapshot.grouped),
      ("reordered", feed.reordered.grouped),
    ])
    page.row([
      ("duplicates", feed.duplicates.grouped), ("malformed", feed.malformed.grouped),
      ("unknown refs", feed.unknownReferences.grouped),
    ])
    page.row([
      ("symbols", feed.symbols.grouped), ("books whole", feed.symbolsWhole.grouped),
      ("live orders", feed.liveOrders.grouped),
    ])
    page.row([
      ("skipped", feed.skipped.grouped), ("foreign", feed.foreignSession.grouped),
      ("unidentified", feed.unidentified.grouped),
    ])
    page.row([
      ("implausible", feed.implausible.grouped), ("wrong times", feed.implausibleTimes.grouped),
      ("doubted lines", feed.doubtedLines.grouped),
    ])
    page.row([
      ("late", watchdog.lates.grouped), ("stalls", watchdog.stalls.grouped),
      ("quotes pulled", watchdog.pulls.grouped),
    ])
    if feed.socketFailures > 0 {
      page.row([("socket failures", feed.socketFailures.grouped)])
    }
    if feed.requestsUnsent > 0 {
      page.row([("re-requests unsent", feed.requestsUnsent.grouped)])
    }
    lineTable(&page)
  }

  private func lineTable(_ page: inout Page) {
    var rows = [
      ["line", "datagrams", "first", "duplicate", "missed", "malformed", "foreign", "implausible"]
    ]
    for (name, line) in [
      ("A", feed.lines.a), ("B", feed.lines.b), ("re-request", feed.lines.rerequest),
    ] {
      let counts = [
        line.datagrams, line.first, line.duplicate, line.missed, line.malformed, line.foreign,
        line.implausible,
      ]
      rows.append([name] + counts.map(\.grouped))
    }
    page.table(rows, leftColumns: 1)
  }

  private func venueSection(_ page: inout Page) {
    guard !venues.isEmpty else { return }
    page.section("Venues")
    var rows = [
      [
        "venue", "kind", "feed", "sessions", "orders", "replaces", "cancels", "rejected", "fills",
        "notional", "net", "p50 µs", "p99 µs",
      ]
    ]
    for venue in venues {
      let isUp = venue.session.isUp ? "up" : "DOWN"
      let isTimed = venue.tickToOrder.count > 0
      rows.append([
        venue.name, venue.kind, venue.feed, "\(venue.session.ports) \(isUp)",
        venue.orders.sent.grouped, venue.orders.replaces.grouped, venue.orders.cancels.grouped,
        venue.orders.rejected.grouped, venue.fills.grouped, Self.dollars(venue.notional),
        Self.dollars(venue.pnl.net),
        isTimed ? Self.microseconds(venue.tickToOrder.p50) : "-",
        isTimed ? Self.microseconds(venue.tickToOrder.p99) : "-",
      ])
    }
    page.table(rows, leftColumns: 3)
    for venue in venues where venue.restarts > 0 || venue.session.reconnects > 0 {
      page.line(
        "  \(venue.name): started again \(venue.restarts) times, logged in again "
          + "\(venue.session.reconnects.grouped) times")
    }
  }

  private func memorySection(_ page: inout Page) {
    guard let memory else { return }
    page.section("Memory (bytes)")
    page.row([
      ("arena", memory.arenaBytes.grouped),
      ("peak resident", memory.peakResidentBytes?.grouped ?? "-"),
    ])
  }

  private func boundSection(_ page: inout Page) {
    guard !bounds.isEmpty else { return }
    page.section("Bounds")
    var rows = [["", "used", "highest", "of", "share"]]
    for bound in bounds {
      let share = Double(bound.highest) * 100 / Double(max(1, bound.most))
      rows.append([
        bound.name.replacing("_", with: " "), bound.used.grouped, bound.highest.grouped,
        bound.most.grouped, "\(Int(share.rounded(.up))) %",
      ])
    }
    page.table(rows, leftColumns: 1)
  }

  private func orderSection(_ page: inout Page) {
    page.section("Orders")
    page.row([
      ("sent", orders.sent.grouped), ("acknowledged", orders.acknowledged.grouped),
      ("filled", orders.filled.grouped),
    ])
    page.row([
      ("cancelled", orders.cancelled.grouped), ("replaced", orders.replaced.grouped),
      ("rejected", orders.rejected.grouped),
    ])
    page.row([
      ("working", orders.working.grouped), ("unknown", orders.unknown.grouped),
      ("not sent", orders.notSent.grouped),
    ])
    page.row([
      ("refused", orders.refusedTotal.grouped), ("never arrived", orders.neverArrived.grouped),
    ])
    for refused in orders.refused {
      page.line(
        "    \(HelpText.pad(refused.code, 24)) \(HelpText.padLeft(refused.count.grouped, 12))")
    }
    page.section("Fills")
    page.row([
      ("fills", fills.count.grouped), ("shares", fills.shares.grouped),
      ("notional", Self.dollars(fills.notional)),
    ])
    page.row([
      ("broken", fills.broken.grouped), ("duplicates", fills.duplicates.grouped),
      ("overfills", fills.overfills.grouped),
    ])
  }

  private func positionSection(_ page: inout Page, rowsMax: Int) {
    page.section("Positions and P&L (\(pnl.currency))")
    let ranked = positions.sorted {
      ($1.fills, $0.symbol, $0.strategy) < ($0.fills, $1.symbol, $1.strategy)
    }
    var rows = [
      ["symbol", "strategy", "position", "fills", "mark", "realised", "unrealised", "fees", "net"]
    ]
    for position in ranked.prefix(rowsMax) {
      rows.append([
        position.symbol, position.strategy,
        Self.quantity(position.shares, exponent: position.quantityExponent, isGrouped: true),
        position.fills.grouped,
        position.mark == 0 ? "-" : position.markText + (position.isMarkStale ? "*" : ""),
        Self.dollars(position.realised), Self.dollars(position.unrealised),
        Self.dollars(position.fees), Self.dollars(position.net),
      ])
    }
    rows.append([
      "total", "", "", fills.count.grouped, "", Self.dollars(pnl.realised),
      Self.dollars(pnl.unrealised), Self.dollars(pnl.fees), Self.dollars(pnl.net),
    ])
    page.table(rows, leftColumns: 2)
    if ranked.count > rowsMax {
      page.line("  and \(ranked.count - rowsMax) more; the JSON summary has all")
    }
    if ranked.contains(where: \.isMarkStale) { page.line("  * the last good mark; it is stale") }
  }

  private func latencySection(_ page: inout Page) {
    page.section("Latency (µs, \(latency.clock), \(latency.network))")
    if run.isVirtualTime {
      page.line("  not measured: virtual time has no machine time")
      return
    }
    var rows = [["stage", "samples", "p50", "p90", "p99", "p99.9", "max"]]
    for stage in latency.stages + [latency.tickToOrder] {
      rows.append(
        [stage.name.replacing("_", with: " "), stage.count.grouped]
          + [stage.p50, stage.p90, stage.p99, stage.p999, stage.max].map(Self.microseconds))
    }
    page.table(rows, leftColumns: 1)
  }

  static func microseconds(_ nanoseconds: Int64) -> String {
    decimal(nanoseconds, per: 1_000, digits: 2)
  }
  static func seconds(_ nanoseconds: Int64) -> String {
    decimal(nanoseconds, per: 1_000_000_000, digits: 1)
  }
  /// Cut, not rounded, to so many digits behind the point.
  private static func decimal(_ value: Int64, per unit: Int64, digits: Int) -> String {
    var scale: Int64 = 1
    for _ in 0..<digits { scale *= 10 }
    let fraction = String((value % unit).magnitude / UInt64(unit / scale))
    let zeros = String(repeating: "0", count: max(0, digits - fraction.count))
    return "\(value < 0 ? "-" : "")\((value / unit).magnitude.grouped).\(zeros)\(fraction)"
  }
  /// 10⁻⁸ dollars, rounded to cents, half away from zero.
  static func dollars(_ raw: Int128) -> String {
    let cents = (raw.magnitude + 500_000) / 1_000_000
    let fraction = cents % 100
    let sign = raw < 0 && cents > 0 ? "-" : ""
    return "\(sign)\((cents / 100).grouped).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}

extension BinaryInteger {
  /// With a comma between thousands.
  var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}

/// Lines of a text summary.
struct Page {
  private(set) var text = ""

  mutating func line(_ line: String) { text += line + "\n" }
  mutating func section(_ title: String) { text += "\n\(title)\n" }

  /// Up to three labelled values side by side.
  mutating func row(_ cells: [(String, String)]) {
    let columns = cells.map { "\(HelpText.pad($0, 13))\(HelpText.padLeft($1, 16))" }
    line("  " + columns.joined(separator: "   "))
  }

  /// Columns as wide as their widest cell; numbers stand right.
  mutating func table(_ rows: [[String]], leftColumns: Int) {
    guard let columns = rows.first?.count else { return }
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      let cells = row.enumerated().map { index, cell in
        index < leftColumns
          ? HelpText.pad(cell, widths[index]) : HelpText.padLeft(cell, widths[index])
      }
      let padded = "  " + cells.joined(separator: "  ")
      line(String(padded.reversed().drop { $0 == " " }.reversed()))
    }
  }
}
