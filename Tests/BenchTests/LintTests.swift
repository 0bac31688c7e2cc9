import Foundation
import Testing

/// The rules of `make lint` that hold the house together find what they are for: each change is made to a copy
/// of the sources.
@Suite struct LintTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Runs a rule over a copy in which `old` of a file is `new`; nil: over the copy as it is.
  private func lint(
    _ rule: String, _ change: (file: String, old: String, new: String)?
  ) throws -> Program.End {
    let folder = Folder()
    let manager = FileManager.default
    for path in ["CSupport", "Sources", "Package.swift", "perf/scripts/\(rule)"] {
      let target = folder.path(path)
      try manager.createDirectory(
        atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try manager.copyItem(atPath: Self.root.appendingPathComponent(path).path, toPath: target)
    }
    if let change {
      let file = folder.path(change.file)
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      let changed =
        change.old.isEmpty ? text + change.new : text.replacing(change.old, with: change.new)
      try #require(changed != text, "the change of \(change.file) does not apply any more")
      try changed.write(toFile: file, atomically: true, encoding: .utf8)
    }
    return try Program(path: "/bin/sh").run("-c", "cd '\(folder.path(""))' && perf/scripts/\(rule)")
  }

  @Test(arguments: ["layers", "arrows"])
  func `the sources as they are pass`(_ rule: String) throws {
    let end = try lint(rule, nil)
    #expect(end.code == 0 && end.errors.isEmpty, "\(end.errors)")
  }

  @Test(arguments: [
    // A file that calls one below it: of the file's own, and public.
    (
      "nt_net_table.c", "", "void x(nt_net *n, nt_conn *c) { nt_conn_fail(n, c, 1); }\n", "below it"
    ),
    ("nt_net_events.c", "", "void x(nt_net *n) { nt_net_submit(n); }\n", "below it"),
    // A back end by name, from outside and from the other one.
    ("nt_net_socket.c", "", "void x(nt_net *n) { nt_uring.submit(n); }\n", "below it"),
    (
      "nt_net_epoll.c", "", "void x(nt_net *n, nt_net_sink *s) { nt_uring_reap(n, s); }\n",
      "back end's"
    ),
    (
      "nt_net_poll.c", "", "void x(nt_net *n, nt_net_sink *s) { nt_uring_reap(n, s); }\n",
      "back end's"
    ),
    ("nt_net_table.c", "", "int x(nt_net *n) { return n->back_end == 1; }\n", "in its table"),
    // An inline function of the header.
    (
      "nt_net_internal.h", "  nt_list_add(net, &net->todo,",
      "  nt_conn_fail(net, conn, 1);\n  nt_list_add(net, &net->todo,", "below it"
    ),
    // Files that the header does not name, and that may not see it.
    ("nt_net.c", "", "int x;\n", "no line of its own"),
    ("nt_lane.c", "", "#include \"nt_net_internal.h\"\n", "includes"),
  ])
  func `a call against the layers of the reactor is found`(
    _ file: String, _ old: String, _ new: String, _ said: String
  ) throws {
    let end = try lint("layers", ("CSupport/\(file)", old, new))
    #expect(end.code == 1 && end.errors.contains(said), "\(end.errors)")
  }

  @Test(arguments: [
    ("Sources/Trading/HotPath.swift", "", "import Simulation\n", "Trading imports Simulation"),
    (
      "Sources/Trading/HotPath.swift", "", "@_spi(X) package import Simulation\n",
      "imports Simulation"
    ),
    (
      "Sources/Gateways/HotPathCheck.swift", "", "import struct Transport.Endpoint\n",
      "imports Transport"
    ),
    ("Sources/ExecutionCore/Desk.swift", "", "package import Foundation\n", "imports Foundation"),
    (
      "Sources/ExecutionCore/Desk.swift", "", "// As OUCH has it.\n", "speaks of a venue's protocol"
    ),
    (
      "Sources/ExecutionCore/Risk/RiskChain.swift", "",
      "let trades = UInt8(ascii: \"T\")\n", "reads a feed's letters"
    ),
    (
      "Package.swift", "dependencies: [\"CSupport\"], swiftSettings: strict",
      "dependencies: [\"CSupport\", \"Simulation\"], swiftSettings: strict", "depends on Simulation"
    ),
    (
      "Package.swift", "name: \"Transport\", dependencies: [\"CSupport\"]",
      "name: \"Transport\", dependencies: [\"CSupport\", \"needletail-bench\"]",
      "depends on needletail-bench"
    ),
    (
      "Package.swift", "name: \"Transport\", dependencies: [\"CSupport\"]",
      "name: \"Transport\", dependencies: [.target(name: \"CSupport\", condition: .when(platforms: [.linux]))]",
      "plain names"
    ),
  ])
  func `a module that knows one above it is found`(
    _ file: String, _ old: String, _ new: String, _ said: String
  ) throws {
    let end = try lint("arrows", (file, old, new))
    #expect(end.code == 1 && end.errors.contains(said), "\(end.errors)")
  }

  @Test(arguments: [
    ("[it](../perf/scripts/links) and [that](https://example.org/x)", 0),
    ("[it](../perf/scripts/links#top), [gone](../Package.txt)", 1),
  ])
  func `a link of a page that leads nowhere is found`(_ text: String, _ code: Int32) throws {
    let folder = Folder()
    let manager = FileManager.default
    for path in ["perf/scripts", "pages"] {
      try manager.createDirectory(
        atPath: folder.path(path), withIntermediateDirectories: true)
    }
    try manager.copyItem(
      atPath: Self.root.appendingPathComponent("perf/scripts/links").path,
      toPath: folder.path("perf/scripts/links"))
    try text.write(toFile: folder.path("pages/page.md"), atomically: true, encoding: .utf8)
    let end = try Program(path: "/bin/sh").run(
      "-c", "cd '\(folder.path(""))' && perf/scripts/links pages/page.md")
    #expect(end.code == code, "\(end.errors)")
    #expect(end.errors.contains("Package.txt, which is not there") == (code == 1), "\(end.errors)")
  }
}
