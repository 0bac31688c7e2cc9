/// Session time for people: time of day, US Eastern.
enum EasternTime {
  private static let second: Int64 = 1_000_000_000
  private static let day: Int64 = 86_400

  /// `HH:MM:SS.nnnnnnnnn` Eastern; blanks for 0, which is no time.
  static func timeOfDay(_ nanoseconds: Int64) -> String {
    guard nanoseconds != 0 else { return String(repeating: " ", count: 18) }
    let seconds = floorDivided(nanoseconds, second)
    let local = seconds + Int64(offsetHours(seconds)) * 3600
    let inDay = local - floorDivided(local, day) * day
    // Wraps twice at the earliest time, and is right.
    let fraction = "\(nanoseconds &- seconds &* second)"
    let clock = [inDay / 3600, inDay / 60 % 60, inDay % 60].map { two($0) }
    return clock.joined(separator: ":") + "."
      + String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
  }

  /// Hours to add to UTC: -4 from 2:00 on March's second Sunday to 2:00 on November's first, else -5.
  static func offsetHours(_ seconds: Int64) -> Int {
    let days = floorDivided(seconds, day)
    let year = yearOf(days)
    let start = (sunday(2, days: days1970(year, 3, 1)) * day) + 7 * 3600  // 2:00 at UTC-5
    let end = (sunday(1, days: days1970(year, 11, 1)) * day) + 6 * 3600  // 2:00 at UTC-4
    return seconds >= start && seconds < end ? -4 : -5
  }

  static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func floorDivided(_ a: Int64, _ b: Int64) -> Int64 {
    a / b - (a % b < 0 ? 1 : 0)
  }

  /// The nth Sunday at or after a month's first day, in days since 1970; 1970-01-01 was a Thursday.
  private static func sunday(_ n: Int64, days first: Int64) -> Int64 {
    let weekday = ((first + 4) % 7 + 7) % 7
    return first + (7 - weekday) % 7 + (n - 1) * 7
  }

  /// Days since 1970 in the Gregorian calendar, years counted from March.
  private static func days1970(_ year: Int64, _ month: Int64, _ dayOfMonth: Int64) -> Int64 {
    let y = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + dayOfMonth - 1
    return y * 365 + floorDivided(y, 4) - floorDivided(y, 100) + floorDivided(y, 400) + dayOfYear
      - 719_468
  }

  private static func yearOf(_ days: Int64) -> Int64 {
    var year = 1970 + floorDivided(days * 400, 146_097)
    if days1970(year, 1, 1) > days { year -= 1 }
    if days1970(year + 1, 1, 1) <= days { year += 1 }
    return year
  }
}
