/// The first of an order's three facts. Never renumber: the numbers are in the journal.
@frozen public enum OrderLife: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Being checked.
  case draft = 0
  /// Refused by risk; never left.
  case denied = 1
  /// The intent is journalled and queued or on the wire; the venue has not spoken.
  case sent = 2
  /// Sent, and the session broke or time ran out before the venue spoke. Counted at worst case.
  case unknown = 3
  /// The venue has it.
  case working = 4
  case done = 5

  /// Whether it may still execute, as far as we know.
  @inlinable public var isOpen: Bool { self == .sent || self == .unknown || self == .working }

  /// The table of legal transitions. A life that stays as it is needs no transition.
  @inlinable public func canBecome(_ next: OrderLife) -> Bool {
    switch (self, next) {
    case (.draft, .denied), (.draft, .sent): true
    case (.sent, .unknown), (.sent, .working), (.sent, .done): true
    case (.unknown, .working), (.unknown, .done): true
    case (.working, .done): true
    // Only from a death that we inferred, when the venue says otherwise; see DoneReason.isInferred.
    case (.done, .working): true
    default: false
    }
  }
}

/// Why an order is done. Never renumber.
@frozen public enum DoneReason: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case none = 0
  case filled = 1
  case canceled = 2
  case rejected = 3
  /// Withdrawn before the wire: too old, over a fuse, cancelled in the queue.
  case notSent = 4
  /// The venue has told all that it knows of it, and it came to nothing.
  case closedByEvidence = 5
  /// The venue says that it never had it.
  case neverArrived = 6

  /// We concluded it; the venue did not say so, and may contradict.
  @inlinable public var isInferred: Bool {
    self == .notSent || self == .closedByEvidence || self == .neverArrived
  }
}

/// The second fact: what became of a request. Never renumber.
@frozen public enum RequestState: UInt8, BitwiseCopyable, Sendable {
  case none = 0
  case unresolved = 1
  case confirmed = 2
  case refused = 3
  /// It never reached the venue, or the venue fell silent and evidence closed it.
  case lost = 4
}
