import Captures
import ExecutionCore

/// What `needletail capture stat` prints: what a recording says of itself, and what is in it.
struct CaptureStat {
  var path: String
  var header: CaptureHeader
  var bytes: UInt64
  var blocks: Int
  var isFinished: Bool
  var stated: CaptureHash?
  var records: UInt64 = 0
  var kinds: [(kind: FeedRecord.Kind, count: Int)] = []
  var otherKinds = 0
  var perInstrument: [Int] = []
  var hash = CaptureHash()
  var times: ClosedRange<Int64>?
  var failure: FeedError?

  /// Reads it whole.
  init(path: String) throws(CommandFailure) {
    var reader = try CaptureCommand.open(path)
    self.path = path
    header = reader.header
    bytes = reader.byteCount
    blocks = reader.blockCount
    isFinished = reader.isFinished
    stated = reader.statedHash
    perInstrument = [Int](repeating: 0, count: header.instruments.count)
    var counts = [Int](repeating: 0, count: 256)
    var lowest = Int64.max
    var highest = Int64.min
    var hash = CaptureHash()
    var records: UInt64 = 0
    var per = perInstrument
    try CaptureCommand.each(&reader) { (record, receiveTime) throws(CommandFailure) in
      counts[Int(record.kind)] += 1
      records += 1
      lowest = min(lowest, record.sessionTime)
      highest = max(highest, record.sessionTime)
      hash.add(record, receiveTime: receiveTime)
      if record.instrument != FeedRecord.all { per[Int(record.instrument)] += 1 }
      return true
    }
    self.records = records
    self.hash = hash
    perInstrument = per
    if lowest <= highest { times = lowest...highest }
    for kind in FeedRecord.Kind.allCases where counts[Int(kind.rawValue)] > 0 {
      kinds.append((kind, counts[Int(kind.rawValue)]))
    }
    otherKinds = counts.reduce(0, +) - kinds.reduce(0) { $0 + $1.count }
    failure = reader.failure
    if failure == nil, let stated, stated != hash {
      failure = FeedError(
        path: path, offset: nil, cause: .data,
        problem: "its records have the hash \(hash.text), it states \(stated.text)",
        remedy: "it was written wrongly: import it again")
    }
  }

  /// All of it is there, and is what its writer wrote.
  var isWhole: Bool { isFinished && failure == nil }

  private var day: String? { header.day.map { CaptureText.date(Int64($0)) } }

  var text: String {
    var lines = [
      "\(path): \(records) records in \(blocks) blocks, \(bytes) bytes, "
        + (isWhole ? "whole" : isFinished ? "damaged" : "not finished"),
      "channel \(header.channel)" + (day.map { ", day \($0)" } ?? ""),
    ]
    if !header.source.isEmpty { lines.append("made of \(header.source)") }
    if let times {
      lines.append(
        "session times \(CaptureText.time(times.lowerBound)) to \(CaptureText.time(times.upperBound))"
      )
    }
    var counts = kinds.map { "\($0.kind.word) \($0.count)" }
    if otherKinds > 0 { counts.append("other kinds \(otherKinds)") }
    lines.append("kinds: " + (counts.isEmpty ? "none" : counts.joined(separator: ", ")))
    lines.append("hash \(hash.text)")
    for (index, instrument) in header.instruments.enumerated() {
      lines.append(
        "\(instrument.symbol): \(perInstrument[index]) records, "
          + instrument.contents.names.joined(separator: " ")
          + ", price 10^\(instrument.priceExponent), quantity 10^\(instrument.quantityExponent)"
          + (instrument.currency.isEmpty ? "" : ", \(instrument.currency)"))
    }
    return lines.joined(separator: "\n")
  }

  var json: String {
    JSONValue.object([
      ("path", .text(path)), ("whole", .bool(isWhole)), ("finished", .bool(isFinished)),
      ("channel", .text(header.channel)), ("source", .text(header.source)),
      ("day", day.map { .text($0) } ?? .null), ("bytes", .exact(bytes)),
      ("blocks", .exact(blocks)), ("records", .exact(records)), ("hash", .text(hash.text)),
      ("firstTime", times.map { .exact($0.lowerBound) } ?? .null),
      ("lastTime", times.map { .exact($0.upperBound) } ?? .null),
      ("kinds", .object(kinds.map { ($0.kind.word, .exact($0.count)) })),
      ("otherKinds", .exact(otherKinds)),
      ("instruments", .array(header.instruments.indices.map(instrument))),
    ]).line
  }

  private func instrument(_ index: Int) -> JSONValue {
    let one = header.instruments[index]
    return .object([
      ("symbol", .text(one.symbol)), ("records", .exact(perInstrument[index])),
      ("contents", .array(one.contents.names.map { .text($0) })),
      ("currency", one.currency.isEmpty ? .null : .text(one.currency)),
      ("priceExponent", .exact(one.priceExponent)),
      ("quantityExponent", .exact(one.quantityExponent)),
      ("tick", one.tick == 0 ? .null : .text(CaptureText.decimal(one.tick, one.priceExponent))),
      ("lot", one.lot == 0 ? .null : .text(CaptureText.decimal(one.lot, one.quantityExponent))),
      ("multiplier", .text(CaptureText.decimal(one.multiplier, one.multiplierExponent))),
    ])
  }
}

extension CaptureCommand {
  static let stat = CommandDefinition(
    name: "capture stat",
    summary: "Read a recording whole, and say what it is and whether it is whole.",
    discussion: """
      Prints what the recording says of itself, its counts by kind and instrument, its times and the
      hash of its records (Sources/Captures/Format.md). Exits 65 when it is damaged or not finished.

      JSON: one object with the keys path, whole, finished, channel, source, day, bytes, blocks,
      records, hash, firstTime, lastTime, kinds, otherKinds and instruments, an array of {symbol,
      records, contents, currency, priceExponent, quantityExponent, tick, lot, multiplier}. Whole
      numbers above 2^53 are text.
      """,
    operands: [file],
    options: [format]
  ) { options in
    let isJSON = try options.choice("format", of: Format.self) == .json
    let found = try CaptureStat(path: options.operands[0])
    Console.line(isJSON ? found.json : found.text)
    if let failure = found.failure {
      throw CommandFailure(exitCode(failure), failure.description)
    }
    return .ok
  }
}
