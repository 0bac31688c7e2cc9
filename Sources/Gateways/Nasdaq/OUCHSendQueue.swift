internal import ExecutionCore

/// What the send queue must remember of a packet, to report it when it is withdrawn.
struct OUCHQueued: BitwiseCopyable {
  var kind: VenueRequest.Kind = .new
  var incarnation: UInt8 = 0
  /// Heartbeats, log-ins and the drain query belong to no request.
  var isRequest = false
  var isWithdrawn = false
  var length: UInt16 = 0
  var account = AccountID(raw: .max)
  var venueReference: UInt64 = 0
  var originalVenueReference: UInt64 = 0
  var clientOrderID = ClientOrderID.none
  var createdAt: Int64 = 0
  var symbol: UInt64 = 0
  var quantity: Int64 = 0
}

/// Whole packets on their way out: what overtakes in one ring, everything else in the other.
///
/// What is to be handed over is laid out on a stage, the rest of a packet that was begun first, then
/// the urgent ones, then the others. A packet belongs to the connection from its first byte that was
/// taken; until then it can still be overtaken and withdrawn.
@safe struct OUCHSendQueue: ~Copyable {
  static var packetBytesMax: Int { 112 }
  /// Places of the ordinary ring that only cancels may use.
  static var reserve: Int { 256 }
  /// Places of the urgent ring that only log-ins and heartbeats may use.
  static var sessionReserve: Int { 2 }
  private var urgent: OUCHPacketRing
  private var ordinary: OUCHPacketRing
  private let ordinaryMax: Int
  private let urgentMax: Int
  private let stage: Block
  /// The rest of a packet that was begun.
  private let begun: Block
  private var begunFrom = 0
  private var begunTo = 0
  private var stagedUrgent = 0
  private var stagedOrdinary = 0

  init(urgentPackets: Int, ordinaryPackets: Int) {
    ordinaryMax = max(ordinaryPackets, 1)
    urgentMax = min(max(urgentPackets, 1), 1 << 19)
    urgent = OUCHPacketRing(packets: urgentMax + Self.sessionReserve)
    ordinary = OUCHPacketRing(packets: ordinaryMax + Self.reserve)
    stage = Block(count: 16 * 1024)
    begun = Block(count: Self.packetBytesMax)
  }
  var isEmpty: Bool { urgent.count == 0 && ordinary.count == 0 && begunFrom == begunTo }
  var waitingOrdinary: Int { ordinary.count }

  /// Room for one packet, to be filled and then pushed; nil when there is none. `isCancel` may use
  /// the reserve of the ordinary ring, and not that of the urgent one.
  mutating func room(urgent isUrgent: Bool, isCancel: Bool) -> UnsafeMutableRawBufferPointer? {
    if isUrgent { return isCancel && !hasUrgentRoom ? nil : unsafe urgent.room() }
    guard isCancel || ordinary.count < ordinaryMax else { return nil }
    return unsafe ordinary.room()
  }
  var hasUrgentRoom: Bool { urgent.count < urgentMax }
  /// `isCancel`: in the reserve too.
  func hasOrdinaryRoom(isCancel: Bool) -> Bool {
    ordinary.count < (isCancel ? ordinary.capacity : ordinaryMax)
  }
  mutating func push(_ queued: OUCHQueued, urgent isUrgent: Bool) {
    if isUrgent { urgent.push(queued) } else { ordinary.push(queued) }
  }
  /// Is a request of this number waiting, that has not been begun?
  func isWaiting(_ reference: UInt64) -> Bool {
    isWaiting { $0.venueReference == reference }
  }
  func isWaiting(_ chosen: (OUCHQueued) -> Bool) -> Bool {
    for i in 0..<ordinary.count {
      let queued = ordinary[i]
      if queued.isRequest, !queued.isWithdrawn, chosen(queued) { return true }
    }
    return false
  }
  /// Withdraws the waiting requests that `withdraw` chooses; not what is laid out, its bytes may be
  /// on their way.
  mutating func withdraw(_ withdraw: (OUCHQueued) -> Bool) {
    for i in stagedOrdinary..<ordinary.count where !ordinary[i].isWithdrawn && withdraw(ordinary[i])
    {
      ordinary.withdraw(i)
    }
  }

  /// What was laid out was not taken.
  mutating func release() {
    stagedUrgent = 0
    stagedOrdinary = 0
  }

  /// Lays out the bytes to hand over now. Call ``took(_:)`` before the next time when any were taken.
  /// `urgentOnly`: nothing ordinary may go now.
  mutating func prepare(urgentOnly: Bool = false) -> UnsafeRawBufferPointer {
    var staged = begunTo &- begunFrom
    unsafe stage.writer.copy(0, begun.view.part(begunFrom, staged))
    stagedUrgent = urgent.lay(on: stage, &staged)
    // Nothing ordinary goes before something urgent that did not fit.
    let isNext = !urgentOnly && stagedUrgent == urgent.count
    stagedOrdinary = isNext ? ordinary.lay(on: stage, &staged) : 0
    return unsafe stage.view.part(0, staged)
  }

  /// So many bytes of what ``prepare()`` gave were taken.
  mutating func took(_ bytes: Int) {
    var left = max(bytes, 0)
    let rest = min(left, begunTo &- begunFrom)
    begunFrom &+= rest
    left &-= rest
    Self.take(&urgent, &stagedUrgent, &left, begun, &begunFrom, &begunTo)
    Self.take(&ordinary, &stagedOrdinary, &left, begun, &begunFrom, &begunTo)
    release()
  }
  private static func take(
    _ ring: inout OUCHPacketRing, _ staged: inout Int, _ left: inout Int,
    _ begun: borrowing Block, _ from: inout Int, _ to: inout Int
  ) {
    while staged > 0, left > 0 || ring[0].isWithdrawn {
      let queued = ring[0]
      let length = Int(queued.length)
      if !queued.isWithdrawn {
        if left < length {
          unsafe begun.writer.copy(0, ring.bytes(0))
          from = left
          to = length
        }
        left = max(left &- length, 0)
      }
      ring.drop()
      staged &-= 1
    }
  }
  /// Takes out what was certainly not sent, not even begun, one by one; with nil everything is gone,
  /// the rest of a packet that was begun too.
  mutating func takeWaiting() -> OUCHQueued? {
    while urgent.count > 0 {
      let queued = urgent[0]
      urgent.drop()
      if !queued.isWithdrawn { return queued }
    }
    while ordinary.count > 0 {
      let queued = ordinary[0]
      ordinary.drop()
      if !queued.isWithdrawn { return queued }
    }
    begunFrom = 0
    begunTo = 0
    release()
    return nil
  }
}

/// A bounded ring of packets in slots of one size.
@safe struct OUCHPacketRing: ~Copyable {
  private let block: Block
  private let entries: HeapColumn<OUCHQueued>
  private var head = 0
  private(set) var count = 0

  init(packets: Int) {
    let size = min(max(packets, 1), 1 << 20)
    block = Block(count: size * OUCHSendQueue.packetBytesMax)
    entries = HeapColumn(count: size, repeating: OUCHQueued())
  }
  deinit { entries.free() }

  private func slot(_ index: Int) -> Int {
    let at = head &+ index
    return at < entries.count ? at : at &- entries.count
  }
  subscript(_ index: Int) -> OUCHQueued { entries[slot(index)] }

  var capacity: Int { entries.count }
  func room() -> UnsafeMutableRawBufferPointer? {
    guard count < entries.count else { return nil }
    return unsafe block.writer.part(
      slot(count) &* OUCHSendQueue.packetBytesMax, OUCHSendQueue.packetBytesMax)
  }
  mutating func push(_ queued: OUCHQueued) {
    entries[slot(count)] = queued
    count &+= 1
  }
  func bytes(_ index: Int) -> UnsafeRawBufferPointer {
    unsafe block.view.part(
      slot(index) &* OUCHSendQueue.packetBytesMax, Int(entries[slot(index)].length))
  }
  mutating func withdraw(_ index: Int) { entries[slot(index)].isWithdrawn = true }
  /// An empty ring begins at its first place again: that one is still in the cache.
  mutating func drop() {
    count &-= 1
    head = count == 0 ? 0 : slot(1)
  }
  /// Copies what is not withdrawn behind `staged` as far as it fits; how many entries that covers.
  func lay(on stage: borrowing Block, _ staged: inout Int) -> Int {
    for i in 0..<count where !self[i].isWithdrawn {
      let packet = unsafe bytes(i)
      guard staged &+ packet.count <= stage.count else { return i }
      unsafe stage.writer.copy(staged, packet)
      staged &+= packet.count
    }
    return count
  }
}
