/// Why a feed file cannot be read, or cannot be read further: which file, where, what, and what to do.
public struct FeedError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Cause: Hashable, Sendable {
    /// It cannot be opened or read; the errno.
    case system(Int32)
    /// Its content is cut, damaged, or of a kind that is not understood.
    case data
  }
  public var path: String
  /// Byte offset in the content, after decompression; nil when the file could not be opened.
  public var offset: UInt64?
  public var cause: Cause
  /// What is wrong.
  public var problem: String
  /// What to do.
  public var remedy: String

  public init(
    path: String, offset: UInt64?, cause: Cause, problem: String, remedy: String
  ) {
    self.path = path
    self.offset = offset
    self.cause = cause
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String {
    let place = offset.map { " at offset \($0)" } ?? ""
    return "\(path)\(place): \(problem); \(remedy)"
  }
}

extension FeedError {
  /// What is said of a recording of ours where a feed or another program's file is read.
  public static func recording(_ path: String) -> FeedError {
    FeedError(
      path: path, offset: nil, cause: .data,
      problem: "is a recording (.ntc), which is not read here",
      remedy: "fill orders at it with 'needletail paper --feed', print its books with 'needletail "
        + "book', or its records with 'needletail capture show'")
  }
}

/// What a feed file holds, told by its first bytes and never by its name.
public enum FeedKind: String, Sendable, CaseIterable {
  /// ITCH messages, each behind a 2-byte big-endian length.
  case framedITCH = "framed ITCH"
  case pcap
  case pcapng
  /// Of ours (`.ntc`, Format.md): ``CaptureReader`` reads it.
  case recording

  /// From the first four bytes of the content (after decompression). No ITCH frame can begin like
  /// one of the others: the lengths would be over 2,000, and the longest message has 50 bytes.
  init(firstBytes bytes: [UInt8]) {
    guard bytes.count >= 4 else {
      self = .framedITCH
      return
    }
    if bytes.starts(with: CaptureHeader.magic.prefix(4)) {
      self = .recording
      return
    }
    let word = bytes[0..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    switch word {
    case 0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1: self = .pcap
    case 0x0a0d_0d0a: self = .pcapng
    default: self = .framedITCH
    }
  }
}
