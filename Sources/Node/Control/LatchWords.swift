import ExecutionCore

extension LatchCause {
  /// What it means, for people.
  var inWords: String {
    switch self {
    case .person: "a person said so"
    case .killFile: "the kill file is there, or was and nobody has re-armed since"
    case .streamGap: "reports are missing in the venue's stream, and one may be a fill"
    case .undecodableReport: "a message of the venue could not be read, and may be a fill"
    case .unknownReference: "the venue speaks of an order that is in no book of ours"
    case .unknownPort: "a report names a port that there is not, and may be a fill"
    case .impossibleExecution:
      "an execution came that nothing can be booked to, or told from another"
    case .executionMismatch: "one execution came with two contents, and may be two"
    case .executionsMissing: "the venue counts executions that we do not have"
    case .unrepresentable: "an execution's price or value does not fit"
    case .ledgerFull: "the execution ledger is full (runtime.executions_max)"
    case .journalLost: "the journal took no more: what happened since can't be recovered"
    case .untrackedOrder: "the venue holds an order whose exposure is not counted here"
    }
  }
}

extension LatchSummary {
  var scopeInWords: String {
    switch scope {
    case .account: "account \(account.raw)"
    case .strategy: "strategy \(strategy.raw)"
    case .port: "port \(port.raw)"
    case .firm, .order, .instrument: "the firm"
    }
  }
}
