#!/bin/bash
# Compiles every C file of CSupport for arm64, warnings as errors. Checks the C only: there is no
# Swift standard library for arm64 Linux here.
#
# usage: Tests/arm64/check.sh    Exit 0; 1 when a file does not compile; 69 without the compiler.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
compiler=aarch64-linux-gnu-gcc

if ! command -v $compiler >/dev/null; then
  echo "installing gcc-aarch64-linux-gnu"
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo -n)
  "${run[@]}" apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu \
    libc6-dev-arm64-cross >/dev/null 2>&1
fi
if ! command -v $compiler >/dev/null; then
  echo "arm64 check: needs the Debian packages gcc-aarch64-linux-gnu and libc6-dev-arm64-cross," \
    "and they could not be installed: apt-get install them as root" >&2
  exit 69
fi

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
failures=0
count=0
for file in "$root"/CSupport/*.c; do
  # The headers of liburing and libnuma are the same on every architecture; they come last, so that
  # the C library's are arm64's.
  if ! $compiler -std=c11 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$root/CSupport/include" \
    -idirafter /usr/include -c "$file" -o "$output/object.o"; then
    echo "FAIL $(basename "$file")" >&2
    failures=$((failures + 1))
  fi
  count=$((count + 1))
done
echo "arm64: $count files, $failures failures"
[ $failures -eq 0 ]
