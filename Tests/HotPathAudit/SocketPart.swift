import BenchSupport
import CAudit
import NeedletailBench

/// The product's own loop over real sockets, and what its hot thread does: for each thing that comes in
/// one receive that gives it, for each order one send, and looks at sockets that are empty. No other
/// system call; no allocation, no reference counted, no lock.
struct SocketPart {
  static let receives: Set<String> = ["recvfrom", "recvmsg"]
  static let send = "sendto"

  let audit: WireAudit
  let calls: [SystemCalls.Call]
  /// Of the hot thread; what the exchange's side does on its own is not in it.
  let found: Found

  init(orders: Int, plant: Plant?) throws {
    let thread: () throws -> Int32 = {
      let found = audit_thread_named(WireAudit.threadName)
      guard found != 0 else { throw BenchError("there is no thread '\(WireAudit.threadName)'") }
      return found
    }
    var found = Found()
    audit = try WireAudit(
      orders: orders,
      begin: {
        let hot = try thread()
        try SystemCalls.begin(hot)
        audit_watch(hot)
        plant?.sow()
      },
      end: {
        audit_plant_in_send(AUDIT_PLANT_NOTHING, nil)
        found.counts = audit_watch_end()
        try SystemCalls.end()
      })
    calls = SystemCalls.found()
    self.found = found
  }

  private func sum(_ names: Set<String>, _ what: (audit_call) -> UInt64) -> UInt64 {
    calls.reduce(0) { names.contains($1.name) ? $0 + what($1.calls) : $0 }
  }
  var sends: UInt64 { sum([Self.send]) { $0.count } }
  var gaveData: UInt64 { sum(Self.receives) { $0.useful } }
  var gaveNothing: UInt64 { sum(Self.receives) { $0.empty } }
  /// Receives that gave neither bytes nor "try again".
  private var failed: UInt64 { sum(Self.receives) { $0.count } - gaveData - gaveNothing }
  private var others: [SystemCalls.Call] {
    calls.filter { !Self.receives.contains($0.name) && $0.name != Self.send }
  }
  /// Calls an order, but for empty looks: one datagram and one answer in, one order out, and the datagram
  /// that takes the bid back.
  var callsPerOrder: Double {
    let all = calls.reduce(0) { $0 + $1.calls.count }
    return Double(all - gaveNothing) / Double(max(1, audit.orders))
  }

  /// What is not as it must be, one sentence each.
  var troubles: [String] {
    var lines = others.map {
      "\($0.calls.count) \($0.name): only socket input and output may be there"
    }
    if sends != UInt64(audit.orders) { lines.append("\(sends) sends for \(audit.orders) orders") }
    // Fewer are right: answers that come while the thread waits for a processor lie together.
    if gaveData == 0 || gaveData > UInt64(audit.received) {
      lines.append("\(gaveData) receives gave data for \(audit.received) datagrams and answers")
    }
    if !found.isClean {
      lines.append("the hot thread must do none of these over sockets: \(found.counted)")
    }
    if failed > 0 { lines.append("\(failed) receives failed") }
    if audit.errors > 0 { lines.append("\(audit.errors) orders or messages went wrong") }
    return lines
  }

  private var listed: String {
    calls.map { "\($0.calls.count) \($0.name)" }.joined(separator: ", ")
  }
  var text: String {
    "\(audit.orders) orders over sockets: \(number(callsPerOrder)) system calls an order "
      + "(\(number(Double(sends) / Double(max(1, audit.orders)))) sends, "
      + "\(number(Double(gaveData) / Double(max(1, audit.orders)))) receives with data), and "
      + "\(gaveNothing) looks at empty sockets; in all \(listed); "
      + found.counted
  }
  var json: String {
    let names = calls.map { "\"\($0.name)\": \($0.calls.count)" }.joined(separator: ", ")
    return
      "\"orders\": \(audit.orders), \(found.countedJSON), \"system_calls_per_order\": \(number(callsPerOrder)), "
      + "\"sends\": \(sends), \"receives_with_data\": \(gaveData), "
      + "\"receives_empty\": \(gaveNothing), \"calls\": {\(names)}"
  }

  /// Three decimals, without Foundation.
  private func number(_ value: Double) -> String {
    let thousandths = Int((value * 1_000).rounded())
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
