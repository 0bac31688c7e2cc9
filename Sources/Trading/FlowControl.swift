internal import Glibc
internal import Synchronization

/// The shared counter behind `--speed max`: the core says how far it has consumed the feed, so that the
/// exchange publishes at most ``windowMax`` messages beyond.
///
/// A file of one page, mapped shared by both processes: a magic number, and on cache lines of their own
/// the MoldUDP64 sequence up to which the core has consumed (byte 64) and up to which the exchange has
/// published (byte 128). Threading: one writer for each counter, any readers.
@safe public final class FlowControl: @unchecked Sendable {
  /// Messages that may be under way.
  public static let windowMax: UInt64 = 64
  static let bytes = 4_096
  static let magic: UInt64 = 0x3130_574F_4C46_544E  // "NTFLOW01" in memory order.

  private let base: UnsafeMutableRawPointer
  public let path: String

  /// Opens the file, creates and zeroes it when it is not there or `creates` asks for a fresh one.
  public init(path: String, creates: Bool) throws(FlowControlError) {
    self.path = path
    let flags = O_RDWR | O_CLOEXEC | O_CREAT | (creates ? O_TRUNC : 0)
    let descriptor = unsafe open(path, flags, 0o600)
    guard descriptor >= 0 else { throw FlowControlError(path, "cannot be opened", errno) }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(Self.bytes)) == 0 else {
      throw FlowControlError(path, "cannot be made \(Self.bytes) bytes long", errno)
    }
    let mapped = unsafe mmap(
      nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw FlowControlError(path, "cannot be mapped", errno)
    }
    unsafe base = mapped
    let found = unsafe base.load(as: UInt64.self)
    guard found == 0 || found == Self.magic else {
      unsafe munmap(base, Self.bytes)
      throw FlowControlError(
        path, "is not a flow-control file", 0, remedy: "name a file that does not exist yet")
    }
    unsafe base.storeBytes(of: Self.magic, as: UInt64.self)
  }

  deinit { unsafe munmap(base, Self.bytes) }

  private func counter(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The last MoldUDP64 sequence that the core has applied. Written by the core alone.
  public var consumed: UInt64 {
    get { unsafe counter(64).pointee.load(ordering: .acquiring) }
    set { unsafe counter(64).pointee.store(newValue, ordering: .releasing) }
  }

  /// The last MoldUDP64 sequence that was published. Written by the exchange alone.
  public var published: UInt64 {
    get { unsafe counter(128).pointee.load(ordering: .acquiring) }
    set { unsafe counter(128).pointee.store(newValue, ordering: .releasing) }
  }
}

/// Why a file of flow control cannot be used, and what to do.
public struct FlowControlError: Error, Hashable, CustomStringConvertible {
  public var path: String
  public var problem: String
  /// 0 when the system had no part in it.
  public var errorNumber: Int32
  public var remedy: String

  init(_ path: String, _ problem: String, _ errorNumber: Int32, remedy: String = "") {
    self.path = path
    self.problem = problem
    self.errorNumber = errorNumber
    self.remedy = remedy
  }

  public var description: String {
    var text = "\(path): \(problem)"
    if errorNumber != 0 { text += " (\(unsafe String(cString: strerror(errorNumber))))" }
    if !remedy.isEmpty { text += "; \(remedy)" }
    return text
  }
}
