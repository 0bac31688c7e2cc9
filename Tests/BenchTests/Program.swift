import Foundation

/// An executable of this package, built beside the test program.
struct Program {
  var path: String

  init(path: String) { self.path = path }

  init(_ name: String) {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = buffer.withUnsafeMutableBytes {
      $0.baseAddress.map { (out: UnsafeMutableRawPointer) in
        readlink("/proc/self/exe", out.assumingMemoryBound(to: CChar.self), 4_096)
      } ?? 0
    }
    let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    path = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/" + name
  }

  var isBuilt: Bool { access(path, X_OK) == 0 }

  struct End {
    var code: Int32
    var output: String
    var errors: String
  }

  /// Runs it to its end; output goes through files, so that no pipe can fill.
  func run(_ arguments: String...) throws -> End { try run(arguments) }

  func run(_ arguments: [String]) throws -> End {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("needletail-program-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["out", "err"].map { folder.appendingPathComponent($0) }
    for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
    return End(code: process.terminationStatus, output: texts[0], errors: texts[1])
  }
}
