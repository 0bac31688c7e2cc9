import ExecutionCore
import Foundation
import Testing

@testable import Node

struct SummaryTests {
  static var sample: RunSummary {
    var summary = RunSummary()
    summary.run.endedBy = "duration"
    summary.run.elapsedNanoseconds = 30_012_345_678
    summary.feed.messages = 1_234_567
    summary.orders.sent = 12
    summary.orders.refused = [
      .init(code: "positionLimit", count: 3), .init(code: "halted", count: 1),
    ]
    summary.fills.count = 2
    summary.fills.notional = 2_000_150_000_000
    var position = RunSummary.Position(account: "HOUSE", strategy: "maker", symbol: "AAPL")
    position.shares = -300
    position.fills = 2
    position.mark = 2_872_900_000_0
    position.realised = -1_234_567_89
    position.unrealised = 50_000_000
    position.fees = -200_000
    summary.positions = [position]
    summary.pnl.realised = position.realised
    summary.pnl.unrealised = position.unrealised
    summary.pnl.fees = position.fees
    summary.latency.clock = "tsc"
    summary.latency.network = "io_uring"
    summary.memory = .init(arenaBytes: 113_246_208, peakResidentBytes: 287_961_088)
    summary.latency.stages = [
      "receive", "decode", "book", "strategy", "risk", "encode", "submit",
    ].map(RunSummary.Percentiles.init)
    summary.latency.tickToOrder.p50 = 12_345
    summary.invariants = [
      .init("fills agree", holds: true, "2 here, 2 at the exchange"),
      .init("positions agree", holds: false, "AAPL -300 here, -200 at the exchange"),
    ]
    summary.stops = [
      .init(
        scope: "account:HOUSE", cause: .person, by: "Anna (user 0)", why: "looks odd",
        isStanding: true)
    ]
    summary.notes = ["A \"note\"\\ with\n\u{1}marks"]
    return summary
  }

  private func object(_ summary: RunSummary) throws -> [String: Any] {
    let parsed = try JSONSerialization.jsonObject(with: Data(summary.json.utf8))
    return try #require(parsed as? [String: Any])
  }

  @Test func `the json has the objects that are promised`() throws {
    let json = try object(Self.sample)
    for name in [
      "feed", "orders", "fills", "pnl", "latency", "memory", "journal", "invariants",
    ] {
      #expect(json[name] is [String: Any], "\(name)")
    }
    #expect(json["venues"] is [[String: Any]])
    let orders = try #require(json["orders"] as? [String: Any])
    for name in ["sent", "acknowledged", "filled", "cancelled", "rejected"] {
      #expect(orders[name] is NSNumber, "\(name)")
    }
    #expect((orders["refused"] as? [String: Int]) == ["positionLimit": 3, "halted": 1])
    #expect((json["invariants"] as? [String: Any])?["hold"] as? Bool == false)
    #expect((json["notes"] as? [String]) == Self.sample.notes)
  }

  @Test func `what virtual time does not measure is null, what its network carried is counted`()
    throws
  {
    var summary = Self.sample
    summary.run.isVirtualTime = true
    summary.memory = nil
    let json = try object(summary)
    let feed = try #require(json["feed"] as? [String: Any])
    let counted = [
      "datagrams", "gaps", "requests", "recovered", "snapshots", "foreign_session", "implausible",
      "messages", "lost", "unknown_references", "live_orders", "symbols",
    ]
    for name in counted { #expect(feed[name] is NSNumber, "\(name)") }
    for name in ["a", "b", "rerequest"] {
      #expect((feed["lines"] as? [String: Any])?[name] is [String: Any], "\(name)")
    }
    #expect(json["memory"] is NSNull)
    #expect((json["run"] as? [String: Any])?["elapsed_ns"] is NSNull)
    #expect(!summary.text().contains("Memory"))
  }

  @Test func `memory is in the json and in the text`() throws {
    let memory = try #require(try object(Self.sample)["memory"] as? [String: Any])
    #expect(memory["arena_bytes"] as? Int == 113_246_208)
    #expect(memory["peak_resident_bytes"] as? Int == 287_961_088)
    #expect(Self.sample.text().contains("113,246,208   peak resident     287,961,088"))
    var unknown = Self.sample
    unknown.memory?.peakResidentBytes = nil
    let parsed = try #require(try object(unknown)["memory"] as? [String: Any])
    #expect(parsed["peak_resident_bytes"] is NSNull)
  }

  @Test func `money is exact text, and the net is what it says`() throws {
    let json = try object(Self.sample)
    let pnl = try #require(json["pnl"] as? [String: Any])
    #expect(pnl["realised"] as? String == "-1.23456789")
    #expect(pnl["gross"] as? String == "-0.73456789")
    #expect(pnl["fees"] as? String == "-0.002")
    #expect(pnl["net"] as? String == "-0.73256789")
    let positions = try #require(json["positions"] as? [[String: Any]])
    #expect(positions[0]["mark"] as? String == "287.2900")
  }

  @Test func `every field of the json is documented`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/Node/Summary.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    func check(_ value: JSONValue, _ path: String) {
      switch value {
      case .object(let pairs):
        for (key, value) in pairs where path != ".orders.refused" {
          #expect(text.contains("`\(key)`") || text.contains("## \(key)"), "\(path).\(key)")
          check(value, "\(path).\(key)")
        }
      case .array(let values): values.forEach { check($0, path) }
      default: break
      }
    }
    check(Self.sample.value, "")
  }

  @Test func `the text is aligned and says what is broken`() {
    let text = Self.sample.text()
    #expect(text.contains("BROKEN  positions agree: AAPL -300 here, -200 at the exchange"))
    #expect(text.contains("12.34"))
    #expect(text.contains("1,234,567"))
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { !$0.hasSuffix(" ") })
    let header = lines.first { $0.contains("p99.9") }
    let row = lines.first { $0.contains("tick to order") }
    #expect(header?.count == row?.count)
  }

  @Test(
    arguments: [
      (0, "0.00"), (1_000_000, "0.01"), (499_999, "0.00"), (500_000, "0.01"), (-500_000, "-0.01"),
      (-499_999, "0.00"), (123_456_789_000_000, "1,234,567.89"), (-100_000_000, "-1.00"),
    ] as [(Int128, String)])
  func `dollars are rounded to cents`(_ raw: Int128, _ text: String) {
    #expect(RunSummary.dollars(raw) == text)
  }

  @Test func `nanoseconds are shown as microseconds`() {
    #expect(RunSummary.microseconds(12_345) == "12.34")
    #expect(RunSummary.microseconds(5) == "0.00")
    #expect(RunSummary.microseconds(1_234_567_010) == "1,234,567.01")
    #expect(RunSummary.seconds(30_012_345_678) == "30.0")
  }

  @Test func `thousands are grouped at both signs and all lengths`() {
    #expect(0.grouped == "0")
    #expect(999.grouped == "999")
    #expect((-1_000).grouped == "-1,000")
    #expect(Int64.min.grouped == "-9,223,372,036,854,775,808")
  }

  @Test func `json text is escaped`() {
    #expect(JSONValue.quote("a\"b\\c\n\u{1}é") == "\"a\\\"b\\\\c\\n\\u0001é\"")
  }

  @Test func `the same summary is the same bytes`() {
    #expect(Self.sample.json == Self.sample.json)
    #expect(Self.sample.json.hasSuffix("}\n"))
  }
}
