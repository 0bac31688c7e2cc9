import Captures
import ExecutionCore
import Simulation

/// The session date of a market, and where what else is known of it says otherwise. Never today's.
struct SessionDay {
  let date: SessionDate
  let notes: [String]

  /// What a recorded feed says of its day by itself.
  struct Signs {
    /// Its path.
    var file: String
    /// The date in its name.
    var name: SessionDate?
    /// New York's day of a capture's first packet.
    var captured: SessionDate?

    init(file: String, feed: borrowing FeedFile) {
      self.file = file
      name = SessionDate(fileName: file)
      captured = feed.firstStamp().flatMap(SessionDate.init(newYork:))
    }
  }

  /// What was given goes first, then the instruments file's, the one in the feed file's name, and that of a
  /// capture's packets.
  ///
  /// - Parameter signs: nil for a market without a file, which has a day of its own.
  init(
    given: SessionDate?, instruments: SessionDate?, signs: Signs?
  ) throws(CommandFailure) {
    var notes: [String] = []
    guard let signs else {
      guard let date = given ?? instruments ?? SessionDate(year: 2020, month: 1, day: 2) else {
        throw CommandFailure(.internalError, "the generated market has no date")
      }
      self.date = date
      self.notes = []
      return
    }
    guard let date = given ?? instruments ?? signs.name ?? signs.captured else {
      throw CommandFailure(
        .usage,
        "\(signs.file): its name has no date; give '--date YYYY-MM-DD', or an instruments file")
    }
    if given == nil, instruments == nil, signs.name == nil {
      notes.append(
        "the session date is \(date.text), New York's day of the capture's first packet; give --date if "
          + "that is not it")
    }
    if let name = signs.name, name != date {
      notes.append(
        "the session date is \(date.text), and the feed file's name says \(name.text): a wrong date moves "
          + "every time by whole days")
    }
    if let captured = signs.captured, abs(captured.daysSince1970 - date.daysSince1970) > 1 {
      notes.append(
        "the session date is \(date.text), and the capture's first packet is of \(captured.text): a wrong "
          + "date moves every time by whole days")
    }
    self.date = date
    self.notes = notes
  }
}

extension SessionDate {
  /// New York's day at a time in nanoseconds since 1970 UTC; nil outside ``years``.
  init?(newYork nanoseconds: Int64) {
    let day: Int64 = 86_400_000_000_000
    let utc = nanoseconds / day
    guard nanoseconds > 0, let today = SessionDate(daysSince1970: Int(utc)) else { return nil }
    guard nanoseconds < SessionCalendar.midnight(today) else {
      self = today
      return
    }
    self.init(daysSince1970: Int(utc) - 1)
  }

  /// nil outside ``years``.
  init?(daysSince1970 days: Int) {
    // Counted from 1 March of the year 0, so that the leap day is the last of its year.
    let shifted = days + 719_468
    guard shifted >= 0 else { return nil }
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    self.init(
      year: yearOfEra + era * 400 + (month >= 10 ? 1 : 0),
      month: month < 10 ? month + 3 : month - 9,
      day: dayOfYear - (153 * month + 2) / 5 + 1)
  }
}
