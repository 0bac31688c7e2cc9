import Foundation
import Testing

@testable import NeedletailBench

private let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
private let isUnderstood: Bool = {
  #if arch(x86_64)
    return true
  #else
    return false
  #endif
}()

/// That the disassembly check sees what is planted. That the product is clean is for 'make gates': it
/// looks at the release build.
@Suite(.enabled(if: isUnderstood, "x86-64 only")) struct DisassemblyTests {
  /// Hot code, each way to reach the runtime from it, and what must not be followed.
  private static let source = """
    void *swift_retain(void *); void swift_release(void *); int pthread_mutex_lock(void *);
    void *malloc(unsigned long); void *memcpy(void *, const void *, unsigned long);
    #define APART __attribute__((noinline))
    APART void retains(void *p) { swift_retain(p); __asm__ volatile(""); }
    APART void between(void *p) { retains(p); __asm__ volatile(""); }
    APART void hot_by_call(void *p) { between(p); __asm__ volatile(""); }
    APART void hot_by_jump(void *p) { swift_release(p); }
    APART static int closure(void *p) { return pthread_mutex_lock(p); }
    APART void apply(int (*f)(void *), void *p) { __asm__ volatile("" :: "r"(f), "r"(p)); }
    APART void hot_by_address(void *p) { apply(closure, p); __asm__ volatile(""); }
    APART int hot_by_pointer(int (*f)(void *), void *p) { int n = f(p); __asm__ volatile(""); return n; }
    APART void *refusal(void) { void *p = malloc(8); __asm__ volatile(""); return p; }
    APART void *hot_but_cold(int n) { if (n) return refusal(); __asm__ volatile(""); return 0; }
    APART void hot_copy(void *to, void *from, long n) { memcpy(to, from, n); __asm__ volatile(""); }
    """

  private func check(_ rules: String, _ options: [String] = []) throws -> Program.End {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("needletail-disassembly-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (source, object, file) = (
      folder.appendingPathComponent("planted.c"), folder.appendingPathComponent("planted.so"),
      folder.appendingPathComponent("rules")
    )
    try Self.source.write(to: source, atomically: true, encoding: .utf8)
    try rules.write(to: file, atomically: true, encoding: .utf8)
    let built = try Program(path: "/usr/bin/env").run(
      "clang", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,--no-gc-sections",
      "-Wl,--unresolved-symbols=ignore-all", "-o", object.path, source.path)
    try #require(built.code == 0, "\(built.errors)")
    return try Program(path: root.appendingPathComponent("perf/scripts/disassembly").path)
      .run(options + ["--rules", file.path, object.path])
  }

  @Test(arguments: [
    ("hot_by_call", "swift_retain"), ("hot_by_jump", "swift_release"),
    ("hot_by_address", "pthread_mutex_lock"), ("hot_by_pointer", "through a pointer"),
    ("hot_but_cold", "malloc"),
  ])
  func `what hot code must not call is found, however it is reached`(
    _ function: String, _ called: String
  ) throws {
    let end = try check("root ^\(function)$\n")
    #expect(end.code == 1)
    #expect(end.errors.contains(called), "\(end.errors)")
    #expect(end.errors.contains(function), "the chain ends at the root: \(end.errors)")
  }

  @Test func `the chain of calls is named`() throws {
    let end = try check("root ^hot_by_call$\n")
    #expect(end.errors.contains("in retains\n      called by between\n      called by hot_by_call"))
  }

  @Test func `what the rules let pass is not found, and a copy is listed`() throws {
    let rules = """
      root ^hot_(but_cold|copy|by_pointer)$
      cold refusal    # a refusal is built once, and not in a hurry
      indirect hot_by_pointer
      """
    let end = try check(rules)
    #expect(end.code == 0, "\(end.errors)")
    #expect(end.output.contains("memcpy           hot_copy"))
    let figures = try check(rules, ["--format", "json"]).output
    #expect(figures.contains("\"functions\": 3, \"findings\": 0"), "\(figures)")
  }

  @Test func `what one function may call, another may not`() throws {
    let own = try check(
      "root ^hot_(copy|by_jump)$\ncalls memcpy in hot_copy\ncalls swift_.* in hot_by_.*\n")
    #expect(own.code == 0, "\(own.errors)")
    let other = try check("root ^hot_by_jump$\nroot ^retains$\ncalls swift_.* in hot_by_jump\n")
    #expect(other.code == 1)
    #expect(
      other.errors.contains("hot code calls swift_retain:\n    in retains"), "\(other.errors)")
    #expect(!other.errors.contains("swift_release"), "\(other.errors)")
  }

  @Test func `a root that is cold is not followed`() throws {
    let end = try check("root ^hot_(copy|by_call)$\ncold hot_by_call\n")
    #expect(end.code == 0, "\(end.errors)")
    #expect(end.output.contains("1 hot functions"))
  }

  /// What perf/README.md says a user's own binary needs: its root, and nothing of the core's.
  @Test(.enabled(if: Program("own-strategy-bench").isBuilt))
  func `a strategy's root alone is a whole file of rules`() throws {
    let folder = Folder()
    try WholeFile.write("root own_strategy_bench\\.Leaning\\.onBook\n", to: folder.path("rules"))
    let script = Program(path: root.appendingPathComponent("perf/scripts/disassembly").path)
    let end = try script.run(
      "--rules", folder.path("rules"), "--list", Program("own-strategy-bench").path)
    #expect(end.output.contains("own_strategy_bench.Leaning.onBook"), "\(end.errors)")
    #expect(end.output.contains("ExecutionCore.EngineState.place"), "\(end.errors)")
    for allowed in ["memmove", "_assertionFailure", "clock_gettime"] {
      #expect(!end.errors.contains("hot code calls \(allowed)"), "\(end.errors)")
    }
  }

  @Test func `a rule that meets nothing is an error`() throws {
    for rule in [
      "root ^gone$", "cold gone", "indirect gone", "calls memcpy in gone", "calls gone in hot_copy",
    ] {
      let end = try check("root ^hot_copy$\n\(rule)\n")
      #expect(end.code == 1)
      #expect(end.errors.contains("gone"))
    }
  }

  @Test func `bad input is refused and says what is wrong`() throws {
    #expect(try check("rot ^hot_copy$\n").code == 65)
    #expect(try check("root ^hot_(copy$\n").code == 65)
    #expect(try check("root ^hot_copy$\ncalls memcpy in (\n").code == 65)
    #expect(try check("# nothing\n").code == 65)
    #expect(try check("root ^hot_copy$\n", ["--format", "xml"]).code == 64)
    #expect(try check("root ^hot_copy$\n", ["--nonsense"]).code == 64)
    #expect(try check("root ^hot_copy$\n", ["no/such/binary"]).code == 66)
    let script = Program(path: root.appendingPathComponent("perf/scripts/disassembly").path)
    #expect(try script.run("--rules").code == 64)
    #expect(try script.run("--rules", "no/such/rules", script.path).code == 66)
    #expect(try script.run("--rules", root.path, script.path).code == 66)
  }
}
