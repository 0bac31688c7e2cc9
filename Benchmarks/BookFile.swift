import BenchSupport
import CSupport
import ExecutionCore
import Foundation

/// `needletail-bench books`: our books over one framed ITCH file, as the drivers of the peers' books in
/// Benchmarks/Peers play it, with the best prices at the end so that both can be compared.
enum BookFile {
  static let help = """
    usage: needletail-bench books [--no-queues] FILE
           needletail-bench books --make FILE MESSAGES SYMBOLS LIVE

    Decodes and books a framed ITCH 5.0 file and prints one line of JSON: rate, in million messages a
    second, and bests, [locate, bid, bid shares, ask, ask shares] of every book that is not empty; with
    the queues of their levels unless --no-queues is given.
    With --make writes the generated session instead: 1 to 100000000 MESSAGES over 1 to 60000 SYMBOLS
    with about LIVE orders. make bench-peers calls both.
    """

  static func run(_ arguments: [String]) -> Int32 {
    do {
      switch arguments.count {
      case 1 where arguments[0] == "--help":
        print(help)
        return 0
      case 1 where !arguments[0].hasPrefix("-"): print(try play(arguments[0], queues: true))
      case 2 where arguments[0] == "--no-queues" && !arguments[1].hasPrefix("-"):
        print(try play(arguments[1], queues: false))
      case 5 where arguments[0] == "--make":
        let numbers = arguments[2...].compactMap { Int($0) }
        guard numbers.count == 3, (1...100_000_000).contains(numbers[0]),
          (1...60_000).contains(numbers[1]), (1...numbers[0]).contains(numbers[2])
        else { return refuse("no session of these numbers", 64) }
        let bytes = try ITCHStreamMaker.make(
          .init(messages: numbers[0], symbols: numbers[1], live: numbers[2]))
        try Data(bytes).write(to: URL(fileURLWithPath: arguments[1]), options: .atomic)
      default: return refuse("one file, or --make; see needletail-bench books --help", 64)
      }
    } catch let error as BenchError {
      return refuse(error.message, 65)
    } catch {
      return refuse(error.localizedDescription, 73)
    }
    return 0
  }

  private static func refuse(_ what: String, _ code: Int32) -> Int32 {
    Bench.say("books: \(what)")
    return code
  }

  private static func play(_ path: String, queues: Bool) throws -> String {
    guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else {
      throw BenchError("'\(path)' cannot be read, or is empty")
    }
    let made = try BenchBooks.wholeDay(queues: queues)
    defer { withExtendedLifetime(made) {} }
    let market = made.market
    // Read once before the clock starts, as the peers' events lie in memory then.
    guard data.reduce(0, { $0 &+ UInt64($1) }) > 0 else {
      throw BenchError("'\(path)' is all zeros")
    }
    let start = nanoseconds()
    let messages = try data.withUnsafeBytes {
      try apply($0.bindMemory(to: UInt8.self), to: market, path)
    }
    let seconds = Double(nanoseconds() - start) / 1e9
    let bests = (0..<OrderBooks.locates).map { UInt16(truncatingIfNeeded: $0) }.filter {
      market.books.hasOrders($0)
    }.map { locate in
      let top = market.books.top(locate)
      return "[\(locate),\(top.bid),\(top.bidShares),\(top.ask),\(top.askShares)]"
    }
    return
      "{\"rate\":\(Double(messages) / seconds / 1e6),\"bests\":[\(bests.joined(separator: ","))]}"
  }

  private static func apply(
    _ bytes: UnsafeBufferPointer<UInt8>, to market: ITCHMarket, _ path: String
  ) throws -> Int {
    let batch = 512
    let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: batch)
    defer { records.deallocate() }
    guard let base = bytes.baseAddress else { return 0 }
    var applied = 0
    var at = 0
    while at < bytes.count {
      let decoded = ITCHDecoder.decodeFrames(
        base + at, count: bytes.count - at, midnight: 0, firstSequence: UInt64(applied + 1),
        into: records, capacity: batch)
      guard decoded.consumed > 0, decoded.malformed == 0 else {
        throw BenchError("'\(path)' is not framed ITCH 5.0: it stops making sense at byte \(at)")
      }
      for i in 0..<decoded.records {
        _ = market.apply(records, at: i, count: decoded.records)
      }
      applied += decoded.records
      at += decoded.consumed
    }
    let counters = market.books.counters
    guard counters.unknown == 0, counters.full == 0 else {
      throw BenchError("the books lost messages: \(counters)")
    }
    return applied
  }
}
