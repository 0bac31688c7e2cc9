/// `needletail doctor`: what on this machine makes it slow, and the command that cures it.
enum DoctorCommand {
  enum Format: String, CaseIterable {
    case text
    case json
  }

  static let definition = CommandDefinition(
    name: "doctor",
    summary: "Inspect the machine: what is wrong for latency, and the command that fixes it.",
    discussion: """
      Reads /proc, /sys and the limits of this process, and changes nothing. Each finding is one of
        problem   costs tens of microseconds or more, or keeps the configuration from what it asks for
        warning   costs microseconds, or costs them seldom
        unknown   could not be read or understood; it may be either
        ok
      with what was read and where, why it matters, and what fixes it; a fix that needs a reboot says so.
      Exits 0 when there is no problem, 1 when there is one.

      JSON: an object with the keys processors, counts (by level) and findings, an array of {name,
      level, observed, source, why, fix (or null), reboot}.
      """,
    options: [
      .value(
        "config", "FILE", "The configuration of the run that the machine is for. Default: none."),
      .value(
        "cores", "LIST",
        "Processors that shall be hot, as 2-3,6. Default: the configuration's, else the last one."),
      .value("data", "DIR", "Where the journal will lie. Default: needletail-data."),
      .flag(
        "measure",
        "Measure too: for a second how long each hot processor is taken away (four at most), and how "
          + "long the disk of --data takes to make 4 KiB durable."),
      .value("format", "text|json", "How to print; text by default."),
    ]
  ) { options in
    try run(options, files: MachineFiles(), live: .machine, output: Console.out)
  }

  static func run(
    _ options: ParsedOptions, files: MachineFiles, live: LiveProbes, output: (String) -> Void
  ) throws(CommandFailure) -> ExitCode {
    let format = try options.choice("format", of: Format.self) ?? .text
    var wishes = MachineWishes(
      try options.text("config").map { (file) throws(CommandFailure) in
        try Configuration.load(file)
      } ?? Configuration())
    if let text = options.text("cores") {
      guard let cores = ProcessorList.parse(text), !cores.isEmpty else {
        throw options.refuse("cores", text, "processors as 1 or 2-3,6")
      }
      wishes.cores = cores
    }
    if let data = options.text("data") {
      guard !data.isEmpty else { throw options.refuse("data", data, "the name of a directory") }
      wishes.data = data
    }
    let machine = InspectedMachine(files: files, wishes: wishes, live: live)
    guard !machine.hot.isEmpty else {
      throw CommandFailure(
        .unavailable, "the machine does not say which processors it has; give --cores LIST")
    }
    let report = DoctorReport(machine, measures: options.flag("measure"))
    output(format == .json ? report.json : report.text)
    return report.exitCode
  }
}
