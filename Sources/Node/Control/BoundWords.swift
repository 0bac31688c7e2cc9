import ExecutionCore

extension EngineBound {
  /// As the summary has it.
  var name: String {
    switch self {
    case .openOrders: "open_orders"
    case .requests: "requests_of_day"
    case .executions: "executions_of_day"
    case .outbox: "waiting_requests"
    case .timers: "timers"
    case .bookOrders: "book_orders"
    }
  }
  /// Each order session has its own.
  var isOfPorts: Bool { self == .requests || self == .outbox }
  /// Where it is set.
  var setting: String {
    switch self {
    case .openOrders: "runtime.orders_max"
    case .requests: "runtime.requests_per_day_max"
    case .executions: "runtime.executions_max"
    case .outbox: "the places for waiting requests"
    case .timers: "the places for timers"
    case .bookOrders: "runtime.book_orders_max"
    }
  }
  /// What happens when there is no more.
  var consequence: String {
    switch self {
    case .openOrders: "when there are no more, new orders are refused until others end"
    case .requests:
      "when there are no more, new orders and replaces are refused for the rest of the day"
    case .executions: "when there are no more, new orders of the firm stop"
    case .outbox: "when there are no more, new orders are refused until the session takes some"
    case .timers: "when there are no more, strategies set none until others have fired"
    case .bookOrders: "when there are no more, books drop orders and are not whole"
    }
  }
}
