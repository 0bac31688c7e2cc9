public import Gateways
public import Transport

/// What happens to an ``ExchangeServer`` that whoever runs it wants to know: who comes, who goes and why, and what
/// of its own fails. The server tells it to the closure of its `init` when it happens, and keeps nothing of it.
public enum ExchangeEvent: Hashable, Sendable {
  public enum Service: Hashable, Sendable { case orderEntry, snapshots }

  /// One connection.
  public struct Client: Hashable, Sendable {
    public var service: Service
    /// Where it comes from.
    public var peer: Endpoint
    /// Of its account; nil: it has not logged in.
    public var username: String?

    public init(_ service: Service, from peer: Endpoint, username: String? = nil) {
      self.service = service
      self.peer = peer
      self.username = username
    }
  }

  /// Why a log-in was refused.
  public enum Refusal: Hashable, Sendable {
    /// No account has this user name with this password. The name is the client's: any ten bytes.
    case credentials(username: String)
    /// It asked for another session than the one that runs.
    case session(SessionName)
    /// It asked for a message that the account's stream has not come to: it has had another stream.
    case sequence(UInt64, next: UInt64)
    /// ``ExchangeServer/loginsRefused``.
    case setting
  }

  /// Why a connection was closed.
  public enum Closing: Hashable, Sendable {
    /// By the client: it logged out, closed its end, or was reset.
    case loggedOut, ended
    case failed(errorNumber: Int32)
    /// Nothing came, not even heartbeats.
    case silent
    case fault(SoupFault)
    /// It never said who it is: until ``ExchangeServerLimits/loginTimeout``, or until a newer one needed its place.
    case neverLoggedIn, displaced
    /// A newer log-in of the account, there: an account has one connection.
    case replaced(by: Endpoint)
    /// It waited for its turn to log in, and a newer one of the account, or one beyond the bound, waits in its stead.
    case overtaken
    /// It did not read what it was sent.
    case unread
    /// More messages than ``ExchangeServerLimits/messagesPerSecond``; ``ExchangeSessionSettings/accountBytesMax``.
    case tooFast, roomUsedUp
    /// A message that is too long for any, or that the store could not take.
    case notTaken
    /// A snapshot that had been sent whole made room for another client's.
    case madeRoom
  }

  /// A datagram socket of the server's own.
  public enum Socket: Hashable, Sendable { case rerequests, line(Int) }

  /// The first message that it asked for, 0: the newest; and the next one that the account's stream will have.
  case loggedIn(Client, asked: UInt64, next: UInt64)
  case refused(Client, Refusal)
  /// It waits for its turn: ``ExchangeServerLimits/loginsPerSecond`` and those of snapshots.
  case delayed(Client)
  /// With so many of the account's orders at work from then on.
  case closed(Client, Closing, working: Int)
  /// A connection could not be accepted.
  case notAccepted(errorNumber: Int32)
  /// Datagrams could not be sent; 0: the socket takes no more, which of the lines is only counted.
  case unsent(Socket, errorNumber: Int32)
  case socketFailed(Socket, errorNumber: Int32)
  case socketOpened(Socket)
  case socketNotOpened(Socket, errorNumber: Int32)
}
