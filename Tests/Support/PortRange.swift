import Glibc
import Synchronization
import Transport

/// Ports of this machine that follow each other: an exchange's, with its services at their defaults.
package enum PortRange {
  private static let given = Mutex<Set<UInt16>>([])

  /// The first of five that are free at the moment, for TCP and for UDP.
  ///
  /// They lie below those that the kernel gives to whoever asks for any, and are given once on this
  /// machine, until the process ends: between here and the program that binds them, no other test takes
  /// them.
  package static func free() throws -> UInt16 {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let first = UInt16.random(in: 2_000...3_190, using: &random) * 10
      guard given.withLock({ $0.insert(first).inserted }), try reserve(first) else { continue }
      if try isFree(first) { return first }
    }
    throw TestTrouble("no five free ports in a row")
  }

  /// Five addresses on the loopback whose ports are ``free()``.
  package static func addresses() throws -> [String] {
    let first = try free()
    return (first...(first + 4)).map { "127.0.0.1:\($0)" }
  }

  /// Takes a name that only one process of the machine can have, and that goes with the process; false when
  /// another has it.
  private static func reserve(_ first: UInt16) throws -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestTrouble("socket: \(String(cString: strerror(errno)))") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // Behind a zero a name lies in no file system.
    let name = [0] + Array("needletail-test-ports-\(first)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = MemoryLayout.offset(of: \sockaddr_un.sun_path)! + name.count
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(length))
      }
    }
    if code != 0 { close(descriptor) }
    return code == 0
  }

  private static func isFree(_ first: UInt16) throws -> Bool {
    // With io_uring the kernel may hold a port for a moment after the reactor has gone.
    var settings = ReactorSettings()
    settings.backEnd = .epoll
    var reactor = try Reactor(settings)
    for port in first...(first + 4) {
      let endpoint = Endpoint(address: 0x7f00_0001, port: port)
      do throws(ReactorError) {
        _ = try reactor.listen(on: endpoint)
        _ = try reactor.openDatagram(bind: endpoint)
      } catch {
        return false
      }
    }
    return true
  }
}
