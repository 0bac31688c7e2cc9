import Simulation

extension Configuration {
  /// What goes wrong on the network under `--virtual-time`; nothing by default.
  public struct Faults: Equatable, Sendable {
    /// Of the times and chances; 0: the run's.
    public var seed: UInt64 = 0
    /// Percent of datagrams; of a stream's pieces so many come late.
    public var loss: Decimal8 = 0
    public var duplicate: Decimal8 = 0
    public var reorder: Decimal8 = 0
    /// Percent of a stream's reads and writes.
    public var short: Decimal8 = 0
    /// A minute.
    public var resets: Decimal8 = 0
    public var halfOpens: Decimal8 = 0
    public var cuts: Decimal8 = 0
    public var stalls: Decimal8 = 0

    static let seeds = 0...UInt64(Int64.max)
    static let percent: ClosedRange<Decimal8> = 0...100
    static let perMinute: ClosedRange<Decimal8> = 0...6_000

    /// Something goes wrong.
    var isActive: Bool {
      var none = Faults()
      none.seed = seed
      return self != none
    }

    /// The names that `--faults` and the file know, and what each may be.
    static let all: [(name: String, range: ClosedRange<Decimal8>, field: Field)] = [
      ("loss", percent, \.loss), ("duplicate", percent, \.duplicate),
      ("reorder", percent, \.reorder), ("short", percent, \.short),
      ("resets", perMinute, \.resets), ("half_opens", perMinute, \.halfOpens),
      ("cuts", perMinute, \.cuts), ("stalls", perMinute, \.stalls),
    ]
    typealias Field = any WritableKeyPath<Faults, Decimal8> & Sendable

    /// - Parameter isVirtualTime: of the run; in another one none is made.
    mutating func read(_ reader: inout SectionReader, isVirtualTime: Bool) {
      reader.read("seed", into: &seed, in: Self.seeds)
      for (name, range, field) in Self.all {
        reader.read(name, into: &self[keyPath: field], in: range)
        if !isVirtualTime, self[keyPath: field] != 0 { reader.refuse(name, Self.needVirtualTime) }
      }
    }
    static let needVirtualTime =
      "faults are made on a network in memory: give '--virtual-time', or leave them out"

    /// `loss=5,reorder=20` over what is there, key by key; nil, or what is wrong with it where it cannot be read.
    mutating func take(_ text: String) -> String? {
      var given: Set<String> = []
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
        guard sides.count == 2 else {
          return "'\(part)' is no NAME=NUMBER, as in loss=5,reorder=20"
        }
        guard given.insert(sides[0]).inserted else { return "\(sides[0]) is given twice" }
        if sides[0] == "seed" {
          guard let number = UInt64(sides[1]), Self.seeds.contains(number) else {
            return "seed takes a whole number from 0 to \(Self.seeds.upperBound)"
          }
          seed = number
          continue
        }
        guard let fault = Self.all.first(where: { $0.name == sides[0] }) else {
          let names = ["seed"] + Self.all.map(\.name)
          return "there is no fault '\(sides[0])'; there are \(names.joined(separator: ", "))"
            + Nearest.hint(sides[0], among: names)
        }
        guard let number = Decimal8(sides[1]), fault.range.contains(number) else {
          return "\(fault.name) takes a number from \(fault.range.lowerBound) to "
            + "\(fault.range.upperBound), at most eight decimals"
        }
        self[keyPath: fault.field] = number
      }
      return nil
    }

    /// As `--faults` takes it; empty where nothing goes wrong.
    var text: String {
      guard isActive else { return "" }
      let parts = Self.all.filter { self[keyPath: $0.field] != 0 }
        .map { "\($0.name)=\(self[keyPath: $0.field])" }
      return (parts + (seed == 0 ? [] : ["seed=\(seed)"])).joined(separator: ",")
    }

    func ofWorld(runSeed: UInt64) -> VirtualFaults {
      func parts(_ percent: Decimal8) -> UInt32 { UInt32(clamping: percent.raw / 10_000) }
      func interval(_ perMinute: Decimal8) -> Int64 {
        perMinute.raw == 0
          ? 0 : Int64(clamping: Int128(60_000_000_000) * 100_000_000 / Int128(perMinute.raw))
      }
      var faults = VirtualFaults()
      faults.seed = seed == 0 ? runSeed : seed
      faults.loss = parts(loss)
      faults.duplication = parts(duplicate)
      faults.reordering = parts(reorder)
      faults.short = parts(short)
      faults.resetInterval = interval(resets)
      faults.halfOpenInterval = interval(halfOpens)
      faults.cutInterval = interval(cuts)
      faults.stallInterval = interval(stalls)
      return faults
    }
  }
}
