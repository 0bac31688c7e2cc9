import Gateways
import Simulation

/// How the run as a whole, the feeds and the venues are read: their keys, what each may be, and what must go together.
extension Configuration {
  mutating func readMarkets(_ reader: inout SectionReader) {
    let problems = reader.problems
    let before = problems.problems.count
    let hasFeeds = reader.has("feeds")
    let hasVenues = reader.has("venues")
    let sections = readFeeds(&reader)
    // Who lists one of the two means what of the defaults goes with it.
    if hasFeeds, !hasVenues {
      let names = feeds.map(\.name)
      venues.removeAll { !names.contains($0.feed) }
    }
    // How a list goes with one that is not right itself would be noise.
    readVenues(&reader, feedsAreRight: problems.problems.count == before)
    if hasVenues, !hasFeeds, problems.problems.count == before {
      feeds.removeAll { feed in !venues.contains { $0.feed == feed.name } }
    }
    if problems.problems.count == before {
      for (feed, section) in zip(feeds, sections) where !isTraded(feed) {
        section.refuse(
          "name",
          "no venue trades '\(feed.name)': take it out, or list a venue with 'feed: \(feed.name)'")
      }
    }
    let feedCount = feeds.count
    reader.section("run") {
      run.read(&$0)
      if run.speed == .max, feedCount > 1 { $0.refuse("speed", Speed.needsOneFeed) }
    }
  }

  private func isTraded(_ feed: Feed) -> Bool {
    venues.contains { $0.feed == feed.name && $0.kind.feedKinds.contains(feed.kind) }
  }

  /// - Returns: the entries of the list, where there is one.
  private mutating func readFeeds(_ reader: inout SectionReader) -> [SectionReader] {
    var sections: [SectionReader] = []
    var names: Set<String> = []
    var counts: [FeedKind: Int] = [:]
    var readsInput = false
    let empty = Feed(name: "", kind: .orders)
    reader.list("feeds", into: &feeds, count: Feed.count, empty: empty) { section, feed in
      section.read("name", into: &feed.name, wanted: Wanted.name, where: Wanted.isName)
      section.requireUnique(feed.name, key: "name", among: &names)
      guard section.readKind(&feed.kind) else { return }
      feed = Feed(name: feed.name, kind: feed.kind)
      feed.read(&section)
      counts[feed.kind, default: 0] += 1
      if counts[feed.kind] == feed.kind.feedsMax + 1 {
        section.refuse(
          "kind",
          "\(feed.kind.feedsMax) of kind \(feed.kind.rawValue) is the most: take this one out")
      }
      if feed.source == "-" {
        if readsInput { section.refuse("source", "another feed reads standard input already") }
        readsInput = true
      }
      sections.append(section)
    }
    return sections
  }

  private mutating func readVenues(_ reader: inout SectionReader, feedsAreRight: Bool) {
    var names: Set<String> = []
    let feeds = feeds
    var before: [Venue] = []
    let empty = Venue(name: "", kind: .exchange, feed: "")
    reader.list("venues", into: &venues, count: Venue.count, empty: empty) { section, venue in
      section.read("name", into: &venue.name, wanted: Wanted.name, where: Wanted.isName)
      section.requireUnique(venue.name, key: "name", among: &names)
      guard section.readKind(&venue.kind) else { return }
      let kinds = venue.kind.feedKinds
      venue.feed = feeds.first { $0.kind == kinds.first }?.name ?? ""
      venue.read(&section)
      if venue.kind == .exchange, before.contains(where: { $0.kind == .exchange }) {
        section.refuse("kind", "one of kind exchange is the most: take this one out")
      } else {
        venue.readFeed(&section, of: feeds, feedsAreRight: feedsAreRight, after: before)
      }
      before.append(venue)
    }
  }
}

extension Configuration.Speed {
  static let needsOneFeed = "max goes with one feed: give a number, or one feed"
}

extension Configuration.Run {
  mutating func read(_ reader: inout SectionReader) {
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
      "date", into: &date, wanted: Wanted.date, where: { $0.isEmpty || Wanted.isDate($0) })
  }
  static let durationRange: ClosedRange<Decimal8> = Decimal8(raw: 10_000_000)...86_400
}

extension Configuration.Feed {
  /// All but name and kind.
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "source", into: &source, wanted: "it takes generated or the name of a file",
      where: { !$0.isEmpty })
    if kind == .orders {
      reader.read(
        "instruments_file", into: &instrumentsFile, wanted: "it takes the name of a file",
        where: { _ in true })
    }
    reader.section("generator") {
      $0.read("scenario", into: &generator.scenario)
      let isOrders = kind == .orders
      let symbolsMax =
        isOrders ? GeneratorSettings.symbolsMax : PriceGeneratorSettings.instrumentsMax
      let rateMax = isOrders ? GeneratorSettings.rateMax : PriceGeneratorSettings.rateMax
      $0.read("symbols", into: &generator.symbols, in: 1...symbolsMax)
      $0.read("messages_per_second", into: &generator.messagesPerSecond, in: 1...Int(rateMax))
    }
    readEndpoint("line_a", into: &lineA, &reader)
    readEndpoint("line_b", into: &lineB, &reader)
    readEndpoint("rerequest", into: &rerequest, &reader)
    if kind == .prices {
      reader.refuse(
        ["snapshot", "snapshot_username", "snapshot_password", "instruments_file"],
        notOf: kind.inWords)
    }
    if kind == .orders {
      readEndpoint("snapshot", into: &snapshot, &reader)
      reader.read(
        "snapshot_username", into: &snapshotUsername, wanted: Configuration.Session.usernameWanted,
        where: { $0.isEmpty || Configuration.Session.isUsername($0) })
      reader.read(
        "snapshot_password", into: &snapshotPassword,
        wanted: "it takes \(Configuration.Session.passwordWanted)", isSecret: true,
        parse: { $0.isEmpty || Configuration.Session.isPassword($0) ? Secret($0) : nil })
    }
    reader.read(
      "session", into: &session, wanted: "it takes 1 to 10 printable characters, or nothing",
      where: { SessionName($0) != nil })
  }
  private func readEndpoint(
    _ key: String, into value: inout String, _ reader: inout SectionReader
  ) {
    reader.read(
      key, into: &value, wanted: Wanted.endpoint, where: { $0.isEmpty || Wanted.isEndpoint($0) })
  }
}

extension Configuration.Venue {
  /// The name of its feed, which is one that it can trade, and that no other trades.
  fileprivate mutating func readFeed(
    _ reader: inout SectionReader, of feeds: [Configuration.Feed], feedsAreRight: Bool,
    after others: [Self]
  ) {
    let names = feeds.map(\.name)
    var name = feed
    reader.read(
      "feed", into: &name, wanted: "it takes the name of a feed: \(names.joined(separator: ", "))",
      where: names.contains)
    guard feedsAreRight else { return feed = name }
    let kinds = kind.feedKinds.map(\.rawValue).joined(separator: " or ")
    guard !name.isEmpty else {
      // What is given and no feed's name is said already.
      guard !reader.has("feed") else { return }
      return reader.problems.add(
        "\(kind.inWords) needs a feed of \(kind.feedKinds.first?.rawValue ?? kinds), and there is none: list one in "
          + "'feeds'",
        at: reader.node, path: reader.path)
    }
    feed = name
    guard let found = feeds.first(where: { $0.name == name }) else { return }
    if !kind.feedKinds.contains(found.kind) {
      reader.refuse(
        "feed",
        "\(kind.inWords) needs a feed of \(kinds), and '\(name)' is one of \(found.kind.rawValue)")
    } else if let other = others.first(where: { $0.feed == name }) {
      reader.refuse(
        "feed", "'\(other.name)' trades '\(name)' already: give each venue a feed of its own")
    }
  }

  /// All but name, kind and feed.
  mutating func read(_ reader: inout SectionReader) {
    reader.read(
      "attach", into: &attach, wanted: Wanted.endpoint,
      where: { $0.isEmpty || Wanted.isEndpoint($0) })
    reader.read("address", into: &address, wanted: Wanted.address, where: Wanted.isAddress)
    reader.read("cancel_on_disconnect", into: &cancelOnDisconnect)
    session.read(&reader, of: kind)
    switch kind {
    case .exchange:
      reader.section("fees") {
        $0.refuse(["added_basis_points", "removed_basis_points"], notOf: kind.inWords)
        fees.read(&$0)
      }
      reader.refuse(["fill"], notOf: kind.inWords)
    case .paper:
      reader.section("fees") {
        $0.refuse(
          ["added_per_share", "added_hidden_per_share", "removed_per_share"], notOf: kind.inWords)
        paperFees.read(&$0)
      }
      reader.section("fill") { fill.read(&$0) }
    }
  }
}

extension Configuration.Session {
  fileprivate mutating func read(
    _ reader: inout SectionReader, of kind: Configuration.VenueKind
  ) {
    if kind == .exchange {
      reader.read("username", into: &username, wanted: Self.usernameWanted, where: Self.isUsername)
      reader.read("heartbeat_milliseconds", into: &heartbeatMilliseconds, in: 10...60_000)
    } else {
      reader.read(
        "username", into: &username, wanted: "it takes \(Self.paperNameWanted)",
        where: Self.isPaperName)
      reader.refuse(["heartbeat_milliseconds"], notOf: kind.inWords)
    }
    reader.read(
      "password", into: &password, wanted: "it takes \(Self.passwordWanted)", isSecret: true,
      parse: { Self.isPassword($0) ? Secret($0) : nil })
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

  /// Of an account of the paper broker.
  static let paperNameWanted = "1 to 16 letters, digits, . _ -"
  static func isPaperName(_ text: String) -> Bool {
    let bytes = text.utf8.map { $0 == 0x2e ? 0x5f : $0 }
    return (1...16).contains(bytes.count) && Wanted.isName(String(decoding: bytes, as: UTF8.self))
  }
}

extension Configuration.Fees {
  fileprivate mutating func read(_ reader: inout SectionReader) {
    reader.read("added_per_share", into: &addedPerShare, in: Self.range)
    reader.read("added_hidden_per_share", into: &addedHiddenPerShare, in: Self.range)
    reader.read("removed_per_share", into: &removedPerShare, in: Self.range)
  }
}

extension Configuration.PaperFees {
  fileprivate mutating func read(_ reader: inout SectionReader) {
    reader.read("added_basis_points", into: &addedBasisPoints, in: Self.range)
    reader.read("removed_basis_points", into: &removedBasisPoints, in: Self.range)
  }
}

extension Configuration.Fill {
  fileprivate mutating func read(_ reader: inout SectionReader) {
    reader.read("cash", into: &cash, in: Self.cashRange)
    reader.read("queue", into: &queue)
    reader.read("share_percent", into: &sharePercent, in: Self.shareRange)
    reader.read("slippage_basis_points", into: &slippageBasisPoints, in: Self.basisPoints)
    reader.read("impact_basis_points", into: &impactBasisPoints, in: Self.basisPoints)
    reader.read(
      "accept_latency_microseconds", into: &acceptLatencyMicroseconds, in: Self.microseconds)
    reader.read(
      "report_latency_microseconds", into: &reportLatencyMicroseconds, in: Self.microseconds)
    reader.read("rejects", into: &rejects, in: Self.probability)
    reader.read("forgets", into: &forgets, in: Self.probability)
    reader.read("delays", into: &delays, in: Self.probability)
    reader.read("doubles", into: &doubles, in: Self.probability)
    reader.read("contradicts", into: &contradicts, in: Self.probability)
    reader.read("drop_seconds", into: &dropSeconds, in: Self.dropRange)
  }
}
