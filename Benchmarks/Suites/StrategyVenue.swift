import BenchSupport
import ExecutionCore
import Gateways
import Simulation

/// The venue of the suite `strategy`: the exchange's own rules for orders, and no flow to trade with. It
/// reads the bytes that the gateway sends, and writes those that the gateway reads: engine, gateway and
/// fuse all learn what became of an order.
final class StrategyVenue {
  private static let messageBytes = 256

  private var exchange: ExchangeCore
  private let account: UInt32
  private var request = OUCHRequest(.accountQuery)
  private var message = [UInt8](repeating: 0, count: messageBytes)
  /// What there is for the gateway to read.
  private(set) var answers: [UInt8] = []
  /// Bytes that are no request, and answers that have no bytes.
  private(set) var wrong = 0

  init(_ market: StrategyMarket) throws {
    var settings = ExchangeSettings()
    // An order of ours that meets another of ours: the older one is cancelled, and nothing is filled.
    settings.preventsSelfMatch = true
    var exchange = ExchangeCore(settings: settings)
    guard let account = exchange.openAccount() else { throw BenchError("no account at the venue") }
    self.account = account
    for facts in market.engine.instruments {
      guard exchange.define(facts, locate: market.locates[facts.symbol.code]) != nil else {
        throw BenchError("the venue has no room for the instruments")
      }
    }
    exchange.clearOutput()
    self.exchange = exchange
  }

  /// Opening, halts and the like bind the venue too.
  func follow(_ record: MarketRecord) {
    switch record.kind {
    case UInt8(ascii: "S"), UInt8(ascii: "R"), UInt8(ascii: "H"), UInt8(ascii: "h"),
      UInt8(ascii: "Y"):
      exchange.apply(record)
      tell()
    default: break
    }
  }

  /// SoupBinTCP packets of the client.
  func take(_ bytes: UnsafeRawBufferPointer, at sessionTime: Int64) {
    var at = 0
    while at + 2 < bytes.count {
      let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
      guard length > 0, at + 2 + length <= bytes.count else { break }
      if bytes[at + 2] == SoupPacketType.unsequencedData {
        let payload = UnsafeRawBufferPointer(rebasing: bytes[(at + 3)..<(at + 2 + length)])
        if request.decode(payload) == nil {
          exchange.submit(request, account: account, at: sessionTime)
          tell()
        } else {
          wrong += 1
        }
      }
      at += 2 + length
    }
    if at != bytes.count { wrong += 1 }
  }

  func clear() { answers.removeAll(keepingCapacity: true) }

  /// What the exchange has to say, framed.
  private func tell() {
    for addressed in exchange.events {
      var fault: OUCHFault?
      let length = message.withUnsafeMutableBytes { addressed.event.encode(into: $0, &fault) }
      guard length > 0 else {
        wrong += 1
        continue
      }
      answers.append(UInt8(truncatingIfNeeded: (length + 1) >> 8))
      answers.append(UInt8(truncatingIfNeeded: length + 1))
      answers.append(SoupPacketType.sequencedData)
      answers.append(contentsOf: message[..<length])
    }
    exchange.clearOutput()
  }
}
