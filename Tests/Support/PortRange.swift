import Synchronization
import Transport

/// Ports of this machine that follow each other: an exchange's, with its services at their defaults.
package enum PortRange {
  private static let given = Mutex<Set<UInt16>>([])

  /// The first of five that are free at the moment, for TCP and for UDP.
  ///
  /// They lie below those that the kernel gives to whoever asks for any, and are given once in a
  /// process: between here and the program that binds them, no other test takes them.
  package static func free() throws -> UInt16 {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let first = UInt16.random(in: 2_000...3_190, using: &random) * 10
      guard given.withLock({ $0.insert(first).inserted }) else { continue }
      if try isFree(first) { return first }
    }
    throw TestTrouble("no five free ports in a row")
  }

  /// Five addresses on the loopback whose ports are ``free()``.
  package static func addresses() throws -> [String] {
    let first = try free()
    return (first...(first + 4)).map { "127.0.0.1:\($0)" }
  }

  private static func isFree(_ first: UInt16) throws -> Bool {
    var reactor = try Reactor()
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
