/// What one check of `needletail doctor` came to.
struct Finding: Equatable, Sendable {
  enum Level: String, CaseIterable, Sendable {
    /// Costs tens of microseconds or more, or keeps the configuration from what it asks for.
    case problem
    /// Costs microseconds, or costs them seldom.
    case warning
    /// What it rests on could not be read or understood.
    case unknown
    case ok
  }

  /// What cures it.
  struct Cure: Equatable, Sendable {
    /// A command line, or where there is none, what to do.
    var command: String
    var needsReboot = false
  }

  var name: String
  var level: Level
  /// What was read, in words.
  var observed: String
  /// The file, or the measurement, that it was read from.
  var source: String
  /// Why it matters.
  var why: String
  var cure: Cure?
}

/// What a check says; its name and its reason are the check's.
struct Observation: Equatable, Sendable {
  var level: Finding.Level
  var observed: String
  var source: String
  var cure: Finding.Cure?

  static func ok(_ observed: String, _ source: String) -> Observation {
    Observation(level: .ok, observed: observed, source: source)
  }
  static func warning(
    _ observed: String, _ source: String, fix: String, reboot: Bool = false
  ) -> Observation {
    Observation(
      level: .warning, observed: observed, source: source,
      cure: Finding.Cure(command: fix, needsReboot: reboot))
  }
  static func problem(
    _ observed: String, _ source: String, fix: String, reboot: Bool = false
  ) -> Observation {
    Observation(
      level: .problem, observed: observed, source: source,
      cure: Finding.Cure(command: fix, needsReboot: reboot))
  }
  static func unknown(_ observed: String, _ source: String) -> Observation {
    Observation(level: .unknown, observed: observed, source: source)
  }
}

/// One question to the machine.
struct Check: Sendable {
  let name: String
  let why: String
  private let judge: @Sendable (InspectedMachine) throws -> Observation?

  init(
    _ name: String, why: String,
    _ judge: @escaping @Sendable (InspectedMachine) throws -> Observation?
  ) {
    self.name = name
    self.why = why
    self.judge = judge
  }

  /// Nil where the question does not arise. What cannot be read is `unknown`, never `ok`.
  func finding(_ machine: InspectedMachine) -> Finding? {
    let observation: Observation?
    do {
      observation = try judge(machine)
    } catch let error as Unreadable {
      observation = .unknown(error.reason, error.source)
    } catch {
      observation = .unknown("\(error)", "-")
    }
    guard let observation else { return nil }
    return Finding(
      name: name, level: observation.level, observed: observation.observed,
      source: observation.source,
      why: why, cure: observation.cure)
  }
}
