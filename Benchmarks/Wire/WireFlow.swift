import BenchSupport
import ExecutionCore

/// The market that goes by between two signals: adds and deletes of other orders, behind the best
/// prices and at them, a few messages a datagram, in bursts.
///
/// The same seed gives the same datagrams at the same distances; the floor sends as many bytes.
struct WireFlow {
  /// MoldUDP64 header, and the length before each message.
  static let headerBytes = 20
  static let lengthBytes = 2
  static let addBytes = 36
  static let deleteBytes = 19
  private static let liveMax = 512
  private static let burstMax: UInt64 = 9
  private static let messagesMax: UInt64 = 3
  /// Between two datagrams, half the time; else they follow at once.
  private static let gapMax: UInt64 = 20_000

  /// One datagram, and the silence before it in nanoseconds.
  struct Datagram {
    var gap: Int64
    var records: [MarketRecord]
    var bytes: Int
  }

  private var random: BenchRandom
  private var live: [(locate: UInt16, reference: UInt64)] = []
  private var reference: UInt64 = 1 << 40
  private let instruments: Int

  init(seed: UInt64, instruments: Int) {
    random = BenchRandom(seed: seed)
    self.instruments = instruments
  }

  /// What goes by before one signal: up to eight datagrams of one to three messages.
  mutating func burst(at time: Int64) -> [Datagram] {
    (0..<Int(random.below(Self.burstMax))).map { _ in
      let gap = random.below(2) == 0 ? 0 : Int64(random.below(Self.gapMax))
      let records = (0...Int(random.below(Self.messagesMax))).map { _ in message(at: time) }
      let bytes = records.reduce(Self.headerBytes) {
        $0 + Self.lengthBytes
          + ($1.kind == ITCHDecoder.Kind.add ? Self.addBytes : Self.deleteBytes)
      }
      return Datagram(gap: gap, records: records, bytes: bytes)
    }
  }

  private mutating func message(at time: Int64) -> MarketRecord {
    var record = MarketRecord()
    record.sessionTime = time
    if live.count == Self.liveMax || (!live.isEmpty && random.below(2) == 0) {
      let gone = Int(random.below(UInt64(live.count)))
      record.kind = ITCHDecoder.Kind.delete
      (record.locate, record.reference) = live[gone]
      live.swapAt(gone, live.count - 1)
      live.removeLast()
      return record
    }
    let instrument = Int(random.below(UInt64(instruments)))
    let isBid = random.below(2) == 0
    let ticks = UInt32(random.below(10)) * 100
    reference += 1
    record.kind = ITCHDecoder.Kind.add
    record.locate = UInt16(instrument + 1)
    record.symbol = BenchMarket.symbol(instrument)
    record.side = isBid ? UInt8(ascii: "B") : UInt8(ascii: "S")
    record.price = isBid ? 999_900 - ticks : 1_000_100 + ticks
    record.shares = 100 * UInt32(1 + random.below(9))
    record.reference = reference
    live.append((record.locate, reference))
    return record
  }
}
