internal import ExecutionCore

/// A broker that fills orders on paper, at the quotes and trades of a feed that somebody else makes: what it knows of
/// orders, executions and positions it keeps in a file of its own, and nobody reaches it but through its protocol
/// (``PaperProtocol``).
///
/// ```swift
/// var broker = PaperBroker(settings)
/// let client = broker.connected(now: now)
/// _ = broker.receive(bytes, client, now: now)
/// try broker.keep { try file.append($0) }  // before anybody is told
/// socket.write(broker.output(client))
/// ```
///
/// Sans-I/O and without a clock: every call gets `now`, nanoseconds since 1970 UTC that never go back. What
/// ``keep(_:)`` gives is to be in the file before ``output(_:)`` is sent: then a broker that is made again from the
/// file, after any death of its process, knows all that anybody was told.
///
/// How it fills is in [Protocol.md](Protocol.md): against displayed size where an order takes, when the market trades
/// through or has worked off the queue where it rests. It is a model: nobody reacts to its orders.
///
/// Threading: one thread. It allocates: it is no part of anybody's hot path. A value, to be held in one place: a copy is
/// another broker of the same clients.
public struct PaperBroker {
  public let settings: PaperSettings
  /// What it does and could not do, counted.
  public internal(set) var counters = PaperCounters()
  /// Its file can't be written any more: it takes no request.
  public private(set) var hasFailed = false

  var accounts: [PaperAccount]
  var books: [PaperBook]
  var orders: [PaperOrder] = []
  var executions: [PaperExecution] = []
  var clients: [PaperClient?] = []
  var dice: PaperDice
  var executionNumber: UInt64 = 0
  var sessions: UInt64 = 0
  /// Requests that have not taken effect yet, in their order.
  var waiting: [PaperRequest] = []
  var waitingFirst = 0
  private var records = PaperRecords()
  private var recordBytes = 0
  private(set) var now: Int64 = 0
  /// What was carried out of what happens without an order.
  public internal(set) var actionsDone = PaperActionsDone()
  private var dropAt: Int64 = 0
  let symbols: [Symbol: Int32]
  let names: [String: Int32]
  let grids: [PaperGrid]

  /// With no order; see ``recovered(_:file:)`` for one that goes on.
  public init(_ settings: PaperSettings) {
    self.settings = settings
    accounts = settings.accounts.map {
      PaperAccount(cash: $0.cash.raw, instruments: settings.instruments.count)
    }
    books = settings.instruments.map {
      var book = PaperBook()
      book.status = $0.status
      return book
    }
    dice = PaperDice(settings.seed)
    var symbols: [Symbol: Int32] = [:]
    for (i, facts) in settings.instruments.enumerated() { symbols[facts.symbol] = Int32(i) }
    self.symbols = symbols
    var names: [String: Int32] = [:]
    for (i, account) in settings.accounts.enumerated() { names[account.name] = Int32(i) }
    self.names = names
    grids = settings.instruments.map(PaperGrid.init)
  }

  // MARK: Its file

  /// What its file begins with.
  static var magic: [UInt8] { Array("NTPAPER1".utf8) }

  /// Of instruments and accounts: a file of others is not gone on with.
  static func identity(_ settings: PaperSettings) -> [UInt8] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ text: String) {
      for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    for facts in settings.instruments {
      mix("\(facts.symbol) \(facts.priceExponent) \(facts.quantityExponent) \(facts.multiplier);")
    }
    for account in settings.accounts { mix("\(account.name) \(account.cash.raw);") }
    return (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64(56 - 8 * $0)) }
  }

  /// What a new file is to begin with.
  public static func header(_ settings: PaperSettings) -> [UInt8] { magic + identity(settings) }

  /// As its file has it: all that was told of orders, executions and positions; orders that worked work on. A record at
  /// the end that was cut off was not told anybody, and is to be cut: ``PaperRecovery/bytes`` is the file's length then.
  /// A record that is not what it was stops it: what lies behind may have been told.
  public static func recovered(
    _ settings: PaperSettings, file: UnsafeRawBufferPointer
  ) throws(PaperFileProblem) -> PaperRecovery {
    let header = header(settings)
    let begin = unsafe file.prefix(header.count)
    guard unsafe begin.elementsEqual(header.prefix(begin.count)) else { throw .foreign }
    var broker = PaperBroker(settings)
    // Cut off before its first record.
    guard file.count >= header.count else {
      return PaperRecovery(broker: broker, bytes: 0, records: 0, cut: file.count)
    }
    var offset = header.count
    var count = 0
    // Each turn takes a record.
    while let (fact, next) = unsafe PaperFact.read(file, at: offset) {
      guard broker.isPossible(fact) else { throw .damaged(offset: offset) }
      broker.apply(fact)
      offset = next
      count += 1
    }
    if offset < file.count, unsafe !PaperFact.isTorn(file, at: offset) {
      throw .damaged(offset: offset)
    }
    broker.rest()
    return PaperRecovery(
      broker: broker, bytes: offset, records: count, cut: file.count - offset)
  }

  /// Hands over what is to be written to its file now, in order, if there is anything; behind it nothing is left to be
  /// written. Where that fails, say ``fileFailed()``.
  public mutating func keep<E: Error>(
    _ write: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard recordBytes > 0 else { return }
    let bytes = unsafe records.view.part(0, recordBytes)
    recordBytes = 0
    try unsafe write(bytes)
  }
  /// What was taken could not be written: nothing more is taken, and nobody is told what was not written.
  public mutating func fileFailed() {
    hasFailed = true
    for client in clients { client?.forget() }
  }

  mutating func record(_ fact: PaperFact) {
    records.makeRoom(recordBytes &+ PaperProtocol.frameBytesMax, keeping: recordBytes)
    recordBytes += fact.write(to: unsafe WireWriter(records.tail(recordBytes)))
    apply(fact)
  }

  // MARK: Clients

  /// A connection was made; its number.
  public mutating func connected(now: Int64) -> Int {
    advance(to: now)
    let client = PaperClient(outputBytes: settings.outputBytes)
    for i in clients.indices where clients[i] == nil {
      clients[i] = client
      return i
    }
    clients.append(client)
    return clients.count - 1
  }

  /// It is gone, by whomever; what it had not been told it asks for the next time.
  public mutating func disconnected(_ number: Int, now: Int64) {
    advance(to: now)
    guard let client = client(number) else { return }
    clients[number] = nil
    guard client.account >= 0 else { return }
    let account = Int(client.account)
    // Another log-in may have the account by now.
    guard accounts[account].client == number else { return }
    accounts[account].client = -1
    if settings.cancelsOnDisconnect { cancelAll(client.account, .sessionDropped) }
  }

  func client(_ number: Int) -> PaperClient? {
    number >= 0 && number < clients.count ? clients[number] : nil
  }

  /// Bytes came. How many were used: fewer than given when ``isClosing(_:)`` says so.
  public mutating func receive(_ bytes: UnsafeRawBufferPointer, _ number: Int, now: Int64) -> Int {
    advance(to: now)
    guard let client = client(number) else { return bytes.count }
    var offset = 0
    // Each turn uses bytes, or ends.
    while offset < bytes.count, !client.isClosing {
      let used = unsafe client.take(
        UnsafeRawBufferPointer(rebasing: bytes[offset...]), malformed: &counters.malformed)
      offset += used
      guard let frame = client.frame() else {
        if used == 0 { break }
        continue
      }
      handle(frame, number, client)
      client.dropFrame()
    }
    settle()
    return offset
  }

  /// What is to be sent to it now, in order; ``sent(_:_:)`` says how much of it was.
  public func output(_ number: Int) -> UnsafeRawBufferPointer {
    guard let client = client(number) else {
      return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return unsafe client.output
  }
  public mutating func sent(_ number: Int, _ bytes: Int) { client(number)?.sent(bytes) }
  /// It is to be closed when ``output(_:)`` has been sent.
  public func isClosing(_ number: Int) -> Bool { client(number)?.isClosing ?? true }
  public func isLoggedIn(_ number: Int) -> Bool { client(number)?.isLoggedIn ?? false }

  // MARK: Time

  /// When something is due if nothing comes before: nanoseconds, `.max` for nothing.
  public var due: Int64 {
    var due = waitingFirst < waiting.count ? waiting[waitingFirst].due : Int64.max
    for case .some(let client) in clients {
      due = min(due, client.due(heartbeat: settings.heartbeatInterval))
    }
    if dropAt != 0 { due = min(due, dropAt) }
    return due
  }

  /// Time has passed: what is due takes effect, and is told.
  public mutating func tick(now: Int64) {
    advance(to: now)
    settle()
    for number in clients.indices {
      guard let client = clients[number], client.isLoggedIn else { continue }
      client.keepAlive(now: now, after: settings.heartbeatInterval)
    }
    dropSome()
  }

  mutating func advance(to time: Int64) { now = max(now, time) }

  /// Requests that are due take effect, and frames that are due go to their outputs.
  mutating func settle() {
    // Ends: each turn takes a request; none is added that is due before those that wait.
    while waitingFirst < waiting.count, waiting[waitingFirst].due <= now, !hasFailed {
      let request = waiting[waitingFirst]
      waitingFirst += 1
      carryOut(request)
    }
    if waitingFirst == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      waitingFirst = 0
    } else if waitingFirst > 4_096 {
      waiting.removeFirst(waitingFirst)
      waitingFirst = 0
    }
    for case .some(let client) in clients { client.release(now: now) }
  }

  private mutating func dropSome() {
    guard settings.dropInterval > 0 else { return }
    if dropAt == 0 {
      dropAt = now + 1 + Int64(dice.below(UInt64(settings.dropInterval) * 2))
    }
    guard now >= dropAt else { return }
    dropAt = 0
    for case .some(let client) in clients where client.isLoggedIn {
      client.fail()
      counters.drops += 1
    }
  }
}

/// Bytes that wait to be written, in memory that is kept.
final class PaperRecords {
  private var block = Block(count: 1 << 16)
  var view: WireView { block.view }
  func makeRoom(_ bytes: Int, keeping count: Int) {
    guard bytes > block.count else { return }
    let larger = Block(count: max(bytes, block.count * 2))
    unsafe larger.writer.copy(0, block.view.part(0, count))
    block = larger
  }
  func tail(_ offset: Int) -> UnsafeMutableRawBufferPointer {
    unsafe block.writer.part(offset, block.count - offset)
  }
}

/// Why a file is not gone on with. It stays as it is.
public enum PaperFileProblem: Error, Equatable {
  /// Of other instruments or accounts, or no file of a paper broker.
  case foreign
  /// The record there is not what was written.
  case damaged(offset: Int)
}

/// A broker made from its file.
public struct PaperRecovery {
  public var broker: PaperBroker
  /// Of the file that are whole records: what is behind them is to be cut before anything is appended.
  public var bytes: Int
  public var records: Int
  /// Bytes behind them.
  public var cut: Int
}

/// What a broker did, since it was made.
public struct PaperCounters: Sendable, Hashable {
  public var newOrders: UInt64 = 0
  public var rejected: UInt64 = 0
  public var changes: UInt64 = 0
  public var cancels: UInt64 = 0
  public var refusals: UInt64 = 0
  public var executions: UInt64 = 0
  public var queries: UInt64 = 0
  /// Frames that are none: their session was ended.
  public var malformed: UInt64 = 0
  public var logins: UInt64 = 0
  public var loginsRefused: UInt64 = 0
  // By setting.
  public var forgotten: UInt64 = 0
  public var delayed: UInt64 = 0
  public var doubled: UInt64 = 0
  public var contradicted: UInt64 = 0
  public var drops: UInt64 = 0
  /// Sessions of clients that did not read what they were told.
  public var slow: UInt64 = 0
  public init() {}
}

/// A request that has come, and takes effect when it is due.
struct PaperRequest: Sendable {
  enum Kind: Sendable {
    case new(PaperOrder, PaperReason)
    case change(PaperID, price: Int64, quantity: Int64)
    case cancel(PaperID)
    case cancelAll
    case queryOrder(UInt32, PaperID)
    case queryOrders(UInt32, after: UInt64, isOpenOnly: Bool)
    case queryExecutions(UInt32, after: UInt64, PaperID)
    case queryPositions(UInt32, after: UInt32)
  }
  var due: Int64
  var account: Int32
  var kind: Kind
}

/// An account's orders and what they came to.
struct PaperAccount: Sendable {
  var cash: Int128
  var client = -1
  var revision: UInt64 = 0
  /// Places of its orders by their names.
  var orders = PaperNames()
  /// Every change of one of its orders, by revision.
  var changes: [(revision: UInt64, order: Int32)] = []
  /// Places of its executions.
  var executions: [Int32] = []
  var positions: [PaperPosition]
  var impacts: [PaperImpact]
  var working = 0

  init(cash: Int128, instruments: Int) {
    self.cash = cash
    positions = Array(repeating: PaperPosition(), count: instruments)
    impacts = Array(repeating: PaperImpact(), count: instruments)
  }
}

/// Steps of an instrument's prices and quantities.
struct PaperGrid: Sendable {
  var tick: Int64
  var lot: Int64
  var allowsNegativePrices: Bool
  init(_ facts: InstrumentFacts) {
    tick = max(1, facts.tick)
    lot = max(1, facts.roundLot)
    allowsNegativePrices = facts.allowsNegativePrices
  }
}
