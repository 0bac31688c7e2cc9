/// The sessions at venues, what their references stood for, and which orders go where.
@safe struct Ports {
  private var ports: Column<VenuePort>
  /// What each port's references stood for, one region after the other.
  private(set) var references: Column<ReferenceEntry>
  /// By port and account: its orders may go through it.
  private var accounts: Column<Bool>
  /// By cell.
  private(set) var routes: Column<Route>
  /// By venue; see ``VenueCapabilities/takesPlain``.
  private(set) var takesPlain: Column<Bool>
  /// By venue and instrument, and one that takes nothing, for who has no route.
  private(set) var listings: Column<Listing>
  private let accountCount: Int
  private let instrumentCount: Int
  /// References of one port.
  let referencesMax: Int
  /// Of what is noted of references; of every change of a reference's side.
  private var noted: UInt64 = 0
  private var sides: UInt64 = 0

  init(_ b: inout ColumnBuilder, _ c: EngineConfiguration) {
    accountCount = c.accounts.count
    instrumentCount = c.instruments.count
    let perPort = c.ordersPerDayMax.nextPowerOfTwo
    referencesMax = perPort
    references = b.zeros(ReferenceEntry.self, perPort * c.ports.count)
    var made: [VenuePort] = []
    for (i, port) in c.ports.enumerated() {
      let outbox = Outbox(
        &b, capacity: c.outboxCapacity, poolCapacity: c.poolCapacity, ageMax: c.outboxAgeMax)
      made.append(
        VenuePort(
          port, c.venues[Int(port.venue.raw)], outbox: outbox,
          references: i * perPort..<(i + 1) * perPort))
    }
    ports = b.column(made)
    accounts = b.column(false, c.ports.count * c.accounts.count)
    routes = b.column(Route(), c.strategies.count * c.instruments.count)
    takesPlain = b.column(false, c.venues.count)
    listings = b.column(Listing(), c.venues.count * c.instruments.count + 1)
  }

  /// Once, when the columns are there.
  mutating func open(_ c: EngineConfiguration) {
    for (v, venue) in c.venues.enumerated() {
      takesPlain[v] = venue.capabilities.takesPlain
      for (i, facts) in c.instruments.enumerated() where venue.trades(i) {
        listings[v * instrumentCount + i] = Listing(facts, venue.rules)
      }
    }
    for (p, port) in c.ports.enumerated() {
      for account in port.accounts { accounts[p * accountCount + Int(account.raw)] = true }
    }
    for (n, strategy) in c.strategies.enumerated() {
      for i in 0..<instrumentCount {
        let choices = c.route(of: strategy.account, in: InstrumentID(raw: UInt32(i)))
        var route = Route()
        route.capacity = c.accounts[Int(strategy.account.raw)].capacity
        route.listing = UInt32(listings.count - 1)
        route.isNone = choices.isEmpty
        for (n, port) in choices.prefix(Route.portsMax).enumerated() { route.ports[n] = port.raw }
        if let first = choices.first {
          route.listing = UInt32(listing(Int(first.raw), i))
          route.isPlain = ports[Int(first.raw)].capabilities.takesPlain
        }
        routes[n * instrumentCount + i] = route
      }
    }
  }

  subscript(_ port: Int) -> VenuePort {
    @inline(__always) unsafeAddress { return unsafe UnsafePointer(ports.address(port)) }
    @inline(__always) nonmutating unsafeMutableAddress { return unsafe ports.address(port) }
  }

  // MARK: Routes

  /// The first port of the route that takes orders; else the first.
  func port(on route: Route) -> Int {
    for i in 0..<Route.portsMax {
      let port = route.ports[i]
      guard port != Route.none else { break }
      if ports[Int(port)].takesOrders { return Int(port) }
    }
    return Int(route.ports[0])
  }

  @inline(__always) func listing(_ port: Int, _ instrument: Int) -> Int {
    ports[port].venue &* instrumentCount &+ instrument
  }

  func serves(_ port: Int, _ account: AccountID) -> Bool {
    accounts[port &* accountCount &+ Int(account.raw)]
  }

  // MARK: References

  /// The place of a port's reference in the table, nil for one that it never used.
  @inline(__always) func place(of reference: UInt64, _ port: Int) -> Int? {
    guard reference != 0 else { return nil }
    let i = ports[port].referencePlace(of: reference)
    return references[i].reference == reference ? i : nil
  }

  // What is noted of a reference is in the hash.

  mutating func setAcknowledged(_ place: Int) {
    guard !references[place].isAcknowledged else { return }
    references[place].isAcknowledged = true
    noted &+= weight(place)
  }
  mutating func setDead(_ place: Int, _ isDead: Bool) {
    guard references[place].isDead != isDead else { return }
    references[place].isDead = isDead
    noted &+= isDead ? weight(place) &* 3 : 0 &- weight(place) &* 3
  }
  mutating func setSide(_ place: Int, _ side: Side) {
    guard references[place].side.rawValue != side.rawValue else { return }
    references[place].side = side
    sides = (sides ^ weight(place)) &* 3 &+ UInt64(side.rawValue)
  }
  private func weight(_ place: Int) -> UInt64 {
    (UInt64(truncatingIfNeeded: place) ^ references[place].reference &<< 20)
      &* 0xbf58_476d_1ce4_e5b9 | 1
  }

  // MARK: Hash and invariants

  mutating func mix(into h: inout StateHasher) {
    h.mix(noted)
    h.mix(sides)
    for i in 0..<ports.count { ports[i].mix(into: &h) }
  }

  /// What does not hold of it by itself.
  func broken() -> [String] {
    var sum: UInt64 = 0
    var place = 0
    // Not a range: see ``ExecutionLedger/used``.
    while place < references.count {
      if references[place].reference != 0 {
        let entry = references[place]
        let marks = (entry.isAcknowledged ? 1 : 0) &+ (entry.isDead ? 3 : 0)
        sum &+= weight(place) &* UInt64(marks)
      }
      place &+= 1
    }
    return sum == noted ? [] : ["the hash of the references is not theirs"]
  }
}
