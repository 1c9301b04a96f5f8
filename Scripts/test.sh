#!/usr/bin/env bash
# Builds and runs every test; arguments go to `swift test`, such as --filter RelayTests.
#
# With PORTICO_NO_SKIP=1 a skipped test is a failed run: the tests themselves see to that where they say what they
# require, and this script counts, so that no other way of skipping slips through.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
log=.build/test.log
# All tests together take far less; without a limit one that hangs would hold a CI job for hours.
limit=${PORTICO_TEST_LIMIT:-1500}

trap 'Scripts/hand-back.sh .build' EXIT

Scripts/as-caller.sh Scripts/build-tests.sh

# All tests are Swift Testing's: without XCTest its empty run does not follow, and the summary is the last line.
# One after the other: many tests are about what happens when, and would be each other's load.
# The notices that a test has started are half of the output and say nothing: they are in the log only.
status=0
timeout --kill-after=10 "$limit" "$swift" test --skip-build --disable-xctest --no-parallel "$@" 2>&1 |
    tee "$log" | { grep --line-buffered -v -E '^◇ .* started\.$' || true; } || status=$?

if ((status == 124 || status == 137)); then
    echo "portico: the tests were not done after $limit seconds; these had started and not ended:" >&2
    # What started, less what passed, failed or was skipped.
    grep -E '^◇ Test [^ ]+ started' "$log" | cut -d' ' -f3 | sort > "$log.started"
    grep -E '^(✔|✘|➜|━) Test [^ ]+ ' "$log" | cut -d' ' -f3 | sort > "$log.ended"
    comm -23 "$log.started" "$log.ended" >&2
fi

skipped=$(grep -c -E '^➜ .* skipped' "$log" || true)
summary=$(grep -E '^(✔|✘|━) Test run with [0-9]+ tests?' "$log" | tail -n 1 || true)

if [[ -z $summary || $summary =~ "with 0 tests" ]]; then
    echo "portico: no test has run, see $log" >&2
    ((status != 0)) || status=1
fi
if ((skipped > 0)); then
    echo "portico: $skipped skipped:" >&2
    grep -E '^➜ .* skipped' "$log" >&2
    if [[ -n ${PORTICO_NO_SKIP:-} && ${PORTICO_NO_SKIP} != 0 ]]; then
        echo "portico: PORTICO_NO_SKIP forbids that" >&2
        ((status != 0)) || status=1
    fi
fi
echo "portico: $skipped tests skipped; all that was said is in $log"
exit "$status"
