#!/bin/sh
# Builds the fuzzers with AddressSanitizer, and runs each for some seconds:
#
#   fuzz.sh SECONDS [NAME…]        e.g. fuzz.sh 600 Image Archive
#
# The next run starts from the inputs that this one leaves in .build/fuzz/NAME. Inputs that fail go
# to .build/fuzz/crashes. To try one again: Fuzz/.build/release/FuzzNAME FILE
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
if [ $# = 0 ]; then
  set -- Tables Image Xattrs Archive Map RoundTrip Store Mount
  # FuzzKernel mounts images, so it needs root. Under CI it must run.
  if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ]; then set -- "$@" Kernel; fi
fi
export SWIFT_BACKTRACE=enable=no
# The threads that decompress live as long as the process.
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
    Store) seeds=stores ;;
    Mount) seeds=mounts ;;
    *) echo "fuzz.sh: no fuzzer is called $name" >&2; exit 64 ;;
  esac
  mkdir -p ".build/fuzz/$name"
  echo "fuzz.sh: $name"
  # 10 s per input finds endless loops, even on a machine that stalls. Windows and dictionaries of
  # compressed streams may have 2 GiB, but only the parts that are written take memory.
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
