/// One message of every type, written by hand from the specification's tables: every field has a value
/// that stands nowhere else in the message.
enum ITCHVectors {
  /// Type, locate 0x0102, tracking 0x0304, time stamp 0x05060708090a.
  static func message(_ kind: Character, _ body: [UInt8]) -> [UInt8] {
    [kind.asciiValue ?? 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] + body
  }
  static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
  static let stock = Array("NEEDLE  ".utf8)
  static let reference: [UInt8] = [0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98]
  static let second: [UInt8] = [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8]
  static let shares: [UInt8] = [0xb1, 0xb2, 0xb3, 0xb4]
  static let price: [UInt8] = [0xc1, 0xc2, 0xc3, 0xc4]
  static let third: [UInt8] = [0xd1, 0xd2, 0xd3, 0xd4]
  static let fourth: [UInt8] = [0xe1, 0xe2, 0xe3, 0xe4]

  static let all: [(kind: Character, bytes: [UInt8])] = [
    ("S", message("S", text("Q"))),
    (
      "R",
      message(
        "R", stock + text("QN") + shares + text("Y") + text("CZxPNn1y") + third + text("z"))
    ),
    ("H", message("H", stock + text("T ") + text("LUDP"))),
    ("Y", message("Y", stock + text("1"))),
    ("L", message("L", text("GSCO") + stock + text("YNA"))),
    ("V", message("V", reference + second + third + fourth)),
    ("W", message("W", text("2"))),
    ("K", message("K", stock + shares + text("A") + price)),
    ("J", message("J", stock + third + price + shares + fourth)),
    ("h", message("h", stock + text("QH"))),
    ("A", message("A", reference + text("B") + shares + stock + price)),
    ("F", message("F", reference + text("S") + shares + stock + price + text("MPID"))),
    ("E", message("E", reference + shares + second)),
    ("C", message("C", reference + shares + second + text("Y") + price)),
    ("X", message("X", reference + shares)),
    ("D", message("D", reference)),
    ("U", message("U", reference + second + shares + price)),
    ("P", message("P", reference + text("B") + shares + stock + price + second)),
    ("Q", message("Q", reference + stock + price + second + text("O"))),
    ("B", message("B", second)),
    (
      "I",
      message(
        "I", reference + second + text("B") + stock + shares + price + third + text("OL"))
    ),
    ("N", message("N", stock + text("A"))),
    (
      "O",
      message(
        "O", stock + text("Y") + shares + price + third + reference + fourth + [1, 2, 3, 5])
    ),
  ]

  static func bytes(_ kind: Character) -> [UInt8] {
    all.first { $0.kind == kind }?.bytes ?? []
  }

  static func frame(_ message: [UInt8]) -> [UInt8] {
    [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
  }
}
