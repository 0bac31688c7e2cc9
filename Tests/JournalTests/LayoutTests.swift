import ExecutionCore
import Testing

@testable import Journal

@Suite struct LayoutTests {
  private func numbers<E: CaseIterable & RawRepresentable>(_: E.Type) -> [E.RawValue] {
    E.allCases.map(\.rawValue)
  }
  private func numbers<E: RawRepresentable>(from _: E.Type) -> [UInt8] where E.RawValue == UInt8 {
    (UInt8.min...UInt8.max).filter { E(rawValue: $0) != nil }
  }

  @Test func `enums in records keep their numbers on disk`() {
    #expect(numbers(from: Side.self) == [1, 2, 5, 6])
    #expect(numbers(from: TimeInForce.self) == [0, 3])
    #expect(numbers(from: VenueRequest.Kind.self) == Array(1...8))
    #expect(numbers(from: VenueReport.Kind.self) == Array(1...20) + Array(32...36))
    #expect(numbers(from: Display.self) == Array(0...2))
    #expect(numbers(from: OrderCapacity.self) == Array(0...2))
    #expect(numbers(from: VenueStanding.self) == Array(0...4))
    #expect(numbers(from: Command.Kind.self) == Array(1...6) + Array(8...13))
    #expect(numbers(from: RiskScope.self) == Array(1...6))
    #expect(numbers(from: OrderLife.self) == Array(0...5))
    #expect(numbers(from: RequestState.self) == Array(0...4))
    #expect(numbers(NotSentCause.self) == Array(1...12))
    #expect(numbers(LatchCause.self) == Array(0...12))
    #expect(numbers(LimitKind.self) == Array(1...8))
  }

  @Test func `payloads have the sizes that are on disk`() {
    let sizes: [(RecordType, Int)] = [
      (.sessionStarted, 88), (.portDefined, 48), (.instrumentDefined, 120), (.intent, 160),
      (.report, 176), (.refusal, 128), (.orderState, 80), (.execution, 128), (.alarm, 48),
      (.handedOver, 16), (.withdrawn, 16), (.cancelWanted, 16), (.timedOut, 16),
      (.latch, 16), (.command, 144), (.marketState, 16), (.timer, 24), (.sessionEnded, 88),
      (.stateHash, 16), (.recordsLost, 16), (.limits, 24),
    ]
    for (type, size) in sizes { #expect(RecordLayout.of(type)?.size == size, "\(type)") }
    #expect(MemoryLayout<RecordHeader>.size == 48)
  }

  @Test func `every field lies within its payload and no name comes twice`() throws {
    for type in RecordType.allCases {
      guard let layout = RecordLayout.of(type) else { continue }
      #expect(layout.fields.allSatisfy { $0.offset >= 0 && $0.offset + $0.width <= layout.size })
      #expect(Set(layout.fields.map(\.name)).count == layout.fields.count, "\(type)")
    }
    let known = RecordType.allCases.filter { RecordLayout.of($0) == nil }
    #expect(known == [.configuration, .strategyState, .padding], "types that are only bytes")
  }

  @Test(
    arguments: [
      (28_729_000_000, -8, "287.2900"), (28_729_500_001, -8, "287.29500001"), (0, -8, "0.0000"),
      (-5, -8, "-0.00000005"), (-20_500_000, -8, "-0.2050"), (15, -1, "1.5"), (15, 0, "15"),
      (15, 2, "1500"), (0, 2, "0"), (1, -4, "0.0001"),
      (
        9_223_372_036_854_775_807, -8,
        "92233720368.54775807"
      ),
    ] as [(Int, Int, String)])
  func `decimals are exact`(raw: Int, exponent: Int, text: String) {
    #expect(DecimalText.text(Int128(raw), exponent: exponent) == text)
  }

  @Test(
    arguments: [
      // Seconds around the changes of 2019 and 2023, from the Energy Policy Act's Sundays.
      (1_552_201_199, -5), (1_552_201_200, -4), (1_572_760_799, -4), (1_572_760_800, -5),
      (1_678_604_399, -5), (1_678_604_400, -4), (1_699_163_999, -4), (1_699_164_000, -5),
      (1_577_716_500, -5), (1_692_711_000, -4), (0, -5), (1_704_067_199, -5), (1_704_067_200, -5),
    ] as [(Int64, Int)])
  func `daylight saving begins and ends at two in the morning`(seconds: Int64, hours: Int) {
    #expect(EasternTime.offsetHours(seconds) == hours)
  }

  @Test func `times of day are Eastern to the nanosecond`() {
    #expect(EasternTime.timeOfDay(1_577_716_500_123_456_789) == "09:35:00.123456789")
    #expect(EasternTime.timeOfDay(1_692_711_000_000_000_001) == "09:30:00.000000001")
    #expect(EasternTime.timeOfDay(-1) == "18:59:59.999999999")
    #expect(EasternTime.timeOfDay(0).allSatisfy { $0 == " " })
    // No time that a file can hold is too much.
    #expect(EasternTime.timeOfDay(.max).utf8.count == 18)
    #expect(EasternTime.timeOfDay(.min).utf8.count == 18)
  }
}
