import Foundation
import Testing

@testable import ExecutionCore

struct SessionCalendarTests {
  /// First and last day of daylight time by year, from the published calendars.
  static let daylight: [(year: Int, start: Int, end: Int)] = [
    (2007, 11, 4), (2008, 9, 2), (2009, 8, 1), (2010, 14, 7), (2011, 13, 6), (2012, 11, 4),
    (2013, 10, 3), (2014, 9, 2), (2015, 8, 1), (2016, 13, 6), (2017, 12, 5), (2018, 11, 4),
    (2019, 10, 3), (2020, 8, 1), (2021, 14, 7), (2022, 13, 6), (2023, 12, 5), (2024, 10, 3),
    (2025, 9, 2), (2026, 8, 1), (2027, 14, 7),
  ]

  @Test(arguments: daylight.map(\.year))
  func `daylight time begins after the midnight of one Sunday and ends after that of another`(
    _ year: Int
  ) throws {
    let days = try #require(Self.daylight.first { $0.year == year })
    func isDaylight(_ month: Int, _ day: Int) throws -> Bool {
      SessionCalendar.isDaylightAtMidnight(
        try #require(SessionDate(year: year, month: month, day: day)))
    }
    #expect(try !isDaylight(3, days.start))
    #expect(try isDaylight(3, days.start + 1))
    #expect(try isDaylight(11, days.end))
    #expect(try !isDaylight(11, days.end + 1))
  }

  @Test func `midnights are those of the tz database`() throws {
    let zone = try #require(TimeZone(identifier: "America/New_York"))
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    var checked = 0
    for year in 2007...2040 {
      for month in 1...12 {
        for day in 1...31 {
          guard let date = SessionDate(year: year, month: month, day: day) else { continue }
          let components = DateComponents(year: year, month: month, day: day)
          let expected = try #require(calendar.date(from: components))
          #expect(
            SessionCalendar.midnight(date) == Int64(expected.timeIntervalSince1970) * 1_000_000_000,
            "\(date.text)")
          checked += 1
        }
      }
    }
    #expect(checked == 34 * 365 + 9)
  }

  @Test func `the day of the recorded feeds starts at five in the morning UTC`() throws {
    let date = try #require(SessionDate(parsing: "20191230"))
    #expect(SessionCalendar.midnight(date) == 1_577_682_000_000_000_000)
    #expect(date.weekday == 1)
    #expect(date.text == "2019-12-30")
  }

  @Test func `dates are parsed strictly`() {
    #expect(SessionDate(parsing: "2019-12-30") == SessionDate(parsing: "20191230"))
    for text in [
      "", "2019123", "201912300", "2019-1230", "2019-13-01", "2019-02-29", "20190230", "2006-06-01",
      "2200-01-01", "2019/12/30", "20191a30", "-2019123", "2019-00-10", "2019-01-00",
    ] {
      #expect(SessionDate(parsing: text) == nil, "\(text)")
    }
    #expect(SessionDate(parsing: "2020-02-29") != nil)
  }

  @Test func `a day is found in a file's name and not in its folder's`() {
    let day = SessionDate(parsing: "2019-12-30")
    #expect(SessionDate(fileName: "AAPL_20191230_0935_part1_25000msgs.itch50") == day)
    #expect(SessionDate(fileName: "/data/20200101/open_20191230_1000msgs.itch50") == day)
    #expect(SessionDate(fileName: "feed-2019-12-30.pcap.gz") == day)
    #expect(SessionDate(fileName: "12302019.NASDAQ_ITCH50") == nil)
    #expect(SessionDate(fileName: "S083012-v50.txt.gz") == SessionDate(parsing: "2012-08-30"))
    #expect(SessionDate(fileName: "startofday_1000msgs.itch50") == nil)
    #expect(SessionDate(fileName: "") == nil)
    #expect(SessionDate(fileName: "99999999_20191230") == day)
  }
}
