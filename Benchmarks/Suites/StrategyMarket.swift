import BenchSupport
import CSupport
import ExecutionCore
import Gateways
import Node
import Simulation

/// A session in memory, as frames, and the engine that it is played through: the built-in market or the
/// user's own.
final class StrategyMarket {
  let messages: Int
  /// What a strategy may do in it.
  let engine: EngineConfiguration
  /// The feed's locate of each symbol.
  let locates: [UInt64: UInt16]
  let midnight: Int64
  /// What a thresholds file says of it: the same for the same market and configuration.
  let identity: String
  /// What a recording lacks, and what had to be assumed of it, in words.
  let notes: [String]
  let bytes: UnsafeMutablePointer<UInt8>
  /// Where each frame begins, and the end of the last.
  let offsets: [Int]

  static let builtIn = "built-in"
  private static let strategiesMax = 64
  private static let generatedMidnight: Int64 = 1_577_664_000_000_000_000

  /// The built-in market: generated, and the same every time.
  convenience init(messages: Int) throws {
    let settings = GeneratorSettings(
      seed: 20_191_230, symbols: StrategySuite.symbols, rate: 20_000,
      messagesMax: UInt64(max(0, messages)), midnight: Self.generatedMidnight)
    let feed = ExchangeFeed(generated: settings)
    var engine = BenchMarket.configuration(instruments: 1)
    engine.marketData.capacity = .small
    engine.strategies = []
    try self.init(
      try StrategyFrames(feed, messages: messages), feed, engine, Self.generatedMidnight,
      identity: { _ in Self.builtIn })
  }

  /// A gateway that knows its instruments.
  func gateway() throws -> OUCHGateway {
    try BenchMarket.gateway(symbols: engine.instruments.map(\.symbol.code))
  }

  /// The user's own.
  ///
  /// - Parameters:
  ///   - messages: from its beginning, at the most.
  ///   - checksum: of the files that decide beside the feed; nil without them.
  convenience init(_ plan: MarketPlan, messages: Int, checksum: UInt32?) throws {
    let frames = try StrategyFrames(plan.feed, messages: messages)
    var engine = plan.engine ?? BenchMarket.configuration(instruments: 1)
    if plan.engine == nil {
      engine.strategies = []
      engine.marketData.capacity = BookCapacity(
        orders: min(max(frames.adds, BookCapacity.small.orders), BookCapacity.wholeDay.orders))
    }
    // As in the built-in market: no log-in, room for a day, and memory as a process without rights gets it.
    engine.ports = [
      PortConfiguration(
        name: "bench", venue: VenueID(raw: 0),
        accounts: engine.accounts.indices.map { AccountID(raw: UInt32($0)) })
    ]
    engine.routes = []
    engine.beginWithPortsUp()
    engine.ordersPerDayMax = BenchMarket.ordersPerDayMax
    engine.memory = EngineMemory()
    try self.init(frames, plan.feed, engine, plan.midnight) { crc in
      let settings = checksum.map { ", configuration \(Self.hex($0))" } ?? ""
      return "feed of \(frames.offsets.count - 1) messages \(Self.hex(crc))\(settings)"
    }
  }

  private init(
    _ frames: StrategyFrames, _ feed: ExchangeFeed, _ engine: EngineConfiguration,
    _ midnight: Int64, identity: (UInt32) -> String
  ) throws {
    var engine = engine
    engine.instruments = feed.instruments
    // As many as fit into a 'Pair' of pairs; those that a configuration does not name have no limits of
    // their own.
    engine.strategies += (engine.strategies.count..<Self.strategiesMax).map {
      StrategyConfiguration(name: "bench\($0)", account: AccountID(raw: 0))
    }
    self.engine = engine
    locates = feed.locates
    notes = feed.notes
    self.midnight = midnight
    messages = frames.offsets.count - 1
    offsets = frames.offsets
    bytes = .allocate(capacity: max(1, frames.bytes.count))
    bytes.initialize(from: frames.bytes, count: frames.bytes.count)
    self.identity = identity(nt_crc32c(0, bytes, frames.bytes.count))
  }

  private static func hex(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  deinit { bytes.deallocate() }
}

/// The beginning of a feed as framed ITCH.
private struct StrategyFrames {
  var bytes: [UInt8] = []
  var offsets = [0]
  /// Orders that it adds to the books.
  var adds = 0

  init(_ feed: ExchangeFeed, messages: Int) throws {
    bytes.reserveCapacity(min(messages, StrategySuite.messages) * 40)
    var frame = [UInt8](repeating: 0, count: 64)
    while offsets.count <= messages, var record = feed.next() {
      let n = ITCHEncoder.encodeFrame(
        &record, midnight: feed.midnight, into: &frame, capacity: frame.count)
      guard n > 0 else {
        throw BenchError("message \(offsets.count) of the market has no encoding")
      }
      switch record.kind {
      case ITCHDecoder.Kind.add, ITCHDecoder.Kind.addAttributed: adds += 1
      default: break
      }
      bytes += frame[0..<n]
      offsets.append(bytes.count)
    }
  }
}
