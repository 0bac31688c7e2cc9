import ExecutionCore
import Foundation
import Gateways

/// SplitMix64 with a seed that the failing test prints.
struct Random: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// Where the real market data lies when it is there: beside the package, or as the environment
/// says.
enum Shared {
  static let data: URL? = {
    let environment = ProcessInfo.processInfo.environment["NEEDLETAIL_SHARED"]
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let shared =
      environment.map { URL(filePath: $0) }
      ?? root.deletingLastPathComponent().appending(path: "shared")
    let data = shared.appending(path: "data")
    return FileManager.default.fileExists(atPath: data.path) ? data : nil
  }()
  static func folder(_ path: String) -> URL? {
    guard let url = data?.appending(path: path), FileManager.default.fileExists(atPath: url.path)
    else { return nil }
    return url
  }
}

/// A slow, plain reader of the captures' frames: TCP and UDP payloads by IP length.
enum NaivePcap {
  static func payloads(_ file: URL) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: file))
    let little = bytes[3] == 0xa1
    func word(_ at: Int) -> Int {
      let b = (0..<4).map { Int(bytes[at + $0]) }
      return little
        ? b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24 : b[3] | b[2] << 8 | b[1] << 16 | b[0] << 24
    }
    var result: [[UInt8]] = []
    var at = 24
    while at + 16 <= bytes.count {
      let length = word(at + 8)
      let frame = Array(bytes[(at + 16)..<min(at + 16 + length, bytes.count)])
      at += 16 + length
      var ip = 14
      if frame[12] == 0x81, frame[13] == 0 { ip += 4 }
      let header = Int(frame[ip] & 15) * 4
      let total = Int(frame[ip + 2]) << 8 | Int(frame[ip + 3])
      let transport = ip + header
      let skip = frame[ip + 9] == 6 ? Int(frame[transport + 12] >> 4) * 4 : 8
      result.append(Array(frame[(transport + skip)..<(ip + total)]))
    }
    return result
  }
}

extension Array where Element == UInt8 {
  init(ascii text: String) { self = Array(text.utf8) }
  init(be16 value: UInt16) { self = [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
  init(be32 value: UInt32) {
    self = (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
  }
  init(be64 value: UInt64) {
    self = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
  }
  var hex: String { map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}

extension OUCHRequest {
  func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0xee, count: OUCHLimits.messageBytesMax)
    var fault: OUCHFault?
    let length = out.withUnsafeMutableBytes { encode(into: $0, &fault) }
    return fault == nil ? Array(out.prefix(length)) : []
  }
  static func decoded(_ bytes: [UInt8]) -> (request: OUCHRequest, fault: OUCHFault?) {
    var request = OUCHRequest(.accountQuery)
    let fault = bytes.withUnsafeBytes { request.decode($0) }
    return (request, fault)
  }
}

extension OUCHResponse {
  func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0xee, count: OUCHLimits.messageBytesMax)
    var fault: OUCHFault?
    let length = out.withUnsafeMutableBytes { encode(into: $0, &fault) }
    return fault == nil ? Array(out.prefix(length)) : []
  }
  static func decoded(_ bytes: [UInt8]) -> (
    response: OUCHResponse, fault: OUCHFault?, skipped: UInt64
  ) {
    var response = OUCHResponse(.systemEvent)
    var skipped: UInt64 = 0
    let fault = bytes.withUnsafeBytes { response.decode($0, skipped: &skipped) }
    return (response, fault, skipped)
  }
}
