/// Why a recording cannot be written: which file, what, and what to do.
public struct CaptureOutputError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Cause: Hashable, Sendable {
    /// The file cannot be made; the errno.
    case create(Int32)
    /// It cannot be written further; the errno.
    case write(Int32)
    /// A record or header is none that a recording can hold.
    case refused
  }
  public var path: String
  public var cause: Cause
  /// What is wrong.
  public var problem: String
  /// What to do.
  public var remedy: String

  public var description: String { "\(path): \(problem); \(remedy)" }
}
