/// Why a command is not carried out. Its number lies in journals: never renumber.
@frozen public enum CommandRefusal: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// There is no such account, strategy, instrument or port.
  case unknownScope = 1
  /// The kind of command knows no such scope.
  case wrongScope = 2
  /// There is no such cause, or it is none that can be said to be over.
  case unknownCause = 3
  /// A person has to ask for it by name.
  case noPerson = 4
  /// And to say why.
  case noReason = 5
  /// Nothing stands at the scope that was to be cleared, or what it is about is still there.
  case nothingToClear = 6
  /// No order session can take it now.
  case noSession = 7
  /// There is no such limit at the scope, or it can't have that value.
  case badValue = 8
  /// Nothing is put aside.
  case noChanges = 9
  /// There has been another version of the limits meanwhile: look at it, and ask again.
  case staleVersion = 10
  /// Other changes are put aside than those that are to come into force: one of them was refused, or somebody else
  /// puts some aside.
  case otherChanges = 11
  /// The firm would be without a limit, or a message rate would not be whole: a rate, a burst, and less than that kept.
  case limitsNotWhole = 12
  /// Only the engine itself does it.
  case notAsked = 13
}
