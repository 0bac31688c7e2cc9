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
  private(set) var isReady = false
  /// The venue has switched order entry off.
  private(set) var entryDisabled = false
  /// New orders pass while it is empty.
  private(set) var causes = LatchCauses()
  /// Ready, not latched, entry is on, and there are references left.
  private(set) var takesOrders = false
  /// Orders of before the log-in whose fate is being asked: it is not ready meanwhile.
  var settling: Int = 0
  /// Of these, those that have not been asked about since the log-in.
  var unasked: Int = 0
  /// Orders of which the venue has counted executions that we do not have.
  var missing: Int = 0
  /// Of ``EngineBound``: alarmed already.
  var boundsNear: UInt32 = 0
  /// Open orders of which a cancel of everything is wanted.
  var cancelsWanted: Int = 0
  /// Last report of its stream that was applied.
  var streamSequence: UInt64 = 0

  // Its requests.
  /// Number of the next new order, replace or request about many orders.
  private(set) var nextReference: UInt64
  private(set) var referencesUsed = 0
  /// Requests asked so far, cancels and changes in place too.
  var requests: UInt64 = 0
  let referenceMax: UInt64
  private let referenceBase: Int
  private let referenceMask: UInt64
  /// Orders with a request that may be unresolved, by the time of the last one; see ``DoubtLink``.
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
    takesOrders = c.isUpAtStart
    referenceBase = references.lowerBound
    referenceMask = UInt64(references.count - 1)
    self.outbox = outbox
  }

  mutating func setReady(_ isReady: Bool) {
    self.isReady = isReady
    sumUp()
  }
  mutating func setEntry(disabled: Bool) {
    entryDisabled = disabled
    sumUp()
  }
  mutating func setCauses(_ causes: LatchCauses) {
    self.causes = causes
    sumUp()
  }
  /// From this number on; it may be above the last.
  mutating func setReference(_ next: UInt64) {
    nextReference = next
    sumUp()
  }
  private mutating func sumUp() {
    takesOrders = isReady && causes.isEmpty && !entryDisabled && nextReference <= referenceMax
  }

  // Mutating, though they only read: a struct of this size would be copied.

  /// There is more to be done about its orders than to notice late answers.
  var hasMore: Bool {
    @inline(__always) mutating get {
      missing > 0 || cancelsWanted > 0 || hasCaughtUp && !isReady
    }
  }
  /// References that the venue's range leaves, the next one among them.
  var referencesOfVenue: UInt64 {
    @inline(__always) mutating get {
      guard nextReference <= referenceMax else { return 0 }
      let (left, over) = (referenceMax &- nextReference).addingReportingOverflow(1)
      return over ? .max : left
    }
  }
  /// A reference may be given out, and its place in the table is free.
  @inline(__always) mutating func hasReference(in table: Column<ReferenceEntry>) -> Bool {
    nextReference <= referenceMax && table[referencePlace(of: nextReference)].reference == 0
  }
  /// Another new order may pass, and can be numbered and queued.
  @inline(__always) mutating func takesOrder(in table: Column<ReferenceEntry>) -> Bool {
    takesOrders && outbox.hasRoom && table[referencePlace(of: nextReference)].reference == 0
  }
  /// Queues a new order, gives it a reference and a number, and puts it at the end of the doubts; the caller has
  /// asked ``takesOrder(in:)``.
  @inline(__always) mutating func enter(
    _ words: RequestWords, _ entry: borrowing ReferenceEntry, in table: Column<ReferenceEntry>,
    slot: Int
  ) -> (reference: UInt64, number: UInt64, earlier: Int32) {
    outbox.push(words)
    requests &+= 1
    let earlier = doubtTail
    doubtTail = Int32(truncatingIfNeeded: slot)
    if earlier < 0 { doubtHead = doubtTail }
    return (takeReference(entry, in: table), requests, earlier)
  }

  /// Gives out the next reference; the caller has asked ``hasReference(in:)``.
  @inline(__always) mutating func takeReference(
    _ entry: borrowing ReferenceEntry, in table: Column<ReferenceEntry>
  ) -> UInt64 {
    let reference = nextReference
    let place = referencePlace(of: reference)
    table[place] = copy entry
    table[place].reference = reference
    nextReference = reference &+ 1
    if reference == referenceMax { sumUp() }
    referencesUsed &+= 1
    return reference
  }

  @inline(__always) func referencePlace(of reference: UInt64) -> Int {
    referenceBase &+ Int(truncatingIfNeeded: reference & referenceMask)
  }
}

extension VenuePort {
  mutating func mix(into h: inout StateHasher) {
    h.mix(nextReference)
    h.mix(streamSequence)
    h.mix(requests)
    h.mix(UInt64(causes.raw))
    h.mix(Int64(settling))
    h.mix(Int64(unasked))
    h.mix(Int64(missing))
    h.mix(Int64(cancelsWanted))
    let session: UInt64 = (isUp ? 1 : 0) | (hasCaughtUp ? 2 : 0) | (isReady ? 4 : 0)
    h.mix(session | (entryDisabled ? 8 : 0))
  }
}
