import Glibc

/// What the system refused, with the words an operator needs.
public struct ReactorError: Error, Equatable, CustomStringConvertible {
  public enum Operation: String, Sendable {
    case create = "start the reactor"
    case listen = "listen on"
    case connect = "connect to"
    case openDatagram = "open a datagram socket on"
    case join = "join the multicast group"
    case leave = "leave the multicast group"
    case multicastOutput = "send multicast through interface"
    case localEndpoint = "ask for the address of a socket"
    case poll = "wait for events"
    case submit = "hand sends to the kernel"
  }

  public var operation: Operation
  public var errorNumber: Int32
  /// Whom or what it concerned; empty where there is nothing to name.
  public var subject: String

  public init(operation: Operation, errorNumber: Int32, subject: String = "") {
    self.operation = operation
    self.errorNumber = errorNumber
    self.subject = subject
  }

  public var description: String {
    let what = subject.isEmpty ? operation.rawValue : "\(operation.rawValue) \(subject)"
    return "cannot \(what): \(ReactorError.text(ofErrorNumber: errorNumber))\(remedy)"
  }

  private var remedy: String {
    switch (operation, errorNumber) {
    case (.listen, EADDRINUSE), (.openDatagram, EADDRINUSE):
      return
        "; another program has this port: stop it, or choose another, or port 0 for any free one"
    case (.listen, EACCES), (.openDatagram, EACCES):
      return "; ports below 1024 need CAP_NET_BIND_SERVICE"
    case (.listen, EADDRNOTAVAIL), (.openDatagram, EADDRNOTAVAIL):
      return "; no interface of this machine has this address"
    case (_, ENFILE):
      return "; raise the reactor's setting connections (or the system's fs.file-max)"
    case (_, EMFILE):
      return "; raise the limit of open files (ulimit -n)"
    case (.poll, EEXIST):
      return "; an io_uring reactor must be polled by the thread that created it"
    default:
      return ""
    }
  }

  /// "Address already in use (errno 98)".
  public static func text(ofErrorNumber number: Int32) -> String {
    guard let words = unsafe strerror(number) else { return "errno \(number)" }
    return "\(unsafe String(cString: words)) (errno \(number))"
  }
}

/// What became of bytes given to ``Reactor/send(_:on:)``.
@frozen
public enum SendResult: Hashable, Sendable {
  /// In the send buffer, or with the kernel.
  case queued
  /// Not now: nothing was taken. A `sendable` event follows.
  case full
  /// Longer than the whole send buffer, or than a datagram can be.
  case tooLong
  /// The connection is closed, has failed, or its sending side was shut down.
  case notConnected
}
