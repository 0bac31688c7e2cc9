/// One order-entry session at a venue, in a column by ``PortID``: where it stands, what waits for it, and the
/// numbers of its requests. Nothing here knows a protocol.
///
/// New orders pass only when it is ready: logged in, the missed part of its stream of reports drained, and
/// every doubt about earlier requests settled.
struct VenuePort: BitwiseCopyable {
  let venue: Int
  let capabilities: VenueCapabilities

  // Its session.
  var isUp = false
  var hasCaughtUp = false
  var isReady = false
  /// The venue has switched order entry off.
  var entryDisabled = false
  /// Orders of before the log-in whose fate is being asked: it is not ready meanwhile.
  var settling: Int = 0
  /// Of these, those that have not been asked about since the log-in.
  var unasked: Int = 0
  /// Last report of its stream that was applied.
  var streamSequence: UInt64 = 0

  // Its requests.
  /// Number of the next new order, replace or request about many orders.
  var nextReference: UInt64
  var referencesUsed = 0
  /// Requests asked so far, cancels and changes in place too.
  var requests: UInt64 = 0
  let referenceMax: UInt64
  private let referenceBase: Int
  private let referenceMask: UInt64
  /// Orders with a request that may be unresolved, by the time of the last one; see ``OrderLink``.
  var doubtHead: Int32 = -1
  var doubtTail: Int32 = -1

  var outbox: Outbox

  init(_ c: PortConfiguration, _ venue: VenueConfiguration, outbox: Outbox, references: Range<Int>)
  {
    self.venue = Int(c.venue.raw)
    capabilities = venue.capabilities
    referenceMax = venue.capabilities.referenceMax
    nextReference = c.firstReference
    isUp = c.isUpAtStart
    hasCaughtUp = c.isUpAtStart
    isReady = c.isUpAtStart
    referenceBase = references.lowerBound
    referenceMask = UInt64(references.count - 1)
    self.outbox = outbox
  }

  @inline(__always) func referencePlace(of reference: UInt64) -> Int {
    referenceBase &+ Int(truncatingIfNeeded: reference & referenceMask)
  }
}

/// Where the orders of an account in an instrument go: ports in the order of preference.
struct Route: BitwiseCopyable {
  static var portsMax: Int { 4 }
  static var none: UInt16 { .max }

  var ports: InlineArray<4, UInt16> = [none, none, none, none]
  /// Venue of the first.
  var venue: UInt16 = 0
  var capacity = OrderCapacity.principal
  var reserved: UInt8 = 0
  var reserved1: UInt32 = 0
}

extension EngineState {
  /// The first port of the route whose session is ready; else the first.
  mutating func port(on route: Route) -> Int {
    for i in 0..<Route.portsMax {
      let port = route.ports[i]
      guard port != Route.none else { break }
      if ports[Int(port)].isReady { return Int(port) }
    }
    return Int(route.ports[0])
  }

  @inline(__always) mutating func listing(_ port: Int, _ instrument: Int) -> Int {
    ports[port].venue &* instrumentCount &+ instrument
  }

  mutating func serves(_ port: Int, _ account: AccountID) -> Bool {
    portAccounts[port &* accountCount &+ Int(account.raw)]
  }

  /// A port that would take an order of the strategy in the instrument now.
  @usableFromInline mutating func isReady(_ strategy: StrategyID, _ instrument: InstrumentID)
    -> Bool
  {
    let account = account(of: strategy)
    guard Int(account.raw) < accountCount, Int(instrument.raw) < instrumentCount else {
      return false
    }
    let route = routes[accountCell(account, instrument)]
    guard route.ports[0] != Route.none else { return false }
    return ports[port(on: route)].isReady
  }
}
