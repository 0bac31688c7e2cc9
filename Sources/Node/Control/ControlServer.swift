import CSupport
import ExecutionCore
import Foundation
import Trading

/// The run's end of the control socket, a file in its data directory: `needletail kill` and `needletail rearm`
/// ask here, the hot thread carries out, and the answer goes back.
///
/// Who may open the file may ask: it is the owner's alone (0600), and the user that the kernel names goes into the
/// journal with the command. One client in a look, who has a fifth of a second for the question; the hot thread has two
/// seconds for the answer, and the main thread waits that long.
///
/// Threading: the main thread.
final class ControlServer {
  private let path: String
  private let listener: Int32
  private let ring: ControlRing
  private let accounts: [String]
  private let strategies: [String]
  /// Of each port, by its number, what it is.
  private let ports: [String]
  /// How long the hot thread may take to answer.
  private static let answerMax: Int64 = 2_000_000_000
  private static let clientMax: Int32 = 200
  private var asked: UInt16 = 0
  /// What persons stopped, the oldest first; bounded, for a summary.
  private(set) var kills: [(request: ControlRequest, user: UInt32)] = []
  private static let killsMax = 256

  /// Opens the socket, in place of one that an ended run has left.
  init(
    path: String, ring: ControlRing, accounts: [String], strategies: [String], ports: [String]
  ) throws(CommandFailure) {
    self.path = path
    self.ports = ports
    self.ring = ring
    self.accounts = accounts
    self.strategies = strategies
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Self.failure(path, errno) }
    listener = descriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    unlink(path)
    // The file that bind makes has the socket's own mode; a umask would be the whole process's.
    guard fchmod(descriptor, 0o600) == 0,
      ControlSocket.with(path, { bind(descriptor, $0, $1) }) == 0,
      listen(descriptor, 8) == 0
    else { throw Self.failure(path, errno) }
  }
  deinit {
    close(listener)
    unlink(path)
  }

  static func pause() {
    var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
    nanosleep(&pause, nil)
  }

  private static func failure(_ path: String, _ code: Int32) -> CommandFailure {
    CommandFailure(
      .cannotCreate,
      "control socket \(path): \(String(cString: strerror(code))); give another --data"
    )
  }

  /// Answers the next who has asked; a line for the log about it, or nil when nobody has.
  ///
  /// - Parameter meanwhile: called again and again while the loop's answer is awaited; where the loop runs on this
  ///   thread it lets it run.
  func poll(meanwhile: () -> Void = pause) -> String? {
    let client = accept(listener, nil, nil)
    guard client >= 0 else { return nil }
    defer { close(client) }
    return serve(client, meanwhile)
  }

  private func serve(_ client: Int32, _ meanwhile: () -> Void) -> String {
    let user = ControlSocket.user(of: client)
    guard let line = ControlSocket.readLine(client, within: Self.clientMax) else {
      ControlSocket.write("refused: no line came\n", to: client)
      return "a person's command of user \(user) was cut off, and nothing was done"
    }
    let request: ControlRequest
    switch ControlRequest.parse(line) {
    case .failure(let malformed):
      ControlSocket.write("refused: \(malformed.why)\n", to: client)
      return "a person's command of user \(user): refused: \(malformed.why)"
    case .success(let parsed): request = parsed
    }
    // Who has not waited may have thought of something else meanwhile; but a stop is late rather than never.
    if request.verb != .kill, ControlSocket.isGone(client) {
      return "\(request.words) (user \(user)): who asked has gone, and nothing was done"
    }
    let answer = carryOut(request, user: user, meanwhile)
    ControlSocket.write(answer + "\n", to: client)
    return "\(request.words) (user \(user)): \(answer)"
  }

  private func carryOut(
    _ request: ControlRequest, user: UInt32, _ meanwhile: () -> Void
  ) -> String {
    guard
      var command = request.command(
        accounts: accounts, strategies: strategies, ports: ports.count, user: user)
    else {
      let names =
        ["firm"] + accounts.map { "account:\($0)" } + strategies.map { "strategy:\($0)" }
        + ports.enumerated().map { "port:\($0) (\($1))" }
      return "refused: no such scope; there are \(names.joined(separator: ", "))"
    }
    asked &+= 1
    command.number = asked
    guard ring.ask(command) else { return "refused: the hot thread takes no commands" }
    let deadline = nt_clock_now() &+ Self.answerMax
    while nt_clock_now() < deadline {
      meanwhile()
      // One that came too late for its own question is nobody's.
      if let answer = ring.answer(), answer.number == asked {
        if request.verb == .kill, answer.isDone == 1, kills.count < Self.killsMax {
          kills.append((request, user))
        }
        return Self.words(answer, request)
      }
    }
    return "unknown: the hot thread has not answered yet; the journal will say"
  }

  private static func words(_ answer: ControlRing.Answer, _ request: ControlRequest) -> String {
    let causes = LatchCauses(raw: answer.causes)
    let left = causes.all.map { "\($0)" }.joined(separator: ", ")
    var elsewhere = LatchCauses(raw: UInt32(truncatingIfNeeded: answer.everywhere))
    elsewhere.remove(causes)
    let others = elsewhere.all.map { "\($0)" }.joined(separator: ", ")
    let also = others.isEmpty ? "" : "; other scopes are stopped by \(others)"
    if answer.isDone == 1 {
      return causes.isEmpty
        ? "done: nothing stops that scope any more\(also)" : "done: stopped by \(left)\(also)"
    }
    if causes.isEmpty { return "refused: nothing stops that scope\(also)" }
    return "refused: stopped by \(left); none of it can be cleared as asked"
      + (causes.contains(.killFile) ? ", while the kill file is there it stays" : "")
      + (causes.contains(.ledgerFull) ? ", a full ledger only the end of the run empties" : "")
      + (causes.contains(.journalLost) ? ", a journal that has lost records is whole no more" : "")
  }
}

/// What both ends of the control socket share.
enum ControlSocket {
  /// Calls `bind` or `connect` with a path's address, by its folder's descriptor where the path is longer than a
  /// socket's name may be. Returns what it returned, errno as it left it.
  static func with(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path) - 1
    var folder: Int32 = -1
    if name.count > room {
      let whole = path as NSString
      folder = open(whole.deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard folder >= 0 else { return -1 }
      name = Array("/proc/self/fd/\(folder)/\(whole.lastPathComponent)".utf8)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.prefix(room)) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    let code = errno
    if folder >= 0 { close(folder) }
    errno = code
    return result
  }

  /// Of the process at the other end; all bits set when the system does not say.
  static func user(of client: Int32) -> UInt32 {
    // struct ucred of socket(7): process, user, group.
    var credentials: [UInt32] = [0, .max, .max]
    var length = socklen_t(credentials.count * MemoryLayout<UInt32>.size)
    guard getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
      return .max
    }
    return credentials[1]
  }

  /// The other end has closed: nobody waits for an answer.
  static func isGone(_ client: Int32) -> Bool {
    var byte: UInt8 = 0
    return recv(client, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) == 0
  }

  /// A line without its end, within so many milliseconds; nil when it does not come whole, or is too long.
  static func readLine(_ client: Int32, within milliseconds: Int32) -> String? {
    var bytes: [UInt8] = []
    let deadline = nt_clock_now() &+ Int64(milliseconds) * 1_000_000
    while bytes.count < ControlRequest.lineMax {
      let left = (deadline &- nt_clock_now()) / 1_000_000
      var wanted = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
      guard left > 0, Glibc.poll(&wanted, 1, Int32(left)) == 1 else { return nil }
      var chunk = [UInt8](repeating: 0, count: 256)
      let count = recv(client, &chunk, chunk.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        return String(validating: bytes[..<end], as: UTF8.self)
      }
    }
    return nil
  }

  static func write(_ text: String, to client: Int32) {
    let bytes = Array(text.utf8)
    // One that has gone away, or reads nothing, has no answer.
    _ = send(client, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
  }
}
