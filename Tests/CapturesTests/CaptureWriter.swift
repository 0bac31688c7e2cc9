import Foundation

/// Writes captures byte by byte, to be read back.
struct CaptureWriter {
  var isLittle = true
  var isNano = false
  var link: UInt32 = 1
  var bytes: [UInt8] = []

  func word(_ value: UInt64, _ size: Int) -> [UInt8] {
    let big = (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
    return isLittle ? big.reversed() : big
  }

  mutating func pcapHeader() {
    bytes += word(isNano ? 0xa1b2_3c4d : 0xa1b2_c3d4, 4) + word(2, 2) + word(4, 2)
    bytes += word(0, 4) + word(0, 4) + word(65_535, 4) + word(UInt64(link), 4)
  }
  mutating func pcapPacket(_ frame: [UInt8], seconds: UInt64 = 1, fraction: UInt64 = 2) {
    bytes += word(seconds, 4) + word(fraction, 4)
    bytes += word(UInt64(frame.count), 4) + word(UInt64(frame.count), 4) + frame
  }

  mutating func block(_ type: UInt64, _ body: [UInt8]) {
    let padded = body + [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
    let length = word(UInt64(padded.count + 12), 4)
    bytes += word(type, 4) + length + padded + length
  }
  mutating func section() {
    block(0x0a0d_0d0a, word(0x1a2b_3c4d, 4) + word(1, 2) + word(0, 2) + word(.max, 8))
  }
  mutating func interface(resolution: UInt8? = nil) {
    let options = resolution.map { word(9, 2) + word(1, 2) + [$0, 0, 0, 0] + word(0, 4) } ?? []
    block(1, word(UInt64(link), 2) + word(0, 2) + word(0, 4) + options)
  }
  mutating func enhanced(_ frame: [UInt8], ticks: UInt64, interface: UInt64 = 0) {
    let size = word(UInt64(frame.count), 4)
    block(
      6,
      word(interface, 4) + word(ticks >> 32, 4) + word(ticks & 0xffff_ffff, 4) + size + size
        + frame)
  }
  mutating func simple(_ frame: [UInt8]) { block(3, word(UInt64(frame.count), 4) + frame) }
}

/// Frames in network order.
enum Frames {
  static func ipv4(_ payload: [UInt8], transport: UInt8, options: Int = 0) -> [UInt8] {
    let total = 20 + options + payload.count
    return [0x45 + UInt8(options / 4), 0, UInt8(total >> 8), UInt8(total & 255), 0, 0, 0x40, 0, 64]
      + [transport, 0, 0, 10, 0, 0, 1, 233, 54, 12, 111] + [UInt8](repeating: 1, count: options)
      + payload
  }
  static func udp(_ payload: [UInt8], options: Int = 0) -> [UInt8] {
    let length = payload.count + 8
    return ipv4(
      [0xc1, 0xf5, 0x67, 0x6d, UInt8(length >> 8), UInt8(length & 255), 0, 0] + payload,
      transport: 17, options: options)
  }
  static func ipv6(_ payload: [UInt8], next: UInt8, extensions: [UInt8]) -> [UInt8] {
    let length = payload.count + 8
    let body =
      extensions + [0xc1, 0xf5, 0x67, 0x6d, UInt8(length >> 8), UInt8(length & 255), 0, 0] + payload
    return [0x60, 0, 0, 0, UInt8(body.count >> 8), UInt8(body.count & 255), next, 64]
      + [UInt8](repeating: 0x20, count: 16) + [0xff, 0x15] + [UInt8](repeating: 1, count: 14) + body
  }
  static func tcp(_ payload: [UInt8]) -> [UInt8] {
    let header: [UInt8] = [0, 80, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0, 0]
    return ipv4(header + [1, 1, 1, 1] + payload, transport: 6)
  }
  static func ethernet(_ packet: [UInt8], tags: [UInt8] = []) -> [UInt8] {
    [UInt8](repeating: 0xaa, count: 12) + tags + [8, 0] + packet
  }
}

/// A directory of its own, removed at the end.
final class TemporaryDirectory {
  let url: URL
  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "needletail-feeds-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    return file.path
  }
  /// Compressed by gzip(1).
  func compress(_ bytes: [UInt8], _ name: String) throws -> [UInt8] {
    let path = try write(bytes, name)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-nf", path]
    try process.run()
    process.waitUntilExit()
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
  }
}
