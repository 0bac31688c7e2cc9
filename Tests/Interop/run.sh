#!/usr/bin/env bash
# Compares what the command imports with what a reader of another make finds in the same files.
# usage: run.sh NEEDLETAIL [--all]
# Skips, and says so, where the recorded files are not at hand.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=$1
shift
data=${NEEDLETAIL_SHARED:-../shared}/data
if [ ! -d "$data" ]; then
  echo "interop: SKIPPED: $data is not there"
  exit 0
fi
venv=.build/interop/venv
if ! "$venv/bin/python" -c 'import zstandard' 2>/dev/null; then
  mkdir -p "$(dirname "$venv")"
  { [ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv"; } &&
    timeout 300 "$venv/bin/pip" -q install zstandard==0.25.0 || {
    echo "interop: zstandard could not be had from PyPI: is there a network?" >&2
    exit 69
  }
fi
exec "$venv/bin/python" Tests/Interop/captures.py "$tool" "$data" "$@"
