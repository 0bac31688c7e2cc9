import CSupport
import Glibc
import Synchronization

extension ExchangeStore {
  /// Reads what is there, cuts a torn tail, or begins a session.
  func load(
    path: String, identity: String, newSession: Bool, firstNumber: UInt64
  ) throws(StoreError) {
    let bytes = try Self.read(descriptor, path: path)
    guard let head = Self.head(bytes), !newSession else {
      guard bytes.isEmpty || newSession || Self.isTornHead(bytes) else {
        throw StoreError(
          path, "is not an exchange's input log", 0, remedy: "give another --data, or --new-session"
        )
      }
      let number = Self.head(bytes).map { $0.number &+ 1 } ?? firstNumber
      try begin(path: path, number: number, identity: identity)
      return
    }
    guard head.identity == Array(identity.utf8) else {
      throw StoreError(
        path, "holds a session of another feed or other settings", 0,
        remedy: "start with the same ones, or with --new-session")
    }
    let good = Self.parse(bytes, from: head.end) { inputs.append($0) }
    if good < bytes.count {
      guard ftruncate(descriptor, off_t(good)) == 0 else {
        throw StoreError(path, "its torn tail cannot be cut", errno)
      }
    }
    lseek(descriptor, off_t(good), SEEK_SET)
    opened(number: head.number, size: good, cut: bytes.count - good, progress: storedProgress())
  }

  private static func read(_ descriptor: Int32, path: String) throws(StoreError) -> [UInt8] {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_size <= 1 << 36 else {
      throw StoreError(path, "cannot be read", errno)
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    // Each turn reads something or ends.
    while done < bytes.count {
      let from = done
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          descriptor, buffer.baseAddress?.advanced(by: from), buffer.count - from, off_t(from))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw StoreError(path, "cannot be read at byte \(done)", errno) }
      done += count
    }
    return bytes
  }

  /// Session number and identity; nil when the head is not whole.
  static func head(_ bytes: [UInt8]) -> (number: UInt64, identity: [UInt8], end: Int)? {
    guard bytes.count >= 24, Array(bytes[0..<8]) == magic else { return nil }
    let length = Int(number(bytes, 16, 4))
    guard length <= 65_536, bytes.count >= 24 + length else { return nil }
    let checksum = UInt32(truncatingIfNeeded: number(bytes, 20, 4))
    var covered = Array(bytes[8..<20])
    covered += bytes[24..<24 + length]
    guard crc(covered[...]) == checksum else { return nil }
    return (number(bytes, 8, 8), Array(bytes[24..<24 + length]), 24 + length)
  }

  /// The process died while it wrote the very first bytes.
  private static func isTornHead(_ bytes: [UInt8]) -> Bool {
    let whole = min(bytes.count, magic.count)
    return head(bytes) == nil && Array(bytes.prefix(whole)) == Array(magic.prefix(whole))
  }

  private func begin(path: String, number: UInt64, identity: String) throws(StoreError) {
    var bytes = Self.magic
    Self.append(number, 8, to: &bytes)
    let text = Array(identity.utf8)
    Self.append(UInt64(text.count), 4, to: &bytes)
    Self.append(UInt64(Self.crc((bytes[8..<20] + text)[...])), 4, to: &bytes)
    bytes += text
    guard ftruncate(descriptor, 0) == 0 else { throw StoreError(path, "cannot be emptied", errno) }
    lseek(descriptor, 0, SEEK_SET)
    clearProgress()
    opened(number: number, size: 0, cut: 0, progress: StoredProgress())
    try write(bytes)
  }

  /// Calls `body` for each whole record; returns the end of the last one.
  static func parse(_ bytes: [UInt8], from start: Int, _ body: (StoredInput) -> Void) -> Int {
    var offset = start
    while bytes.count - offset >= headBytes + 4 {
      let length = Int(number(bytes, offset, 4))
      guard length >= headBytes + 4, length <= recordMax, length <= bytes.count - offset else {
        break
      }
      let sum = UInt32(truncatingIfNeeded: number(bytes, offset + length - 4, 4))
      let payload = Int(number(bytes, offset + 12, 4))
      guard crc(bytes[offset..<offset + length - 4]) == sum, payload == length - headBytes - 4,
        let kind = StoredInput.Kind(rawValue: bytes[offset + 4])
      else { break }
      body(
        StoredInput(
          kind: kind, account: UInt32(truncatingIfNeeded: number(bytes, offset + 8, 4)),
          position: number(bytes, offset + 16, 8),
          time: Int64(bitPattern: number(bytes, offset + 24, 8)),
          bytes: Array(bytes[offset + headBytes..<offset + length - 4])))
      offset += length
    }
    return offset
  }

  /// Stores one input; nothing that follows from it may be sent before this returns.
  func append(_ input: StoredInput) throws(StoreError) {
    var bytes: [UInt8] = []
    let length = Self.headBytes + input.bytes.count + 4
    guard length <= Self.recordMax else {
      throw StoreError(directory + "/inputs.ntx", "an input of \(length) bytes is too long", 0)
    }
    bytes.reserveCapacity(length)
    Self.append(UInt64(length), 4, to: &bytes)
    bytes.append(input.kind.rawValue)
    bytes += [0, 0, 0]
    Self.append(UInt64(input.account), 4, to: &bytes)
    Self.append(UInt64(input.bytes.count), 4, to: &bytes)
    Self.append(input.position, 8, to: &bytes)
    Self.append(UInt64(bitPattern: input.time), 8, to: &bytes)
    bytes += input.bytes
    Self.append(UInt64(Self.crc(bytes[...])), 4, to: &bytes)
    try write(bytes)
  }

  private func write(_ bytes: [UInt8]) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let from = done
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: from), buffer.count - from)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = errno
        // What was half written must not look like a torn tail with good records behind it.
        _ = ftruncate(descriptor, off_t(size))
        lseek(descriptor, off_t(size), SEEK_SET)
        throw StoreError(
          directory + "/inputs.ntx", "cannot be written at byte \(size)", code,
          remedy: "make room on the disk and start the exchange again")
      }
      done += count
    }
    grew(by: bytes.count)
  }

  // MARK: - Progress

  /// Two slots of four words; the word at 0 counts, its parity names the slot that is whole.
  func store(_ progress: StoredProgress) {
    let next = nextTurn()
    let slot = unsafe page + 64 + Int(next & 1) * 64
    unsafe slot.storeBytes(of: progress.position, as: UInt64.self)
    unsafe slot.storeBytes(of: progress.published, toByteOffset: 8, as: UInt64.self)
    unsafe slot.storeBytes(of: progress.events, toByteOffset: 16, as: UInt64.self)
    unsafe page.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(next, ordering: .releasing)
  }

  private func storedProgress() -> StoredProgress {
    let turn = unsafe page.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .load(ordering: .acquiring)
    resume(turn: turn)
    guard turn > 0 else { return StoredProgress() }
    let slot = unsafe page + 64 + Int(turn & 1) * 64
    return unsafe StoredProgress(
      position: slot.load(as: UInt64.self),
      published: slot.load(fromByteOffset: 8, as: UInt64.self),
      events: slot.load(fromByteOffset: 16, as: UInt64.self))
  }

  private func clearProgress() {
    unsafe page.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(0, ordering: .releasing)
    resume(turn: 0)
  }

  // MARK: - Bytes

  static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<count { value |= UInt64(bytes[offset + i]) << UInt64(8 * i) }
    return value
  }

  private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }

  static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe nt_crc32c(0, $0.baseAddress, $0.count) }
  }
}
