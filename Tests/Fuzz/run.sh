#!/usr/bin/env bash
# Builds the fuzzers from the sources, apart from the package, and runs each for SECONDS (60).
# usage: run.sh [SECONDS] [NAME...]     names: mold soup ouch itch capture recording
# Exits 1 on the first crash and says where the input lies that causes it.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
case $seconds in '' | *[!0-9]* | 0) echo "run.sh: '$seconds' is no number of seconds" >&2; exit 64 ;; esac
shift || true
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(mold soup ouch itch capture recording)

out=.build/fuzz
mkdir -p "$out"
swiftflags=(-O -parse-as-library -wmo -swift-version 6 -sanitize=fuzzer,address
  -enable-experimental-feature Lifetimes -enable-upcoming-feature ExistentialAny
  -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature InternalImportsByDefault
  -I "$out" -I CSupport/include -I Sources/SystemLibraries/CZlib
  -I Sources/SystemLibraries/CZstd -suppress-warnings)

build() {
  local sources=(CSupport/*.c)
  for source in "${sources[@]}"; do
    clang -O1 -g -std=c11 -D_GNU_SOURCE -ICSupport/include -fsanitize=fuzzer-no-link,address \
      -c "$source" -o "$out/$(basename "$source" .c).o"
  done
  for module in ExecutionCore Captures Gateways; do
    mapfile -t sources < <(find "Sources/$module" -name '*.swift' | LC_ALL=C sort)
    swiftc "${swiftflags[@]}" -package-name needletail -module-name "$module" -emit-module \
      -emit-module-path "$out/$module.swiftmodule" -emit-object -o "$out/$module.o" "${sources[@]}"
  done
}
link() { # NAME SOURCE...
  swiftc "${swiftflags[@]}" -module-name "Fuzz_$1" -use-ld=lld "${@:2}" Tests/Fuzz/Seeds.swift \
    "$out"/{Gateways,Captures,ExecutionCore}.o "$out"/nt_*.o -luring -lnuma -lz -lzstd \
    -o "$out/fuzz-$1"
}
source_of() {
  case $1 in
    mold) echo FuzzMold.swift ;; soup) echo FuzzSoup.swift ;; ouch) echo FuzzOUCH.swift ;;
    itch) echo FuzzITCH.swift Targets/ITCHFuzzTarget.swift ;; capture) echo FuzzCapture.swift ;;
    recording) echo FuzzRecording.swift ;;
    *) echo "run.sh: there is no fuzzer '$1'" >&2; exit 64 ;;
  esac
}
# Recorded files, where they are at hand, beside the generated seeds.
recorded() { # NAME FOLDER
  local data=${NEEDLETAIL_SHARED:-../shared}/data
  [ -d "$data" ] || return 0
  case $1 in
    capture) cp "$data"/moldudp64/*/*.pcap "$2"/ 2>/dev/null || true ;;
    itch) for file in "$data"/itch/*.itch50; do
      head -c 4000 "$file" > "$2/$(basename "$file")"; done ;;
  esac
}

for name in "${names[@]}"; do source_of "$name" > /dev/null; done
echo "fuzz: building"
build > "$out/build.log" 2>&1 < /dev/null || { cat "$out/build.log" >&2; exit 1; }
for name in "${names[@]}"; do
  read -ra sources <<<"$(source_of "$name")"
  link "$name" "${sources[@]/#/Tests/Fuzz/}" > "$out/build.log" 2>&1 < /dev/null ||
    { cat "$out/build.log" >&2; exit 1; }
done

export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=0
for name in "${names[@]}"; do
  corpus=$out/corpus-$name
  mkdir -p "$corpus" "$out/seeds-$name" "$out/crashes"
  FUZZ_SEEDS=$out/seeds-$name "$out/fuzz-$name" > "$out/$name.log" 2>&1 < /dev/null
  recorded "$name" "$out/seeds-$name"
  echo "fuzz: $name for $seconds s"
  if ! timeout -k 10 $((seconds + 60)) "$out/fuzz-$name" "$corpus" "$out/seeds-$name" \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=3072 -print_final_stats=1 \
    -artifact_prefix="$out/crashes/$name-" > "$out/$name.log" 2>&1 < /dev/null; then
    echo "fuzz: $name FAILED; log $out/$name.log, input:" >&2
    grep -a 'Test unit written' "$out/$name.log" >&2 || tail -20 "$out/$name.log" >&2
    echo "fuzz: again with: $out/fuzz-$name INPUT" >&2
    exit 1
  fi
  sed -n 's/^stat::number_of_executed_units: */fuzz: executed /p' "$out/$name.log"
done
echo "fuzz: no crash"
