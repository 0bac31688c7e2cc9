import ExecutionCore
import Testing

/// What the state's hash was when the journal had so many records.
struct Boundary {
  var records: Int
  var sessionTime: Int64
  var hash: UInt64
}

extension Market where S == Recorder {
  /// Of the engine that records lead to, before it is told to go on.
  static func recovered(_ records: [[UInt8]], time: Int64) throws -> Market {
    var replay = Replay()
    for record in records { try record.withUnsafeBytes { try replay.take($0) } }
    let lane = MemoryLane(bytes: 8 << 20, firstSequence: UInt64(records.count + 1))
    guard let engine = replay.finish(lane: lane.lane) else {
      throw ReplayError.notBegun(sequence: 0, what: "no engine")
    }
    return Market(Recorder(), recovered: engine, lane: lane, time: time)
  }
}

extension Market {
  /// Notes where the engine stands now.
  func boundary() -> Boundary {
    Boundary(
      records: recordCount, sessionTime: driver.engine.sessionTime, hash: driver.engine.stateHash())
  }

  var recordCount: Int {
    var count = 0
    eachRecord { _ in count += 1 }
    return count
  }

  func eachRecord(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    let bytes = lane.records
    var offset = 0
    while offset < bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)]))
      offset += length
    }
  }

  /// Replays the whole journal: every consequence is compared, and the hash at every boundary; how many of these.
  @discardableResult
  func replay(_ boundaries: [Boundary] = [], _ where: String = "") throws -> Int {
    var replay = Replay()
    var next = boundaries[...]
    var records = 0
    var compared = 0
    func compare() {
      while let boundary = next.first, boundary.records <= records {
        next = next.dropFirst()
        guard boundary.records == records, replay.isRunning else { continue }
        compared += 1
        let hash = replay.stateHash(at: boundary.sessionTime)
        if hash != boundary.hash {
          Issue.record("record \(records): another state, \(`where`)")
          next = []
        }
      }
    }
    try eachRecord { record in
      try replay.take(record)
      records += 1
      compare()
    }
    let end = replay.stateHash(at: driver.engine.sessionTime)
    #expect(end == driver.engine.stateHash(), "\(`where`)")
    return compared
  }
}
