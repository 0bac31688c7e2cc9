extension Configuration {
  /// Groups of files from before feeds and venues were lists. Each is refused with what it is now, its own values in
  /// it.
  enum Moved: String, CaseIterable {
    case feed, exchange, session, fees

    static func refuse(_ reader: inout SectionReader) {
      for group in allCases { reader.refuseMoved(group.rawValue, group.message) }
    }

    /// Where a key of the group is now.
    private enum Place: CaseIterable {
      case run, feed, venue, fees

      /// What stands before the keys, and how far these are indented.
      var head: [String] {
        switch self {
        case .run: ["run:"]
        case .feed: ["feeds:", "  - name: \(Feed.equities.name)"]
        case .venue: ["venues:", "  - name: \(Venue.exchange.name)"]
        case .fees: Place.venue.head + ["    fees:"]
        }
      }
      var indent: Int { 2 * head.count }
    }

    private func place(of key: String) -> Place {
      switch self {
      case .feed: ["seed", "speed", "duration_seconds", "date"].contains(key) ? .run : .feed
      case .exchange:
        ["line_a", "line_b", "rerequest", "snapshot", "session"].contains(key) ? .feed : .venue
      case .session: .venue
      case .fees: .fees
      }
    }

    private var becameWhat: String {
      switch self {
      case .feed: "is now an entry of 'feeds', and what concerns the run as a whole is in 'run'"
      case .exchange:
        "is now an entry of 'venues', and where its market data is stands in the entry of its feed"
      case .session, .fees: "is now part of the exchange's one entry of 'venues'"
      }
    }

    private func message(_ value: YAMLNode) -> String {
      guard case .mapping(let pairs) = value.content, !pairs.isEmpty else {
        return "\(becameWhat); nothing is set in it: leave it out"
      }
      var lines = ["\(becameWhat):"]
      for place in Place.allCases {
        let here = pairs.map { (key: ConfigurationText.text(of: $0.key), value: $0.value) }
          .filter { self.place(of: $0.key) == place }
        guard !here.isEmpty else { continue }
        lines += place.head
        let space = String(repeating: " ", count: place.indent)
        for (key, value) in here {
          let head = "\(space)\(key):"
          // What it is nobody is shown.
          lines +=
            key == "password"
            ? ["\(head) …"]
            : ConfigurationText.lines(of: value, behind: head, indent: place.indent + 2)
        }
      }
      return lines.joined(separator: "\n")
    }
  }
}
