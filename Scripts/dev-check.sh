#!/usr/bin/env bash
# Runs the example as `make dev` does, asks it until two pods have answered, and ends it: dev-check.sh PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
work=$(mktemp -d)
pid=

clean_up() {
    # Only if it is still ours to end: after a successful wait it is gone.
    if [[ -n $pid ]]; then
        kill -KILL "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true # else the shell reports the kill
    fi
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "portico: dev-check: $1" >&2
    sed 's/^/  stdout: /' "$work/out" >&2
    sed 's/^/  stderr: /' "$work/err" >&2
    exit 1
}

# ask ADDRESS: prints what the Service answers; without curl bash can do it too.
ask() {
    if command -v curl > /dev/null; then
        curl --silent --show-error --fail --max-time 5 --noproxy '*' "http://$1/"
    else
        timeout 5 bash -c '
            exec 3<> "/dev/tcp/${1%:*}/${1##*:}"
            printf "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "$1" >&3
            sed "1,/^\r*$/d" <&3' ask "$1"
    fi
}

"$program" dev --demo-pods -f Examples/my-service --output json > "$work/out" 2> "$work/err" &
pid=$!

address=
for ((attempt = 0; attempt < 200; attempt++)); do
    kill -0 "$pid" 2> /dev/null || { pid=; fail "it ended before it was listening"; }
    line=$(grep -m 1 '"event":"listening"' "$work/out" || true)
    if [[ $line =~ 127\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+ ]]; then
        address=${BASH_REMATCH[0]}
        break
    fi
    sleep 0.1
done
[[ -n $address ]] || fail "no line with \"event\":\"listening\" and an address within 20 seconds"

declare -A answered=()
for ((attempt = 0; attempt < 10 && ${#answered[@]} < 2; attempt++)); do
    answer=$(ask "$address") || fail "no answer from $address"
    [[ -n $answer ]] || fail "an empty answer from $address"
    echo "$address: ${answer%%$'\n'*}"
    answered[$answer]=1
done
((${#answered[@]} >= 2)) || fail "ten questions, and always the same pod answered"

kill -TERM "$pid"
for ((attempt = 0; attempt < 100; attempt++)); do
    kill -0 "$pid" 2> /dev/null || break
    sleep 0.1
done
kill -0 "$pid" 2> /dev/null && fail "still running 10 seconds after SIGTERM"
status=0
wait "$pid" || status=$?
pid=
((status == 0)) || fail "ended with status $status after SIGTERM"
echo "portico: dev-check: two pods answered, and it ended with status 0"
