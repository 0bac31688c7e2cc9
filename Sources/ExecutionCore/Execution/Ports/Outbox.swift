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
  private let mask: UInt64
  private let urgentMask: UInt64
  /// What was offered and is not dropped yet.
  private var offered = Next.none
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
  var count: Int { Int(urgentTail &- urgentHead &+ ordinaryTail &- ordinaryHead) }

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

  /// Takes back what is not urgent and still lies here; false when it has gone.
  mutating func withdraw(kind: VenueRequest.Kind, reference: UInt64) -> Bool {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      if !ordinary[at].isWithdrawn, ordinary[at].request.kind == kind,
        ordinary[at].request.venueReference == reference
      {
        ordinary[at].isWithdrawn = true
        return true
      }
      i &+= 1
    }
    return false
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

  /// Takes the oldest new order, replace or modify out, unsent. Inquiries are left: they raise no risk.
  mutating func takeOrder() -> VenueRequest? {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      if !ordinary[at].isWithdrawn, ordinary[at].request.kind != .inquiry {
        ordinary[at].isWithdrawn = true
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

  /// Takes the oldest out that has waited too long, unsent.
  mutating func takeTooOld(at time: Int64) -> VenueRequest? {
    var i = ordinaryHead
    while i != ordinaryTail {
      let at = Int(i & mask)
      // They lie in the order in which they were made.
      guard time &- ordinary[at].request.createdAt > ageMax else { return nil }
      if !ordinary[at].isWithdrawn, isTooOld(ordinary[at].request, at: time) {
        ordinary[at].isWithdrawn = true
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

  /// Where it lies; withdrawn ones are dropped on the way.
  private mutating func next() -> Next {
    while urgentHead != urgentTail {
      let at = Int(urgentHead & urgentMask)
      if !urgent[at].isWithdrawn { return .urgent(at) }
      urgentHead &+= 1
    }
    while ordinaryHead != ordinaryTail {
      let at = Int(ordinaryHead & mask)
      if !ordinary[at].isWithdrawn { return .ordinary(at) }
      ordinaryHead &+= 1
    }
    return .none
  }

  private func request(_ next: Next) -> VenueRequest? {
    switch next {
    case .none: nil
    case .urgent(let at): urgent[at].request
    case .ordinary(let at): ordinary[at].request
    }
  }

  /// The request to be sent next, which ``drop()`` will drop whatever is put in before.
  mutating func offer() -> VenueRequest? {
    offered = next()
    return request(offered)
  }

  /// Drops what was offered; what has been taken back since is not there any more. An empty queue of
  /// what does not go ahead begins at its first place again: that one is still in the cache. False: nothing was offered, or it has been taken back.
  @discardableResult
  mutating func drop() -> Bool {
    let last = offered
    offered = .none
    switch last {
    case .none: return false
    case .urgent(let at):
      guard at == Int(urgentHead & urgentMask), urgentHead != urgentTail else { return false }
      urgentHead &+= 1
      return !urgent[at].isWithdrawn
    case .ordinary(let at):
      guard at == Int(ordinaryHead & mask), ordinaryHead != ordinaryTail else { return false }
      ordinaryHead &+= 1
      if ordinaryHead == ordinaryTail {
        ordinaryHead = 0
        ordinaryTail = 0
      }
      return !ordinary[at].isWithdrawn
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
