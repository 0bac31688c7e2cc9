import ExecutionCore
import Glibc
import Journal

/// Steele, Lea and Flood's SplitMix64: the same numbers for the same seed everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A directory of its own for one test, removed with the value.
final class ScratchDirectory {
  let path: String
  /// In memory where there is such a file system, because most tests flush often; on disk when asked.
  init(onDisk: Bool = false) {
    let root = !onDisk && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(root)/needletail-journal-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      guard let made = mkdtemp(buffer.baseAddress!) else {
        fatalError("cannot make a scratch directory: errno \(errno)")
      }
      return String(cString: made)
    }
  }
  deinit { removeTree(path) }
  func file(_ name: String) -> String { path + "/" + name }
}

func names(in path: String) -> [String] {
  guard let stream = opendir(path) else { return [] }
  defer { closedir(stream) }
  var found: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { found.append(name) }
  }
  return found.sorted()
}

func removeTree(_ path: String) {
  for name in names(in: path) {
    let child = path + "/" + name
    if unlink(child) != 0 { removeTree(child) }
  }
  rmdir(path)
}

func contents(_ path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { return [] }
  defer { fclose(file) }
  fseek(file, 0, SEEK_END)
  let size = ftell(file)
  fseek(file, 0, SEEK_SET)
  var bytes = [UInt8](repeating: 0, count: size)
  let got = fread(&bytes, 1, size, file)
  return Array(bytes[..<got])
}

func store(_ bytes: [UInt8], _ path: String) {
  guard let file = fopen(path, "wb") else { fatalError("cannot write \(path)") }
  defer { fclose(file) }
  if fwrite(bytes, 1, bytes.count, file) != bytes.count { fatalError("cannot write \(path)") }
}

/// Options with the smallest segments.
func smallOptions(_ mode: JournalOptions.Mode = .shared, reserve: Int = 4096) -> JournalOptions {
  var options = JournalOptions(
    facts: JournalFacts(build: "test 1", configurationHash: [1, 2, 3]))
  options.mode = mode
  options.segmentBytes = JournalOptions.segmentBytesMin
  options.reserveBytes = reserve
  options.pollMicroseconds = 50
  return options
}

/// One record to be written and what must come back.
struct Sample: Equatable {
  var type: RecordType
  var sessionTime: Int64
  var cause: UInt64
  var account: UInt32
  var payload: [UInt8]

  /// No session begins: what is at random would not lead anywhere.
  static let types = RecordType.allCases.filter { $0 != .padding && $0 != .sessionStarted }

  static func random(_ random: inout SplitMix64, payloadMax: Int = 300) -> Sample {
    Sample(
      type: types.randomElement(using: &random)!,
      sessionTime: Int64.random(in: .min ... .max, using: &random),
      cause: random.next(), account: UInt32.random(in: 0...9, using: &random),
      payload: (0..<Int.random(in: 0...payloadMax, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      })
  }

  /// Sequence, or 0 when refused.
  func append(to lane: RecordLane, privileged: Bool = false) -> UInt64 {
    var header = RecordHeader(type: type)
    header.sessionTime = sessionTime
    header.cause = cause
    header.account = account
    return payload.withUnsafeBytes {
      lane.append(header, $0.baseAddress, $0.count, privileged: privileged)
    }
  }

  /// The payload is padded with zeros up to the record's length.
  func matches(_ record: JournalRecord) -> Bool {
    record.type == type && record.header.sessionTime == sessionTime
      && record.header.cause == cause && record.header.account == account
      && Array(record.payload.prefix(payload.count)) == payload
      && record.payload.count < payload.count + 8
      && record.payload.dropFirst(payload.count).allSatisfy { $0 == 0 }
  }
}

/// Everything a reader hands over, and how it ended.
struct ReadBack {
  var sequences: [UInt64] = []
  var end: JournalEnd?
  var error: JournalError?

  init(_ path: String, _ body: (JournalRecord) -> Void = { _ in }) {
    var found: [UInt64] = []
    do throws(JournalError) {
      let reader = try JournalReader(path)
      end = try reader.read {
        found.append($0.header.sequence)
        body($0)
        return true
      }
    } catch {
      self.error = error
    }
    sequences = found
  }
}

func unlinkFile(_ path: String) {
  if unlink(path) != 0 { fatalError("cannot remove \(path)") }
}
