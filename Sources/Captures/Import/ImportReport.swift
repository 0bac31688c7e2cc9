public import ExecutionCore

/// What an import read, wrote and passed over.
public struct ImportReport: Sendable {
  /// Lines or messages of the source.
  public var messages = 0
  /// Bytes of the source's content, after decompression.
  public var sourceBytes: UInt64 = 0
  /// Records written.
  public var records: UInt64 = 0
  /// Records written, by their kind.
  public var kinds: [FeedRecord.Kind: Int] = [:]
  /// Of the records written.
  public var hash = CaptureHash()
  /// Bytes of the recording.
  public var bytes: UInt64 = 0
  /// Breaks of the source's own numbering, each told by a gap record.
  public var gaps = 0
  /// Lines or messages that are not what the format says; they made no record.
  public var malformed = 0
  /// Where the first of them stands, and what is wrong with it.
  public var firstMalformed: String?
  /// Messages about orders that nobody added: from before the source begins.
  public var unknownOrders = 0
  /// What else was counted, in the order of the format's own account: a name, and how many.
  public var others: [Other] = []
  /// Why the source ended before its end. Everything before that was written.
  public var failure: FeedError?

  public struct Other: Hashable, Sendable {
    public var name: String
    public var count: Int
  }

  public init() {}

  mutating func count(_ name: String, _ more: Int = 1) {
    if let place = others.firstIndex(where: { $0.name == name }) {
      others[place].count += more
    } else {
      others.append(Other(name: name, count: more))
    }
  }

  mutating func malformed(_ place: String) {
    malformed += 1
    if firstMalformed == nil { firstMalformed = place }
  }
}

/// Why an import made no recording.
public enum ImportFailure: Error, CustomStringConvertible {
  /// The source cannot be opened, or is none of its format.
  case source(FeedError)
  /// The recording cannot be written.
  case output(CaptureOutputError)

  public var description: String {
    switch self {
    case .source(let error): error.description
    case .output(let error): error.description
    }
  }
}

/// What is imported: a file, or bytes that are in memory already, for tests and fuzzing.
public enum ImportSource: Sendable {
  case file(String)
  case bytes([UInt8], name: String)

  public var path: String {
    switch self {
    case .file(let path): path
    case .bytes(_, let name): name
    }
  }

  /// The last component of its path.
  var name: String {
    String(decoding: path.utf8.split(separator: 0x2f).last ?? path.utf8[...], as: UTF8.self)
  }

  func open() throws(ImportFailure) -> FeedInput {
    switch self {
    case .file(let path):
      do throws(FeedError) {
        var input = try FeedInput(path: path)
        if input.kind() == .recording { throw FeedError.recording(path) }
        return input
      } catch { throw .source(error) }
    case .bytes(let bytes, let name): return FeedInput(bytes: bytes, path: name)
    }
  }

  /// The names of the sources, for a recording's header.
  static func names(_ sources: [ImportSource]) -> String {
    var text = ""
    for source in sources {
      let next = text.isEmpty ? source.name : ", " + source.name
      guard text.utf8.count + next.utf8.count < 4_096 else { return text + ", …" }
      text += next
    }
    return text
  }
}

/// The recording that an import makes, and its account.
@safe struct ImportOutput: ~Copyable {
  var report = ImportReport()
  private var recorder: CaptureRecorder
  private var kinds = [Int](repeating: 0, count: 256)

  init(_ path: String, _ header: CaptureHeader, replaces: Bool) throws(ImportFailure) {
    do throws(CaptureOutputError) {
      recorder = try CaptureRecorder(path: path, header: header, replaces: replaces)
    } catch { throw .output(error) }
  }

  mutating func write(_ record: FeedRecord, receiveTime: Int64) throws(ImportFailure) {
    do throws(CaptureOutputError) {
      try recorder.append(record, receiveTime: receiveTime)
    } catch { throw .output(error) }
    kinds[Int(record.kind)] += 1
  }

  /// A source that cannot be opened again leaves no recording behind; what cannot be written further stays, as far as
  /// it is whole.
  mutating func abandon(after error: ImportFailure) -> ImportFailure {
    if case .source = error { recorder.discard() }
    return error
  }

  /// The recording takes its place.
  mutating func finish() throws(ImportFailure) -> ImportReport {
    do throws(CaptureOutputError) { try recorder.finish() } catch { throw .output(error) }
    for kind in FeedRecord.Kind.allCases where kinds[Int(kind.rawValue)] > 0 {
      report.kinds[kind] = kinds[Int(kind.rawValue)]
    }
    report.records = recorder.records
    report.hash = recorder.hash
    report.bytes = recorder.bytes
    return report
  }
}
