#!/usr/bin/env bash
# Shows that the audit of a release build sees what is put into the hot path on purpose, over sockets too.
# usage: planted.sh RELEASE_FOLDER     (.build/release/release)
set -euo pipefail
audit=${1:?usage: planted.sh RELEASE_FOLDER}/hot-path-audit
status=0
sees() { # PLANT, what it must say, arguments...
  local plant=$1 words=$2 code=0 said
  shift 2
  said=$("$audit" --plant "$plant" "$@" 2>&1) || code=$?
  if [ "$code" -ne 1 ] || ! grep -qE "must do none of these:? .*$words|$words: only socket" <<<"$said"; then
    printf 'gate: hot-path-seen: %s: exit %s, must be 1, and nothing says "%s"; see %s --plant %s %s\n%s\n' \
      "$plant" "$code" "$words" "$audit" "$plant" "$*" "$said" >&2
    status=1
  fi
}

sees allocation '[1-9][0-9]* allocations' --events 5000 --orders 0
sees object '[1-9][0-9]* objects' --events 5000 --orders 0
sees retain '[1-9][0-9]* retains' --events 5000 --orders 0
sees lock '[1-9][0-9]* locks' --events 5000 --orders 0
sees syscall '[1-9][0-9]* system calls' --events 5000 --orders 0
sees socket-syscall '50 getppid' --events 1000 --orders 50
sees socket-allocation 'over sockets: 50 allocations, 50 frees' --events 1000 --orders 50
sees socket-retain 'over sockets: .* 50 retains, 50 releases' --events 1000 --orders 50
sees socket-lock 'over sockets: .* 50 locks' --events 1000 --orders 50
[ "$status" -ne 0 ] || echo "planted: 9 things put in on purpose, each seen"
exit "$status"
