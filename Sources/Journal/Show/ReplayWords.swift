internal import ExecutionCore

/// Why a replay ends, or what it has gone past, for people.
enum ReplayWords {
  static func text(_ error: ReplayError, _ recorded: DecodedRecord? = nil) -> String {
    switch error {
    case .notBegun(let sequence, let what): "record \(sequence): \(what)"
    case .unreadableConfiguration(let what): "the session cannot be begun: \(what)"
    case .configuration(let error): "the session cannot be begun: \(error)"
    case .unknownVersion(let sequence, let type, let version):
      "record \(sequence): \(type) of version \(version); this build reads version \(type.version)"
    case .unknownValue(let sequence, let type):
      "record \(sequence): a number in \(type) means nothing to this build"
    case .impossible(let sequence, let type, let what):
      "record \(sequence): \(type) is not possible here: \(what)"
    case .missing(let sequence, let replayed):
      "record \(sequence): before it \(name(replayed)) is missing"
    case .hash(let sequence, let recorded, let replayed):
      "record \(sequence): the state's hash was \(recorded), and is \(replayed) when it is replayed"
    case .lost(let sequence, let count):
      "record \(sequence): \(count) records before it are lost, because the journal took no more"
    case .difference(let sequence, let type, let replayed):
      difference(sequence, type, replayed, recorded)
    }
  }

  private static func name(_ record: [UInt8]) -> String {
    let raw = record.count > 6 ? UInt16(record[4]) | UInt16(record[5]) << 8 : 0
    return RecordType(rawValue: raw).map { "\($0)" } ?? "a record"
  }

  /// The fields in which the two are not alike.
  private static func difference(
    _ sequence: UInt64, _ type: RecordType, _ replayed: [UInt8], _ recorded: DecodedRecord?
  ) -> String {
    guard !replayed.isEmpty else {
      return "record \(sequence): \(type) where the records before it come to nothing"
    }
    guard name(replayed) == "\(type)" else {
      return "record \(sequence): \(type) where the records before it come to \(name(replayed))"
    }
    let other = unsafe replayed.withUnsafeBytes { bytes in
      var decoder = RecordDecoder()
      return unsafe decoder.decode(
        JournalRecord(
          header: RecordScan.header(bytes, 0), type: type, file: "", offset: 0, bytes: bytes))
    }
    let fields = other.fields.filter { field in recorded?[field.name] != field.value }
    let words = fields.prefix(4).map { field in
      let was = recorded.map { RecordJSON.value($0[field.name]) } ?? "?"
      return "\(field.name) \(was) and not \(RecordJSON.value(field.value))"
    }
    return "record \(sequence): \(type) differs from what the records before it come to"
      + (words.isEmpty ? "" : ": " + words.joined(separator: ", "))
  }
}
