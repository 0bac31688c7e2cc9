#!/usr/bin/env bash
# A day of more than 20,000 records, with the state's hash behind each tick of the loop, replayed in one forward pass:
# every consequence and every hash must be as recorded.
# usage: replay.sh NEEDLETAIL
set -euo pipefail
needletail=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'journal: {state_hash_records: 1}\n' >"$folder/hashes.yaml"
"$needletail" run --virtual-time --duration 80 --config "$folder/hashes.yaml" --data "$folder/data" \
  --summary json >"$folder/summary.json" || {
  status=$?
  cat "$folder/summary.json"
  echo "replay: the run exited with $status" >&2
  exit 1
}
"$needletail" journal replay "$folder/data" >"$folder/replay.txt" || {
  cat "$folder/replay.txt"
  exit 1
}
sed -n 1,3p "$folder/replay.txt" | sed "s|$folder/||"
records=$(sed -n 's/.*records 1 to \([0-9]*\),.*/\1/p' "$folder/replay.txt")
hashes=$(sed -n 's/.* \([0-9]*\) hashes compared.*/\1/p' "$folder/replay.txt")
if [ "${records:-0}" -lt 20000 ] || [ "${hashes:-0}" -lt 5000 ]; then
  echo "replay: $records records with $hashes hashes are too few to tell" >&2
  exit 1
fi
