import Testing

@testable import Transport

@Suite struct `Endpoint texts` {
  @Test func `an address and port are read and written`() throws {
    let endpoint = try Endpoint(parsing: "127.0.0.1:26400")
    #expect(endpoint == .loopback(port: 26_400))
    #expect("\(endpoint)" == "127.0.0.1:26400")
    #expect(try Endpoint(parsing: "255.255.255.255:65535").address == .max)
    #expect(try Endpoint(parsing: "0.0.0.0:0") == .any())
    #expect(try Endpoint(parsing: "239.1.2.3:1").isMulticast)
    #expect(!endpoint.isMulticast)
    #expect(try Endpoint.parseAddress("239.1.2.3") == 0xEF01_0203)
  }

  @Test(arguments: [
    "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
    "127.0.0.1:080", "127.0.0.1: 80", "127.0.0:1", "127.0.0.1.1:1", "127.0.0.256:1", "1..2.3:1",
    "localhost:80", "127.0.0.01:80", "[::1]:80", "127.0.0.1:99999999999999999999", "é.0.0.1:5",
  ])
  func `what is no endpoint is refused with the reason`(text: String) {
    do {
      let endpoint = try Endpoint(parsing: text)
      Issue.record("\(text) was read as \(endpoint)")
    } catch {
      #expect(error.text == text)
      #expect("\(error)".contains("127.0.0.1:26400"))
    }
  }

  @Test func `the message names the part that is wrong`() {
    #expect(
      EndpointError(text: "1.2.3.4:x", problem: .badPort("x")).description
        == "port 'x' in '1.2.3.4:x' is not a number from 0 to 65535; "
        + "expected ADDRESS:PORT, as in 127.0.0.1:26400")
    do {
      _ = try Endpoint(parsing: "1.2.3:4")
      Issue.record("read")
    } catch {
      #expect(error.problem == .badAddress("1.2.3"))
    }
    do {
      _ = try Endpoint(parsing: "1.2.3.4")
      Issue.record("read")
    } catch {
      #expect(error.problem == .noPort)
    }
  }

  @Test func `random endpoints survive the round trip`() throws {
    var random = Randomness(seed: 1)
    for _ in 0..<500 {
      let word = random.next()
      let endpoint = Endpoint(
        address: UInt32(truncatingIfNeeded: word), port: UInt16(truncatingIfNeeded: word >> 40))
      #expect(try Endpoint(parsing: endpoint.description) == endpoint)
    }
  }
}
