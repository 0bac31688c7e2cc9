#!/bin/bash
# Builds and runs the race programs, plain and under ThreadSanitizer, and then proves the tester: with
# each memory order of the rings weakened in turn, and with the broadcast reader's check switched
# off, the programs must fail.
#
# usage: Tests/Races/run.sh [ITEMS [LITMUS_RUNS]]    (1000000 and 50000; a quarter and a tenth of
# them under ThreadSanitizer). Exit 0, 1 with what failed, 69 without a toolchain.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
items=${1:-1000000}
runs=${2:-50000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# The toolchain's own clang: its ThreadSanitizer runtime leans on the libdispatch beside it.
swift=$(command -v swift) || { echo "race tests need the Swift toolchain's clang on PATH" >&2; exit 69; }
tools=$(dirname "$(readlink -f "$swift")")
libraries=$(dirname "$tools")/lib/swift/linux
sources=("$root"/CSupport/nt_{ring,ring_ends,memory,thread,crc32c,clock,histogram}.c)

build() { # output, program, flags...
  local output=$1 program=$2
  shift 2
  "$tools/clang" -std=c11 -g -O1 -D_GNU_SOURCE -Wall -Wextra -Werror "$@" \
    -I"$root/CSupport/include" "$root/Tests/Races/$program"/*.c "${sources[@]}" -o "$work/$output" \
    -L"$libraries" -Wl,-rpath,"$libraries" -ldispatch -lBlocksRuntime -lnuma ||
    { echo "FAIL cannot build $output" >&2; exit 1; }
}

fault() {
  echo "FAIL $*" >&2
  failures=$((failures + 1))
}

export TSAN_OPTIONS=halt_on_error=1:exitcode=66

must_pass() { # what, program, arguments...
  local what=$1
  shift
  timeout 300 "$work/$1" "${@:2}" >"$work/log" 2>&1
  local code=$?
  sed "s/^/  /" "$work/log" | head -60
  [ $code -eq 0 ] || fault "$what: exit $code"
}

must_race() { # what, program, arguments...: ThreadSanitizer reports a data race
  local what=$1
  shift
  timeout 300 "$work/$1" "${@:2}" >"$work/log" 2>&1
  local code=$?
  if [ $code -eq 66 ] && grep -q "ThreadSanitizer: data race" "$work/log"; then
    echo "  caught: $what"
  else
    fault "not caught: $what (exit $code)"
  fi
}

started=$SECONDS
build rings rings & build litmus litmus & wait
build rings-tsan rings -fsanitize=thread & build litmus-tsan litmus -fsanitize=thread & wait

echo "rings, $items items a case"
must_pass "rings" rings "$items"
echo "litmus, $runs runs a program"
must_pass "litmus" litmus "$runs"
echo "rings under ThreadSanitizer, $((items / 4)) items a case"
must_pass "rings under ThreadSanitizer" rings-tsan "$((items / 4))"
echo "litmus under ThreadSanitizer, $((runs / 10)) runs a program"
must_pass "litmus under ThreadSanitizer" litmus-tsan "$((runs / 10))"

echo "mutants"
for order in PUBLISH OBSERVE RETURN CREDIT; do
  build "rings-$order" rings -fsanitize=thread "-DNT_ORDER_$order=__ATOMIC_RELAXED" &
done
build rings-blind rings -DNT_BROADCAST_VALIDATE=0 &
wait
for kind in spsc mpsc broadcast; do
  for order in PUBLISH OBSERVE RETURN CREDIT; do
    # A broadcast ring has no credit.
    case $kind-$order in broadcast-RETURN | broadcast-CREDIT) continue ;; esac
    must_race "$kind with NT_ORDER_$order relaxed" "rings-$order" "$((items / 4))" $kind
  done
done
# A torn item needs the writer to be in the slot at the moment: a few attempts.
caught=no
for attempt in 1 2 3 4 5; do
  timeout 300 "$work/rings-blind" "$items" broadcast >"$work/log" 2>&1
  if [ $? -eq 1 ] && grep -q "^FAIL" "$work/log"; then
    caught="attempt $attempt"
    break
  fi
done
if [ "$caught" = no ]; then
  fault "not caught: broadcast reader without its check"
else
  echo "  caught: broadcast reader without its check ($caught)"
fi

echo "$((SECONDS - started)) s, $failures failures"
[ $failures -eq 0 ]
