import ExecutionCore
import Foundation
import Gateways
import Journal
import Simulation
import Trading

/// One run in virtual time: exchange, order session and core on this thread, with the same code as between
/// processes. The journal's bytes depend on feed, seed, configuration and build alone.
///
/// Threading: the main thread.
enum VirtualRun {
  /// Events between two looks at signals and at the journal's room.
  private static let eventsPerRound = 1_024

  static func run(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter
  ) throws(CommandFailure) -> RunOutcome {
    for note in plan.feed.notes { Console.error("needletail run: \(note)") }
    var session = try session(plan, directory, journal)
    let firstTime = plan.feed.peek()?.sessionTime ?? 0
    var reason = "end of feed"
    var isGoing = true
    var isJournalFailureSaid = false
    // The generated market has its end of its own.
    let isLimited = !plan.configuration.feed.isGenerated
    let duration = isLimited ? plan.configuration.feed.durationNanoseconds : nil
    let (sum, overflow) = firstTime.addingReportingOverflow(duration ?? .max)
    let end = overflow ? .max : sum
    while isGoing {
      for _ in 0..<eventsPerRound where isGoing {
        isGoing = session.step()
        if session.time >= end {
          isGoing = false
          reason = "duration"
        }
      }
      journal.pump()
      if !isJournalFailureSaid, let failure = journal.failure {
        isJournalFailureSaid = true
        Console.error("needletail run: the journal failed, and no new order leaves: \(failure)")
      }
      if StopSignal.wait(milliseconds: 0) {
        reason = "signal"
        break
      }
    }
    session.driver.strategy.isOn = false
    _ = session.finish()
    journal.pump()
    let report = ExchangeReport(session.exchange, server: ExchangeServerCounters()).json
    var outcome = RunOutcome(
      summary(plan, session, report: report, reason: reason, firstTime: firstTime))
    outcome.isJournalFailureSaid = isJournalFailureSaid
    do throws(CommandFailure) {
      try RunDirectory.replace(directory.exchangeReport, with: report + "\n")
    } catch {
      outcome.trouble = error
    }
    return outcome
  }

  private static func session(
    _ plan: RunPlan, _ directory: RunDirectory, _ journal: JournalWriter
  ) throws(CommandFailure) -> VirtualSession<StrategySwitch<StrategySet>> {
    let configuration = plan.configuration
    let strategies = try StrategySet(configuration, instruments: plan.instruments)
    let engine = try HotRun.engine(plan, journal)
    var settings = ExchangeSessionSettings()
    settings.accounts = configuration.usernames
    settings.exchange.fees = configuration.fees.ofExchange
    settings.cancelsOnDisconnect = configuration.exchange.cancelOnDisconnect
    // The exchange keeps its inputs as its process does: every fill can be derived from them again.
    settings.directory = directory.exchange
    settings.startsNewSession = true
    let exchange: ExchangeSession
    do throws(StoreError) {
      exchange = try ExchangeSession(settings: settings, feed: plan.feed)
    } catch {
      throw CommandFailure(.inputOutput, "\(error)")
    }
    var virtual = VirtualSettings()
    virtual.feedLatency = configuration.virtualTime.feedLatencyNanoseconds
    virtual.orderLatency = configuration.virtualTime.orderLatencyNanoseconds
    virtual.reportLatency = configuration.virtualTime.reportLatencyNanoseconds
    virtual.jitter = configuration.virtualTime.jitterNanoseconds
    virtual.seed = configuration.feed.seed
    return VirtualSession(
      driver: Driver(engine: engine, strategy: StrategySwitch(strategies)), exchange: exchange,
      gateways: try gatewaySettings(plan), settings: virtual)
  }

  private static func summary(
    _ plan: RunPlan, _ session: borrowing VirtualSession<StrategySwitch<StrategySet>>,
    report: String, reason: String, firstTime: Int64
  ) -> RunSummary {
    let state = session.driver.engine.snapshot()
    var summary = RunSummary()
    summary.describe(plan)
    summary.run.sessionNanoseconds = max(0, state.sessionTime - firstTime)
    summary.run.endedBy = reason
    summary.latency.clock = "virtual"
    summary.latency.network = "memory"
    summary.latency.stages = LatencyRecorder.Stage.ofOrders.map {
      RunSummary.Percentiles(name: $0.name)
    }
    summary.take(
      state, accounts: plan.configuration.accounts.map(\.name),
      strategies: plan.configuration.orderedStrategies.map(\.name),
      instruments: plan.instruments.count)
    summary.take(session.gatewayCounters, fuse: session.fuseTripped)
    summary.feed.symbolsWhole = session.driver.engine.symbolsWhole
    summary.close(state)
    summary.reconcile(
      ReportedAccount(json: Data(report.utf8)), "its report cannot be read", state,
      usernames: plan.configuration.usernames)
    return summary
  }
}
