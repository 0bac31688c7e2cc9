// The compiler checks the hot path of this module here: `@_noLocks` on a concrete function that calls
// all of it, from the datagram to the run of messages, from the request to the packet, and from the
// venue's bytes to the report. An allocation, a lock or an unspecialised generic anywhere below is an
// error. Release builds only: they compile the module as a whole, which the check needs to see across
// files.
internal import ExecutionCore

#if !DEBUG

  @_noLocks func checkFeedPath(
    _ receiver: inout MoldReceiver, _ datagram: UnsafeRawBufferPointer, _ seen: inout UInt64
  ) {
    var last = seen
    let events = unsafe receiver.receive(datagram, line: 0) { span in last = span.firstSequence }
    if !events.isEmpty { last &+= 1 }
    seen = last
  }

  @_noLocks func checkPaperPath(
    _ gateway: inout PaperGateway, _ request: VenueRequest, _ bytes: UnsafeRawBufferPointer,
    _ seen: inout UInt64
  ) {
    if gateway.hasRoom, gateway.encode(request, now: 0) == nil { seen &+= 1 }
    unsafe seen &+= UInt64(gateway.output.count)
    gateway.sent(now: 0)
    _ = unsafe gateway.receive(bytes, now: 0)
    unsafe seen &+= UInt64(gateway.reports.count)
    gateway.clearReports()
    gateway.tick(now: 0)
  }

  @_noLocks func checkOrderPath(
    _ gateway: inout OUCHGateway, _ request: VenueRequest, _ bytes: UnsafeRawBufferPointer,
    _ seen: inout UInt64
  ) {
    if gateway.hasRoom, gateway.encode(request, now: 0) == nil { seen &+= 1 }
    unsafe seen &+= UInt64(gateway.output.count)
    gateway.sent(now: 0)
    _ = unsafe gateway.receive(bytes, now: 0)
    unsafe seen &+= UInt64(gateway.reports.count)
    gateway.clearReports()
    gateway.tick(now: 0)
  }

#endif
