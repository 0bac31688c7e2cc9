/// What a venue can do, as data: risk refuses what it lacks, and nothing else in the core asks who it is.
@frozen public struct VenueCapabilities: BitwiseCopyable, Sendable, Hashable {
  /// How new terms of a working order reach the venue.
  @frozen public enum Replacing: UInt8, BitwiseCopyable, Sendable {
    /// Not at all: cancel, and send a new one.
    case none = 0
    /// A new order under a new reference takes the place of the old one.
    case newReference = 1
    /// The order keeps its reference; price and quantity change in place.
    case inPlace = 2
  }
  public var replacing = Replacing.newReference
  /// Makes an order smaller in place, priority kept.
  public var reducesInPlace = true
  /// Cancels down to a quantity, not only all.
  public var cancelsPart = true
  /// Counts the executions of an order within its quantity: new terms name the whole. False: they name what
  /// is to be open.
  public var quantityIsWhole = true
  /// One request cancels all orders of an account.
  public var cancelsAll = false
  /// Order entry of an account can be switched off and on at the venue.
  public var switchesEntry = false
  /// What became of a request can be asked.
  public var answersInquiries = true
  public var timesInForce = TimesInForce.all
  public var flags: OrderFlags = []
  public var displays = Displays.all
  /// How often an order can be replaced under a new reference: its identifier tells so many apart.
  public var replacesMax: UInt8 = .max
  /// The highest number that a request can have.
  public var referenceMax: UInt64 = .max - 1

  public init() {}
}

extension VenueCapabilities {
  /// Why it does not take what an order wants; in `observed` the number of the first thing that it lacks.
  func refusal(of wants: OrderWants) -> Refusal? {
    func lacks(_ has: UInt16, _ wanted: UInt16) -> Refusal {
      Refusal(.notSupported, scope: .order, limit: Int128(has), observed: Int128(wanted))
    }
    if timesInForce.rawValue & TimesInForce(wants.timeInForce).rawValue == 0 {
      return lacks(UInt16(timesInForce.rawValue), UInt16(wants.timeInForce.rawValue))
    }
    if displays.rawValue & Displays(wants.display).rawValue == 0 {
      return lacks(UInt16(displays.rawValue), UInt16(wants.display.rawValue))
    }
    if wants.flags.rawValue & ~flags.rawValue != 0 {
      return lacks(flags.rawValue, wants.flags.rawValue)
    }
    return nil
  }
  /// It takes every order that is displayed and has no flags.
  var takesPlain: Bool { timesInForce == .all && displays.contains(Displays(.displayed)) }
}

/// A set of times in force.
@frozen public struct TimesInForce: OptionSet, BitwiseCopyable, Hashable, Sendable {
  public let rawValue: UInt8
  @_noLocks @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  @inlinable public static var day: TimesInForce { TimesInForce(.day) }
  @inlinable public static var immediateOrCancel: TimesInForce { TimesInForce(.immediateOrCancel) }
  @inlinable public static var all: TimesInForce { [day, immediateOrCancel] }

  @inlinable public init(_ one: TimeInForce) { rawValue = 1 &<< one.rawValue }
}

/// A set of displays.
@frozen public struct Displays: OptionSet, BitwiseCopyable, Hashable, Sendable {
  public let rawValue: UInt8
  @_noLocks @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  @inlinable public static var all: Displays { Displays(rawValue: 7) }

  @inlinable public init(_ one: Display) { rawValue = 1 &<< one.rawValue }
}
