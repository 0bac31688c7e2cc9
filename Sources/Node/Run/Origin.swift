import CSupport
import ExecutionCore
import Foundation

/// Who runs what, where and since when.
enum Origin {
  /// Of this process, now.
  static func now(_ configuration: Configuration) -> SessionOrigin {
    var origin = SessionOrigin()
    origin.build = build
    origin.host = host
    origin.user = user
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    origin.utc = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    clock_gettime(CLOCK_MONOTONIC, &time)
    origin.machineTime = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    origin.settings = configuration.lines(withPaths: true)
    return origin
  }

  /// Of a run in virtual time, which is the same wherever and whenever it is run.
  static func virtual(_ configuration: Configuration) -> SessionOrigin {
    var origin = SessionOrigin()
    origin.build = "needletail \(Version.text)"
    origin.settings = configuration.lines(withPaths: false)
    return origin
  }

  /// Version, and the checksum of the program that runs.
  private static var build: String {
    let version = "needletail \(Version.text)"
    guard let bytes = FileManager.default.contents(atPath: "/proc/self/exe") else { return version }
    let sum = bytes.withUnsafeBytes { nt_crc32c(0, $0.baseAddress, $0.count) }
    return version + ", crc32c \(String(sum, radix: 16)) of \(bytes.count) bytes"
  }

  private static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static var user: String {
    let id = geteuid()
    guard let entry = getpwuid(id) else { return "\(id)" }
    return "\(String(cString: entry.pointee.pw_name)) (\(id))"
  }
}
