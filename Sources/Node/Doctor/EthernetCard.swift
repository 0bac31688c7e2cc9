import Foundation

/// Asks a network card what `ethtool -k` and `ethtool -c` print, by the same ioctl.
enum EthernetCard {
  /// From linux/sockios.h and linux/ethtool.h, which no Swift module brings.
  private static let request: UInt = 0x8946
  private static let getCoalesce: UInt32 = 0x0e
  private static let getMerging: UInt32 = 0x2b
  private static let coalesceWords = 23
  private static let nameBytes = 16

  /// Nil when there is no such card.
  static func offloads(_ name: String) -> LiveProbes.Offloads? {
    guard name.utf8.count < nameBytes, if_nametoindex(name) != 0 else { return nil }
    var found = LiveProbes.Offloads()
    var merging: [UInt32] = [getMerging, 0]
    if ask(name, &merging) { found.mergesReceived = merging[1] != 0 }
    var coalesce = [UInt32](repeating: 0, count: coalesceWords)
    coalesce[0] = getCoalesce
    if ask(name, &coalesce) {
      found.receiveDelay = coalesce[1]
      found.isAdaptive = coalesce[10] != 0
    }
    return found
  }

  /// `words[0]` is the question; the answer is written behind it.
  private static func ask(_ name: String, _ words: inout [UInt32]) -> Bool {
    let handle = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard handle >= 0 else { return false }
    defer { close(handle) }
    return words.withUnsafeMutableBytes { answer in
      // struct ifreq: the name, then a union of 24 bytes that begins with a pointer.
      var frame = [UInt8](repeating: 0, count: nameBytes + 24)
      frame.replaceSubrange(0..<name.utf8.count, with: name.utf8)
      return frame.withUnsafeMutableBytes { frame in
        frame.storeBytes(
          of: UInt(bitPattern: answer.baseAddress), toByteOffset: nameBytes, as: UInt.self)
        return ioctl(handle, request, frame.baseAddress!) == 0
      }
    }
  }
}
