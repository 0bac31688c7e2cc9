/// Where the journal will lie.
extension Check {
  static let storage: [Check] = [
    Check("free space", why: "a run ends when its journal has no room for the next segment") {
      $0.freeSpace()
    }
  ]
}

extension InspectedMachine {
  func freeSpace() -> Observation {
    guard let free = live.freeBytes(wishes.data) else {
      return .unknown("the file system does not answer", wishes.data)
    }
    let segments = free / max(1, wishes.segmentBytes)
    let seen = "\(free >> 20) MiB: \(segments) segments"
    if segments >= 64 { return .ok(seen, wishes.data) }
    let fix = "free space, or give '--data' another file system"
    return segments >= 4
      ? .warning(seen, wishes.data, fix: fix) : .problem(seen, wishes.data, fix: fix)
  }
}
