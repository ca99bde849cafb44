#!/bin/sh
# Builds the fuzzers, with AddressSanitizer, and runs each for a time:
#
#   fuzz.sh SECONDS [NAME…]        e.g. fuzz.sh 600 Image Archive
#
# What they find stays in .build/fuzz/NAME and is taken up by the next run; an input that fails in
# .build/fuzz/crashes. To look at one: Fuzz/.build/release/FuzzNAME FILE
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
if [ $# = 0 ]; then
  set -- Tables Image Xattrs Archive Map RoundTrip
  # It mounts images. Under CI it must run.
  if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ]; then set -- "$@" Kernel; fi
fi
export SWIFT_BACKTRACE=enable=no
# Threads that decompress are the process's own and end with it.
export ASAN_OPTIONS=detect_leaks=0
${SWIFT:-swift} build -c release --sanitize fuzzer --sanitize address --package-path Fuzz

status=0
mkdir -p .build/fuzz/crashes
for name; do
  case $name in
    Tables | Image) seeds=images ;;
    Archive) seeds=archives ;;
    Map) seeds=maps ;;
    RoundTrip) seeds=trees ;;
    Xattrs) seeds=xattrs ;;
    Kernel) seeds=kernel ;;
    *) echo "fuzz.sh: no fuzzer is called $name" >&2; exit 64 ;;
  esac
  mkdir -p ".build/fuzz/$name"
  echo "fuzz.sh: $name"
  # 10 s an input: what would go on for ever, on a machine that stalls. Windows and dictionaries of
  # compressed streams may have 2 GiB, of which only what is written takes memory.
  Fuzz/.build/release/Fuzz"$name" -max_total_time="$seconds" -max_len=65536 -len_control=0 \
    -rss_limit_mb=2048 -malloc_limit_mb=3072 -timeout=10 -artifact_prefix=.build/fuzz/crashes/"$name"- \
    ".build/fuzz/$name" "Fuzz/corpus/$seeds" >".build/fuzz/$name.log" 2>&1 || {
    status=1
    grep -v '^#' ".build/fuzz/$name.log" | tail -40
    echo "fuzz.sh: $name FAILED" >&2
  }
  grep '^Done' ".build/fuzz/$name.log" || true
done
exit $status
