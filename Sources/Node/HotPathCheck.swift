// The compiler checks here what `needletail run` does on the hot thread between two looks at the sockets:
// `@_noLocks` on concrete functions that call it. An allocation, a lock or an unspecialised generic anywhere
// below is an error. Release builds only: they compile the module as a whole, which the check needs
// to see across files.
//
// What takes a closure across modules (a datagram's messages, of a MoldReceiver and of the FeedClient), keeps its strategies
// in arrays (StrategySet) or is the loop around all this, machine code proves: perf/hot-symbols.
import ExecutionCore
import Gateways
import Trading
import Transport

#if !DEBUG

  @_noLocks func checkFeedPath(
    _ path: inout HotPath<Pair<MarketMaker, ImbalanceTaker>, VenueGateway<NoGateway>>,
    _ records: UnsafePointer<MarketRecord>, _ count: Int
  ) {
    path.apply(records, count, received: 0, arrived: 0)
    path.resume()
  }

  @_noLocks func checkOrderPath(
    _ path: inout HotPath<Pair<MarketMaker, ImbalanceTaker>, VenueGateway<NoGateway>>
  ) {
    path.drain()
    path.orders[0].flush(&path.reactor, now: 0)
  }

  @_noLocks func checkReportPath(
    _ path: inout HotPath<Pair<MarketMaker, ImbalanceTaker>, VenueGateway<NoGateway>>,
    _ bytes: UnsafeRawBufferPointer
  ) {
    let rest = path.orders[0].receive(bytes, now: 0)
    if path.deliver(), rest.count == 0 { path.drain() }
  }

#endif
