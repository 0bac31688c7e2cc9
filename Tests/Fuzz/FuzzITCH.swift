import ExecutionCore

nonisolated(unsafe) private let target = UnsafeMutablePointer<ITCHFuzzTarget>.allocate(capacity: 1)
nonisolated(unsafe) private var isReady = false

/// Input: framed ITCH messages, applied to small books.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  if !isReady {
    guard let made = ITCHFuzzTarget() else { fatalError("no memory for the books") }
    target.initialize(to: made)
    isReady = true
  }
  precondition(target.pointee.run(data, count: size), "books, sums or bytes do not agree")
  return 0
}

func seeds() -> [[UInt8]] {
  // One frame of each type, and a short life of one order: added, executed, replaced, deleted.
  func frame(_ letter: UInt8, _ body: [UInt8] = []) -> [UInt8] {
    let length = ITCHDecoder.length(of: letter)
    var message = [letter] + [0, 1, 0, 0, 0, 0, 0, 0, 0, 9] + body
    message += [UInt8](repeating: 0x20, count: max(length - message.count, 0))
    return be16(length) + message.prefix(length)
  }
  let shares = be32(100)
  let add = be64(1) + Array("B".utf8) + shares + Array("AAPL    ".utf8) + be32(1_505_000)
  let life =
    frame(UInt8(ascii: "A"), add) + frame(UInt8(ascii: "E"), be64(1) + be32(10) + be64(7))
    + frame(UInt8(ascii: "X"), be64(1) + be32(10))
    + frame(UInt8(ascii: "U"), be64(1) + be64(2) + shares + be32(1_505_100))
    + frame(UInt8(ascii: "D"), be64(2))
  return [life, life + life.dropLast()] + ITCHDecoder.kinds.map { frame($0) }
}
