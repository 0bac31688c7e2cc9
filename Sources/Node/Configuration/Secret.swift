/// A word that nobody is shown: no log, no journal, no error has it, whoever prints it.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomReflectable,
  ExpressibleByStringLiteral
{
  /// For whom it is meant.
  public let word: String
  public init(_ word: String) { self.word = word }
  public init(stringLiteral word: String) { self.word = word }
  public var description: String { "(secret)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
