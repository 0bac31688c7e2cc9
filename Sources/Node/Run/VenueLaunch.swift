import ExecutionCore
import Simulation
import Transport

/// How the process of a venue is started, and what it leaves.
struct VenueLaunch {
  let plan: VenuePlan
  /// Where its lines go.
  let lines: [Endpoint]
  let log: String
  let report: String
  /// The accounts' password, which it reads from its standard input.
  let password: String
  /// Of a feed that it reads from us.
  let inherited: Int32?
  private let arguments: [String]

  var name: String { plan.name }

  init(_ run: RunPlan, _ plan: VenuePlan, _ directory: RunDirectory, lines: [Endpoint]) {
    self.plan = plan
    self.lines = lines
    let places = directory.places(of: plan.venue)
    log = places.log
    report = places.report
    password = plan.venue.session.password.word
    let configuration = run.configuration
    let usernames = configuration.usernames(at: plan.venue).joined(separator: ",")
    var arguments = [
      "--speed", configuration.run.speed.text, "--feed-to",
      lines.map(\.description).joined(separator: ","), "--password-file", "-", "--data",
      places.data, "--start-on-login", "--report", places.report,
    ]
    switch plan.venue.kind {
    case .exchange:
      inherited = run.feed?.handOver?.descriptor
      arguments += [
        "--seed", "\(configuration.run.seed)", "--username", usernames, "--flow-control",
        directory.flowControl,
      ]
      arguments += [
        "--feed", run.feed?.handOver?.path ?? plan.feed.source, "--date", run.date.text,
      ]
      arguments += Self.exchange(plan) + FeedOptions.arguments(run.options.choice)
      self.arguments = ["exchange"] + arguments
    case .paper:
      inherited = nil
      arguments += ["--account", usernames] + Self.paper(plan, seed: configuration.run.seed)
      self.arguments = ["paper"] + arguments
    }
  }

  /// - Parameters:
  ///   - services: where it is to be; port 0 is any free one.
  ///   - isFirst: what an earlier run left there is put aside.
  func arguments(_ services: VenueServices, isFirst: Bool) -> [String] {
    var all =
      arguments + [
        "--listen", "\(services.orderEntry)", "--rerequest", "\(services.rerequest)",
      ]
    if plan.venue.kind == .exchange { all += ["--snapshot", "\(services.snapshot)"] }
    if plan.venue.cancelOnDisconnect { all.append("--cancel-on-disconnect") }
    if isFirst { all.append("--new-session") }
    return all
  }

  private static func exchange(_ plan: VenuePlan) -> [String] {
    let fees = plan.venue.fees
    var arguments = [
      "--fee-added", "\(fees.addedPerShare)", "--fee-added-hidden", "\(fees.addedHiddenPerShare)",
      "--fee-removed", "\(fees.removedPerShare)",
    ]
    let generator = plan.feed.generator
    if plan.feed.isGenerated {
      arguments += [
        "--style", generator.scenario.rawValue, "--symbols", "\(generator.symbols)", "--rate",
        "\(generator.messagesPerSecond)",
      ]
    }
    if !plan.feed.instrumentsFile.isEmpty {
      arguments += ["--instruments", plan.feed.instrumentsFile]
    }
    return arguments
  }

  private static func paper(_ plan: VenuePlan, seed: UInt64) -> [String] {
    let fees = plan.venue.paperFees
    let fill = plan.venue.fill
    var arguments = [
      "--fee-added", "\(fees.addedBasisPoints)", "--fee-removed", "\(fees.removedBasisPoints)",
      "--cash", "\(fill.cash)", "--queue", fill.queue.rawValue, "--fill-share",
      "\(fill.sharePercent)", "--slippage", "\(fill.slippageBasisPoints)", "--impact",
      "\(fill.impactBasisPoints)", "--accept-latency", "\(fill.acceptLatencyMicroseconds)",
      "--report-latency", "\(fill.reportLatencyMicroseconds)", "--rejects", "\(fill.rejects)",
      "--forget", "\(fill.forgets)", "--delay", "\(fill.delays)", "--double", "\(fill.doubles)",
      "--contradict", "\(fill.contradicts)", "--drop", "\(fill.dropSeconds)",
    ]
    switch plan.origin {
    case .recording(let path, let from):
      arguments += ["--feed", path, "--seed", "\(seed)"]
      if let from { arguments += ["--begin", "\(from)"] }
    case .generated(let settings):
      arguments += [
        "--feed", "generated", "--seed", "\(settings.seed)", "--style",
        settings.style.rawValue, "--symbols", "\(settings.instruments)", "--rate",
        "\(settings.rate)", "--begin", "\(settings.begin)",
      ]
    case .live, nil: break
    }
    return arguments
  }
}
