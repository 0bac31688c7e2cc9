/// A capture file, pcap or pcapng, raw or .gz: gives the UDP datagrams and TCP segments in it, in capture
/// order.
///
/// Both byte orders, micro- and nanosecond stamps; Ethernet and Linux cooked frames with up to four VLAN tags, raw
/// IP, BSD loopback; IPv4, and IPv6 with its extension headers. What is no IP with UDP or TCP is counted and
/// passed over; a link type that is not understood is an error. Threading: one thread.
///
/// Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
@safe public struct PacketCapture: ~Copyable {
  /// Longest packet that is believed: over any MTU, less than an input window.
  static var packetMax: Int { 1 << 19 }

  var input: FeedInput
  let kind: FeedKind
  /// For messages.
  public var path: String { input.path }
  var isLittle = false
  /// The one interface of a pcap; those of the present section of a pcapng.
  var interfaces: [CaptureInterface] = []

  /// Packets recorded, those passed over included.
  public internal(set) var packets = 0
  /// Not IP, or neither UDP nor TCP.
  public private(set) var otherPackets = 0
  /// Lengths in their headers do not fit.
  public private(set) var malformedPackets = 0
  /// Pieces of fragmented datagrams of which others are missing, or come no more.
  public private(set) var fragments = 0
  private var pieces = FragmentTable()
  /// The datagram that was put together last.
  private let whole = UnsafeMutableRawBufferPointer.allocate(
    byteCount: FragmentTable.bytesMax + 40, alignment: 8)
  /// Captured shorter than they were sent.
  public private(set) var cutPackets = 0

  public init(path: String) throws(FeedError) {
    try self.init(input: FeedInput(path: path))
  }

  /// Reads the file's header. Throws when it is not a capture or its link type is not understood.
  public init(input: consuming FeedInput) throws(FeedError) {
    self.input = input
    kind = self.input.kind()
    switch kind {
    case .pcap: try readPcapHeader()
    case .pcapng: break
    case .recording: throw FeedError.recording(self.input.path)
    case .framedITCH:
      throw FeedError(
        path: self.input.path, offset: 0, cause: .data, problem: "is neither pcap nor pcapng",
        remedy: "give a capture as tcpdump or Wireshark writes it")
    }
  }

  /// The next UDP datagram or TCP segment; nil at the end.
  ///
  /// Throws when the file is cut or damaged; everything before has been given.
  public mutating func next() throws(FeedError) -> CapturedPacket? {
    // Ends with the file: every turn consumes a record.
    while true {
      guard let frame = try nextFrame() else {
        if let failure = input.failure { throw failure }
        return nil
      }
      packets += 1
      if frame.isCut { cutPackets += 1 }
      let parser = unsafe FrameParser(frame.bytes)
      let (packet, skip) = parser.packet(frame.link, time: frame.time, offset: frame.offset)
      if let packet { return packet }
      switch skip {
      case .other: otherPackets += 1
      // What was cut off is no fault of the sender's.
      case .malformed: malformedPackets += frame.isCut ? 0 : 1
      case .fragment(let piece):
        fragments += 1
        if let packet = assembled(with: piece, of: frame) { return packet }
      }
    }
  }

  deinit { unsafe whole.deallocate() }

  /// The datagram that the piece makes whole, if it does.
  private mutating func assembled(
    with piece: DatagramFragment, of frame: CapturedFrame
  ) -> CapturedPacket? {
    guard let (bytes, count) = unsafe pieces.take(piece, of: frame.bytes) else { return nil }
    unsafe whole.copyBytes(from: bytes)
    let parser = unsafe FrameParser(UnsafeRawBufferPointer(rebasing: whole[..<bytes.count]))
    fragments -= count
    return parser.packet(.rawIP, time: frame.time, offset: frame.offset).0
  }

  /// Content bytes passed, after decompression.
  public var offset: UInt64 { input.offset }

  private mutating func nextFrame() throws(FeedError) -> CapturedFrame? {
    kind == .pcap ? try nextPcapFrame() : try nextPcapngFrame()
  }

  // MARK: pcap

  private mutating func readPcapHeader() throws(FeedError) {
    let window = unsafe input.window(24)
    guard window.count >= 24 else { throw cut("the file header") }
    let reader = unsafe WordReader(bytes: window, isLittle: false)
    let magic = reader.word32(0)
    isLittle = magic == 0xd4c3_b2a1 || magic == 0x4d3c_b2a1
    let isNano = magic == 0xa1b2_3c4d || magic == 0x4d3c_b2a1
    // The upper half tells of frame check sequences, which IP lengths make harmless.
    let link = unsafe WordReader(bytes: window, isLittle: isLittle).word32(20) & 0xffff
    _ = try linkType(link)
    interfaces = [
      CaptureInterface(
        link: link, snapLength: 0, ticksPerSecond: isNano ? 1_000_000_000 : 1_000_000,
        offsetSeconds: 0)
    ]
    input.consume(24)
  }

  private mutating func nextPcapFrame() throws(FeedError) -> CapturedFrame? {
    let head = unsafe input.window(16)
    guard head.count > 0 else { return nil }
    guard head.count >= 16 else { throw cut("a packet header") }
    let length = Int(unsafe WordReader(bytes: head, isLittle: isLittle).word32(8))
    guard length <= Self.packetMax else { throw impossible("a packet of \(length) bytes") }
    let window = unsafe input.window(16 + length)
    let reader = unsafe WordReader(bytes: window, isLittle: isLittle)
    guard window.count >= 16 + length else { throw cut("a packet") }
    let interface = interfaces[0]
    let ticks = UInt64(reader.word32(4))
    let seconds = Int64(reader.word32(0))
    let frame = unsafe CapturedFrame(
      bytes: UnsafeRawBufferPointer(rebasing: window[16..<16 + length]),
      time: seconds * 1_000_000_000 + interface.nanoseconds(ticks), offset: input.offset,
      link: try linkType(interface.link), isCut: length < Int(reader.word32(12)))
    input.consume(16 + length)
    return frame
  }

  // MARK: Errors

  func linkType(_ code: UInt32) throws(FeedError) -> LinkType {
    if let link = LinkType(rawValue: code) { return link }
    let known = LinkType.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
    throw FeedError(
      path: input.path, offset: input.offset, cause: .data,
      problem: "captured on link type \(code), which is not understood",
      remedy: "capture on Ethernet or raw IP (link types \(known) are read)")
  }

  func cut(_ what: String) -> FeedError {
    input.failure
      ?? FeedError(
        path: input.path, offset: input.offset, cause: .data,
        problem: "the capture ends inside \(what)",
        remedy: "get the whole file again; everything before this place has been read")
  }

  func impossible(_ what: String) -> FeedError {
    FeedError(
      path: input.path, offset: input.offset, cause: .data, problem: "has \(what)",
      remedy: "the file is damaged here; everything before this place has been read")
  }
}

/// One interface of a capture.
struct CaptureInterface {
  /// As the file has it: what nothing was captured on need not be understood.
  var link: UInt32
  var snapLength: Int
  var ticksPerSecond: UInt64
  var offsetSeconds: Int64

  /// Ticks as nanoseconds, the interface's own offset not included.
  func nanoseconds(_ ticks: UInt64) -> Int64 {
    let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: ticksPerSecond)
    let product = rest.multipliedFullWidth(by: 1_000_000_000)
    let fraction = ticksPerSecond.dividingFullWidth(product).quotient
    let whole = Int64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    guard !whole.overflow else { return .max }
    return whole.partialValue &+ Int64(clamping: fraction)
  }
}

/// One recorded frame with its link layer.
@safe struct CapturedFrame {
  @unsafe var bytes: UnsafeRawBufferPointer
  var time: Int64
  var offset: UInt64
  var link: LinkType
  var isCut: Bool
}

/// Words of a capture in the file's byte order. The caller has checked the length.
@safe struct WordReader {
  @unsafe let bytes: UnsafeRawBufferPointer
  let isLittle: Bool

  init(bytes: UnsafeRawBufferPointer, isLittle: Bool) {
    unsafe self.bytes = unsafe bytes
    self.isLittle = isLittle
  }

  func word16(_ at: Int) -> UInt16 {
    let high = unsafe UInt16(bytes[isLittle ? at + 1 : at])
    let low = unsafe UInt16(bytes[isLittle ? at : at + 1])
    return high << 8 | low
  }
  func word32(_ at: Int) -> UInt32 {
    let first = UInt32(word16(at))
    let second = UInt32(word16(at + 2))
    return isLittle ? second << 16 | first : first << 16 | second
  }
}
