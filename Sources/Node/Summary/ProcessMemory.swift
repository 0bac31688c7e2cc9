import Foundation

/// What this process has taken of the machine's memory.
enum ProcessMemory {
  /// Most bytes that were in memory at once (VmHWM of /proc/self/status); nil where the system does
  /// not say.
  static var peakResidentBytes: UInt64? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return nil
    }
    return peakResidentBytes(inStatus: status)
  }

  static func peakResidentBytes(inStatus status: String) -> UInt64? {
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }) else {
      return nil
    }
    return line.dropFirst(6).split(whereSeparator: \.isWhitespace).first.flatMap { UInt64($0) }
      .flatMap { kibibytes in
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1_024)
        return overflow ? nil : bytes
      }
  }
}
