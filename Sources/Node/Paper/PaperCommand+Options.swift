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
    let usual = Configuration.Venue.paper
    let cash = try number(options, "cash", in: Configuration.Fill.cashRange, or: usual.fill.cash)
    var settings = PaperSettings(
      instruments: instruments,
      accounts: names.map {
        PaperSettings.Account(
          name: $0, password: password?.word ?? "needletail", cash: Money(raw: Int128(cash.raw)))
      })
    let fees = Configuration.PaperFees.range
    let added = try number(options, "fee-added", in: fees, or: usual.paperFees.addedBasisPoints)
    let removed = try number(
      options, "fee-removed", in: fees, or: usual.paperFees.removedBasisPoints)
    settings.fees = FeeSchedule(perNotional: [
      UInt8(ascii: "A"): added.raw / 10_000, UInt8(ascii: "R"): removed.raw / 10_000,
    ])
    let latency = Configuration.Fill.microseconds
    settings.acceptLatency = Int64(try options.integer("accept-latency", in: latency) ?? 0) * 1_000
    settings.reportLatency = Int64(try options.integer("report-latency", in: latency) ?? 0) * 1_000
    if let queue = options.text("queue") {
      guard queue == "back" || queue == "front" else {
        throw options.refuse("queue", queue, "back or front")
      }
      settings.queue = queue == "back" ? .back : .front
    }
    settings.fillShare = try options.integer("fill-share", in: Configuration.Fill.shareRange) ?? 100
    let basisPoints = Configuration.Fill.basisPoints
    settings.slippage = Int64(try options.integer("slippage", in: basisPoints) ?? 0)
    settings.impact = Int64(try options.integer("impact", in: basisPoints) ?? 0)
    settings.seed = UInt64(try options.integer("seed", in: 0...Int.max) ?? 1)
    settings.rejects = try share(options, "rejects")
    settings.forgets = try share(options, "forget")
    settings.delays = try share(options, "delay")
    settings.doubles = try share(options, "double")
    settings.contradicts = try share(options, "contradict")
    let drop = try options.integer("drop", in: Configuration.Fill.dropRange) ?? 0
    settings.dropInterval = Int64(drop) * 1_000_000_000
    settings.cancelsOnDisconnect = options.flag("cancel-on-disconnect")
    return settings
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
  ) throws(CommandFailure) -> UInt32 {
    UInt32(try number(options, name, in: Configuration.Fill.probability, or: 0).raw / 100)
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
    feed.faults.loss = UInt64(try share(options, "loss"))
    feed.faults.duplication = UInt64(try share(options, "duplicate"))
    feed.faults.reordering = UInt64(try share(options, "reorder"))
    return feed
  }

  private static func endpoint(
    _ options: ParsedOptions, _ name: String
  ) throws(CommandFailure) -> Endpoint? {
    guard let text = options.text(name) else { return nil }
    guard let endpoint = try? Endpoint(parsing: text) else {
      throw options.refuse(name, text, "HOST:PORT")
    }
    return endpoint
  }
}
