import ExecutionCore
import Foundation
import Gateways
import Simulation
import Transport

extension PaperCommand {
  static func settings(
    _ options: ParsedOptions, _ instruments: [InstrumentFacts]
  ) throws(CommandFailure) -> PaperSettings {
    let names = (options.text("account") ?? "paper").split(separator: ",").map(String.init)
    guard !names.isEmpty, names.count <= 256, Set(names).count == names.count,
      names.allSatisfy(Configuration.Session.isPaperName)
    else {
      throw options.refuse(
        "account", options.text("account") ?? "",
        "1 to 256 different names of 1 to 16 letters, digits, . _ - each")
    }
    let password = try options.text("password-file").map(PasswordFile.read)
    var settings = PaperSettings(
      instruments: instruments, names: names, password: password?.word ?? "needletail",
      fees: try fees(options), fill: try fill(options),
      seed: UInt64(try options.integer("seed", in: 0...Int.max) ?? 1))
    settings.cancelsOnDisconnect = options.flag("cancel-on-disconnect")
    return settings
  }

  private static func fees(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> Configuration.PaperFees {
    var fees = Configuration.PaperFees()
    let range = Configuration.PaperFees.range
    fees.addedBasisPoints = try number(options, "fee-added", in: range, or: fees.addedBasisPoints)
    fees.removedBasisPoints = try number(
      options, "fee-removed", in: range, or: fees.removedBasisPoints)
    return fees
  }

  private static func fill(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> Configuration.Fill {
    typealias Fill = Configuration.Fill
    var fill = Fill()
    fill.cash = try number(options, "cash", in: Fill.cashRange, or: fill.cash)
    fill.queue = try options.choice("queue", of: Fill.Queue.self) ?? fill.queue
    let microseconds = Fill.microseconds
    fill.acceptLatencyMicroseconds = try options.integer("accept-latency", in: microseconds) ?? 0
    fill.reportLatencyMicroseconds = try options.integer("report-latency", in: microseconds) ?? 0
    fill.sharePercent =
      try options.integer("fill-share", in: Fill.shareRange) ?? fill.sharePercent
    fill.slippageBasisPoints = try options.integer("slippage", in: Fill.basisPoints) ?? 0
    fill.impactBasisPoints = try options.integer("impact", in: Fill.basisPoints) ?? 0
    fill.rejects = try number(options, "rejects", in: Fill.probability, or: 0)
    fill.forgets = try number(options, "forget", in: Fill.probability, or: 0)
    fill.delays = try number(options, "delay", in: Fill.probability, or: 0)
    fill.doubles = try number(options, "double", in: Fill.probability, or: 0)
    fill.contradicts = try number(options, "contradict", in: Fill.probability, or: 0)
    fill.dropSeconds = try options.integer("drop", in: Fill.dropRange) ?? 0
    return fill
  }

  private static func number(
    _ options: ParsedOptions, _ name: String, in range: ClosedRange<Decimal8>, or usual: Decimal8
  ) throws(CommandFailure) -> Decimal8 {
    guard let text = options.text(name) else { return usual }
    guard let number = Decimal8(text), range.contains(number) else {
      throw options.refuse(
        name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A probability, in parts of a million.
  private static func share(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> UInt64 {
    UInt64(
      PaperSettings.parts(try number(options, name, in: Configuration.Fill.probability, or: 0)))
  }

  static func serverSettings(
    _ options: ParsedOptions
  ) throws(CommandFailure) -> PaperServerSettings {
    var settings = PaperServerSettings()
    settings.listen = try endpoint(options, "listen") ?? .loopback()
    settings.speed = try number(options, "speed", in: Decimal8(raw: 1_000_000)...10_000, or: 1).raw
    settings.startsAtLogin = options.flag("start-on-login")
    settings.feed = try feed(options, settings.listen)
    return settings
  }

  private static func feed(
    _ options: ParsedOptions, _ listen: Endpoint
  ) throws(CommandFailure) -> PricePublisherSettings {
    // Its name is the day's.
    var feed = PricePublisherSettings(session: .blank)
    guard let text = options.text("feed-to") else {
      for name in ["rerequest", "multicast-hops", "loss", "duplicate", "reorder"]
      where options.text(name) != nil {
        throw CommandFailure(.usage, "'--\(name)' is of a market that is published: give --feed-to")
      }
      return feed
    }
    let places = text.split(separator: ",", omittingEmptySubsequences: false)
      .map { try? Endpoint(parsing: String($0)) }
    feed.feedTo = places.compactMap { $0 }
    guard (1...2).contains(places.count), feed.feedTo.count == places.count else {
      throw options.refuse("feed-to", text, "one or two of HOST:PORT, separated by a comma")
    }
    feed.rerequest =
      try endpoint(options, "rerequest") ?? Endpoint(address: listen.address, port: 0)
    feed.multicastHops = UInt8(try options.integer("multicast-hops", in: 0...255) ?? 0)
    feed.faults.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    feed.faults.loss = try share(options, "loss")
    feed.faults.duplication = try share(options, "duplicate")
    feed.faults.reordering = try share(options, "reorder")
    return feed
  }

  static func endpoint(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> Endpoint? {
    guard let text = options.text(name) else { return nil }
    guard let endpoint = try? Endpoint(parsing: text) else {
      throw options.refuse(name, text, "HOST:PORT")
    }
    return endpoint
  }
}
