#!/usr/bin/env bash
# Shows that the gates catch what they are for: each change below is made to a copy of the tree, which is
# built, and the gate that is responsible must fail by name. usage: run.sh [NAME]...
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
folder=$root/.build/mutants
tree=$folder/tree
scratch=$folder/scratch
own=$root/.build/release/release
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
thresholds=$root/perf/thresholds/$version/counts.json
failed=0

for program in needletail-bench hot-path-audit; do
  [ -x "$own/$program" ] || { echo "mutants: $own/$program is not built: make build" >&2; exit 69; }
done

fresh() {
  mkdir -p "$tree"
  # Only what differs is written, so that only that is compiled.
  git ls-files | while read -r file; do
    cmp -s "$file" "$tree/$file" && continue
    mkdir -p "$tree/$(dirname "$file")"
    cp "$file" "$tree/$file"
  done
}

# Changes one file of the copy; a change that does not apply any more is an error, never a pass.
change() { # file, sed expression
  local before
  before=$(sha256sum <"$tree/$1")
  sed -i "$2" "$tree/$1"
  [ "$before" != "$(sha256sum <"$tree/$1")" ] || {
    echo "mutants: the change of $1 does not apply any more: mend it in Tests/Gates/run.sh" >&2
    exit 70
  }
}

build() { # product
  (cd "$tree" && swift build -c release --scratch-path "$scratch" --product "$1") \
    >"$folder/build.log" 2>&1 || {
    echo "mutants: the changed tree does not build:" >&2
    grep -E 'error:' "$folder/build.log" >&2 || tail -n 20 "$folder/build.log" >&2
    exit 70
  }
}

# The command must fail, and say this.
caught() { # name, words, command...
  local name=$1 words=$2 code=0
  shift 2
  "$@" >"$folder/$name.log" 2>&1 || code=$?
  if [ "$code" = 1 ] && grep -qE "$words" "$folder/$name.log"; then
    echo "mutants: $name: caught: $(grep -m 1 -E "$words" "$folder/$name.log")"
  else
    echo "mutants: $name: NOT CAUGHT: exit $code, and nothing says '$words':" >&2
    tail -n 15 "$folder/$name.log" >&2
    failed=1
  fi
}

# A tenth more work in the risk chain, seen by the exact counts.
risk_work() {
  change Sources/ExecutionCore/Risk/RiskChain.swift \
    's|^    if passes(&terms) { return nil }|    for i in 0..<1 where !duplicates.isClear(duplicateKey(terms), at: sessionTime \&+ Int64(i)) { counters.lateExecutions \&+= 1 }\n&|'
  build needletail-bench
  caught risk-work '^gate: counts: risk.accept: ' \
    "$scratch/release/needletail-bench" count --swift "$version" --thresholds "$thresholds"
}

# One allocation in a thousand ticks, seen by the audit.
allocation() {
  change CSupport/nt_crc32c.c \
    's|^  return nt_crc32c_by((nt_crc32c_route)__atomic|  static uint64_t calls;\n  static void *volatile memory;\n  if (++calls % 2000 == 0) {\n    memory = __builtin_malloc(24);\n    __builtin_free(memory);\n  }\n&|'
  build hot-path-audit
  caught allocation 'hot-path-audit: [0-9]+ events .* [1-9][0-9]* allocations' \
    "$scratch/release/hot-path-audit" --orders 0
}

# One more system call in an order, seen by the audit by its name.
system_call() {
  change CSupport/nt_net_io.c 's|^#include "nt_net_internal.h"|&\n#include <sys/syscall.h>\n#include <unistd.h>|'
  change CSupport/nt_net_io.c 's|^    sent = send(conn->fd|    syscall(SYS_getppid);\n&|'
  build hot-path-audit
  caught system-call 'getppid: only socket input and output may be there' \
    "$scratch/release/hot-path-audit"
}

# The ring by an index in a line that both ends share, seen by the exact counts: a round trip grows by
# four percent only, less than time can tell.
ring_index() {
  # The build does not see by itself that a header of the C module has changed.
  touch "$tree/CSupport/include/module.modulemap" "$tree"/CSupport/include/*.h
  change CSupport/include/nt_spsc.h \
    's|^  p->next = position;|&\n  __atomic_store_n((uint64_t *)(uintptr_t)p->credit + 1, position, NT_ORDER_PUBLISH);|'
  change CSupport/include/nt_ring.h \
    's|^  const uint8_t \*slot = c->slots + (position & c->mask) \* c->slot_bytes;|  if (__atomic_load_n(c->credit + 1, NT_ORDER_OBSERVE) <= position)\n    return 0;\n&|'
  build needletail-bench
  caught ring-index '^gate: counts: ring: ' \
    "$scratch/release/needletail-bench" count --swift "$version" --thresholds "$thresholds"
}

for name in "${@:-risk_work allocation system_call ring_index}"; do
  for mutant in $name; do
    fresh
    "$mutant"
  done
done
exit "$failed"
