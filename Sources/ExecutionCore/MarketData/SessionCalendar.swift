/// Session days and their midnight, US Eastern, as session time.
///
/// ITCH time stamps are nanoseconds since midnight Eastern; the day comes from configuration, the
/// instruments file or a file's name, never from today. Pure functions.
public struct SessionDate: Hashable, Comparable, Sendable {
  public let year: Int
  public let month: Int
  public let day: Int

  /// Years for which the daylight-saving rule is known (Energy Policy Act of 2005, in force since 2007)
  /// and session times fit 64 bits.
  public static let years = 2007...2199

  /// nil when there is no such day, or its year is outside ``years``.
  public init?(year: Int, month: Int, day: Int) {
    guard Self.years.contains(year), (1...12).contains(month), day >= 1,
      day <= Self.daysIn(month: month, year: year)
    else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// `YYYYMMDD` or `YYYY-MM-DD`.
  public init?(parsing text: some StringProtocol) {
    var bytes = Array(text.utf8)
    let dash = UInt8(ascii: "-")
    if bytes.count == 10 {
      guard bytes[4] == dash, bytes[7] == dash else { return nil }
      bytes.remove(at: 7)
      bytes.remove(at: 4)
    }
    guard bytes.count == 8 else { return nil }
    self.init(digits: bytes[...])
  }

  /// Finds the day in the last component of a path: a run of exactly eight digits as `YYYYMMDD`,
  /// `YYYY-MM-DD`, or failing these a run of exactly six digits as `MMDDYY` (`S083012-v50.txt`).
  public init?(fileName path: some StringProtocol) {
    let name = Array(path.utf8.split(separator: UInt8(ascii: "/")).last ?? path.utf8[...])
    let runs = Self.digitRuns(name)
    for run in runs where run.count == 8 {
      if let date = SessionDate(digits: name[run]) {
        self = date
        return
      }
    }
    for run in runs where run.count == 4 && run.upperBound + 6 <= name.count {
      let text = String(decoding: name[run.lowerBound..<run.upperBound + 6], as: UTF8.self)
      if let date = SessionDate(parsing: text) {
        self = date
        return
      }
    }
    for run in runs where run.count == 6 {
      let digits = name[run].map { Int($0) - 48 }
      let year = 2000 + digits[4] * 10 + digits[5]
      let month = digits[0] * 10 + digits[1]
      if let date = SessionDate(year: year, month: month, day: digits[2] * 10 + digits[3]) {
        self = date
        return
      }
    }
    return nil
  }

  /// `YYYY-MM-DD`.
  public var text: String { "\(year)-\(Self.two(month))-\(Self.two(day))" }

  public static func < (a: SessionDate, b: SessionDate) -> Bool {
    (a.year, a.month, a.day) < (b.year, b.month, b.day)
  }

  private init?(digits: ArraySlice<UInt8>) {
    var number = 0
    for byte in digits {
      guard byte >= 48, byte <= 57 else { return nil }
      number = number * 10 + Int(byte) - 48
    }
    self.init(year: number / 10_000, month: number / 100 % 100, day: number % 100)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func digitRuns(_ bytes: [UInt8]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start: Int?
    for i in 0...bytes.count {
      let isDigit = i < bytes.count && bytes[i] >= 48 && bytes[i] <= 57
      if isDigit, start == nil { start = i }
      if !isDigit, let first = start {
        runs.append(first..<i)
        start = nil
      }
    }
    return runs
  }

  static func daysIn(month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01 in the Gregorian calendar.
  public var daysSince1970: Int {
    // Counted from 1 March, so that the leap day is the last of its year.
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }

  /// 0 is Sunday.
  public var weekday: Int { (daysSince1970 + 4) % 7 }
}

/// Session time of a session date's midnight.
public enum SessionCalendar {
  /// Nanoseconds since 1970 UTC of midnight, US Eastern, at the start of the day.
  ///
  /// Daylight time starts at 2:00 on the second Sunday of March and ends at 2:00 on the first Sunday of
  /// November, so midnight of the day it starts is still standard time and midnight of the day it ends
  /// is still daylight time.
  public static func midnight(_ date: SessionDate) -> Int64 {
    let hours = isDaylightAtMidnight(date) ? 4 : 5
    return (Int64(date.daysSince1970) * 86_400 + Int64(hours) * 3_600) * 1_000_000_000
  }

  /// Whether daylight-saving time is in force at the midnight that begins the day.
  public static func isDaylightAtMidnight(_ date: SessionDate) -> Bool {
    switch date.month {
    case 4...10: return true
    case 3: return date.day > sunday(2, month: 3, year: date.year)
    case 11: return date.day <= sunday(1, month: 11, year: date.year)
    default: return false
    }
  }

  /// Day of the month of the nth Sunday.
  private static func sunday(_ n: Int, month: Int, year: Int) -> Int {
    guard let first = SessionDate(year: year, month: month, day: 1) else { return 0 }
    return 1 + (7 - first.weekday) % 7 + (n - 1) * 7
  }
}
