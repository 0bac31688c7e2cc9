import Captures
import ExecutionCore
import Glibc

private let output = "/dev/shm/needletail-fuzz-\(getpid()).ntc"

/// Input: a letter for the kind of file, and the file: a recording, or what an import takes.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  guard size > 0 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: data + 1, count: size - 1))
  if data[0] == UInt8(ascii: "n") {
    do throws(FeedError) {
      _ = read(try CaptureReader(bytes: bytes, path: "fuzz"))
    } catch {
      precondition(error.path == "fuzz", "an error names its file")
    }
    return 0
  }
  do throws(ImportFailure) {
    guard let report = try run(data[0], bytes) else { return 0 }
    do throws(FeedError) {
      let read = read(try CaptureReader(path: output))
      precondition(read.failure == nil && read.hash == report.hash, "what was written is read")
      precondition(read.count == report.records)
    } catch { preconditionFailure("\(error)") }
  } catch {
    if case .output(let failure) = error { preconditionFailure("\(failure)") }
  }
  return 0
}

private func run(_ kind: UInt8, _ bytes: [UInt8]) throws(ImportFailure) -> ImportReport? {
  let source = ImportSource.bytes(bytes, name: "XYZ_2012-06-21_message.zip")
  switch kind {
  case UInt8(ascii: "b"):
    var options = BinanceImport.Options()
    options.replaces = true
    return try BinanceImport.run([source], to: output, options: options)
  case UInt8(ascii: "l"):
    // The rows stand behind the messages, after an empty line.
    let parts = bytes.split(separator: UInt8(ascii: "#"), maxSplits: 1).map(Array.init)
    var options = LobsterImport.Options()
    options.replaces = true
    options.checks = true
    if parts.count > 1 { options.book = .bytes(parts[1], name: "rows") }
    return try LobsterImport.run(
      .bytes(parts.first ?? [], name: "XYZ_2012-06-21"), to: output, options: options)
  case UInt8(ascii: "i"):
    var options = ITCHImport.Options()
    options.replaces = true
    return try ITCHImport.run(source, to: output, options: options)
  case UInt8(ascii: "d"):
    var options = DatabentoImport.Options()
    options.replaces = true
    return try DatabentoImport.run(source, to: output, options: options)
  case UInt8(ascii: "q"):
    var options = QuantConnectImport.Options()
    options.replaces = true
    return try QuantConnectImport.run([source], to: output, options: options)
  default: return nil
  }
}

private func read(
  _ opened: consuming CaptureReader
) -> (count: UInt64, hash: CaptureHash, failure: FeedError?) {
  var reader = opened
  let records = UnsafeMutablePointer<FeedRecord>.allocate(capacity: 64)
  let times = UnsafeMutablePointer<Int64>.allocate(capacity: 64)
  defer {
    records.deallocate()
    times.deallocate()
  }
  var count: UInt64 = 0
  var hash = CaptureHash()
  while true {
    let read = reader.read(into: records, receiveTimes: times, capacity: 64)
    if read == 0 { break }
    for index in 0..<read { hash.add(records[index], receiveTime: times[index]) }
    count += UInt64(read)
  }
  precondition(count <= reader.recordCount, "more records than blocks have")
  return (count, hash, reader.failure)
}

func seeds() -> [[UInt8]] {
  let depth =
    #"b1 {"e":"depthUpdate","E":7,"T":6,"s":"X","U":2,"u":3,"pu":1,"b":[["1.5","2"]],"a":[]}"#
    + "\n"
    + #"2 {"lastUpdateId":3,"bids":[["1.5","2"]],"asks":[["2","0.25"]]}"# + "\n"
    + #"3 {"u":13,"s":"X","b":"1.25","B":"3.00","a":"2.00","A":"1.0"}"# + "\n"
    + #"4 {"stream":"x","data":{"e":"trade","E":8,"s":"X","t":7,"p":"1","q":"2","m":true}}"#
  let lobster =
    "l34200.1,1,7,10,100,1\n34200.2,4,7,3,100,1\n34200.3,3,9,5,101,-1\n34201,7,0,0,-1,1\n"
    + "#101,5,100,10\n101,5,100,7\n9999999999,0,100,7"
  var recorded: [[UInt8]] = []
  var header = CaptureHeader(
    channel: "fuzz",
    instruments: [CapturedInstrument(symbol: "X", priceExponent: -2, quantityExponent: 0)])
  header.source = "a seed"
  let path = output + ".seed"
  if var recorder = try? CaptureRecorder(path: path, header: header, replaces: true) {
    for time in 0..<20 {
      try? recorder.append(FeedRecord(.trade, instrument: 0, at: Int64(time)))
    }
    try? recorder.finish()
    if let file = fopen(path, "rb") {
      var bytes = [UInt8](repeating: 0, count: 4_096)
      let count = fread(&bytes, 1, bytes.count, file)
      fclose(file)
      recorded = [[UInt8(ascii: "n")] + bytes[..<count]]
    }
    unlink(path)
  }
  var databento = Array("dDBN".utf8) + [1, 116, 0, 0, 0] + [UInt8](repeating: 0, count: 116)
  for action in "RACMTF".utf8 {
    databento +=
      [14, 0xa0, 1, 0, 7, 0, 0, 0] + [UInt8](repeating: 1, count: 28) + [0x80, 0, action]
    databento += [66] + [UInt8](repeating: 2, count: 16)
  }
  var itch = Array("i".utf8)
  for letter in "AEXDUPQHC".utf8 {
    let length = ITCHDecoder.length(of: letter)
    itch += be16(length) + [letter] + [UInt8](repeating: 1, count: length - 1)
  }
  return [Array(depth.utf8), Array(lobster.utf8), databento, itch] + recorded
}
