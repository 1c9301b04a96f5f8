#!/usr/bin/env bash
# Sees to it that the program stays small: check-size.sh PROGRAM [MB]
#
# What is measured is the program without symbols, in MB of a million bytes, since that is what people install. Ends with 1 if
# it is larger than it may be, 40 MB, and says what its largest parts are.
set -euo pipefail

program=${1:?"which program?"}
most=${2:-40}

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
bytes=$(stat -c %s "$stripped")
size=$(awk "BEGIN { printf \"%.1f\", $bytes / 1e6 }")

if ((bytes > most * 1000000)); then
    echo "portico: $program has $size MB without symbols, more than $most MB. The largest sections and symbols:" >&2
    size -A "$stripped" | sort -k2 -n -r | sed -n 2,7p >&2
    # All of it is read before it is cut, or nm complains.
    nm --print-size --size-sort --radix=d --demangle "$program" | tail -n 15 | cut -c 1-140 >&2
    exit 1
fi
echo "portico: the program has $size MB without symbols; $most MB are allowed"
