import Foundation
import Testing

@testable import Captures

struct JSONScannerTests {
  private func parse(_ bytes: [UInt8]) -> Result<JSONSlot, JSONError> {
    bytes.withUnsafeBytes { raw in
      var scanner = JSONScanner(raw)
      do throws(JSONError) {
        let slot = try scanner.value()
        try scanner.finish()
        return .success(slot)
      } catch {
        return .failure(error)
      }
    }
  }
  private func isJSON(_ text: String) -> Bool {
    if case .success = parse(Array(text.utf8)) { return true }
    return false
  }

  @Test func `what RFC 8259 allows is passed over whole`() {
    let good = [
      "{}", "[]", " [ ] ", "0", "-0", "-12.5e+3", "1E9", "true", "false", "null", "\"\"",
      #"{"a":[1,{"b":null},[[]],"\u00e9\n\"x"],"":{}}"#, "[\"é€𝄞\"]", "\t{\"a\" : 1 , \"b\":2}\r\n",
      String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
    ]
    for text in good { #expect(isJSON(text), "\(text)") }
  }

  @Test func `what it does not allow is refused where it stands`() {
    let bad: [(String, Int)] = [
      ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5), ("{a:1}", 1),
      ("01", 1), ("1.", 2), ("-", 1), ("1e", 2), ("+1", 0), (".5", 0), ("NaN", 0), ("tru", 3),
      ("truex", 4), ("\"a", 2), ("\"\\x\"", 2), ("\"\\u12g4\"", 5), ("\"a\nb\"", 2), ("[1 2]", 3),
      ("{} {}", 3), ("[}", 1), ("{]", 1), ("[1}", 2), ("'a'", 0), ("//x\n1", 0),
      (String(repeating: "[", count: 65), 64),
    ]
    for (text, offset) in bad {
      guard case .failure(let error) = parse(Array(text.utf8)) else {
        Issue.record("accepted: \(text)")
        continue
      }
      #expect(error.offset == offset, "\(text): \(error)")
    }
    for bytes: [UInt8] in [
      [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22],
      [0x22, 0xe2, 0x82, 0x22], [0x22, 0xff, 0x22], [0x22, 0x80, 0x22],
    ] {
      guard case .failure = parse(bytes) else {
        Issue.record("accepted: \(bytes)")
        continue
      }
    }
  }

  @Test func `no bytes make it trap or go on for ever`() {
    var numbers = SeededNumbers(state: 31)
    let alphabet = Array("{}[]\",:\\u0123456789eE+-.truefalsn \n\u{7f}é".utf8) + [0, 0xff, 0xc0]
    for _ in 0..<20_000 {
      _ = parse((0..<numbers.below(60)).map { _ in alphabet[numbers.below(alphabet.count)] })
    }
  }

  @Test func `decimal text is exact or refused`() throws {
    #expect(DecimalText("61737.63000000")?.mantissa(at: -2) == 6_173_763)
    #expect(DecimalText("61737.63000000")?.decimals == 2)
    #expect(DecimalText("-0.00100")?.mantissa(at: -3) == -1)
    #expect(DecimalText("0.00")?.mantissa(at: 2) == 0)
    #expect(DecimalText("1200")?.mantissa(at: 2) == 12)
    #expect(DecimalText("1230")?.mantissa(at: 2) == nil)
    #expect(DecimalText("0.001")?.mantissa(at: -2) == nil)
    #expect(DecimalText("9223372036854775807")?.mantissa(at: 0) == .max)
    #expect(DecimalText("9223372036854775808") == nil)
    #expect(DecimalText("92233720368547758.07")?.mantissa(at: -3) == nil)
    #expect(DecimalText("1.0000000000000000000000000000000000000000")?.mantissa(at: 0) == 1)
    #expect(DecimalText("0.0000000000000000000000000000000001") != nil)
    #expect(DecimalText("0.0000000000000000000000000000000001")?.mantissa(at: -12) == nil)
    #expect(DecimalText("1.00000000000000000000000000000000001") == nil)
    for text in ["", "-", ".", "1.", ".5", "1e5", "+1", "1..2", "0x1", " 1", "1 ", "--1", "١"] {
      #expect(DecimalText(text) == nil, "\(text)")
    }
  }
}
