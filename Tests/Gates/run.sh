#!/usr/bin/env bash
# Shows that the gates catch what they are for: each change below is made to a copy of the tree, which is
# built, and perf/scripts/gates of the copy must exit with 1, name the gate that is responsible as failed, and
# that gate must say what it is: all one by one, those named, or all of them in one copy ("together").
# usage: run.sh [NAME]...
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
folder=$root/.build/mutants
tree=$folder/tree
scratch=$folder/scratch
failed=0

fresh() {
  mkdir -p "$tree"
  # What was moved or deleted since would be compiled too.
  (cd "$tree" && find . -type f -printf '%P\n') | grep -vxFf <(git ls-files) |
    (cd "$tree" && xargs -r -d '\n' rm -f) || true
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

# The gate of the copy must have failed by name, and have said this. Time may not be judged: that is said.
caught() { # name, gate, words
  local log=$folder/$2.log code last
  code=$(cat "$folder/$2.code")
  last=$(sed -n 's/^gates: done: //p' "$log")
  if [ "$2" = paired ] && [ "$code" = 75 ]; then
    echo "mutants: $1: NOT JUDGED: $(grep -m 1 'NOT JUDGED' "$log")"
  elif [ "$code" = 1 ] && [[ $2 = layout || $2 = paired || $last = *" 1 failed ($2 (exit 1)),"* ]] &&
    grep -qE "$3" "$log"; then
    echo "mutants: $1: caught: $(grep -m 1 -E "$3" "$log")"
  else
    echo "mutants: $1: NOT CAUGHT: $2 exit $code, and nothing says '$3':" >&2
    tail -n 15 "$log" >&2
    failed=1
  fi
}

# Builds what a gate of the copy looks at, and runs that gate; time is compared with the tree as it is.
judge() { # counts | hot-path | paired
  local code=0
  case $1 in
    counts) build needletail-bench ;;
    hot-path) build hot-path-audit ;;
    paired)
      build needletail-bench
      swift build -c release --scratch-path .build/release --product needletail-bench >"$folder/own.log" 2>&1 || {
        echo "mutants: the tree as it is does not build:" >&2
        tail -n 20 "$folder/own.log" >&2
        exit 70
      }
      "$scratch/release/needletail-bench" compare --figure risk \
        --base "$root/.build/release/release/needletail-bench" >"$folder/$1.log" 2>&1 || code=$?
      echo "$code" >"$folder/$1.code"
      return
      ;;
  esac
  "$tree/perf/scripts/gates" --only "$1" "$scratch/release" >"$folder/$1.log" 2>&1 || code=$?
  echo "$code" >"$folder/$1.code"
}

# Each mutant: its change, who judges it, and the words that name it.

# A tenth more work in the risk chain.
risk_work() {
  change Sources/ExecutionCore/Execution/Coordinator.swift \
    's|^    if request.isPlain, passes(&terms) { return nil }|    for i in 0..<1 where !duplicates.isClear(duplicateKey(terms), at: sessionTime \&+ Int64(i)) { counters.total.lateExecutions \&+= 1 }\n&|'
}
risk_work_judge=counts
risk_work_words='^gate: counts: risk.accept: '

# The same as time: every order is counted, and some go through the quick pass twice, a tenth more of the time.
risk_time() {
  change Sources/ExecutionCore/Risk/RiskChain.swift \
    's|^    if passes(&terms) { return nil }|    counters.total.lateExecutions \&+= 1\n    if counters.total.lateExecutions % 23 == 0 {\n      var again = terms\n      if !passes(\&again) { counters.total.lateExecutions \&+= 1 }\n    }\n&|'
}
risk_time_judge=paired
risk_time_words='^gate: paired: risk is '

# One allocation in a thousand ticks.
allocation() {
  change CSupport/nt_crc32c.c \
    's|^  if (__builtin_expect(__atomic_load_n(&crc_route|  static uint64_t calls;\n  static void *volatile memory;\n  if (++calls % 2000 == 0) {\n    memory = __builtin_malloc(24);\n    __builtin_free(memory);\n  }\n&|'
}
allocation_judge=hot-path
allocation_words='gate: hot-path: the hot path must do none of these: [1-9][0-9]* allocations'

# One more system call in an order.
system_call() {
  change CSupport/nt_net_system.c 's|^#include <unistd.h>|#include <sys/syscall.h>\n&|'
  change CSupport/nt_net_system.c 's|^  ssize_t sent = send(fd|  syscall(SYS_getppid);\n&|'
}
system_call_judge=hot-path
system_call_words='gate: hot-path: .*getppid: only socket input and output may be there'

# The ring by an index in a line that both ends share, seen by the exact counts: a round trip grows by
# four percent only, less than time can tell.
ring_index() {
  change CSupport/include/nt_spsc.h \
    's|^  p->next = position;|&\n  __atomic_store_n((uint64_t *)(uintptr_t)p->credit + 1, position, NT_ORDER_PUBLISH);|'
  change CSupport/include/nt_ring.h \
    's|^  const uint8_t \*slot = c->slots + (position & c->mask) \* c->slot_bytes;|  if (__atomic_load_n(c->credit + 1, NT_ORDER_OBSERVE) <= position)\n    return 0;\n&|'
}
ring_index_judge=counts
ring_index_words='^gate: counts: ring: '

# What the consumer writes on the line of what the producers write.
ring_line() {
  change CSupport/nt_ring_region.h 's|^  _Alignas(RING_CONTROL_STRIDE) uint64_t tail;|  uint64_t tail;|'
}
ring_line_judge=layout
ring_line_words='control lines stand apart'

# What the journal thread writes on the line of what the appender writes.
lane_line() {
  change CSupport/include/nt_lane.h \
    's|^  nt_lane_segment \*next; .*||; s|^  uint8_t pad0.*|  nt_lane_segment *next;\n&|; s|uint8_t pad2\[48\]|uint8_t pad2[56]|; s|_segment) - 40\]|_segment) - 48]|'
}
lane_line_judge=layout
lane_line_words='what the journal thread writes stands apart'

# What other threads write to wake a reactor on the line of what its own thread reads.
reactor_line() {
  change CSupport/nt_net_internal.h 's|^  _Alignas(64) uint32_t woken;|  uint32_t woken;|'
}
reactor_line_judge=layout
reactor_line_words='what others write is on a line of its own'

# A layout is judged by the compiler, and what it refuses builds nothing else: each is made alone.
layout() { # name
  local words=${1}_words code=0
  fresh
  "$1"
  for file in nt_ring nt_lane nt_net_poll; do
    clang -std=c11 -D_GNU_SOURCE -fsyntax-only -I "$tree/CSupport/include" "$tree/CSupport/$file.c" || code=1
  done >"$folder/layout.log" 2>&1
  echo "$code" >"$folder/layout.code"
  caught "$1" layout "${!words}"
}

# Makes the changes to one copy and has each judged.
mutate() { # name...
  local judges='' name judge words others=()
  for name in "$@"; do
    judge=${name}_judge
    if [ "${!judge}" = layout ]; then layout "$name"; else others+=("$name"); fi
  done
  [ ${#others[@]} -gt 0 ] || return 0
  set -- "${others[@]}"
  fresh
  # The build does not see by itself that a header of the C module has changed.
  touch "$tree/CSupport/include/module.modulemap" "$tree"/CSupport/include/*.h
  for name in "$@"; do
    "$name"
    judge=${name}_judge
    case " $judges " in *" ${!judge} "*) ;; *) judges="$judges ${!judge}" ;; esac
  done
  for judge in $judges; do judge "$judge"; done
  for name in "$@"; do
    judge=${name}_judge words=${name}_words
    caught "$name" "${!judge}" "${!words}"
  done
}

all='risk_work risk_time allocation system_call ring_index ring_line lane_line reactor_line'
for name in "$@"; do
  case " together $all " in
    *" $name "*) ;;
    *) echo "mutants: there is no '$name'; there are: $all, and together" >&2; exit 64 ;;
  esac
done
for name in ${*:-$all}; do
  # Together they need one build: enough to see that each is still caught. But for the one of time, which
  # another's work would hide.
  # shellcheck disable=SC2086
  if [ "$name" = together ]; then mutate ${all/risk_time /}; else mutate "$name"; fi
done
exit "$failed"
