import BenchSupport
import CAudit
import NeedletailBench

/// The product's own loop over real sockets, and what its hot thread does: looks at sockets that are empty,
/// and for each thing that comes in one receive at most that gives it, for each order one send; through
/// io_uring an entering of the kernel in their place. No other system call; no allocation, no reference
/// counted, no lock.
struct SocketPart {
  static let receives: Set<String> = ["recvfrom", "recvmsg"]
  static let send = "sendto"
  static let enter = "io_uring_enter"
  static let wait: Set<String> = ["epoll_pwait2", "epoll_wait"]

  let sockets: WireAudit.Sockets
  let part: WireAudit.Part
  let calls: [SystemCalls.Call]
  /// Of the hot thread; what the exchange's side does on its own is not in it.
  let found: Found

  /// Both parts, and what went wrong over the whole run.
  static func run(
    _ sockets: WireAudit.Sockets, orders: Int, plant: Plant?
  ) throws -> (parts: [SocketPart], errors: Int) {
    var parts: [SocketPart] = []
    let errors = try WireAudit.run(
      orders: orders, sockets: sockets,
      begin: {
        let hot = audit_thread_named(WireAudit.threadName)
        guard hot != 0 else { throw BenchError("there is no thread '\(WireAudit.threadName)'") }
        try SystemCalls.begin(hot)
        audit_watch(hot)
        if plant != .tracer { plant?.sow() }
      },
      end: { part in
        audit_plant_in_send(AUDIT_PLANT_NOTHING, nil)
        if plant == .tracer { plant?.sow() }
        let found = Found(counts: audit_watch_end())
        try SystemCalls.end()
        parts.append(
          SocketPart(sockets: sockets, part: part, calls: SystemCalls.found(), found: found))
      },
      abandon: {
        audit_plant_in_send(AUDIT_PLANT_NOTHING, nil)
        _ = audit_watch_end()
        audit_calls_abandon()
      })
    return (parts, errors)
  }

  private func sum(_ names: Set<String>, _ what: (audit_call) -> UInt64) -> UInt64 {
    calls.reduce(0) { names.contains($1.name) ? $0 + what($1.calls) : $0 }
  }
  private var looks: UInt64 { sum(Self.receives) { $0.count } }
  private var isDirect: Bool { sockets != .ioUring }
  private var own: Set<String> { isDirect ? [Self.send] : [Self.enter] }
  private var enters: UInt64 { isDirect ? 0 : sum(own) { $0.count } }
  /// Sends that were handed to the kernel: a call each, or an entry each.
  var sends: UInt64 { sum(own) { isDirect ? $0.count : $0.gave } }
  var gaveData: UInt64 { sum(Self.receives) { $0.useful } }
  /// Looks at a socket that is empty, and questions to epoll that it answers with none.
  var gaveNothing: UInt64 { sum(Self.receives) { $0.empty } + asked - told }
  private var asked: UInt64 { sum(Self.wait) { $0.count } }
  private var told: UInt64 { sum(Self.wait) { $0.useful } }
  private var others: [SystemCalls.Call] {
    calls.filter {
      !Self.receives.contains($0.name) && !own.contains($0.name)
        && !(sockets.asksEpoll && Self.wait.contains($0.name))
    }
  }
  /// Calls an order, but for empty looks: quiet, by plain calls, one datagram and one answer in, one order
  /// out, and the datagram that takes the bid back.
  var callsPerOrder: Double {
    let all = calls.reduce(0) { $0 + $1.calls.count }
    return Double(all - gaveNothing) / Double(max(1, part.orders))
  }
  private var name: String { "over sockets, \(sockets.rawValue), \(part.kind.rawValue)" }

  /// What is not as it must be, one sentence each.
  var troubles: [String] {
    var lines = others.map {
      "\($0.calls.count) \($0.name): only socket input and output may be there"
    }
    let wanted = part.orders + part.heartbeats
    if sends != UInt64(wanted) {
      lines.append("\(sends) sends for \(part.orders) orders and \(part.heartbeats) heartbeats")
    }
    // Fewer are right: what comes while the thread waits for a processor lies together. A ring has to be
    // entered once for what came in, and once for what goes out.
    let most = UInt64(part.received)
    if isDirect, gaveData == 0 || gaveData > most {
      lines.append("\(gaveData) receives gave data for \(most) datagrams and answers")
    }
    if !isDirect, gaveData > 0 || enters > most + UInt64(wanted) {
      lines.append(
        "\(enters) enterings of the kernel and \(gaveData) receives gave data for \(most) datagrams and "
          + "answers and \(wanted) sends")
    }
    let answered = gaveData + sum(Self.receives) { $0.empty }
    if looks != answered { lines.append("\(looks - answered) receives failed") }
    if told > most {
      lines.append("\(told) times epoll had something, for \(most) things that came")
    }
    if !found.isClean { lines.append("the hot thread must do none of these: \(found.counted)") }
    return lines.map { "\(name): \($0)" }
  }

  private var listed: String {
    calls.map { "\($0.calls.count) \($0.name)" }.joined(separator: ", ")
  }
  var text: String {
    "\(name): \(part.orders) orders, \(part.received) datagrams and answers: "
      + "\(number(callsPerOrder)) system calls an order, and \(gaveNothing) looks at empty sockets; "
      + "in all \(listed); \(found.counted)"
  }
  var json: String {
    let names = calls.map { "\"\($0.name)\": \($0.calls.count)" }.joined(separator: ", ")
    return
      "{\"sockets\": \"\(sockets.rawValue)\", \"part\": \"\(part.kind.rawValue)\", "
      + "\"orders\": \(part.orders), \"received\": \(part.received), \(found.countedJSON), "
      + "\"system_calls_per_order\": \(number(callsPerOrder)), \"sends\": \(sends), "
      + "\"receives_with_data\": \(gaveData), \"receives_empty\": \(gaveNothing), "
      + "\"calls\": {\(names)}}"
  }

  /// Three decimals, without Foundation.
  private func number(_ value: Double) -> String {
    let thousandths = Int((value * 1_000).rounded())
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
