import BenchSupport
import Foundation
import Testing

@testable import NeedletailBench

@Suite struct DistributionTests {
  private func lines(_ samples: [UInt32]) -> [[String]] {
    Distribution(samples).hgrm().split(separator: "\n").map {
      $0.split(separator: " ").map(String.init)
    }
  }

  @Test func `a percentile is the least sample that covers the share`() {
    let hundred = Distribution((1...100).reversed().map { UInt32($0) })
    for (share, value) in [(0.0, 1.0), (0.5, 50), (0.501, 51), (0.99, 99), (0.999, 100), (1, 100)] {
      #expect(hundred.percentile(share) == value)
    }
    #expect(Distribution([7]).percentile(0.5) == 7)
    #expect(Distribution([]).percentile(0.5).isNaN)
  }

  @Test(arguments: [1, 2, 10, 999, 100_000])
  func `the file has HdrHistogram's columns, rises, and ends with every sample`(_ count: Int) throws
  {
    var random = BenchRandom(seed: UInt64(count))
    let samples = (0..<count).map { _ in UInt32(random.below(5_000_000)) }
    let lines = lines(samples)
    #expect(lines.first == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"])
    let rows = lines.dropFirst().filter { !($0.first ?? "#").hasPrefix("#") }
    let numbers = rows.map { $0.compactMap(Double.init) }
    let last = try #require(numbers.last)
    // The last has no fourth column: it would be infinite.
    #expect(numbers.dropLast().allSatisfy { $0.count == 4 } && last.count == 3)
    #expect(last[1] == 1 && last[2] == Double(count))
    #expect(last[0] == Double(try #require(samples.max())) / 1e3)
    for column in 0..<3 {
      let values = numbers.map { $0[column] }
      #expect(values == values.sorted())
    }
    // Each row counts the samples that are not above its value.
    for row in numbers {
      let bound = row[0] * 1e3 + 0.5
      #expect(samples.filter { Double($0) <= bound }.count == Int(row[2]))
    }
    #expect(lines.suffix(3).map { $0.first } == ["#[Mean", "#[Max", "#[Buckets"])
  }

  @Test func `a distribution of nothing is a head alone`() { #expect(lines([]).count == 1) }
}

@Suite struct NoiseTests {
  @Test func `the kernel's line gives busy and stolen time, waiting left out`() {
    let text = "cpu  100 20 30 4000 500 6 7 80 9 1\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n"
    let time = ProcessorTime.parse(text)
    let second = Double(sysconf(Int32(_SC_CLK_TCK)))
    #expect(time.busy == 163 / second)
    #expect(time.stolen == 80 / second)
  }

  @Test(arguments: [
    "", "cpu", "cpu  1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu  a b c d e f g h", "\n\n",
  ])
  func `what is no such line gives zeros`(_ text: String) {
    let time = ProcessorTime.parse(text)
    #expect(time.busy == 0 && time.stolen == 0)
  }

  @Test func `a tenth of a processor taken by others is said`() {
    var noise = Noise(
      othersPercent: 6, stolenPercent: 4, preemptions: 3, lateWakes: 1,
      latestWakeMicroseconds: 1_500,
      seconds: 2)
    #expect(!noise.isLoud && !noise.text.contains("LOADED"))
    noise.stolenPercent = 4.1
    #expect(noise.isLoud && noise.text.hasSuffix("LOADED MACHINE"))
    #expect(noise.text.contains("3 preemptions; late wakes 1 (latest 1500 us)"))
  }

  @Test func `a meter counts its seconds and takes no more than it says`() {
    let noise = NoiseMeter().end()
    #expect(noise.seconds > 0 && noise.othersPercent >= 0 && noise.stolenPercent >= 0)
  }
}

@Suite struct WholeFileTests {
  @Test func `directories on the way are made, and what was there is replaced whole`() throws {
    let folder = Folder()
    let path = folder.path("a/b/figures.json")
    for text in [String(repeating: "long", count: 10_000), "short\n"] {
      try WholeFile.write(text, to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("a/b")).count == 1)
  }

  @Test func `where nothing can be written the error says where and what to do`() throws {
    let folder = Folder()
    try WholeFile.write("a file, no directory", to: folder.path("file"))
    let path = folder.path("file/figures.json")
    do {
      try WholeFile.write("x", to: path)
      Issue.record("it was written")
    } catch let error as BenchError {
      #expect(error.message.contains("cannot write \(path)"))
      #expect(error.message.contains("choose another place"))
    }
  }
}

@Suite struct CachesTests {
  @Test func `sizes are read as the kernel writes them`() throws {
    for (text, size) in [("48K", 48.0), ("2M", 2_048), ("1G", 1_048_576), ("512", 512)] {
      #expect(Caches.kibibytes(text) == size)
    }
    for text in ["", "K", "2T", "two"] { #expect(Caches.kibibytes(text) == nil) }
    let folder = Folder()
    for (index, level, type, size) in [
      (0, "1", "Data", "48K"), (1, "1", "Instruction", "64K"), (2, "2", "Unified", "2M"),
      (3, "x", "Unified", "1M"),
    ] {
      for (name, text) in [("level", level), ("type", type), ("size", size)] {
        try WholeFile.write(text + "\n", to: folder.path("index\(index)/\(name)"))
      }
    }
    #expect(
      Caches.sizes(under: folder.path("")) == [
        .init(level: 1, kibibytes: 48), .init(level: 2, kibibytes: 2_048),
      ])
    #expect(Caches.sizes(under: folder.path("nowhere")).isEmpty)
  }
}

/// A directory that goes with its owner.
final class Folder {
  private let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("needletail-bench-\(UUID().uuidString)")
  init() { try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }
  func path(_ name: String) -> String { url.path + "/" + name }
}

@Suite struct TargetTests {
  private func misses(_ x: [Double], _ limit: Figure.Limit) -> [String] {
    SuiteResult(suite: "s", question: "?", figures: [Figure("f", "x", x, limit: limit)]).misses
  }

  @Test func `a user's target is held as it stands, a goal by nothing`() {
    #expect(misses([9], .init(value: 10, atLeast: true)).count == 1)
    #expect(misses([10], .init(value: 10, atLeast: true)).isEmpty)
    #expect(misses([1], .init(goal: 10, atLeast: true)).isEmpty)
    #expect(Figure("f", "x", [1], limit: .init(goal: 10, atLeast: true)).verdict == "not met")
    #expect(Figure("f", "x", [1], limit: .init(value: 10, atLeast: true)).verdict == "MISSED")
  }

  @Test func `nothing measured is a miss of a target`() {
    #expect(misses([], .init(value: 10, atLeast: false)).count == 1)
    #expect(misses([.nan], .init(value: 10, atLeast: false)).count == 1)
  }

  @Test func `the median of an even number of runs is the mean of the middle two`() {
    #expect(Figure("f", "x", [4, 1, 3, 2]).median == 2.5)
    #expect(Figure("f", "x", [3, 1, 2]).median == 2)
    #expect(Figure("f", "x", []).median.isNaN)
  }
}

@Suite struct WireLegTests {
  @Test func `without io_uring the direct sockets are measured all the same`() {
    #expect(WireSuite.legs(nil) == [true, false])
    #expect(WireSuite.legs("io_uring_setup: not permitted") == [true])
  }

  @Test func `sockets that went through epoll are not shown as those of io_uring`() throws {
    try WireSuite.check("epoll", isDirect: true)
    try WireSuite.check("io_uring", isDirect: false)
    let error = #expect(throws: BenchError.self) {
      try WireSuite.check("epoll", isDirect: false)
    }
    #expect(error?.message.contains("epoll") == true)
  }
}
