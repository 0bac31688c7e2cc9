import Foundation

/// A file of figures that somebody accepted or measured earlier. It is read before anything is measured,
/// and what is wrong with it is named with its place.
enum AcceptedFile {
  /// - Parameter remedy: the command that makes such a file.
  static func bytes(_ path: String, remedy: String) throws -> Data {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw AcceptedFileError(
        code: 66, message: "\(path): cannot be read; make it with \(remedy)")
    }
    return data
  }

  /// - Parameters:
  ///   - place: the file, with the line where it has many of them.
  ///   - remedy: what to do about it.
  static func decode<Value: Decodable>(
    _: Value.Type, _ data: Data, at place: String, remedy: String? = nil
  ) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: data) } catch {
      let what = describe(error) + (remedy.map { "; \($0)" } ?? "")
      throw AcceptedFileError(code: 65, message: "\(place): \(what)")
    }
  }

  private static func describe(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? "the file" : path
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context)?:
      return "\(path(context)): '\(key.stringValue)' is missing"
    case .typeMismatch(let type, let context)?: return "\(path(context)): is not a \(type)"
    case .valueNotFound(_, let context)?: return "\(path(context)): is null"
    case .dataCorrupted(let context)?:
      let reason = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
      return "\(path(context)): \(reason.map { "\($0)" } ?? context.debugDescription)"
    default: return "\(error)"
    }
  }
}

/// Also of a market's files (``MarketChoice``), and of those to be written (``WholeFile/check(_:)``).
struct AcceptedFileError: Error {
  /// By sysexits: 65 wrong data, 66 no input, 69 no tool, 73 no output.
  var code: Int32
  var message: String
}
