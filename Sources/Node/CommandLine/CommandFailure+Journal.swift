import Glibc
import Journal

extension CommandFailure {
  /// What is wrong with a journal, with the exit code that says the same.
  init(_ error: JournalError) {
    let code: ExitCode =
      switch error.kind {
      case .notFound: .noInput
      case .locked: .tryAgain
      case .invalid: .cannotCreate
      case .system(let number): number == 28 ? .inputOutput : .creating(errno: number)
      case .shortWrite: .inputOutput
      case .corruption, .unsupported, .unreplayable: .dataError
      }
    self.init(code, error.description)
  }
}

extension ExitCode {
  /// The code for an errno of taking a port.
  static func listening(errno code: Int32) -> ExitCode {
    code == EADDRINUSE ? .tryAgain : .unavailable
  }

  /// The code for an errno of making a file or a directory.
  public static func creating(errno code: Int32) -> ExitCode {
    switch code {
    case 1, 13, 30: .noPermission  // EPERM, EACCES, EROFS
    case 5, 28: .inputOutput  // EIO, ENOSPC
    default: .cannotCreate
    }
  }
}
