/// How fast does one core decode ITCH, and keep full-depth order-by-order books from it?
enum ITCHSuite: Suite {
  static let name = "itch"
  static let question = "how many ITCH messages a second does one core decode, and book?"

  private struct Runs {
    var sum: [Double] = []
    var walk: [Double] = []
    var farWalk: [Double] = []
    var decode: [Double] = []
    var plainC: [Double] = []
    var plain: [Double] = []
    var queues: [Double] = []
    var flow: [Double] = []
    var million: [Double] = []
  }

  static func run(_ context: BenchContext) throws -> [Figure] {
    let scale = context.quick ? 100 : 1
    let stream = try ITCHStream(
      .init(messages: 9_500_000 / scale, symbols: 8_000 / scale, live: 300_000 / scale),
      cached: !context.quick)
    let large = try ITCHStream(
      .init(messages: 4_000_000 / scale, symbols: 8_000 / scale, live: 1_000_000 / scale),
      cached: !context.quick)
    pin(context.processors[context.processors.count - 1])
    var runs = Runs()
    for turn in 0...context.runs {
      // The first warmed up, and shows nothing.
      if turn == 1 { runs = Runs() }
      let handicap = turn == 0 ? 0 : context.handicap
      runs.sum.append(try stream.byteSum())
      runs.walk.append(try stream.walk())
      runs.farWalk.append(try stream.farWalk())
      runs.decode.append(try stream.decode(handicap: handicap))
      runs.plainC.append(try stream.plainBooks())
      runs.plain.append(try stream.books(queues: false, handicap: handicap).all)
      let booked = try stream.books(queues: true, handicap: handicap)
      runs.queues.append(booked.all)
      runs.flow.append(booked.flow)
      runs.million.append(try large.books(queues: true, handicap: handicap).flow)
    }
    return figures(runs, changes: stream.expected.count)
  }

  private static func figures(_ runs: Runs, changes: UInt64) -> [Figure] {
    func ratio(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 / $1 } }
    return [
      Figure("floor: sum of the bytes (AVX2)", "M msg/s", runs.sum),
      Figure(
        "floor: walking the frames", "M msg/s", runs.walk,
        note: "frozen: fetches 512 bytes ahead, where the decoder fetches 2,048"),
      Figure("the walk, fetching 2,048 bytes ahead", "M msg/s", runs.farWalk),
      Figure("walk / byte sum", "x", ratio(runs.walk, runs.sum), goal: .byteSum),
      Figure("decode, every field", "M msg/s", runs.decode, goal: .decodeRate),
      Figure(
        "decode / walk", "x", ratio(runs.decode, runs.walk), goal: .decodeRatio,
        note: "above 1: the walk waits for memory, see the next line"),
      Figure("decode / the walk, 2,048 bytes ahead", "x", ratio(runs.decode, runs.farWalk)),
      Figure(
        "floor: a plain C book builder", "M msg/s", runs.plainC,
        note: "frozen: every change of the quote, as the naive twin's"),
      Figure("books, every change of the quote", "M msg/s", runs.plain),
      Figure("books / walk", "x", ratio(runs.plain, runs.walk), goal: .booksLevels),
      Figure(
        "one message, decoded and booked", "ns", runs.plain.map { 1e3 / $0 }, goal: .booksTime),
      Figure(
        "books / plain C book builder", "x", ratio(runs.plain, runs.plainC), goal: .booksFloor),
      Figure(
        "books with queues", "M msg/s", runs.queues,
        limit: .init(goal: 8, atLeast: true)),
      Figure("books with queues / walk", "x", ratio(runs.queues, runs.walk), goal: .booksQueues),
      Figure("books with queues / plain C book builder", "x", ratio(runs.queues, runs.plainC)),
      Figure(
        "books with queues, 1 M live orders / 300 k", "x", ratio(runs.million, runs.flow),
        goal: .booksMillion),
      Figure(
        "market-data operations a second (books)", "op/s", runs.queues.map { $0 * 1e6 },
        limit: .init(value: 33_481, atLeast: true)),
      Figure(
        "time of one message (books)", "ms", runs.queues.map { 1e-3 / $0 },
        limit: .init(value: 0.030, atLeast: false)),
      Figure("changes of the quote, as the naive twin's", "changes", [Double(changes)]),
    ]
  }
}
