/// How a command ended, by sysexits(3), so that scripts can tell a typing error from a full disk.
public enum ExitCode: Int32, Sendable, CaseIterable {
  case ok = 0
  /// The run finished, and found something wrong (an invariant broken, a gate missed).
  case failed = 1
  case usage = 64
  case dataError = 65
  case noInput = 66
  case unavailable = 69
  case internalError = 70
  case cannotCreate = 73
  case inputOutput = 74
  case tryAgain = 75
  case noPermission = 77
  case configuration = 78

  /// The code for an errno of opening or reading a file.
  public static func opening(errno code: Int32) -> ExitCode {
    switch code {
    case 1, 13: .noPermission  // EPERM, EACCES
    case 2, 20, 21: .noInput  // ENOENT, ENOTDIR, EISDIR
    default: .inputOutput
    }
  }

  /// What it means, for `--help`.
  public var meaning: String {
    switch self {
    case .ok: "all well"
    case .failed: "finished, and an invariant or a gate did not hold"
    case .usage: "the command line is wrong"
    case .dataError: "the input's content is wrong (cut, malformed)"
    case .noInput: "an input file is missing or cannot be read"
    case .unavailable: "the exchange or another service cannot be reached"
    case .internalError: "a defect of this program"
    case .cannotCreate: "an output file or directory cannot be made"
    case .inputOutput: "reading or writing failed"
    case .tryAgain:
      "another process has what this one needs (data directory, processor, port): "
        + "try again later, or elsewhere"
    case .noPermission: "not permitted"
    case .configuration: "the configuration is wrong"
    }
  }
}

/// Why a command cannot go on: the code it exits with, and one message that says what is wrong, where
/// (file, offset or line) and what to do.
public struct CommandFailure: Error, Equatable, Sendable {
  public var code: ExitCode
  public var message: String

  public init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }
}
