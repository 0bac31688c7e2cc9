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
    // Beside its place, and there only when it is whole; what is no plain file is written to where it is.
    var status = stat()
    let isPlain = unsafe lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    let place = isPlain ? path + ".new" : path
    let descriptor = unsafe open(place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StoreError(path, "cannot be created", errno) }
    var result = Result(messages: 0, bytes: 0)
    var failure: StoreError?
    do throws(StoreError) {
      result = try writeAll(settings, descriptor, path)
    } catch {
      failure = error
    }
    if close(descriptor) != 0, failure == nil {
      failure = StoreError(path, "cannot be written", errno, remedy: "make room on the disk")
    }
    if isPlain, failure == nil, unsafe rename(place, path) != 0 {
      failure = StoreError(path, "cannot be given its name", errno)
    }
    guard let failure else { return result }
    if isPlain { unsafe unlink(place) }
    throw failure
  }

  private static func writeAll(
    _ settings: GeneratorSettings, _ descriptor: Int32, _ path: String
  ) throws(StoreError) -> Result {
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
