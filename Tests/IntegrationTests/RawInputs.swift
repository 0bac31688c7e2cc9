import Foundation

/// Big-endian numbers in bytes, for tests that read the wire formats on their own.
struct RawMessage {
  let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  var kind: Character { Character(Unicode.Scalar(bytes.first ?? 0)) }
  var count: Int { bytes.count }

  /// An unsigned number of `width` bytes; 0 beyond the end.
  func number(_ offset: Int, _ width: Int) -> Int {
    guard offset + width <= bytes.count else { return 0 }
    return bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + width)]
      .reduce(0) { $0 << 8 | Int($1) }
  }
  func letter(_ offset: Int) -> Character {
    Character(Unicode.Scalar(UInt8(truncatingIfNeeded: number(offset, 1))))
  }
  /// Text padded with blanks.
  func text(_ offset: Int, _ width: Int) -> String {
    guard offset + width <= bytes.count else { return "" }
    let part = bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + width)]
    return String(decoding: part, as: UTF8.self).trimmingCharacters(in: .whitespaces)
  }
}

/// A file of ITCH messages, each behind its length in two bytes.
struct RawFeed {
  let messages: [RawMessage]

  init(path: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var found: [RawMessage] = []
    var at = 0
    while at + 2 <= bytes.count {
      let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
      guard at + 2 + length <= bytes.count else { break }
      found.append(RawMessage(bytes[(at + 2)..<(at + 2 + length)]))
      at += 2 + length
    }
    messages = found
  }
}

/// What the exchange stored: every input that is not history, with its place in the feed.
///
/// The layout is the one that `Simulation/Server/ExchangeStore.swift` documents: a head (magic,
/// session
/// number, length of the identity, checksum, identity), then records (length, kind, account, bytes,
/// position, time, the bytes, checksum), little-endian.
struct RawInput {
  /// 2 is an OUCH message, 3 the end of the account's connection.
  let kind: UInt8
  /// Messages of the feed that had been applied, the opening ones included.
  let position: Int
  let message: RawMessage

  static func read(directory: String) throws -> [RawInput] {
    let path = directory + "/inputs.ntx"
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    func number(_ offset: Int, _ width: Int) -> Int {
      (0..<width).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
    guard bytes.count >= 24, bytes[0..<8].elementsEqual("NTEXCH01".utf8) else { return [] }
    var at = 24 + number(16, 4)
    var inputs: [RawInput] = []
    while at + 36 <= bytes.count {
      let length = number(at, 4)
      let payload = number(at + 12, 4)
      guard length == payload + 36, at + length <= bytes.count else { break }
      inputs.append(
        RawInput(
          kind: bytes[at + 4], position: number(at + 16, 8),
          message: RawMessage(bytes[(at + 32)..<(at + 32 + payload)])))
      at += length
    }
    return inputs
  }
}
