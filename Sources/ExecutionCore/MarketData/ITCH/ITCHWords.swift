/// What the letters of ITCH say of trading, in the words of all venues, and back (Nasdaq TotalView-ITCH 5.0,
/// sections 1.1, 1.2.2 and 1.2.3). A letter that is not known says nothing: then risk refuses.
extension MarketStatus {
  /// From H's trading state.
  @_noLocks public init(itch letter: UInt8) {
    switch letter {
    case 72: self = .halted  // H
    case 80: self = .paused  // P
    case 81: self = .quotationOnly  // Q
    case 84: self = .trading  // T
    default: self = .unknown
    }
  }
  /// The letter of H; 0 for what ITCH has no word for.
  public var itch: UInt8 {
    switch self {
    case .halted: UInt8(ascii: "H")
    case .paused: UInt8(ascii: "P")
    case .quotationOnly: UInt8(ascii: "Q")
    case .trading: UInt8(ascii: "T")
    case .unknown, .preOpen, .auction, .closed: 0
    }
  }
}

extension ShortSaleRule {
  /// From Y's Reg SHO action.
  @_noLocks public init(itch letter: UInt8) {
    switch letter {
    case 48: self = .unrestricted  // 0
    case 49: self = .restricted  // 1
    case 50: self = .remainsRestricted  // 2
    default: self = .unknown
    }
  }
  /// The letter of Y; 0 while nothing is known.
  public var itch: UInt8 {
    switch self {
    case .unrestricted: UInt8(ascii: "0")
    case .restricted: UInt8(ascii: "1")
    case .remainsRestricted: UInt8(ascii: "2")
    case .unknown: 0
    }
  }
}

extension MarketHours {
  /// From S's event.
  @_noLocks init(itch letter: UInt8) {
    switch letter {
    case 79, 83: self = .preOpen  // O, S
    case 81: self = .open  // Q
    case 77, 69, 67: self = .closed  // M, E, C
    default: self = .unknown
    }
  }
}
