import ExecutionCore
import Glibc

/// Writes a generated market as a file of framed ITCH messages.
public enum FeedWriter {
  /// What was written.
  public struct Result: Sendable, Hashable {
    public var messages: UInt64
    public var bytes: UInt64
  }
  private static let chunk = 1 << 20

  /// Writes every message, each behind a 2-byte big-endian length; the settings must have an end.
  public static func write(
    _ settings: GeneratorSettings, to path: String
  ) throws(StoreError) -> Result {
    guard settings.messagesMax != nil || settings.duration != nil else {
      throw StoreError(path, "an endless market cannot be written", 0, remedy: "give it an end")
    }
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StoreError(path, "cannot be created", errno) }
    defer { close(descriptor) }
    var generator = MarketGenerator(settings: settings)
    var buffer = [UInt8](repeating: 0, count: chunk)
    var result = Result(messages: 0, bytes: 0)
    var used = 0
    while var record = generator.next() {
      if buffer.count - used < 64 {
        try flush(buffer, used, descriptor, path)
        used = 0
      }
      let length = unsafe buffer.withUnsafeMutableBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return 0 }
        return unsafe ITCHEncoder.encodeFrame(
          &record, midnight: settings.midnight, into: base + used, capacity: bytes.count - used)
      }
      used += length
      result.messages += 1
      result.bytes += UInt64(length)
    }
    try flush(buffer, used, descriptor, path)
    return result
  }

  private static func flush(
    _ buffer: [UInt8], _ count: Int, _ descriptor: Int32, _ path: String
  ) throws(StoreError) {
    var done = 0
    while done < count {
      let from = done
      let written = unsafe buffer.withUnsafeBytes { bytes in
        unsafe Glibc.write(descriptor, bytes.baseAddress?.advanced(by: from), count - from)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else {
        throw StoreError(path, "cannot be written", errno, remedy: "make room on the disk")
      }
      done += written
    }
  }
}
