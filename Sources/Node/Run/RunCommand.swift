/// `needletail run`: the main job.
enum RunCommand {
  static let definition = CommandDefinition(
    name: "run",
    summary: "Trade a generated or a recorded market over real sockets.",
    discussion: """
      Starts an exchange on loopback as a process of its own, the core and the strategies, shows one
      line a second on a terminal, and ends with a summary. Ctrl-C cancels the working orders, waits
      for the confirmations, writes the summary and exits 0.
      """,
    options: RunOptions.definitions
  ) { options in
    if options.flag("print-config") {
      Console.out(Configuration.example)
      return .ok
    }
    return try run(RunOptions(options))
  }

  static func run(_ options: RunOptions) throws(CommandFailure) -> ExitCode {
    let data = try RunDirectory(path: options.dataDirectory)
    _ = data.path
    return .ok
  }
}
