#!/usr/bin/env bash
# Shows that the compiler refuses what must not be on the hot path, in a strategy of another module as a
# user writes one: compiles small files against the modules of a release build.
# usage: refusals.sh RELEASE_FOLDER     (.build/release/release)
# Exits 1 and says so when a clean strategy is refused, or one that allocates or locks is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
modules=${1:?usage: refusals.sh RELEASE_FOLDER}/Modules
if [ ! -e "$modules/ExecutionCore.swiftmodule" ]; then
  echo "refusals: no modules in $modules: build the release first" >&2
  exit 66
fi
again="see $0 $1"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

compile() { # NAME, STATE and BODY of the strategy's call-back
  cat >"$folder/$1.swift" <<SWIFT
import ExecutionCore

final class Shared { var count = 0 }

struct Mine: Strategy {
  var seen: Int64 = 0
  $2
  mutating func onBook(_ instrument: InstrumentID, _ desk: borrowing Desk) {
    $3
  }
}

// One concrete function is what a user writes: it makes the compiler check the whole path.
@_noLocks func check(
  _ driver: inout Driver<Mine>, _ records: UnsafePointer<MarketRecord>, _ count: Int
) {
  driver.ingest(records, count: count, machineTime: 0)
}
SWIFT
  swiftc -O -wmo -parse-as-library -swift-version 6 -suppress-warnings -module-name Mine \
    -I "$modules" -I CSupport/include -c "$folder/$1.swift" -o "$folder/$1.o" 2>"$folder/$1.log"
}
accepts() {
  if ! compile "$@"; then
    echo "gate: compiler: $1: refused, though it does nothing that it must not; $again" >&2
    cat "$folder/$1.log" >&2
    status=1
  fi
}
refuses() { # NAME, STATE, BODY, and what the compiler says
  if compile "$1" "$2" "$3"; then
    echo "gate: compiler: $1: the compiler lets it pass, and must say '$4'; $again" >&2
    status=1
  elif ! grep -qE "error: .*($4)" "$folder/$1.log"; then
    echo "gate: compiler: $1: refused, but not with '$4'; $again" >&2
    cat "$folder/$1.log" >&2
    status=1
  fi
}

accepts clean '' 'seen &+= desk.quote(instrument).bid.raw'
accepts orders '' 'if case .accepted = desk.place(
      instrument, .buy, price: desk.quote(instrument).ask, quantity: Quantity(raw: 100)) { seen &+= 1 }'
refuses array '' 'seen &+= Int64([seen, desk.quote(instrument).bid.raw].count)' 'metadata allocation|allocat'
refuses growing 'var all: [Int64] = []' 'all.append(desk.quote(instrument).bid.raw)' 'reference counting|allocat'
refuses class 'let shared = Shared()' 'shared.count += 1' 'reference counting|lock'
refuses text 'var text = ""' 'text += "quote"' 'reference counting|allocat|lock'
refuses existential 'var any: any Hashable = 1' 'seen &+= Int64(any.hashValue)' 'existential|lock|allocat|unpredictable'
[ "$status" -ne 0 ] || echo "refusals: 2 strategies taken, 5 refused, each for what it does"
exit "$status"
