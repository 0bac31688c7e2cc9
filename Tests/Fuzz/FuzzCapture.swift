import Captures
import ExecutionCore

/// Input: a capture file (pcap, pcapng) or a framed ITCH file, in memory.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  var payload = 0
  do {
    var capture = try PacketCapture(input: FeedInput(bytes: bytes, path: "fuzz"))
    for _ in 0..<(size + 1) {
      guard let packet = try capture.next() else { break }
      payload += packet.payload.count
    }
  } catch {
    precondition(error.path == "fuzz", "an error names its file")
  }
  precondition(payload <= size, "payloads overlap")
  let records = UnsafeMutablePointer<MarketRecord>.allocate(capacity: 64)
  defer { records.deallocate() }
  var file = FramedITCHFile(input: FeedInput(bytes: bytes, path: "fuzz"), midnight: 0)
  var count = 0
  for _ in 0..<(size + 1) {
    let read = file.read(into: records, capacity: 64)
    if read == 0 { break }
    count += read
  }
  precondition(count * 2 <= size)
  return 0
}

func seeds() -> [[UInt8]] {
  func le32(_ value: Int) -> [UInt8] { be32(value).reversed() }
  let udp = be16(5_000) + be16(6_000) + be16(8 + 20) + be16(0) + [UInt8](repeating: 0x20, count: 20)
  let ip =
    [0x45, 0] + be16(20 + udp.count) + [0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2] + udp
  let plain = [UInt8](repeating: 2, count: 12) + [8, 0] + ip
  let tagged = [UInt8](repeating: 2, count: 12) + [0x81, 0, 0, 5, 8, 0] + ip
  var result: [[UInt8]] = []
  for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
    for (word, version) in [(be32, [0, 2, 0, 4]), (le32, [2, 0, 4, 0])]
      as [((Int) -> [UInt8], [UInt8])]
    {
      var bytes = word(magic) + version + word(0) + word(0) + word(65_535) + word(1)
      for frame in [plain, tagged] {
        bytes += word(1) + word(2) + word(frame.count) + word(frame.count) + frame
      }
      result.append(bytes)
    }
  }
  let section =
    le32(0x0a0d_0d0a) + le32(28) + le32(0x1a2b_3c4d) + [1, 0, 0, 0]
    + [UInt8](repeating: 255, count: 8) + le32(28)
  let interface = le32(1) + le32(20) + [1, 0, 0, 0] + le32(0) + le32(20)
  let padded = plain + [UInt8](repeating: 0, count: (4 - plain.count % 4) % 4)
  let size = 32 + padded.count
  let packet =
    le32(6) + le32(size) + le32(0) + le32(0) + le32(7) + le32(plain.count)
    + le32(plain.count) + padded + le32(size)
  result.append(section + interface + packet)
  result.append(be16(12) + [UInt8](repeating: 0x53, count: 12))
  return result
}
