# What a walk through the cluster is made of: to be read by a script that stands beside it.

# One of its own: it is removed at the end, and yours is not.
export LAB=walk$$
export PORTICO=${PORTICO:-$PWD/../../.build/release/portico}
portico() { "$PORTICO" "$@"; }
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

say() { printf '\n%s\n' "$*"; }

# show COMMAND…: prints it as you would type it, runs it, and keeps what it printed.
show() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    seen=$("$@" 2>&1) || true
    printf '%s\n' "$seen"
}

# The same for a command on a node, in a pod or outside.
on() {
    local where=$1
    shift
    printf '%s%s$ %s%s\n' "$bold" "$where" "$*" "$plain"
    seen=$(./cluster exec "$where" "$@" 2>&1) || true
    printf '%s\n' "$seen"
}

# ask WHERE URL TIMES: counts the answers per pod.
ask() {
    printf '%s%s$ for i in {1..%s}; do curl -s %s; done | sort | uniq -c%s\n' "$bold" "$1" "$3" "$2" "$plain"
    seen=$(./cluster exec "$1" bash -c '
        for ((i = 0; i < $2; i++)); do curl -sS --max-time 5 --noproxy "*" "$1" || echo "no answer"; done' ask "$2" "$3" \
        2>&1 | sort | uniq -c)
    printf '%s\n' "$seen"
}

# want TEXT…: all of it has to be in what was seen last.
want() {
    local text
    for text in "$@"; do
        [[ $seen == *"$text"* ]] && continue
        printf '\nwalk-through: expected "%s" here. The node said:\n' "$text" >&2
        ./cluster log node2 >&2 || true
        exit 1
    done
}

trap './cluster down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
