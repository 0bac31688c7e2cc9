import Testing

@testable import Node

@Suite struct RestartPolicyTests {
  @Test func `pauses double up to a longest one, and then the exchange is lost`() {
    var policy = RestartPolicy()
    var now: Int64 = 1_000_000_000_000
    var pauses: [Int64] = []
    while let pause = policy.died(at: now) {
      pauses.append(pause / 1_000_000)
      now += pause + 1_000_000
    }
    #expect(pauses == [0, 100, 200, 400, 800, 1_600, 3_200, 5_000])
  }

  @Test func `an exchange that dies seldom is started again at once, however often`() {
    var policy = RestartPolicy()
    for death in 0..<100 {
      #expect(policy.died(at: Int64(death) * (RestartPolicy.window + 1)) == 0)
    }
  }
}
