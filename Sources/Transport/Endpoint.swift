/// An IPv4 address and port: where a socket is bound, or whom it talks to.
@frozen
public struct Endpoint: Hashable, Sendable, BitwiseCopyable {
  /// The address in host order: 127.0.0.1 is 0x7F000001.
  public var address: UInt32
  public var port: UInt16

  @inlinable @_noLocks
  public init(address: UInt32, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// 127.0.0.1 at the port; 0 lets the system choose one.
  @inlinable
  public static func loopback(port: UInt16 = 0) -> Endpoint {
    Endpoint(address: 0x7F00_0001, port: port)
  }

  /// Every interface of this machine.
  @inlinable
  public static func any(port: UInt16 = 0) -> Endpoint {
    Endpoint(address: 0, port: port)
  }

  /// 224.0.0.0/4 (RFC 5771).
  @inlinable
  public var isMulticast: Bool { address >> 28 == 14 }

  /// Reads "127.0.0.1:26400". Names are not looked up: a trading system's addresses are configuration.
  public init(parsing text: some StringProtocol) throws(EndpointError) {
    guard let colon = text.lastIndex(of: ":") else {
      throw EndpointError(text: String(text), problem: .noPort)
    }
    let portText = text[text.index(after: colon)...]
    guard let port = Endpoint.decimal(portText, atMost: 65_535) else {
      throw EndpointError(text: String(text), problem: .badPort(String(portText)))
    }
    let host = text[..<colon]
    do {
      self.init(address: try Endpoint.parseAddress(host), port: UInt16(port))
    } catch {
      throw EndpointError(text: String(text), problem: error.problem)
    }
  }

  /// Reads an address alone, for interfaces and groups: "239.1.2.3" is 0xEF010203.
  public static func parseAddress(_ text: some StringProtocol) throws(EndpointError) -> UInt32 {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else {
      throw EndpointError(text: String(text), problem: .badAddress(String(text)))
    }
    var address: UInt32 = 0
    for part in parts {
      guard let byte = decimal(part, atMost: 255) else {
        throw EndpointError(text: String(text), problem: .badAddress(String(text)))
      }
      address = address << 8 | UInt32(byte)
    }
    return address
  }

  /// Digits only, no sign, no leading zero (some programs read those as octal).
  private static func decimal(_ text: some StringProtocol, atMost limit: Int) -> Int? {
    let digits = text.utf8
    guard !digits.isEmpty, digits.count <= 5, digits.count == 1 || digits.first != 0x30 else {
      return nil
    }
    var value = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return value <= limit ? value : nil
  }
}

extension Endpoint: CustomStringConvertible {
  public var description: String { "\(Endpoint.text(ofAddress: address)):\(port)" }

  /// Dotted decimal.
  public static func text(ofAddress address: UInt32) -> String {
    "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
  }
}

/// Why a text is not an endpoint.
public struct EndpointError: Error, Equatable, CustomStringConvertible {
  public enum Problem: Equatable, Sendable {
    case noPort
    case badPort(String)
    case badAddress(String)
  }

  public var text: String
  public var problem: Problem

  public var description: String {
    let need = "expected ADDRESS:PORT, as in 127.0.0.1:26400"
    switch problem {
    case .noPort:
      return "'\(text)' has no port; \(need)"
    case .badPort(let port):
      return "port '\(port)' in '\(text)' is not a number from 0 to 65535; \(need)"
    case .badAddress(let host):
      return "'\(host)' is not an IPv4 address; \(need)"
    }
  }
}
