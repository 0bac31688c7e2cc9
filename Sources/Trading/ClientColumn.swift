public import ExecutionCore
public import Gateways

/// The clients of all ports, or of all feeds, in memory of their own. Not an owner: who holds them frees them.
///
/// Threading: as the clients.
@safe @usableFromInline
package struct ClientColumn<Client: ~Copyable> {
  @usableFromInline let base: UnsafeMutablePointer<Client>
  @usableFromInline package let count: Int

  /// - Parameter make: the client of a place; called once for each, in their order.
  @inlinable package init<E: Error>(
    count: Int, _ make: (Int) throws(E) -> Client
  ) throws(E) {
    let memory = UnsafeMutablePointer<Client>.allocate(capacity: max(1, count))
    var made = 0
    do throws(E) {
      while made < count {
        let client = try make(made)
        unsafe (memory + made).initialize(to: client)
        made += 1
      }
    } catch {
      unsafe memory.deinitialize(count: made)
      unsafe memory.deallocate()
      throw error
    }
    unsafe base = memory
    self.count = count
  }

  /// Of nobody.
  @inlinable package init() {
    unsafe base = .allocate(capacity: 1)
    count = 0
  }

  @inlinable func free() {
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  @inlinable package subscript(_ i: Int) -> Client {
    @inline(__always) unsafeAddress {
      precondition(UInt(bitPattern: i) < UInt(bitPattern: count))
      return unsafe UnsafePointer(base + i)
    }
    @inline(__always) nonmutating unsafeMutableAddress {
      precondition(UInt(bitPattern: i) < UInt(bitPattern: count))
      return unsafe base + i
    }
  }
}

/// Client `i` is of port `i`.
@usableFromInline package typealias OrderEntryClients<Gateway: OrderEntryGateway & ~Copyable> =
  ClientColumn<OrderEntryClient<Gateway>>

/// One for each feed by price.
@usableFromInline package typealias PriceFeedClients = ClientColumn<PriceFeedClient>

extension ClientColumn where Client: ~Copyable {
  /// - Parameter make: the client of a port; called once for each, in their order.
  @inlinable package init<Gateway: OrderEntryGateway & ~Copyable, E: Error>(
    ports: Int, _ make: (PortID) throws(E) -> OrderEntryClient<Gateway>
  ) throws(E) where Client == OrderEntryClient<Gateway> {
    try self.init(count: ports) { place throws(E) in
      try make(PortID(raw: UInt16(truncatingIfNeeded: place)))
    }
  }
}
