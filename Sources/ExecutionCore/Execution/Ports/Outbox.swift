/// Requests of a port on their way to its gateway: two bounded queues, cancels before all else. The one place
/// in which a request waits: what is taken from here is handed to the socket at once.
@safe struct Outbox: BitwiseCopyable {
  struct Entry: BitwiseCopyable {
    var request: VenueRequest
    /// Withdrawn while queued: skipped.
    var isWithdrawn = false
  }
  private var urgent: Column<Entry>
  private var ordinary: Column<Entry>
  private var urgentHead: UInt64 = 0
  private var urgentTail: UInt64 = 0
  private var ordinaryHead: UInt64 = 0
  private var ordinaryTail: UInt64 = 0
  /// Of what lies in the second, taken back and not dropped yet.
  private var withdrawn = 0
  private let mask: UInt64
  private let urgentMask: UInt64
  /// What was offered and is not dropped yet.
  private var place = Next.none
  let ageMax: Int64

  /// The urgent queue has room for a cancel of every order in the pool, twice.
  init(_ builder: inout ColumnBuilder, capacity: Int, poolCapacity: Int, ageMax: Int64) {
    let request = VenueRequest(
      kind: .new, port: .first, instrument: .none, account: AccountID(raw: .max),
      strategy: StrategyID(raw: .max))
    let size = capacity.nextPowerOfTwo
    let urgentSize = (poolCapacity * 2 + 64).nextPowerOfTwo
    urgent = builder.column(Entry(request: request), urgentSize)
    ordinary = builder.column(Entry(request: request), size)
    mask = UInt64(size - 1)
    urgentMask = UInt64(urgentSize - 1)
    self.ageMax = ageMax
  }

  var hasRoom: Bool { ordinaryTail &- ordinaryHead <= mask }
  var hasUrgentRoom: Bool { urgentTail &- urgentHead <= urgentMask }
  /// What of it new orders, replaces and modifies may use.
  var ordinaryCapacity: Int { Int(mask &+ 1) }
  var ordinaryCount: Int { Int(ordinaryTail &- ordinaryHead) }
  var capacity: Int { Int(mask &+ urgentMask &+ 2) }
  /// Of all that waits.
  var count: Int { Int(urgentTail &- urgentHead &+ ordinaryTail &- ordinaryHead) &- withdrawn }

  /// The caller has asked for room.
  mutating func push(_ request: borrowing VenueRequest, urgent isUrgent: Bool) {
    if isUrgent {
      urgent[Int(urgentTail & urgentMask)] = Entry(request: copy request)
      urgentTail &+= 1
    } else {
      ordinary[Int(ordinaryTail & mask)] = Entry(request: copy request)
      ordinaryTail &+= 1
    }
  }

  /// As above, not urgent, from words.
  @inline(__always) mutating func push(_ words: RequestWords) {
    unsafe ordinary.withPointer(Int(truncatingIfNeeded: ordinaryTail & mask)) {
      unsafe words.lay(at: UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt64.self))
      unsafe $0.pointee.isWithdrawn = false
    }
    ordinaryTail &+= 1
  }

  /// Takes back what is not urgent and still lies here.
  mutating func withdraw(kind: VenueRequest.Kind, reference: UInt64) {
    guard let at = find(kind, reference) else { return }
    ordinary[at].isWithdrawn = true
    withdrawn &+= 1
    dropWithdrawn()
  }

  /// The first of the queue is never one that was taken back.
  @inline(__always) private mutating func dropWithdrawn() {
    while withdrawn > 0, ordinaryHead != ordinaryTail,
      ordinary[Int(ordinaryHead & mask)].isWithdrawn
    {
      ordinaryHead &+= 1
      withdrawn &-= 1
    }
  }

  /// It is not urgent, and still lies here.
  func holds(kind: VenueRequest.Kind, reference: UInt64) -> Bool {
    find(kind, reference) != nil
  }

  private func find(_ kind: VenueRequest.Kind, _ reference: UInt64) -> Int? {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      if !ordinary[at].isWithdrawn, ordinary[at].request.kind == kind,
        ordinary[at].request.venueReference == reference
      {
        return at
      }
      i &+= 1
    }
    return nil
  }

  /// A request of this reference still lies here that does not go ahead of others.
  func holds(reference: UInt64) -> Bool {
    var i = ordinaryHead
    while i != ordinaryTail {
      let entry = ordinary[Int(i & mask)]
      if !entry.isWithdrawn, entry.request.venueReference == reference { return true }
      i &+= 1
    }
    return false
  }

  /// The oldest new order, replace or modify. Inquiries apart: they raise no risk.
  func oldestOrder() -> VenueRequest? {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      if !ordinary[at].isWithdrawn, ordinary[at].request.kind != .inquiry {
        return ordinary[at].request
      }
      i &+= 1
    }
    return nil
  }

  /// Only what could raise risk grows too old.
  func isTooOld(_ request: borrowing VenueRequest, at time: Int64) -> Bool {
    guard time != 0, request.createdAt != 0 else { return false }
    switch request.kind {
    case .new, .replace: return time &- request.createdAt > ageMax
    default: return false
    }
  }

  /// The oldest that has waited too long.
  func oldest(tooOldAt time: Int64) -> VenueRequest? {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      // They lie in the order in which they were made.
      guard time &- ordinary[at].request.createdAt > ageMax else { return nil }
      if !ordinary[at].isWithdrawn, isTooOld(ordinary[at].request, at: time) {
        return ordinary[at].request
      }
      i &+= 1
    }
    return nil
  }

  private enum Next: BitwiseCopyable {
    case none
    case urgent(Int)
    case ordinary(Int)
  }

  /// Where it lies.
  @inline(__always) private var next: Next {
    urgentHead != urgentTail ? .urgent(Int(urgentHead & urgentMask)) : nextOrdinary
  }

  @inline(__always) private var nextOrdinary: Next {
    ordinaryHead != ordinaryTail ? .ordinary(Int(ordinaryHead & mask)) : .none
  }

  /// Offers what is to be sent next, if there is anything; true when that has waited too long.
  @inline(__always) mutating func offer(at time: Int64) -> Bool {
    place = next
    guard time != 0 else { return false }
    switch place {
    case .none, .urgent: return false
    case .ordinary(let at): return isTooOld(ordinary[at].request, at: time)
    }
  }

  /// Offers this one, if it is the first of its queue.
  mutating func offer(kind: VenueRequest.Kind, reference: UInt64) -> Bool {
    place = next
    if let first = offered, first.kind == kind, first.venueReference == reference { return true }
    place = nextOrdinary
    guard let first = offered else { return false }
    return first.kind == kind && first.venueReference == reference
  }

  /// What was offered last, which ``takeOffer()`` will take whatever is put in before.
  @inline(__always) var offered: VenueRequest? {
    switch place {
    case .none: nil
    case .urgent(let at): urgent[at].request
    case .ordinary(let at): ordinary[at].request
    }
  }

  /// What a record says of a request.
  struct Label: BitwiseCopyable {
    let reference: UInt64
    let intentSequence: UInt64
    let account: AccountID
    let strategy: StrategyID
    let kind: VenueRequest.Kind

    @inline(__always) init(_ request: borrowing VenueRequest) {
      reference = request.venueReference
      intentSequence = request.intentSequence
      account = request.account
      strategy = request.strategy
      kind = request.kind
    }
  }

  /// Drops what was offered; nil when nothing was, or when it has been taken back since. An empty queue of what
  /// does not go ahead begins at its first place again: that one is still in the cache.
  @inline(__always) mutating func takeOffer() -> Label? {
    let last = place
    place = .none
    switch last {
    case .none: return nil
    case .urgent(let at):
      guard at == Int(urgentHead & urgentMask), urgentHead != urgentTail else { return nil }
      urgentHead &+= 1
      return Label(urgent[at].request)
    case .ordinary(let at):
      guard at == Int(ordinaryHead & mask), ordinaryHead != ordinaryTail else { return nil }
      ordinaryHead &+= 1
      if ordinaryHead == ordinaryTail {
        ordinaryHead = 0
        ordinaryTail = 0
      }
      dropWithdrawn()
      return Label(ordinary[at].request)
    }
  }
}

extension Int {
  /// The smallest power of two that is not below this, at least 1.
  var nextPowerOfTwo: Int {
    var size = 1
    while size < self, size < Int.max / 2 { size *= 2 }
    return size
  }
}
