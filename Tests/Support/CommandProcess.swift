package import Foundation

/// The built command, found beside the tests; what a call of it came to.
package struct CommandProcess {
  package var status: Int32
  package var output: String
  package var errors: String

  package static var executable: URL? {
    let beside = [Bundle.main.bundleURL, Bundle.main.executableURL?.deletingLastPathComponent()]
    var candidates = beside.compactMap { $0 }
    candidates += ProcessInfo.processInfo.arguments.prefix(1).map {
      URL(fileURLWithPath: $0).deletingLastPathComponent()
    }
    for argument in ProcessInfo.processInfo.arguments where argument.hasSuffix(".xctest") {
      candidates.append(URL(fileURLWithPath: argument).deletingLastPathComponent())
    }
    return candidates.map { $0.appendingPathComponent("needletail") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  /// The executable, or an error that says where it is expected.
  package static func located() throws -> URL {
    guard let executable else {
      throw TestTrouble("the needletail executable is not beside the tests")
    }
    return executable
  }

  package static func run(_ arguments: String...) throws -> CommandProcess { try run(arguments) }

  package static func run(
    _ arguments: [String], directory: URL? = nil
  ) throws -> CommandProcess {
    try run(located(), arguments, directory: directory)
  }

  /// Runs another program in the same way.
  package static func run(
    _ program: URL, _ arguments: [String], directory: URL? = nil
  ) throws -> CommandProcess {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    if let directory { process.currentDirectoryURL = directory }
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Errors are short; they fit the pipe while the output is read to its end.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return CommandProcess(
      status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: complaint, as: UTF8.self))
  }
}
