#!/usr/bin/env bash
# Runs the tests of the data plane, and of what threads share, under the thread sanitizer and then under the address sanitizer.
#
# Each has a build folder of its own, because instrumented objects do not mix with others. An argument replaces the filter; of
# tests that it does not name by their target nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
filter=${1:-'^((EventLoopTests|BalancingTests|RelayTests|StatusTests)\.|ProxyTests\.(NodeProxyTests|ReconcilerTests))'}
targets=$(grep -oE '[A-Z]\w*Tests\b' <<< "$filter" | while IFS= read -r name; do if [[ -d Tests/$name ]]; then echo "$name"; fi; done | paste -sd,)
[[ -z $targets ]] || export PORTICO_TESTS=$targets
# Instrumented code is several times slower; the deadlines of the tests stretch with this.
export PORTICO_TEST_PATIENCE=${PORTICO_TEST_PATIENCE:-5}

trap 'Scripts/hand-back.sh .build-tsan .build-asan' EXIT

for sanitizer in thread address; do
    case $sanitizer in
        thread) scratch=.build-tsan ;;
        address) scratch=.build-asan ;;
    esac
    echo "portico: $sanitizer sanitizer"
    # A report ends the run, so that no test can pass over one.
    TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
        "$swift" test --scratch-path "$scratch" --sanitize "$sanitizer" --disable-xctest \
            --test-product porticoPackageTests --no-parallel --filter "$filter" 2>&1 |
        # The linker's word on each of the sanitizer's own functions; hundreds of lines.
        { grep --line-buffered -v -E "ld\.gold: warning: Cannot export local symbol|^◇ .* started\.$" || true; }
done
