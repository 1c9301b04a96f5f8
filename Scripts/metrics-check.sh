#!/usr/bin/env bash
# Holds what the program tells of itself to what others read it with: metrics-check.sh PROGRAM
#
# `portico dev` and `portico daemon` run with some traffic, in a network of their own. Their metrics are read by promtool and by
# Python's parser of OpenMetrics, their /status is held to docs/status.schema.json, and each metric that the alerts, the dashboard and
# docs/metrics.md name is there, and no other. The alerts are tested (deploy/prometheus/rules.test.yaml).
#
# The tools go into .build/tools: promtool from Debian's package prometheus, which is not installed, and packages of PyPI by name. Where
# one cannot be had, that is said, and is a failure with PORTICO_NO_SKIP=1.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.build/tools
python=${PYTHON:-python3}
promtool=$tools/promtool
rules=deploy/prometheus/rules.yaml
dashboard=deploy/grafana/portico.json
page=docs/metrics.md

# What is there only where rules are made, by iptables.
later=(
    portico_watch_age_seconds
    kubeproxy_sync_proxy_rules_duration_seconds
    kubeproxy_sync_proxy_rules_last_timestamp_seconds
    kubeproxy_sync_proxy_rules_iptables_restore_failures_total
    portico_rules_in_force
)

failures=0
skipped=0
fail() {
    echo "portico: metrics-check: $1" >&2
    failures=$((failures + 1))
}
cannot() {
    echo "portico: metrics-check: $1" >&2
    skipped=$((skipped + 1))
}

work=$(mktemp -d)
running=()
clean_up() {
    local pid
    for pid in ${running[@]+"${running[@]}"}; do
        kill -KILL "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true # else the shell reports the kill
    done
    rm -rf "$work"
}
trap clean_up EXIT

get_promtool() {
    [[ ! -x $promtool ]] || return 0
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || return 1
    mkdir -p "$work/package" "$tools"
    # As whoever calls: apt-get would rather be another user, who may not write there.
    (cd "$work/package" && apt-get download -o APT::Sandbox::User=root prometheus > /dev/null 2>&1) || return 1
    dpkg -x "$work"/package/prometheus_*.deb "$work/package/files" && cp "$work/package/files/usr/bin/promtool" "$promtool"
}

get_parsers() {
    [[ ! -e $tools/metrics/jsonschema || ! -e $tools/metrics/prometheus_client ]] || return 0
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$tools/metrics" \
        'prometheus_client==0.26.0' 'jsonschema==4.26.0'
}

# Alone on its machine, so to speak: no port is anybody else's, and no other daemon is in the way.
if [[ ${1:-} != --inside ]]; then
    program=$(realpath "${1:?which program?}")
    get_promtool || cannot "promtool cannot be had: apt-get download prometheus has failed, so alerts and metrics were not looked at with it"
    get_parsers || cannot "prometheus_client and jsonschema cannot be had, so OpenMetrics and /status were not looked at"
    own=(unshare --net)
    ((EUID == 0)) || own=(unshare --map-root-user --net)
    if "${own[@]}" true 2> "$work/said"; then
        "${own[@]}" Scripts/metrics-check.sh --inside "$program" || fail "see above"
    else
        cannot "no network of its own can be had, as root or in a user namespace, so nothing was run: $(< "$work/said")"
    fi
    if ((skipped > 0)) && [[ ${PORTICO_NO_SKIP:-0} != 0 ]]; then fail "PORTICO_NO_SKIP forbids that"; fi
    ((failures == 0)) || exit 1
    if ((skipped > 0)); then
        echo "portico: metrics-check: the rest is well, after $SECONDS s"
    else
        echo "portico: metrics-check: metrics, /status, alerts and dashboard are well, after $SECONDS s"
    fi
    exit 0
fi
program=$2

ip link set lo up
ip address add 192.0.2.1/24 dev lo
ip address add 192.0.2.2/24 dev lo

# begin NAME COMMAND…: in the background; what it says is in files of that name.
begin() {
    local name=$1
    shift
    "$@" > "$work/$name.out" 2> "$work/$name.err" &
    running+=($!)
}

# end: the one that was begun last.
end() {
    local pid=${running[-1]}
    unset 'running[-1]'
    kill -TERM "$pid"
    local status=0
    wait "$pid" || status=$?
    # Python's servers just end by it.
    ((status == 0 || status == 143)) || fail "it ended with status $status after SIGTERM"
}

get() { curl --silent --show-error --fail --max-time 5 --noproxy '*' "$@"; }

# until_answered URL [TEXT]: within 20 seconds, with the text.
until_answered() {
    local attempt
    for ((attempt = 0; attempt < 200; attempt++)); do
        if get "$1" 2> /dev/null | grep -q -e "${2:-}"; then return 0; fi
        sleep 0.1
    done
    fail "$1 does not answer${2:+ with '$2'} within 20 seconds"
    tail -n 5 "$work"/*.err >&2
    exit 1
}

# keep NAME ADDRESS: metrics in both formats, and the status.
keep() {
    get "http://$2/metrics" > "$work/$1.prom"
    get -H 'Accept: application/openmetrics-text' "http://$2/metrics" > "$work/$1.open"
    get "http://$2/status" > "$work/$1.status"
    if [[ -x $promtool ]]; then
        # Names of kube-proxy, of Go's Prometheus library and of client-go are as they are.
        "$promtool" check metrics < "$work/$1.prom" > "$work/said" 2>&1 || fail "metrics of $1: $(< "$work/said")"
    fi
}

address=127.0.0.1:8090
begin dev "$program" dev --demo-pods -f Examples/my-service --admin "$address" --output json
until_answered "http://$address/status" '"phase":"serving"'
service=$(grep -m 1 '"event":"listening"' "$work/dev.out" | grep -oE -m 1 '127\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+')
for _ in 1 2 3; do get "http://$service/" > /dev/null || fail "no answer from $service"; done
keep dev "$address"
end

# A Service with a pod that answers and one that is not there, one without pods, and one over UDP.
cat > "$work/manifest.yaml" << 'YAML'
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  clusterIP: 10.96.0.10
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
  - {addresses: [192.0.2.1], conditions: {ready: true}, targetRef: {kind: Pod, name: web-1}}
  - {addresses: [192.0.2.2], conditions: {ready: true}, targetRef: {kind: Pod, name: web-2}}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec:
  type: NodePort
  clusterIP: 10.96.0.11
  ports: [{name: http, port: 80, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: shop}
spec:
  type: NodePort
  clusterIP: 10.96.0.12
  ports: [{name: dns, port: 53, targetPort: 5353, nodePort: 30053, protocol: UDP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns, namespace: shop, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: dns, port: 5353, protocol: UDP}]
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
YAML
address=127.0.0.1:10249
daemon=("$program" daemon --redirect none --hostname-override node1 --admin-socket "$work/socket" --metrics-bind-address "$address"
    --healthz-bind-address 127.0.0.1:10256 --oom-score-adj 0 --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0
    --conntrack-tcp-timeout-close-wait 0)

begin pod "$python" -m http.server --bind 192.0.2.1 8080
begin daemon "${daemon[@]}" -f "$work/manifest.yaml"
until_answered "http://$address/status" '"phase":"serving"'
until_answered http://192.0.2.1:8080/
for _ in 1 2 3; do get http://127.0.0.1:30080/ > /dev/null || fail "no answer from the Service web"; done
get http://127.0.0.1:30081/ > /dev/null 2>&1 && fail "the Service idle answers, and has no pods"
exec 3<> /dev/udp/127.0.0.1/30053 && echo question >&3
get http://127.0.0.1:10256/healthz > /dev/null || fail "/healthz is not 200"
get http://127.0.0.1:10256/livez > /dev/null || fail "/livez is not 200"
until_answered "http://$address/metrics" 'portico_service_dial_failures_total.*"TCP"} [1-9]'
keep daemon "$address"
"$program" status --socket "$work/socket" > /dev/null || fail "portico status ends with $?, and nothing is wrong"
end
end

# An API server that knows nothing.
mkdir "$work/nothing"
begin server "$python" -m http.server --bind 127.0.0.1 --directory "$work/nothing" 6444
until_answered http://127.0.0.1:6444/
begin cluster "${daemon[@]}" --master http://127.0.0.1:6444
until_answered "http://$address/metrics" 'portico_watch_failures_total.* [1-9]'
keep cluster "$address"
end
end

if [[ -x $promtool ]]; then
    "$promtool" check rules "$rules" > "$work/said" 2>&1 || fail "$rules: $(< "$work/said")"
    # The dashboard's questions as rules, with something in place of Grafana's variables.
    "$python" - "$dashboard" > "$work/dashboard.yaml" << 'PYTHON'
import json, re, sys

board = json.load(open(sys.argv[1]))
asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
asked += [annotation["expr"] for annotation in board["annotations"]["list"]]
rules = [{"record": f"question:{i}", "expr": re.sub(r"\$\w+", "5m", expr)} for i, expr in enumerate(asked)]
print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
PYTHON
    "$promtool" check rules "$work/dashboard.yaml" > "$work/said" 2>&1 || fail "$dashboard: $(< "$work/said")"
    "$promtool" test rules deploy/prometheus/rules.test.yaml > "$work/said" 2>&1 || fail "rules.test.yaml: $(< "$work/said")"
fi

# Names are looked at with what Python itself has; OpenMetrics and the schema only where their readers could be had.
PYTHONPATH=$tools/metrics "$python" - "$work" "$rules" "$dashboard" "$page" "${later[@]}" << 'PYTHON' || fail "see above"
import json, pathlib, re, sys

work, rules, dashboard, page = map(pathlib.Path, sys.argv[1:5])
later = set(sys.argv[5:])
failures = 0


def fail(text):
    global failures
    failures += 1
    print(f"portico: metrics-check: {text}", file=sys.stderr)


# By family, as the text for Prometheus has them; histograms have three names more.
families = {}
for file in work.glob("*.prom"):
    families.update(re.findall(r"^# TYPE (\S+) (\S+)$", file.read_text(), re.MULTILINE))
for name in later & set(families):
    fail(f"{name} is said to appear only later, and is there")
source = "".join(p.read_text() for p in pathlib.Path("Sources/Admin").rglob("*.swift"))
for name in later:
    if name.removesuffix("_total") not in source:
        fail(f"{name} is said to appear later, and is nowhere in Sources/Admin")
names = set(families) | later
samples = names | {n + s for n in names for s in ("_bucket", "_sum", "_count")}

# What stands in text as the name of a metric of this program.
metric = re.compile(r"\b(?:portico|kubeproxy|process|rest_client)_[a-z0-9_]+\b")
# Fields and places that look like one.
others = {"portico_yaml"}


def named(text):
    return set(metric.findall(text)) - others


def wanted(file, text):
    for name in sorted(named(text) - samples):
        fail(f"{file} names {name}, which is not there")


wanted(rules, rules.read_text())
board = json.loads(dashboard.read_text())
wanted(dashboard, json.dumps(board))
for panel in board["panels"]:
    if panel["type"] != "row" and not (panel["targets"] and panel["fieldConfig"]["defaults"].get("unit")):
        fail(f"{dashboard}: '{panel['title']}' asks for nothing, or has no unit")
ids = [panel["id"] for panel in board["panels"]]
if len(ids) != len(set(ids)):
    fail(f"{dashboard}: two panels have one id")

# Each has a row in a table; what kube-proxy has and Portico has not is listed elsewhere on the page.
text = page.read_text()
kinds = dict(re.findall(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|", text, re.MULTILINE))
rows = set(kinds)
for name in sorted(names - rows):
    fail(f"{page} has no row for {name}")
for name in sorted(rows - names):
    fail(f"{page} has a row for {name}, which is not there")
for name, kind in sorted(families.items()):
    if kinds.get(name, kind) != kind:
        fail(f"{page} says that {name} is a {kinds[name]}, and it is a {kind}")

# Alerts lead to a heading each.
headings = {
    re.sub(r"[^\w\- ]", "", line.lstrip("# ").strip().lower()).replace(" ", "-")
    for line in pathlib.Path("docs/troubleshooting.md").read_text().splitlines()
    if line.startswith("#")
}
for anchor in re.findall(r"runbook: docs/troubleshooting\.md#(\S+)", rules.read_text()):
    if anchor not in headings:
        fail(f"{rules}: docs/troubleshooting.md has no heading #{anchor}")

try:
    import jsonschema
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(failures > 0)
for file in work.glob("*.open"):
    try:
        if not list(text_string_to_metric_families(file.read_text())):
            fail(f"OpenMetrics of {file.stem}: nothing")
    except ValueError as error:
        fail(f"OpenMetrics of {file.stem}: {error}")
schema = json.loads(pathlib.Path("docs/status.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
for file in work.glob("*.status"):
    for error in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(file.read_text())):
        fail(f"/status of {file.stem}: {error.json_path}: {error.message}")
sys.exit(failures > 0)
PYTHON

((failures == 0))
