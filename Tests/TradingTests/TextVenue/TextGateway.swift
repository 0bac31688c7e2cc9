import ExecutionCore
import Gateways

/// The gateway of a venue of another shape than OUCH: lines of text, identifiers of 36 characters on both
/// sides, orders that change in place under the same identifier, several accounts on one session, no sequenced
/// stream (what was missed is asked for), and queries that may fail.
struct TextGateway: ~Copyable, OrderEntryGateway {
  let port: PortID
  /// What the venue calls them, by the engine's numbers.
  let symbols: [String]
  let accounts: [String]
  private(set) var isActive = false
  private(set) var isCaughtUp = false
  private(set) var closing: Reconnecting?
  private(set) var closingReason = ""
  private(set) var counters = GatewayCounters()
  private var fuse = LastHopFuse()
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  private let made: UnsafeMutableBufferPointer<VenueReport>
  private var reportCount = 0
  /// A line that has come in part.
  private var rest: [UInt8] = []

  private static let bufferBytes = 8_192
  private static let lineMax = 256
  private static let reportsMax = 512

  init(port: PortID, symbols: [String], accounts: [String]) {
    self.port = port
    self.symbols = symbols
    self.accounts = accounts
    buffer = .allocate(byteCount: Self.bufferBytes, alignment: 8)
    made = .allocate(capacity: Self.reportsMax)
    made.initialize(
      repeating: VenueReport(kind: .notice, port: port, account: AccountID(raw: .max)))
  }
  deinit {
    buffer.deallocate()
    made.deallocate()
  }

  var fuseTripped: LastHopFuse.Cap? { fuse.tripped }
  var hasRoom: Bool { used + Self.lineMax <= Self.bufferBytes && reportCount + 4 < Self.reportsMax }
  var output: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<used]) }
  var reports: UnsafeBufferPointer<VenueReport> {
    UnsafeBufferPointer(rebasing: made[..<reportCount])
  }

  mutating func clearReports() { reportCount = 0 }
  mutating func sent(now: Int64) {
    counters.bytesSent += UInt64(used)
    used = 0
  }
  mutating func tick(now: Int64) {}
  mutating func logout() { say("BYE") }

  mutating func connected(now: Int64) {
    (closing, rest, used) = (nil, [], 0)
    say("LOGIN|\(accounts.joined(separator: ","))")
  }
  mutating func disconnected(now: Int64) {
    let wasUp = isActive
    (isActive, isCaughtUp, rest, used) = (false, false, [], 0)
    if wasUp { report(.sessionDown) { _ in } }
  }

  // MARK: Out

  /// 32 digits and four dashes: the port's number of the request, then our order's.
  static func id(_ reference: UInt64, _ order: ClientOrderID) -> String {
    func hex(_ word: UInt64) -> String {
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    let all = Array(hex(reference) + hex(order.raw))
    let parts = [all[0..<8], all[8..<12], all[12..<16], all[16..<20], all[20..<32]]
    return parts.map { String($0) }.joined(separator: "-")
  }
  static func reference(_ id: Substring) -> (reference: UInt64, order: ClientOrderID)? {
    let digits = id.filter { $0 != "-" }
    guard id.utf8.count == 36, digits.count == 32,
      let reference = UInt64(digits.prefix(16), radix: 16),
      let order = UInt64(digits.suffix(16), radix: 16)
    else { return nil }
    return (reference, ClientOrderID(raw: order))
  }

  mutating func encode(_ r: VenueRequest, now: Int64) -> NotSentCause? {
    let cause = line(for: r, now: now)
    if let cause {
      counters.notSent += 1
      made[reportCount] = VenueReport(notSent: r, cause, now: now)
      reportCount += 1
    } else {
      counters.encoded += 1
    }
    return cause
  }

  private mutating func line(for r: VenueRequest, now: Int64) -> NotSentCause? {
    guard isActive else { return .sessionDown }
    let id = Self.id(r.venueReference, r.clientOrderID)
    switch r.kind {
    case .new, .replace:
      guard r.priceExponent == -8, r.price % 1_000_000 == 0 else { return .priceNotExact }
      guard Int(r.instrument.raw) < symbols.count, Int(r.account.raw) < accounts.count else {
        return .unsupported
      }
      let cents = r.price / 1_000_000
      guard fuse.admits(value: cents * 100 * r.quantity, isNew: r.kind == .new, now: now) else {
        return .fuse
      }
      if r.kind == .replace { return say("CHG|\(id)|\(r.quantity)|\(cents)") }
      fuse.opened(r.venueReference, quantity: UInt64(r.quantity))
      say(
        "NEW|\(id)|\(accounts[Int(r.account.raw)])|\(symbols[Int(r.instrument.raw)])|"
          + "\(r.side.isBuy ? "B" : "S")|\(r.quantity)|\(cents)")
      return nil
    case .cancel: return say("CXL|\(id)")
    case .inquiry: return say("QRY|\(id)")
    case .modify, .massCancel, .disableEntry, .enableEntry: return .unsupported
    }
  }

  @discardableResult
  private mutating func say(_ text: String) -> NotSentCause? {
    let bytes = Array((text + "\n").utf8)
    guard used + bytes.count <= Self.bufferBytes else { return .noRoom }
    for byte in bytes {
      buffer[used] = byte
      used += 1
    }
    return nil
  }

  // MARK: In

  mutating func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
    var at = 0
    while at < bytes.count, closing == nil, reportCount + 4 < Self.reportsMax {
      let byte = bytes[at]
      at += 1
      if byte != UInt8(ascii: "\n") {
        rest.append(byte)
        continue
      }
      counters.messages += 1
      take(
        String(decoding: rest, as: UTF8.self).split(
          separator: "|", omittingEmptySubsequences: false))
      rest = []
    }
    return at
  }

  private mutating func report(_ kind: VenueReport.Kind, _ change: (inout VenueReport) -> Void) {
    var r = VenueReport(kind: kind, port: port, account: AccountID(raw: .max))
    r.priceExponent = -2
    change(&r)
    made[reportCount] = r
    reportCount += 1
  }

  private mutating func take(_ words: [Substring]) {
    switch words.first {
    case "WELCOME":
      isActive = true
      counters.sessionsUp += 1
      report(.sessionUp) { _ in }
      // There is no stream: what was executed meanwhile is asked for, all of the day.
      say("EXECS")
    case "EXECSEND":
      isCaughtUp = true
      report(.caughtUp) { _ in }
    default:
      guard take(about: words) else {
        counters.undecodable += 1
        return report(.undecodable) { $0.reason = words.first?.utf8.first.map(UInt16.init) ?? 0 }
      }
    }
  }

  private mutating func take(about words: [Substring]) -> Bool {
    guard words.count > 1, let (reference, order) = Self.reference(words[1]) else { return false }
    func number(_ i: Int) -> Int64? { i < words.count ? Int64(words[i]) : nil }
    func named(_ r: inout VenueReport) {
      r.venueReference = reference
      r.clientOrderID = order
    }
    switch (words[0], words.count) {
    case ("ACK", 5):
      guard let venueID = VenueIdentifier(words[2]), let open = number(3), let cents = number(4)
      else { return false }
      report(.accepted) {
        named(&$0)
        $0.venueOrderID = venueID
        ($0.quantity, $0.price, $0.standing) = (open, cents, .working)
      }
    case ("CHGD", 4):
      guard let open = number(2), let cents = number(3) else { return false }
      fuse.atMost(reference, UInt64(max(open, 0)))
      report(.modified) {
        named(&$0)
        ($0.quantity, $0.price) = (open, cents)
      }
    case ("CHGREJ", 2): report(.modifyRejected) { named(&$0) }
    case ("CXLD", 3):
      guard let taken = number(2) else { return false }
      fuse.reduced(reference, by: UInt64(max(taken, 0)))
      report(.canceled) {
        named(&$0)
        $0.quantity = taken
      }
    case ("CXLREJ", 2): report(.cancelRejected) { named(&$0) }
    case ("REJ", 2):
      fuse.closed(reference)
      report(.rejected) { named(&$0) }
    case ("FILL", 5), ("BUST", 3):
      guard let id = VenueIdentifier(words[2]) else { return false }
      if words[0] == "BUST" {
        report(.broken) {
          named(&$0)
          $0.executionID = id
        }
        return true
      }
      guard let quantity = number(3), let cents = number(4) else { return false }
      fuse.reduced(reference, by: UInt64(max(quantity, 0)))
      report(.executed) {
        named(&$0)
        $0.executionID = id
        ($0.quantity, $0.price) = (quantity, cents)
      }
    default: return answer(words, reference, order)
    }
    return true
  }

  /// What came back from a query about one order.
  private mutating func answer(
    _ words: [Substring], _ reference: UInt64, _ order: ClientOrderID
  ) -> Bool {
    var outcome = InquiryOutcome.answered
    switch (words[0], words.count) {
    case ("STATUS", 6):
      let standings: [Substring: VenueStanding] = [
        "WORKING": .working, "FILLED": .filled, "CANCELED": .canceled, "REJECTED": .rejected,
      ]
      guard let standing = standings[words[2]], let open = Int64(words[3]),
        let executed = Int64(words[4]), let cents = Int64(words[5])
      else { return false }
      report(.status) {
        ($0.venueReference, $0.clientOrderID, $0.standing) = (reference, order, standing)
        ($0.quantity, $0.executedQuantity, $0.price) = (open, executed, cents)
      }
    case ("NONE", 2):
      fuse.closed(reference)
      report(.neverArrived) { $0.venueReference = reference }
    case ("QRYFAIL", 2): outcome = .failed
    default: return false
    }
    report(.inquiryAnswered) {
      ($0.venueReference, $0.reason) = (reference, outcome.rawValue)
    }
    return true
  }
}
