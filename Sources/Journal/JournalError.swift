/// What went wrong with a journal: what, in which file, where in it, and what to do about it.
///
/// A value, thrown by the cold calls of this module and kept by ``JournalWriter/failure``.
public struct JournalError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// There is no such file or directory, or no journal in it.
    case notFound
    /// Another process holds the data directory.
    case locked
    /// The kernel refused: `code` is the errno (ENOSPC, EIO, EACCES, …).
    case system(code: Int32)
    /// A write that was shorter than it had to be, and no errno to blame.
    case shortWrite
    /// Bytes that cannot be what was written, before later valid ones or within what is durable.
    case corruption
    /// Whole records that do not lead from one to the other.
    case unreplayable
    /// A whole and unharmed record or header that this build does not know.
    case unsupported
    /// A setting outside its range.
    case invalid
  }
  public var kind: Kind
  /// What happened, in words, without file and remedy.
  public var message: String
  public var file: String
  /// Byte in the file; nil where no place in it is meant.
  public var offset: Int?
  /// What the reader of the message should do.
  public var remedy: String

  public init(_ kind: Kind, _ message: String, file: String, offset: Int? = nil, remedy: String) {
    self.kind = kind
    self.message = message
    self.file = file
    self.offset = offset
    self.remedy = remedy
  }

  /// One line: file, byte, what, what to do.
  public var description: String {
    let place = offset.map { "\(file): byte \($0): " } ?? "\(file): "
    return place + message + "; " + remedy
  }

  /// The errno behind it, for the lane's failure word; EIO where there is none.
  public var code: Int32 {
    if case .system(let code) = kind { return code }
    return 5
  }
}
