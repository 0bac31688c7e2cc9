import ExecutionCore
public import Gateways

/// What an exchange session depends on, beside its feed.
public struct ExchangeSessionSettings: Sendable {
  public var exchange = ExchangeSettings()
  /// User names of the accounts, in the order of their numbers.
  public var accounts: [String] = ["NTAIL1"]
  /// Directory of the durable store; nil keeps nothing (virtual time).
  public var directory: String?
  public var startsNewSession = false
  /// Number of a session where none was before; its name has the last eight digits. Who serves sockets draws one:
  /// a client that finds another exchange at its port, while its own is down, is to see that it is another.
  public var firstNumber: UInt64 = 1
  /// Working orders of an account go with its connection, and with the exchange's own end.
  public var cancelsOnDisconnect = false
  /// Published messages that can be asked for again.
  public var retainedMessages = 1 << 18
  public var retainedBytes = 16 << 20
  /// Most bytes that one account may take, in the store and in its stream together.
  ///
  /// In the last sixteenth no new order and no replacement is taken any more; at the end only
  /// cancels of whole orders are. What is refused is not stored, and changes nothing.
  public var accountBytesMax = 2 << 30

  public init() {}
}

/// What became of a message of a client.
enum Submission: Equatable {
  case taken
  /// Answered by silence, or no OUCH message: nothing was stored.
  case ignored
  /// Longer than the store can hold: no OUCH message is.
  case tooLong
  /// The account has no room any more: ``ExchangeSessionSettings/accountBytesMax``.
  case full
  /// The store failed.
  case failed
}

/// A durable exchange session without sockets: feed, core and store, and the streams that follow.
///
/// Every input that is not history is stored before it is applied; how far the session has come is
/// stored before anything that follows from it can be sent. Opened again after SIGKILL it does
/// everything once more from the start: same numbering, same streams, working orders open.
/// Threading: one owner.
@safe public final class ExchangeSession {
  public let settings: ExchangeSessionSettings
  public private(set) var core: ExchangeCore
  public let feed: ExchangeFeed

  /// Takes no new order any more, nor a replacement: what works can be taken off. For a session of which nothing is
  /// stored: started again from a store it would not know.
  func closeEntry() { if settings.directory == nil { core.isClosed = true } }
  /// Published messages by MoldUDP64 sequence.
  var stream: RetainedMessages
  /// By account.
  private(set) var orderStreams: [OrderStream] = []
  /// The last S that was published: a snapshot has it, or a late core would not know that the market is open.
  var lastSystemEvent: MarketRecord?
  /// Messages of the feed that were applied.
  public private(set) var position: UInt64 = 0
  /// The feed has ended.
  public private(set) var isFeedDone = false
  /// Inputs that came back from the store.
  public private(set) var recoveredInputs = 0
  /// Bytes of a torn tail that were cut from the store.
  public var cutBytes: Int { store?.cutBytes ?? 0 }
  /// Inbound OUCH messages of this process's time that could not be decoded; they are ignored.
  public private(set) var undecodable: UInt64 = 0
  /// Requests of this process's time that were answered by silence, and are not in ``core``'s
  /// counters: nothing that changes nothing is stored.
  public private(set) var ignored: UInt64 = 0
  /// Messages that found their account's room used up.
  public private(set) var refusedFull: UInt64 = 0
  /// Name of the SoupBinTCP and MoldUDP64 session.
  public let name: SessionName
  /// Set when the store cannot take any more: no input is accepted then.
  public private(set) var failure: StoreError?

  private let store: ExchangeStore?
  /// By account: bytes of its inputs in the store, or that would be there.
  private var inputBytes: [Int] = []
  private var events: UInt64 = 0
  private var request = OUCHRequest(.accountQuery)
  private let scratch: UnsafeMutableRawBufferPointer

  /// Opens or resumes a session.
  public init(settings: ExchangeSessionSettings, feed: ExchangeFeed) throws(StoreError) {
    self.settings = settings
    self.feed = feed
    var exchange = settings.exchange
    exchange.midnight = feed.midnight
    core = ExchangeCore(settings: exchange)
    stream = RetainedMessages(
      messages: settings.retainedMessages, bytes: settings.retainedBytes)
    if let directory = settings.directory {
      store = try ExchangeStore(
        directory: directory,
        identity: "\(feed.identity) \(exchange) \(settings.accounts)",
        newSession: settings.startsNewSession, firstNumber: settings.firstNumber)
    } else {
      store = nil
    }
    let number = String((store?.sessionNumber ?? settings.firstNumber) % 100_000_000)
    name =
      SessionName("NT" + String(repeating: "0", count: max(0, 8 - number.count)) + number)
      ?? .blank
    unsafe scratch = .allocate(byteCount: 1_024, alignment: 8)
    for facts in feed.instruments { core.define(facts, locate: feed.locates[facts.symbol.code]) }
    for _ in settings.accounts {
      _ = core.openAccount()
      orderStreams.append(OrderStream())
      inputBytes.append(0)
    }
    encodeOutput()
    try recover()
  }

  deinit { unsafe scratch.deallocate() }

  /// The sequence that the next published message will get.
  public var nextSequence: UInt64 { stream.nextSequence }

  /// What an account logs in with.
  func credentials(of account: Int, password: String) -> SoupCredentials? {
    guard account < settings.accounts.count else { return nil }
    return SoupCredentials(username: settings.accounts[account], password: password)
  }

  /// The account whose log-in this is; nil for nobody's.
  func account(of login: SoupLogin, password: String) -> Int? {
    settings.accounts.indices.first {
      credentials(of: $0, password: password) == login.credentials
    }
  }

  /// Messages in the account's sequenced stream.
  public func eventCount(account: Int) -> UInt64 { orderStreams[account].nextSequence - 1 }

  /// One message of the account's sequenced stream, for tests and tools; the first is 1.
  public func eventBytes(account: Int, sequence: UInt64) -> [UInt8]? {
    unsafe orderStreams[account].message(at: sequence).map { unsafe Array($0) }
  }

  /// A published message, while it is retained; the first is 1.
  public func publishedBytes(at sequence: UInt64) -> [UInt8]? {
    unsafe stream.message(at: sequence).map { unsafe Array($0) }
  }

  // MARK: - Inputs

  /// Applies the next message of history; false when there is none.
  @discardableResult public func applyNext() -> Bool {
    guard step() else { return false }
    noteProgress()
    return true
  }

  /// Applies one OUCH message of an account. False when the store failed, when the account's room
  /// is used up, or when the message is longer than the store can hold (no OUCH message is): then
  /// it was not applied, and its client is to be dropped.
  public func submit(_ message: UnsafeRawBufferPointer, account: UInt32, at time: Int64) -> Bool {
    switch unsafe take(message, account: account, at: time) {
    case .taken, .ignored: true
    case .tooLong, .full, .failed: false
    }
  }

  /// Decodes, and stores and applies what changes something: garbage and repetitions take no room.
  func take(
    _ message: UnsafeRawBufferPointer, account: UInt32, at time: Int64
  ) -> Submission {
    guard failure == nil else { return .failed }
    // A client's nonsense must not look like a broken store, which ends the session for all.
    guard message.count <= ExchangeStore.inputMax else {
      undecodable &+= 1
      return .tooLong
    }
    guard unsafe request.decode(message) == nil else {
      undecodable &+= 1
      return .ignored
    }
    guard Int(account) < inputBytes.count, !core.ignores(request, account: account) else {
      ignored &+= 1
      return .ignored
    }
    guard hasRoom(request, Int(account)) else {
      refusedFull &+= 1
      return .full
    }
    let input = unsafe StoredInput(
      kind: .request, account: account, position: position, time: time, bytes: Array(message))
    return accept(input) ? .taken : .failed
  }

  /// Bytes that the account has taken, in the store and in its stream.
  public func bytesTaken(account: Int) -> Int { inputBytes[account] + orderStreams[account].used }

  private func hasRoom(_ request: OUCHRequest, _ account: Int) -> Bool {
    let left = settings.accountBytesMax - bytesTaken(account: account)
    switch request.kind {
    case .enter, .replace: return left > settings.accountBytesMax / 16
    // It ends an order: there are only so many.
    case .cancel where request.quantity == 0: return true
    default: return left > 0
    }
  }

  /// The account's connection is gone.
  public func disconnect(account: UInt32, at time: Int64) -> Bool {
    guard settings.cancelsOnDisconnect, core.workingCount(account: account) > 0 else { return true }
    return accept(
      StoredInput(
        kind: .disconnect, account: account, position: position, time: time, bytes: []))
  }

  private func accept(_ input: StoredInput) -> Bool {
    guard failure == nil else { return false }
    if let store {
      do throws(StoreError) {
        try store.append(input)
      } catch {
        failure = error
        return false
      }
    }
    apply(input)
    noteProgress()
    return true
  }

  private func apply(_ input: StoredInput) {
    if Int(input.account) < inputBytes.count {
      inputBytes[Int(input.account)] += ExchangeStore.headBytes + input.bytes.count + 4
    }
    switch input.kind {
    case .account: break
    case .request:
      let fault = unsafe input.bytes.withUnsafeBytes { unsafe request.decode($0) }
      guard fault == nil else {
        undecodable &+= 1
        return
      }
      core.submit(request, account: input.account, at: input.time)
    case .disconnect: core.disconnect(account: input.account, at: input.time)
    }
    encodeOutput()
  }

  private func step() -> Bool {
    guard let record = feed.next() else {
      isFeedDone = true
      return false
    }
    core.apply(record)
    position &+= 1
    encodeOutput()
    return true
  }

  private func noteProgress() {
    store?.store(
      StoredProgress(
        position: position, published: stream.nextSequence &- 1, events: events))
  }

  // MARK: - Recovery

  private func recover() throws(StoreError) {
    guard let store else { return }
    for input in store.inputs {
      while position < input.position, step() {}
      guard position == input.position else {
        throw mismatch("an input at message \(input.position), the feed ends at \(position)")
      }
      apply(input)
      recoveredInputs += 1
    }
    store.inputs = []
    while position < store.found.position, step() {}
    let now = StoredProgress(
      position: position, published: stream.nextSequence &- 1, events: events)
    guard now.position >= store.found.position, now.published >= store.found.published,
      now.events >= store.found.events
    else {
      throw mismatch("it had come to \(store.found), doing it again gives \(now)")
    }
    if settings.cancelsOnDisconnect, recoveredInputs > 0 {
      // The end of the process ended every connection.
      for account in settings.accounts.indices {
        _ = disconnect(account: UInt32(account), at: core.time)
      }
    }
  }

  private func mismatch(_ what: String) -> StoreError {
    StoreError(
      store?.directory ?? "", "the stored session does not match the feed: \(what)", 0,
      remedy: "start with the feed it was made with, or with --new-session")
  }

  // MARK: - Output

  private func encodeOutput() {
    for index in core.published.indices {
      var record = core.published[index].record
      if record.kind == ITCHDecoder.Kind.systemEvent { lastSystemEvent = record }
      let length = unsafe withUnsafePointer(to: &record) { record in
        unsafe ITCHEncoder.encode(
          record, midnight: feed.midnight,
          into: scratch.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self),
          capacity: scratch.count)
      }
      guard length > 0 else { continue }
      unsafe stream.append(UnsafeRawBufferPointer(rebasing: scratch[..<length]))
    }
    for addressed in core.events {
      var fault: OUCHFault?
      let length = unsafe addressed.event.encode(into: scratch, &fault)
      guard length > 0, Int(addressed.account) < orderStreams.count else { continue }
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: scratch[..<length])
      guard unsafe orderStreams[Int(addressed.account)].append(bytes) else {
        failure = StoreError(
          "order stream of account \(addressed.account)", "is full", 0,
          remedy: "begin a new session")
        continue
      }
      events &+= 1
    }
    core.clearOutput()
  }
}
