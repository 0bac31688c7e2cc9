import ExecutionCore
import Gateways
import Testing
import Transport

@testable import Node

/// What the end of a run means for its exit code.
struct RunOutcomeTests {
  private static func feed(datagrams: UInt64, applied: UInt64) -> FeedTrouble {
    var feed = FeedTrouble()
    feed.datagrams = datagrams
    feed.applied = applied
    feed.session = SessionName("OURS")
    return feed
  }
  private static var good: RunTrouble {
    RunTrouble(
      end: .duration, sessionTrouble: "", hasLoggedIn: true, isSessionUp: true,
      feed: feed(datagrams: 10, applied: 10), venue: .exchange, market: .equities)
  }
  private func message(_ change: (inout RunTrouble) -> Void) -> String? {
    var trouble = Self.good
    change(&trouble)
    let failure = trouble.failure
    #expect(failure == nil || failure?.code == .unavailable)
    return failure?.message
  }

  @Test(arguments: [RunEnd.duration, .feedEnded, .signal])
  func `a run that had its exchange has no trouble`(_ end: RunEnd) {
    #expect(message { $0.end = end } == nil)
  }

  @Test func `every way to be without the exchange is told apart`() {
    #expect(
      message {
        $0.hasLoggedIn = false
        $0.sessionTrouble = "refused"
      }?.hasPrefix("never logged in to the exchange: refused; check ") == true)
    #expect(
      message { $0.hasLoggedIn = false }?.hasPrefix("never logged in to the exchange: no answer")
        == true)
    #expect(
      message {
        $0.end = .exchangeLost
        $0.isGone = true
        $0.sessionTrouble = "closed"
      } == "the exchange was lost: closed")
    #expect(message { $0.end = .noSnapshot }?.contains("snapshot service") == true)
    #expect(
      message { $0.end = .networkFailed(9) }
        == "network failure: Bad file descriptor (errno 9)")
    #expect(
      message {
        $0.end = .noSnapshot
        $0.feed.isSnapshotRefused = true
      }?.contains("refused every log-in") == true)
    #expect(
      message {
        $0.feed = Self.feed(datagrams: 10, applied: 0)
        $0.feed.isSnapshotAwaited = true
      }?.contains("the books that they go on from did not") == true)
    #expect(
      message {
        $0.end = .feedEnded
        $0.hasTraded = false
        $0.venue.attach = "127.0.0.1:1"
      }?.contains("over before trading") == true)
    #expect(message { $0.isSessionUp = false }?.contains("down at the end") == true)
    #expect(message { $0.isBlind = true }?.contains("never seen") == true)
  }

  @Test func `a feed's end is trouble where the exchange is gone and orders are left`() {
    let text = message {
      $0.end = .feedEnded
      $0.isSessionUp = false
      $0.openOrders = 3
      $0.sessionTrouble = "the venue has ended the session"
    }
    #expect(
      text
        == "the exchange was gone before it had confirmed every cancel: the venue has ended the session"
    )
    // The exchange has ended the session of who had nothing at work any more.
    let isOver = message {
      $0.end = .feedEnded
      $0.isSessionUp = false
    }
    #expect(isOver == nil)
    // What the venue does not cancel although it is there is no trouble with reaching it.
    let isThere = message {
      $0.end = .feedEnded
      $0.openOrders = 3
    }
    #expect(isThere == nil)
  }

  @Test func `silent lines are trouble for one that attached`() {
    let text = message {
      $0.feed = FeedTrouble()
      $0.venue.attach = "127.0.0.1:1"
      $0.market.lineA = "127.0.0.1:4"
      $0.market.lineB = "127.0.0.1:5"
    }
    #expect(text?.hasPrefix("no market data came at 127.0.0.1:4 and 127.0.0.1:5") == true)
  }

  @Test(arguments: [RunEnd.signal, .journalFailed])
  func `what ended the run before the exchange could answer is not laid to it`(_ end: RunEnd) {
    let text = message {
      $0.end = end
      $0.hasLoggedIn = false
      $0.isSessionUp = false
      $0.feed = FeedTrouble()
    }
    #expect(text == nil)
  }

  @Test(arguments: [RunEnd.duration, .feedEnded, .signal])
  func `a run that applied nothing of what came says why`(_ end: RunEnd) {
    let foreign = message {
      $0.end = end
      $0.feed = Self.feed(datagrams: 25_335, applied: 0)
      $0.feed.foreign = 25_335
      $0.feed.foreignSession = SessionName("THEIRS")
    }
    #expect(
      foreign?.contains("25,335 of 25,335 datagrams were of another session, such as 'THEIRS")
        == true)
    let unknown = message {
      $0.end = end
      $0.feed = FeedTrouble()
      $0.feed.datagrams = 7
      $0.feed.unidentified = 7
    }
    #expect(unknown?.contains("session was not known (7 datagrams came meanwhile)") == true)
    let useless = message {
      $0.end = end
      $0.feed = Self.feed(datagrams: 3, applied: 0)
    }
    #expect(useless?.contains("3 datagrams came, and none of use") == true)
  }

  @Test(arguments: [RunEnd.noInstrument, .duration, .feedEnded])
  func `a feed that names none of the instruments is wrong data`(_ end: RunEnd) {
    var trouble = Self.good
    trouble.end = end
    trouble.feed.isNameless = true
    trouble.venue.attach = "127.0.0.1:1"
    #expect(trouble.failure?.code == .dataError)
    #expect(trouble.failure?.message.contains("names none of the instruments") == true)
    #expect(trouble.failure?.message.contains("--write-instruments") == true)
  }

  @Test func `a run that never learned its session says what to set`() {
    let text = message {
      $0.end = .noSession
      $0.market.snapshot = "127.0.0.1:3"
    }
    #expect(text?.contains("snapshot service at 127.0.0.1:3 did not name it") == true)
    #expect(text?.contains("set 'session'") == true)
  }

  @Test func `peak memory is read where the system says it`() {
    let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  281212 kB\nVmRSS:\t 5 kB\n"
    #expect(ProcessMemory.peakResidentBytes(inStatus: status) == 281_212 * 1_024)
    for text in ["", "VmHWM:", "VmHWM: x kB", "VmHWM: 99999999999999999999 kB", "VmHWM: -1 kB"] {
      #expect(ProcessMemory.peakResidentBytes(inStatus: text) == nil, "\(text)")
    }
    #expect(ProcessMemory.peakResidentBytes(inStatus: "VmHWM: 18446744073709551615 kB") == nil)
  }

  @Test func `services follow order entry's port where there is room`() {
    let entry = Endpoint(address: 0x7f00_0001, port: 26_400)
    #expect(DefaultPort.rerequest.endpoint(above: entry)?.port == 26_401)
    #expect(DefaultPort.lineB.endpoint(above: entry)?.address == 0x7f00_0001)
    for port in [0, 65_532, 65_535] as [UInt16] {
      let none = Endpoint(address: 0x7f00_0001, port: port)
      #expect(DefaultPort.snapshot.endpoint(above: none) == nil, "\(port)")
    }
  }
}
