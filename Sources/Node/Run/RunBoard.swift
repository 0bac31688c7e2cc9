import Synchronization
import Transport

/// What the hot thread and the main thread tell each other once, before trading can begin: where the lines of the feeds
/// are received, and where the venues are; each by the venues' numbers.
///
/// Threading: any.
final class RunBoard: Sendable {
  private struct State {
    var lines: [FeedPlaces]?
    var services: [VenueServices]?
  }
  private let state = Mutex(State())

  /// nil until the hot thread has opened them.
  var lines: [FeedPlaces]? {
    get { state.withLock { $0.lines } }
    set { state.withLock { $0.lines = newValue } }
  }
  /// nil until the main thread knows them.
  var services: [VenueServices]? {
    get { state.withLock { $0.services } }
    set { state.withLock { $0.services = newValue } }
  }
}

/// Where the two lines of a feed are received.
struct FeedPlaces: Sendable {
  var a: Endpoint
  var b: Endpoint
  var all: [Endpoint] { [a, b] }
}
