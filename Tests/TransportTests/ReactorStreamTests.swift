import Glibc
import Testing

@testable import Transport

@Suite struct `Reactor streams` {
  @Test(arguments: Mode.all)
  func `bytes of many sizes come back as they were sent`(mode: Mode) throws {
    var reactor = try Reactor(mode.settings())
    var log = Log()
    let pair = try reactor.makePair(mode.options, log: &log)
    var random = Randomness(seed: 7)
    for size in [1, 2, 47, 255, 256, 4095, 4096, 4097, 20_000, 65_536] {
      log.events.removeAll()
      let sent = random.bytes(size)
      #expect(reactor.send(sent, on: pair.client) == .queued)
      var echoed = 0
      for _ in 0..<pollLimit where log.bytes(of: pair.client).count < size {
        log.poll(&reactor)
        let got = log.bytes(of: pair.server)
        guard got.count > echoed else { continue }
        #expect(reactor.send(Array(got[echoed...]), on: pair.server) == .queued)
        echoed = got.count
      }
      #expect(log.bytes(of: pair.server) == sent)
      #expect(log.bytes(of: pair.client) == sent)
    }
  }
}
