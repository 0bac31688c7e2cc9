internal import ExecutionCore

/// What the send queue must remember of a packet, to report it when it is withdrawn.
struct OUCHQueued: BitwiseCopyable {
  var kind: VenueRequest.Kind = .new
  var incarnation: UInt8 = 0
  /// Heartbeats, log-ins and the drain query belong to no request.
  var isRequest = false
  var length: UInt16 = 0
  var account = AccountID(raw: .max)
  var venueReference: UInt64 = 0
  var originalVenueReference: UInt64 = 0
  var clientOrderID = ClientOrderID.none
  var createdAt: Int64 = 0
  var symbol: UInt64 = 0
  var quantity: Int64 = 0
}

/// Whole packets on their way out: cancels and session packets in one ring, everything else in the
/// other, and a stage for what is being handed over. Within a ring the order stays; between them,
/// what is urgent overtakes until it is on the stage. What is on the stage is never reordered.
@safe struct OUCHSendQueue: ~Copyable {
  static var packetBytesMax: Int { 112 }
  private var urgent: OUCHPacketRing
  private var ordinary: OUCHPacketRing
  private let stage: Block
  private var staged = 0
  private var handedOver = 0

  init(urgentPackets: Int, ordinaryPackets: Int) {
    urgent = OUCHPacketRing(packets: urgentPackets)
    ordinary = OUCHPacketRing(packets: ordinaryPackets)
    stage = Block(count: 16 * 1024)
  }
  var isEmpty: Bool { urgent.count == 0 && ordinary.count == 0 && staged == handedOver }
  var waiting: Int { urgent.count &+ ordinary.count }

  /// Room for one packet, to be filled and then pushed; nil when the ring is full.
  mutating func room(urgent isUrgent: Bool) -> UnsafeMutableRawBufferPointer? {
    if isUrgent { return unsafe urgent.room() }
    return unsafe ordinary.room()
  }
  mutating func push(_ queued: OUCHQueued, urgent isUrgent: Bool) {
    if isUrgent { urgent.push(queued) } else { ordinary.push(queued) }
  }

  /// The bytes to hand over now: what is left on the stage, or the stage filled anew. `withdraw`
  /// says whether a packet is not to be sent any more; it is then dropped.
  mutating func prepare(_ withdraw: (OUCHQueued) -> Bool) -> UnsafeRawBufferPointer {
    if staged == handedOver {
      staged = 0
      handedOver = 0
      while staged &+ Self.packetBytesMax <= stage.count, urgent.count > 0 {
        Self.move(&urgent, stage, &staged)
      }
      while staged &+ Self.packetBytesMax <= stage.count, urgent.count == 0, ordinary.count > 0 {
        if withdraw(ordinary.first) {
          ordinary.drop()
        } else {
          Self.move(&ordinary, stage, &staged)
        }
      }
    }
    return unsafe stage.view.part(handedOver, staged &- handedOver)
  }
  private static func move(
    _ ring: inout OUCHPacketRing, _ stage: borrowing Block, _ staged: inout Int
  ) {
    let packet = unsafe ring.firstBytes
    unsafe stage.writer.copy(staged, packet)
    staged &+= packet.count
    ring.drop()
  }
  /// So many bytes of what ``prepare(_:)`` gave were taken.
  mutating func took(_ bytes: Int) {
    handedOver = min(handedOver &+ max(bytes, 0), staged)
  }
  /// Drops everything; `withdrawn` sees what was certainly not sent, not even begun.
  mutating func clear(_ withdrawn: (OUCHQueued) -> Void) {
    while urgent.count > 0 {
      withdrawn(urgent.first)
      urgent.drop()
    }
    while ordinary.count > 0 {
      withdrawn(ordinary.first)
      ordinary.drop()
    }
    staged = 0
    handedOver = 0
  }
}

/// A bounded ring of packets in slots of one size.
@safe struct OUCHPacketRing: ~Copyable {
  private let block: Block
  private let entries: Column<OUCHQueued>
  private var head = 0
  private(set) var count = 0

  init(packets: Int) {
    let size = min(max(packets, 1), 1 << 20)
    block = Block(count: size * OUCHSendQueue.packetBytesMax)
    entries = Column(count: size, repeating: OUCHQueued())
  }
  deinit { entries.free() }

  private func slot(_ index: Int) -> Int {
    let at = head &+ index
    return at < entries.count ? at : at &- entries.count
  }
  mutating func room() -> UnsafeMutableRawBufferPointer? {
    guard count < entries.count else { return nil }
    return unsafe block.writer.part(
      slot(count) &* OUCHSendQueue.packetBytesMax, OUCHSendQueue.packetBytesMax)
  }
  mutating func push(_ queued: OUCHQueued) {
    entries[slot(count)] = queued
    count &+= 1
  }
  var first: OUCHQueued { entries[head] }
  var firstBytes: UnsafeRawBufferPointer {
    unsafe block.view.part(head &* OUCHSendQueue.packetBytesMax, Int(entries[head].length))
  }
  mutating func drop() {
    head = slot(1)
    count &-= 1
  }
}
