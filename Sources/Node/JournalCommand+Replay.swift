import ExecutionCore
import Journal

/// `needletail journal replay`: does the journal lead to where it says, and where is that?
extension JournalCommand {
  static let replay = CommandDefinition(
    name: "journal replay",
    summary: "Apply a journal again, compare, and print where it leads.",
    discussion: """
      Each input in the journal (what was asked, handed to the wire or taken back, what a venue said,
      commands, time-outs) is applied again by the code that applied it then. What that comes to (order
      states, executions, alarms, latches) is compared with what the journal has, and the hash of the
      trading state wherever the journal has it. Then the state is printed: orders, positions, cash,
      sessions, what stops new orders.

      Exits 0 when all is as recorded, also of a run that was killed; 65 at the first difference, which is
      named with the fields that differ, and when the journal is corrupt. The state printed then is that
      before the record. A journal that another version of the engine's rules wrote is replayed to its
      end, what this version does not come to is listed, executions stand as they were recorded, and the
      exit code is 65 if anything is listed that nobody has gone on with; also where --to names a
      record that is not there.
      """,
    operands: [
      OperandDefinition(
        "DIR", "The data directory of a run, or its first segment file (journal-00000001.ntj).")
    ],
    options: [
      .value("to", "SEQ", "Stop after this record, and print the state there."),
      .value(
        "format", "text|json",
        "Text for people (the default) or JSON for programs (Sources/Node/JournalReplay.md)."),
    ]
  ) { options in
    let to = try Selection.number("to", options) ?? .max
    let isJSON = try options.choice("format", of: Format.self) == .json
    return try replay(options.operands[0], to: to, isJSON: isJSON)
  }

  static func replay(_ path: String, to: UInt64, isJSON: Bool) throws(CommandFailure) -> ExitCode {
    var replay = JournalReplay()
    var failure: JournalError?
    var end: JournalEnd?
    do throws(JournalError) {
      end = try replay.run(JournalReader(path), to: to)
    } catch {
      failure = error
    }
    let sessions = replay.sessions
    if sessions.isEmpty {
      if let failure { throw CommandFailure(failure) }
      throw CommandFailure(
        .dataError,
        "\(path): no session begins here, so that there is nothing to start from; give the whole directory"
      )
    }
    // Cut by --to it is neither ended nor killed.
    let isCut = replay.isCut
    Console.out(isJSON ? json(path, sessions, isCut) + "\n" : text(path, sessions, isCut))
    if let torn = end?.torn { Console.error(note(torn)) }
    if let failure { throw CommandFailure(failure) }
    if to != .max, let last = end?.lastSequence, last < to {
      throw CommandFailure(
        .dataError,
        "\(path): there is no record \(to): the last one is \(last), and the state is that")
    }
    let count = sessions.reduce(0) { $0 + $1.unacceptedCount }
    if count > 0 {
      throw CommandFailure(
        .dataError,
        "\(path): \(count) differences between what was recorded and what this build's rules come to "
          + "(version \(Engine.applyVersion)); its build replays it without, or a person answers for them "
          + "by name (Engine.resume)")
    }
    if let broken = sessions.last?.snapshot?.brokenInvariants, !broken.isEmpty {
      throw CommandFailure(
        .dataError,
        "\(path): the state does not hold together: \(broken.joined(separator: "; ")); please report it"
      )
    }
    return .ok
  }

  // MARK: Text

  private static func text(
    _ path: String, _ sessions: [JournalReplay.Session], _ isCut: Bool
  ) -> String {
    var page = Page()
    for (i, session) in sessions.enumerated() {
      page.line(
        "\(path): session \(i + 1) of \(sessions.count), day \(session.tradingDay), records "
          + "\(session.firstSequence) to \(session.lastSequence), "
          + (session.end.map { $0 == .unsaid ? "ended in order" : "ended by \($0.text)" }
            ?? (isCut && i == sessions.count - 1
              ? "and on" : "not ended: killed, or being written"))
      )
      page.line(
        "  \(session.inputs) inputs applied; \(session.consequences) consequences and "
          + "\(session.hashes) hashes compared"
          + (session.differenceCount == 0 ? "" : ", \(session.differenceCount) differences")
          + (session.foreignHashes == 0
            ? ""
            : "; \(session.foreignHashes) hashes of version \(session.applyVersion) not compared"))
      for difference in session.differences { page.line("  " + difference) }
      if let hash = session.lastHash {
        page.line("  last hash \(hash.value), record \(hash.sequence)")
      }
    }
    guard let session = sessions.last, let state = session.snapshot else {
      page.line("  the session had not begun when its journal ended")
      return page.text
    }
    page.section("State after record \(session.lastSequence)")
    page.line(
      "  hash \(state.stateHash), next order \(state.nextClientOrderID), limits of version "
        + "\(state.limitsVersion)")
    orders(state, session, &page)
    positions(state, session, &page)
    page.section("Cash")
    page.table(
      state.cash.enumerated().map { [name($0, session.accounts), RunSummary.dollars($1.raw)] },
      leftColumns: 1)
    page.section("Sessions at venues")
    page.table(
      [["port", "venue", "stream", "next reference", "waiting", ""]]
        + state.ports.map { port in
          [
            name(Int(port.port.raw), session.ports), name(Int(port.venue.raw), session.venues),
            "\(port.streamSequence)",
            "\(port.nextReference)", "\(port.waiting)",
            port.isReady ? "ready" : port.isUp ? "up, not settled" : "down",
          ]
        }, leftColumns: 2)
    for latch in state.latches {
      page.line("  stopped: \(scope(latch, session)): \(latch.cause.inWords)")
    }
    return page.text
  }

  private static func orders(
    _ state: EngineSnapshot, _ session: JournalReplay.Session, _ page: inout Page
  ) {
    page.section("Open orders: \(state.openOrders.count)")
    guard !state.openOrders.isEmpty else { return }
    page.table(
      [
        [
          "order", "symbol", "account", "strategy", "side", "price", "quantity", "leaves",
          "executed", "life",
        ]
      ]
        + state.openOrders.map { order in
          [
            "\(order.clientOrderID.raw)", session.symbol(order.instrument),
            name(Int(order.account.raw), session.accounts),
            name(Int(order.strategy.raw), session.strategies), "\(order.side)",
            session.price(order.price, of: order.instrument),
            session.quantity(order.quantity.raw, of: order.instrument),
            session.quantity(order.leaves.raw, of: order.instrument),
            session.quantity(order.executed.raw, of: order.instrument),
            "\(order.life)",
          ]
        }, leftColumns: 5)
  }

  private static func positions(
    _ state: EngineSnapshot, _ session: JournalReplay.Session, _ page: inout Page
  ) {
    let held = state.positions
    page.section("Positions: \(held.filter { $0.quantity != 0 }.count) open, \(held.count) traded")
    guard !held.isEmpty else { return }
    page.table(
      [["symbol", "account", "strategy", "quantity", "realised", "fees", "executions"]]
        + held.map { position in
          [
            position.symbol, name(Int(position.account.raw), session.accounts),
            name(Int(position.strategy.raw), session.strategies),
            session.quantity(position.quantity, of: position.instrument),
            RunSummary.dollars(position.realised.raw),
            RunSummary.dollars(position.fees.raw), "\(position.executions)",
          ]
        }, leftColumns: 3)
  }

  private static func quantity(
    _ raw: Int64, _ instrument: InstrumentID, _ session: JournalReplay.Session
  ) -> JSONValue {
    let i = Int(instrument.raw)
    let isWhole = i >= session.instruments.count || session.instruments[i].quantityExponent == 0
    return isWhole ? .integer(raw) : .text(session.quantity(raw, of: instrument))
  }

  /// As it is called in the run's configuration.
  private static func name(_ number: Int, _ names: [String]) -> String {
    number < names.count && !names[number].isEmpty ? names[number] : "\(number)"
  }

  private static func scope(_ latch: LatchSummary, _ session: JournalReplay.Session) -> String {
    switch latch.scope {
    case .account: "account " + name(Int(latch.account.raw), session.accounts)
    case .strategy: "strategy " + name(Int(latch.strategy.raw), session.strategies)
    case .port: "port " + name(Int(latch.port.raw), session.ports)
    case .firm, .order, .instrument: "the firm"
    }
  }

  // MARK: JSON

  /// Numbers of 64 bits that are no counts, as the hash is, are text: many programs read numbers as doubles.
  private static func json(
    _ path: String, _ sessions: [JournalReplay.Session], _ isCut: Bool
  ) -> String {
    JSONValue.object([
      ("journal", .text(path)),
      (
        "sessions",
        .array(sessions.indices.map { json(of: sessions[$0], isCut && $0 == sessions.count - 1) })
      ),
      (
        "state", sessions.last?.snapshot.map { json(of: $0, sessions[sessions.count - 1]) } ?? .null
      ),
    ]).pretty()
  }

  private static func json(of session: JournalReplay.Session, _ isCut: Bool) -> JSONValue {
    .object([
      ("tradingDay", .count(session.tradingDay)), ("firstSequence", .count(session.firstSequence)),
      ("lastSequence", .count(session.lastSequence)),
      ("isEnded", isCut && !session.isEnded ? .null : .bool(session.isEnded)),
      ("endedBy", session.end.map { .text($0.text) } ?? .null),
      ("applyVersion", .count(session.applyVersion)), ("inputs", .count(session.inputs)),
      ("consequences", .count(session.consequences)), ("hashes", .count(session.hashes)),
      ("lastHash", session.lastHash.map { .text("\($0.value)") } ?? .null),
      ("foreignHashes", .count(session.foreignHashes)),
      ("differences", .count(session.differenceCount)),
      ("unaccepted", .count(session.unacceptedCount)),
      ("firstDifferences", .array(session.differences.map { .text($0) })),
    ])
  }

  private static func json(
    of state: EngineSnapshot, _ session: JournalReplay.Session
  ) -> JSONValue {
    .object([
      ("sequence", .count(session.lastSequence)), ("hash", .text("\(state.stateHash)")),
      ("nextClientOrderID", .count(state.nextClientOrderID)),
      ("limitsVersion", .count(state.limitsVersion)),
      (
        "openOrders",
        .array(
          state.openOrders.map { order in
            .object([
              ("clientOrderID", .count(order.clientOrderID.raw)),
              ("symbol", .text(session.symbol(order.instrument))),
              ("account", .text(name(Int(order.account.raw), session.accounts))),
              ("strategy", .text(name(Int(order.strategy.raw), session.strategies))),
              ("side", .text("\(order.side)")),
              (
                "price",
                .text(session.price(order.price, of: order.instrument))
              ),
              ("quantity", quantity(order.quantity.raw, order.instrument, session)),
              ("leaves", quantity(order.leaves.raw, order.instrument, session)),
              ("executed", quantity(order.executed.raw, order.instrument, session)),
              ("life", .text("\(order.life)")),
            ])
          })
      ),
      (
        "positions",
        .array(
          state.positions.map { position in
            .object([
              ("symbol", .text(position.symbol)),
              ("account", .text(name(Int(position.account.raw), session.accounts))),
              ("strategy", .text(name(Int(position.strategy.raw), session.strategies))),
              ("quantity", quantity(position.quantity, position.instrument, session)),
              ("realised", .money(position.realised.raw, decimals: 8)),
              ("fees", .money(position.fees.raw, decimals: 8)),
              ("executions", .integer(position.executions)),
            ])
          })
      ),
      (
        "cash",
        .array(
          state.cash.enumerated().map {
            .object([
              ("account", .text(name($0, session.accounts))),
              ("cash", .money($1.raw, decimals: 8)),
            ])
          })
      ),
      (
        "ports",
        .array(
          state.ports.map { port in
            .object([
              ("port", .text(name(Int(port.port.raw), session.ports))),
              ("venue", .text(name(Int(port.venue.raw), session.venues))),
              ("streamSequence", .count(port.streamSequence)),
              ("nextReference", .count(port.nextReference)),
              ("waiting", .integer(Int64(port.waiting))),
              ("isUp", .bool(port.isUp)), ("isReady", .bool(port.isReady)),
            ])
          })
      ),
      (
        "latches",
        .array(
          state.latches.map { .text("\(scope($0, session)): \($0.cause.inWords)") })
      ),
      ("broken", .array(state.brokenInvariants.map { .text($0) })),
    ])
  }
}
