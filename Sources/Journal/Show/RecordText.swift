internal import ExecutionCore

/// A record as one line for people: sequence, time of day Eastern, type, symbol, and what happened.
public enum RecordText {
  /// Above the lines of ``line(_:)``.
  public static let heading =
    "  sequence  time (US Eastern)   type               symbol    what"

  public static func line(_ record: DecodedRecord) -> String {
    let left = [
      padded("\(record.header.sequence)", 10, right: true),
      EasternTime.timeOfDay(record.header.sessionTime),
      padded("\(record.type)", 17), padded(record.symbol, 8),
    ]
    let line = left.joined(separator: "  ") + "  " + Phrase(record).text
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return right ? blanks + text : text + blanks
  }

  /// `notionalLimit` as `notional limit`.
  static func words(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
      if ("A"..."Z").contains(scalar) {
        text += " " + String(scalar).lowercased()
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

/// The sentence of one record.
private struct Phrase {
  let record: DecodedRecord

  init(_ record: DecodedRecord) { self.record = record }

  func has(_ name: String) -> Bool {
    switch record[name] {
    case .none, .integer(0), .decimal(0, _): false
    default: true
    }
  }

  /// A field in words; empty when it is absent.
  func show(_ name: String) -> String {
    switch record[name] {
    case .none: ""
    case .integer(let number): "\(number)"
    case .decimal(let raw, let exponent): DecimalText.text(raw, exponent: exponent)
    case .name(let name): RecordText.words(name)
    case .flag(let flag): flag ? "yes" : "no"
    // Nothing that would steer a terminal.
    case .text(let text):
      String(
        String.UnicodeScalarView(
          text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    case .time(let time): EasternTime.timeOfDay(time)
    case .feed(let channel, let sequence): "feed \(channel):\(sequence)"
    }
  }

  /// ` label value` when the field says something.
  func also(_ label: String, _ name: String) -> String {
    has(name) ? ", \(label) \(show(name))" : ""
  }

  var order: String { record.clientOrderID == 0 ? "" : ", order \(record.clientOrderID)" }

  /// `buy 100 @ 287.2900`.
  var terms: String {
    let side = has("side") ? show("side") + " " : ""
    return side + show("quantity") + " @ " + show("price")
  }

  var quote: String {
    guard has("bid") || has("ask") else { return "" }
    return "; saw \(show("bid")) x \(show("bidQuantity")) / \(show("ask")) x \(show("askQuantity"))"
  }

  var text: String {
    if case .text(let payload) = record["payload"], record.fields.count == 1 {
      return "\(payload.utf8.count / 2) bytes: \(payload.prefix(64))"
    }
    return switch record.type {
    case .sessionStarted: session
    case .sessionEnded: "\(show("end")): \(session)"
    case .instrumentDefined: instrument
    case .intent: intent
    case .handedOver: show("request") + order + also("reference", "venueReference") + atPort
    case .withdrawn:
      show("request") + order + also("reference", "venueReference") + atPort + also("why", "why")
    case .cancelWanted, .timedOut: "order \(show("clientOrderID"))"
    case .report: report
    case .refusal: refusal
    case .orderState: orderState
    case .execution: execution
    case .alarm: alarm
    case .latch: latch
    case .limits: "version \(show("version")) is in force: \(show("changes")) changes"
    case .command: command
    case .marketState: marketState
    case .portDefined:
      "number \(show("port")), \(show("name")) at \(show("venueName"))"
        + also("next reference", "nextVenueReference")
    case .timer: "token \(show("token"))" + also("due", "due") + also("strategy", "timerStrategy")
    case .configuration: show("text")
    case .stateHash: show("stateHash")
    case .recordsLost: "\(show("count")) before this one: the journal took no more"
    case .strategyState, .padding: ""
    }
  }

  var session: String {
    "trading day \(show("tradingDay")), \(show("instruments")) instruments, "
      + "\(show("accounts")) accounts, \(show("strategies")) strategies, "
      + "\(show("ports")) ports, next order \(show("nextClientOrderID"))"
      + also("open orders", "openOrders") + also("executions", "executions")
      + also("alarms", "alarms")
  }

  var instrument: String {
    "number \(show("instrument")), tick \(show("tick")), round lot \(show("roundLot"))"
      + also("previous close", "previousClose") + also("average volume", "averageVolume")
      + also("bands from", "lowerBand") + also("to", "upperBand")
      + also("short sales", "shortSale") + also("status", "status")
      + (record["shortable"] == .flag(true) ? ", shortable" : "")
  }

  var intent: String {
    let kind = show("request")
    let references =
      has("originalVenueReference") && record["originalVenueReference"] != record["venueReference"]
      ? ", reference \(show("originalVenueReference")) to \(show("venueReference"))"
      : also("reference", "venueReference")
    switch record["request"] {
    case .name("new"), .name("replace"), .name("modify"):
      return "\(kind) \(terms) \(show("timeInForce"))" + order + references + atPort + quote
    case .name("cancel"):
      let rest = has("quantity") ? " down to \(show("quantity"))" : ""
      return kind + rest + order + references + atPort + quote
    default: return kind + order + references + atPort
    }
  }

  var report: String {
    var line = show("report")
    switch record["report"] {
    case .name("canceled"): line += " \(show("quantity"))" + cancelReason
    case .name("rejected"), .name("cancelRejected"): line += also("reason", "reason")
    case .name("notice"): line += letterReason
    case .name("notSent"): line += also("of", "subject") + named(NotSentCause.init(rawValue:))
    case .name("inquiryAnswered"): line += named(InquiryOutcome.init(rawValue:))
    default:
      if has("quantity") { line += has("price") ? " " + terms : " " + show("quantity") }
      if has("reason") { line += letterReason }
    }
    return line + order + also("reference", "venueReference")
      + also("was", "originalVenueReference") + also("execution", "executionID")
      + also("liquidity", "liquidity") + also("stream", "streamSequence") + atPort
  }

  /// A report's reason as a case of ours.
  private func named<Reason>(_ reason: (UInt16) -> Reason?) -> String {
    guard case .integer(let code) = record["reason"], let raw = UInt16(exactly: code),
      let found = reason(raw)
    else { return also("reason", "reason") }
    return ", \(found)"
  }

  /// The port, where it is not the only one that most runs have.
  private var atPort: String { record["port"] == .integer(0) ? "" : also("port", "port") }

  private var letterReason: String {
    guard case .integer(let code) = record["reason"], code > 0x20, code < 0x7f else {
      return also("reason", "reason")
    }
    return ", reason \(Unicode.Scalar(UInt8(truncatingIfNeeded: code)))"
  }

  /// OUCH 5.0, order canceled, reason.
  private var cancelReason: String {
    let known: [Character: String] = [
      "D": "regulatory restriction", "E": "closed", "H": "halted", "I": "immediate or cancel",
      "K": "market collars", "Q": "self-match prevention", "S": "by supervision",
      "T": "time in force over", "U": "by user", "X": "open protection", "Z": "by the venue",
    ]
    guard case .integer(let code) = record["reason"], code > 0x20, code < 0x7f,
      let words = known[Character(Unicode.Scalar(UInt8(truncatingIfNeeded: code)))]
    else { return letterReason }
    return letterReason + " (\(words))"
  }

  private var unit: String { record["code"] == .name("\(RefusalCode.staleData)") ? " ns" : "" }

  var refusal: String {
    let asked = has("quantity") ? ": \(show("request")) \(terms)" : ": \(show("request"))"
    var many = ""
    if case .integer(let count) = record["count"], count > 1 {
      many = " (\(count) alike, numbers \(show("firstNumber")) to \(show("number")))"
    } else if has("number") {
      many = " (number \(show("number")))"
    }
    return show("code") + asked + "; \(show("scope")) limit \(show("limit")), "
      + "observed \(show("observed"))\(unit)" + order + quote + many
  }

  var orderState: String {
    var line = show("life")
    if record["life"] == .name("done"), has("doneReason") { line += " (\(show("doneReason")))" }
    line +=
      ": \(terms), leaves \(show("leaves")), executed \(show("executed"))" + order
      + also("reference", "venueReference") + also("pending reference", "pendingReference")
    for request in ["new", "replace", "cancel"] where record[request] != .name("none") {
      line += also(request, request)
    }
    return line
  }

  var execution: String {
    var marks: [String] = []
    if case .integer(let flags) = record["flags"] {
      let names = ["late", "overfill", "orphan", "bust"]
      for (bit, name) in names.enumerated() where flags >> Int128(bit) & 1 == 1 {
        marks.append(name)
      }
    }
    return terms + order + also("reference", "venueReference") + also("execution", "executionID")
      + also("liquidity", "liquidity") + ", fee \(show("fee")), position \(show("position"))"
      + also("revision", "revision") + atPort
      + (marks.isEmpty ? "" : " [\(marks.joined(separator: ", "))]")
  }

  var alarm: String {
    show("code") + also("of", "bound") + also("on", "report") + order
      + also("reference", "venueReference")
      + ": expected \(show("expected")), observed \(show("observed"))"
  }

  /// Whom the scope is: the number, which may be 0, behind its kind.
  private var owner: String {
    switch record["scope"] {
    case .name("port"): " \(show("port"))"
    case .name("account"): " \(record.header.account)"
    case .name("strategy"): " \(record.header.strategy)"
    default: ""
    }
  }

  var latch: String {
    let change = record["isSet"] == .flag(true) ? "stopped" : "cleared"
    return show("scope") + owner + " \(change): \(show("changed")); "
      + "standing: \(show("standing"))"
  }

  var command: String {
    let takesAway = record["command"] == .name("setLimit") && !has("value") ? ", value none" : ""
    let isOfLatch = ["kill", "rearm", "conditionEnded"].contains { record["command"] == .name($0) }
    return show("command") + " \(show("scope"))" + owner
      + (owner.isEmpty ? also("account", "commandAccount") : "") + also("limit", "limit")
      + also("value", "value") + also("version", "version")
      + (isOfLatch ? also("cause", "latchCause") : "")
      + takesAway + also("by", "person") + also("because", "reason") + also("user", "user")
      + (record["accepted"] == .flag(true) ? ": done" : ": refused" + also("for", "refusal"))
  }

  var marketState: String {
    "status \(show("status"))" + also("short sales", "shortSale") + also("market hours", "hours")
      + (record["whole"] == .flag(true) ? ", book whole" : ", book not whole")
  }
}
