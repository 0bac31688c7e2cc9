// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: warnings are errors, imports and existentials are explicit.
let common: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Settings of the hot modules: every unsafe use is marked and checked by the compiler.
let strict: [SwiftSetting] =
  common + [.strictMemorySafety(), .enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "needletail",
  products: [
    .library(name: "ExecutionCore", targets: ["ExecutionCore"]),
    .executable(name: "needletail", targets: ["needletail"]),
    .library(name: "NeedletailBench", targets: ["NeedletailBench"]),
    .executable(name: "needletail-bench", targets: ["needletail-bench"]),
  ],
  targets: [
    .systemLibrary(
      name: "CYaml", path: "Sources/SystemLibraries/CYaml", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/SystemLibraries/CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/SystemLibraries/CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"])]),
    .target(
      name: "CSupport", path: "CSupport",
      cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("uring"), .linkedLibrary("numa")]),
    .target(name: "ExecutionCore", dependencies: ["CSupport"], swiftSettings: strict),
    .target(
      name: "Journal", dependencies: ["CSupport", "ExecutionCore"], swiftSettings: strict),
    .target(
      name: "Captures", dependencies: ["ExecutionCore", "CSupport", "CZlib", "CZstd"],
      exclude: ["Format.md"], swiftSettings: strict),
    .target(name: "Transport", dependencies: ["CSupport"], swiftSettings: strict),
    .target(
      name: "Gateways", dependencies: ["CSupport", "ExecutionCore"],
      exclude: ["Paper/Protocol.md", "Prices/Protocol.md"],
      swiftSettings: strict),
    .target(
      name: "Trading",
      dependencies: ["Gateways", "Transport", "ExecutionCore", "CSupport"], swiftSettings: strict),
    .target(
      name: "Simulation",
      dependencies: [
        "Trading", "Gateways", "Transport", "Captures", "Journal", "ExecutionCore", "CSupport",
      ],
      swiftSettings: strict),
    .target(
      name: "Node",
      dependencies: [
        "Simulation", "Trading", "Gateways", "Transport", "Captures", "Journal", "ExecutionCore",
        "CSupport", "CYaml",
      ],
      exclude: ["JournalReplay.md", "Summary.md"],
      resources: [.embedInCode("Examples/needletail.yaml")],
      swiftSettings: common),
    .executableTarget(name: "needletail", dependencies: ["Node"], swiftSettings: common),
    // A library, so that users measure strategies of their own: perf/README.md.
    .target(
      name: "NeedletailBench",
      dependencies: ["Node", "Transport", "BenchSupport", "CCounted", "CFloors"],
      path: "Benchmarks", exclude: ["Command", "Counts/Marker", "Floors", "Peers", "Support"],
      swiftSettings: common),
    .executableTarget(
      name: "needletail-bench", dependencies: ["NeedletailBench", "Node"],
      path: "Benchmarks/Command", swiftSettings: common),
    .target(
      name: "BenchSupport", dependencies: ["Gateways", "ExecutionCore"],
      path: "Benchmarks/Support", swiftSettings: common),
    .target(name: "CCounted", path: "Benchmarks/Counts/Marker"),
    .target(
      name: "CFloors", path: "Benchmarks/Floors", cSettings: [.define("_GNU_SOURCE")],
      linkerSettings: [.linkedLibrary("uring")]),
    // Counts allocations, reference counting, locks and system calls on the hot path; run by 'make
    // gates' and a test. No test target depends on it: it brings a malloc of its own.
    .executableTarget(
      name: "hot-path-audit", dependencies: ["BenchSupport", "NeedletailBench", "CAudit"],
      path: "Tests/HotPathAudit", exclude: ["Counters", "planted.sh", "refusals.sh"],
      swiftSettings: common),
    .target(
      name: "CAudit", path: "Tests/HotPathAudit/Counters", cSettings: [.define("_GNU_SOURCE")]),
    // Built alone and under ThreadSanitizer by Tests/Races/run.sh.
    .executableTarget(
      name: "race-rings", dependencies: ["CSupport"], path: "Tests/Races/rings",
      cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "race-litmus", dependencies: ["CSupport"], path: "Tests/Races/litmus",
      cSettings: [.define("_GNU_SOURCE")]),
    .testTarget(
      name: "BenchTests",
      dependencies: [
        "NeedletailBench", "needletail-bench", "own-strategy-bench", "library-example", "CSupport",
        "ExecutionCore",
      ],
      swiftSettings: common),
    // The samples of README.md and perf/README.md; 'make lint' holds them to the text.
    .executableTarget(
      name: "library-example", dependencies: ["ExecutionCore"], path: "Examples/library",
      swiftSettings: common),
    .executableTarget(
      name: "leaning-bench", dependencies: ["NeedletailBench", "ExecutionCore"],
      path: "Examples/leaning-bench", swiftSettings: common),
    // A user's executable, for the tests of the gates of a strategy of their own.
    .executableTarget(
      name: "own-strategy-bench", dependencies: ["NeedletailBench", "ExecutionCore"],
      path: "Tests/OwnStrategyBench", swiftSettings: common),
    .testTarget(name: "CSupportTests", dependencies: ["CSupport"], swiftSettings: common),
    // What the fuzzers call with any bytes, and the tests with some.
    .target(
      name: "FuzzTargets", dependencies: ["ExecutionCore", "CSupport"], path: "Tests/Fuzz/Targets",
      swiftSettings: common),
    .testTarget(
      name: "ExecutionCoreTests", dependencies: ["ExecutionCore", "CSupport", "FuzzTargets"],
      swiftSettings: common),
    .executableTarget(
      name: "journal-crash-writer", dependencies: ["Journal", "ExecutionCore"],
      path: "Tests/JournalCrashWriter", swiftSettings: common),
    .testTarget(
      name: "JournalTests",
      dependencies: ["Journal", "ExecutionCore", "journal-crash-writer"], swiftSettings: common),
    .testTarget(
      name: "CapturesTests", dependencies: ["Captures", "ExecutionCore"], swiftSettings: common),
    .testTarget(
      name: "TransportTests", dependencies: ["Transport", "CSupport", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "GatewaysTests", dependencies: ["Gateways", "ExecutionCore"], swiftSettings: common),
    // The gateways of the loop, and a venue of another shape beside OUCH.
    .testTarget(
      name: "TradingTests",
      dependencies: ["Trading", "Simulation", "Gateways", "ExecutionCore"], swiftSettings: common),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Simulation", "Trading", "Gateways", "Transport", "Captures", "Journal", "ExecutionCore",
        "CSupport", "TestSupport",
      ],
      swiftSettings: common),
    .testTarget(
      name: "NodeTests",
      dependencies: [
        "Node", "Captures", "Simulation", "Trading", "Gateways", "Transport", "Journal",
        "ExecutionCore",
        "CSupport",
        "TestSupport",
      ],
      swiftSettings: common),
    // What the tests of the command share.
    .target(
      name: "TestSupport", dependencies: ["Transport"], path: "Tests/Support",
      swiftSettings: common),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "Node", "Simulation", "Trading", "Gateways", "Transport", "Journal", "ExecutionCore",
        "CSupport",
        "TestSupport",
      ],
      swiftSettings: common),
  ],
  cLanguageStandard: .c11
)
