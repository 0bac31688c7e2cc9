extension RunSummary {
  /// The summary as JSON text with a line end; its fields and units are in `Summary.md`.
  public var json: String { value.pretty() + "\n" }

  var value: JSONValue {
    .object([
      ("run", run.value), ("feed", feed.value),
      ("orders", orders.value), ("fills", fills.value),
      ("positions", .array(positions.map(\.value))), ("pnl", pnl.value),
      ("latency", latency.value), ("watchdog", watchdog.value), ("memory", memory?.value ?? .null),
      (
        "bounds",
        .array(
          bounds.map {
            .object([
              ("name", .text($0.name)), ("used", .integer(Int64($0.used))),
              ("highest", .integer(Int64($0.highest))), ("most", .integer(Int64($0.most))),
            ])
          })
      ), ("stops", .array(stops.map(\.value))), ("journal", journal.value),
      (
        "invariants",
        .object([
          ("hold", .bool(holds)),
          (
            "results",
            .array(
              invariants.map {
                .object([
                  ("name", .text($0.name)), ("holds", .bool($0.holds)),
                  ("detail", .text($0.detail)),
                ])
              })
          ),
        ])
      ),
      ("venues", .array(venues.map(\.value))), ("notes", .array(notes.map { .text($0) })),
    ])
  }
}

extension RunSummary.Run {
  var value: JSONValue {
    .object([
      ("version", .text(version)), ("source", .text(source)),
      ("seed", seed.map { .count($0) } ?? .null),
      ("speed", .text(speed)), ("session_date", .text(sessionDate)),
      ("virtual_time", .bool(isVirtualTime)),
      ("faults", faults.isEmpty ? .null : .text(faults)),
      ("elapsed_ns", isVirtualTime ? .null : .integer(elapsedNanoseconds)),
      ("session_ns", .integer(sessionNanoseconds)), ("ended_by", .text(endedBy)),
    ])
  }
}

extension RunSummary.Feed {
  var value: JSONValue {
    .object([
      ("datagrams", .count(datagrams)), ("bytes", .count(bytes)), ("messages", .count(messages)),
      ("malformed", .count(malformed)), ("gaps", .count(gaps)), ("duplicates", .count(duplicates)),
      ("reordered", .count(reordered)), ("requests", .count(requests)),
      ("requests_unsent", .count(requestsUnsent)), ("recovered", .count(recovered)),
      ("lost", .count(lost)), ("snapshots", .count(snapshots)),
      ("by_snapshot", .count(bySnapshot)),
      ("disagreements", .count(disagreements)), ("skipped", .count(skipped)),
      ("foreign_session", .count(foreignSession)), ("unidentified", .count(unidentified)),
      ("implausible", .count(implausible)), ("implausible_times", .count(implausibleTimes)),
      ("doubted_lines", .count(doubtedLines)), ("socket_failures", .count(socketFailures)),
      ("unknown_references", .count(unknownReferences)),
      ("duplicate_references", .count(duplicateReferences)), ("live_orders", .count(liveOrders)),
      ("symbols", .count(symbols)), ("symbols_whole", .count(symbolsWhole)),
      ("lag", lag.value),
      ("symbols_named", .count(UInt64(symbolsNamed))),
      ("symbols_unlisted", .count(UInt64(symbolsUnlisted))),
      ("unequal_lots", .count(UInt64(unequalLots))),
      ("lines", lines.value), ("prices", .array(prices.map(\.value))),
    ])
  }
}

extension RunSummary.Lines {
  var value: JSONValue {
    .object([("a", a.value), ("b", b.value), ("rerequest", rerequest.value)])
  }
}

extension RunSummary.Prices {
  var value: JSONValue {
    .object([
      ("name", .text(name)), ("datagrams", .count(datagrams)), ("messages", .count(messages)),
      ("gaps", .count(gaps)), ("recovered", .count(recovered)), ("losses", .count(losses)),
      ("lost", .count(lost)), ("refreshed", .count(refreshed)), ("named", .count(named)),
      ("unlisted", .count(unlisted)), ("unequal", .count(unequal)),
      ("malformed", .count(malformed)), ("implausible_times", .count(implausibleTimes)),
      ("lines", lines.value),
    ])
  }
}

extension RunSummary.Line {
  var value: JSONValue {
    .object([
      ("datagrams", .count(datagrams)), ("first", .count(first)),
      ("duplicate", .count(duplicate)), ("missed", .count(missed)),
      ("malformed", .count(malformed)), ("foreign", .count(foreign)),
      ("implausible", .count(implausible)),
    ])
  }
}

extension RunSummary.Orders {
  var value: JSONValue {
    .object([
      ("sent", .count(sent)), ("acknowledged", .count(acknowledged)), ("filled", .count(filled)),
      ("cancelled", .count(cancelled)), ("rejected", .count(rejected)),
      ("replaced", .count(replaced)), ("not_sent", .count(notSent)),
      ("never_arrived", .count(neverArrived)), ("working", .count(working)),
      ("unknown", .count(unknown)),
      ("refused", .object(refused.map { ($0.code, .count($0.count)) })),
      ("left", .array(left.map(\.value))),
    ])
  }
}

extension RunSummary.Fills {
  var value: JSONValue {
    .object([
      ("count", .count(count)), ("shares", .integer(shares)), ("notional", .money(notional)),
      ("broken", .count(broken)), ("duplicates", .count(duplicates)),
      ("overfills", .count(overfills)),
    ])
  }
}

extension RunSummary.Position {
  var value: JSONValue {
    .object([
      ("account", .text(account)), ("strategy", .text(strategy)), ("symbol", .text(symbol)),
      ("shares", .quantity(shares, exponent: quantityExponent)),
      ("bought", .quantity(bought, exponent: quantityExponent)),
      ("sold", .quantity(sold, exponent: quantityExponent)),
      ("fills", .count(fills)), ("mark", mark == 0 ? .null : .text(markText)),
      ("mark_stale", .bool(isMarkStale)), ("realised", .money(realised)),
      ("unrealised", .money(unrealised)), ("fees", .money(fees)), ("net", .money(net)),
    ])
  }
}

extension RunSummary.ProfitAndLoss {
  var value: JSONValue {
    .object([
      ("currency", .text(currency)), ("realised", .money(realised)),
      ("unrealised", .money(unrealised)), ("gross", .money(realised + unrealised)),
      ("fees", .money(fees)), ("net", .money(net)),
    ])
  }
}

extension RunSummary.Percentiles {
  var value: JSONValue {
    .object([
      ("count", .count(count)), ("p50", .integer(p50)), ("p90", .integer(p90)),
      ("p99", .integer(p99)), ("p99.9", .integer(p999)), ("max", .integer(max)),
    ])
  }
}

extension RunSummary.Watching {
  var value: JSONValue {
    .object([
      ("stalls", .count(stalls)), ("longest_ns", .integer(longestNanoseconds)),
      ("pulls", .count(pulls)), ("late", .count(lates)),
      ("sighted_ns", .integer(sightedNanoseconds)), ("blind_ns", .integer(blindNanoseconds)),
    ])
  }
}

extension RunSummary.Latency {
  var value: JSONValue {
    .object([
      ("unit", .text("ns")), ("clock", .text(clock)), ("network", .text(network)),
      ("tick_to_order", tickToOrder.value),
      ("stages", .object(stages.map { ($0.name, $0.value) })),
    ])
  }
}

extension RunSummary.Memory {
  var value: JSONValue {
    .object([
      ("arena_bytes", .count(arenaBytes)),
      ("peak_resident_bytes", peakResidentBytes.map { .count($0) } ?? .null),
    ])
  }
}

extension RunSummary.Journal {
  var value: JSONValue {
    .object([
      ("mode", .text(mode)), ("records", .count(records)), ("bytes", .count(bytes)),
      ("first_sequence", .count(firstSequence)), ("last_sequence", .count(lastSequence)),
      ("refused", .count(refused)), ("error", error.isEmpty ? .null : .text(error)),
    ])
  }
}
