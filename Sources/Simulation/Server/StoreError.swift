internal import Glibc

/// Why a file of the exchange cannot be used, and what to do.
public struct StoreError: Error, Hashable, CustomStringConvertible {
  public var path: String
  public var problem: String
  /// 0 when the system had no part in it.
  public var errorNumber: Int32
  public var remedy: String

  public init(_ path: String, _ problem: String, _ errorNumber: Int32, remedy: String = "") {
    self.path = path
    self.problem = problem
    self.errorNumber = errorNumber
    self.remedy = remedy
  }

  public var description: String {
    var text = "\(path): \(problem)"
    if errorNumber != 0 { text += " (\(unsafe String(cString: strerror(errorNumber))))" }
    if !remedy.isEmpty { text += "; \(remedy)" }
    return text
  }
}
