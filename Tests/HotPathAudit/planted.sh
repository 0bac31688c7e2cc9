#!/usr/bin/env bash
# Shows that the audit of a release build sees what is put into the hot path on purpose, over sockets too.
# usage: planted.sh RELEASE_FOLDER     (.build/release/release)
set -euo pipefail
audit=${1:?usage: planted.sh RELEASE_FOLDER}/hot-path-audit
status=0
seen=0
sees() { # PLANT, how often, what it must say, arguments...
  local plant=$1 times=$2 words=$3 code=0 said found
  shift 3
  said=$("$audit" --events 1000 --plant "$plant" "$@" 2>&1) || code=$?
  found=$(grep -cE "must do none of these:? .*$words|$words: only socket" <<<"$said" || true)
  if [ "$code" -ne 1 ] || [ "$found" -ne "$times" ]; then
    printf 'gate: hot-path-seen: %s: exit %s, must be 1, and %s lines say "%s", must be %s; see %s --plant %s %s\n%s\n' \
      "$plant" "$code" "$found" "$words" "$times" "$audit" "$plant" "$*" "$said" >&2
    status=1
  fi
  seen=$((seen + 1))
}

sees allocation 1 '[1-9][0-9]* allocations' --orders 0
sees object 1 '[1-9][0-9]* objects' --orders 0
sees retain 1 '[1-9][0-9]* retains' --orders 0
sees lock 1 '[1-9][0-9]* locks' --orders 0
sees syscall 1 '[1-9][0-9]* system calls' --orders 0
# Over sockets: quiet, and with the market's flow.
for sockets in direct io_uring; do
  code=0
  "$audit" --events 1000 --orders 1 --sockets "$sockets" >/dev/null 2>&1 || code=$?
  if [ "$code" -eq 75 ]; then
    echo "planted: NOT JUDGED: what is planted over sockets, $sockets; forbidden here" >&2
    continue
  fi
  sees socket-syscall 2 '50 getppid' --orders 50 --sockets "$sockets"
  sees socket-allocation 2 '\b50 allocations, 50 frees' --orders 50 --sockets "$sockets"
  sees socket-retain 2 '\b50 retains, 50 releases' --orders 50 --sockets "$sockets"
  sees socket-lock 2 '\b50 locks' --orders 50 --sockets "$sockets"
done
[ "$status" -ne 0 ] || echo "planted: $seen things put in on purpose, each seen"
exit "$status"
