import ExecutionCore
import Glibc
import Testing

@Suite struct `Why a run ended` {
  static let all: [RunEnd] = [
    .unsaid, .signal, .duration, .feedEnded, .exchangeLost, .noSnapshot, .noSession, .noInstrument,
    .journalFailed, .fuseTripped, .networkFailed(EBADF), .networkFailed(0),
  ]

  @Test func `is read back from a record as it was written, and each has a text of its own`() {
    for end in Self.all { #expect(RunEnd(raw: end.raw) == end) }
    #expect(Set(Self.all.map(\.raw)).count == Self.all.count)
    #expect(Set(Self.all.map(\.text)).count == Self.all.count)
    #expect(RunEnd.unsaid.raw == 0, "as journals of earlier builds have it")
    #expect(RunEnd.networkFailed(9).text == "network failure: errno 9")
  }

  @Test func `is nothing where a later build has written it, and no errno is out of range`() {
    for raw in [11, 0xffff, 1 << 16, .max - 1] as [UInt32] { #expect(RunEnd(raw: raw) == nil) }
    #expect(RunEnd(raw: RunEnd.networkFailed(-1).raw) == .networkFailed(0))
    #expect(RunEnd(raw: RunEnd.networkFailed(.max).raw) == .networkFailed(0xffff))
  }
}
