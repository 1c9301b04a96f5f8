#!/usr/bin/env bash
# Feeds what reads bytes of others with what LLVM's fuzzer makes up, and shows how much of the code that reached.
#
#   fuzz.sh [--runs N | --seconds N] [TARGET …]      each of the targets, or those named: N inputs or N seconds each
#
# Inputs that reach something new are kept in .build-fuzz/corpus, and the next run begins with them and the seeds in
# Tests/FuzzTests/Seeds. A finding stays in .build-fuzz/findings; put it among the seeds once it is mended. Ends with 1
# after a finding, and if less than 90 % of the lines of what a target is about were reached.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
scratch=.build-fuzz
least=90

# What each target is about.
declare -A sources=(
    [yaml]="{Documents/{YAMLReader,PlainScalar,DocumentTree,DocumentTree+Access,DocumentTree+Path},Manifests/{ManifestReader,DocumentDecoder}}"
    [json]="Documents/{JSONReader,JSONEscapes}"
    [documents]="Documents/DocumentSplitter"
    [http]="HTTP/{HTTPRequestParser,HTTPRequestHead,LineBuffer}"
    [forward-proxy]="ForwardProxy/{ProxyHandshake,SOCKSHandshake,HTTPHandshake,HTTPField,ForwardTarget,ProxyPassword}"
    [dns]="Names/{DNS/DNSReader,DNS/DNSMessage,DNS/DNSName,DNS/DNSWriter,DNSStream,NameTable+Respond}"
    [saved-rules]="Redirect/{SavedRules,Rule+Parse,Rule+Text}"
    [handover]="Relay/Handover/HandoverMessage"
    [proxy-header]="Relay/ProxyHeader"
    [kubeconfig]="{KubernetesAPI/{Kubeconfig/{URLParts,ServerURL,ProxyURL,Kubeconfig+Access,KubeconfigError,KubeconfigFile,KubeconfigEntry,KubeconfigEntry+Cluster,KubeconfigEntry+User},Credentials/ExecCredential},Documents/DocumentTree+{JSON,Read}}"
    [watch]="KubernetesAPI/Watch/{JSONScan,JSONCutter,WatchEvent,WireObject,APIStatus}"
)
order=(yaml json documents http forward-proxy dns saved-rules handover proxy-header kubeconfig watch)

limit=(-runs=1000000)
while (($# > 0)); do
    case $1 in
        --runs) limit=("-runs=$2") ;;
        --seconds) limit=("-max_total_time=$2") ;;
        *) break ;;
    esac
    shift 2
done
if (($# > 0)); then order=("$@"); fi
for target in "${order[@]}"; do
    [[ -n ${sources[$target]-} ]] || { echo "portico: no target $target; there are: ${!sources[*]}" >&2 && exit 64; }
done

# Optimized, because a fuzzer is as good as it is fast, and with what the modules keep to themselves.
PORTICO_FUZZ=1 "$swift" build --scratch-path "$scratch" -c release --product portico-fuzz --sanitize fuzzer \
    -Xswiftc -enable-testing -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping
program=$scratch/release/portico-fuzz

# The tools have to be the compiler's own: the format of coverage data changes with the version of LLVM.
tools=$("$swift" -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)\/lib\/swift".*/\1\/bin/p')

# Swift's own handler of crashes would come before the fuzzer's, which keeps the input.
export SWIFT_BACKTRACE=enable=no
mkdir -p "$scratch/findings"
status=0
printf '%-14s%12s%10s%12s%8s  %s\n' target inputs seconds "inputs/s" lines outcome
for target in "${order[@]}"; do
    corpus=$scratch/corpus/$target
    log=$scratch/$target.log
    mkdir -p "$corpus"
    outcome=passed
    FUZZ_TARGET=$target LLVM_PROFILE_FILE=$scratch/$target.profraw "$program" "${limit[@]}" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$scratch/findings/$target-" \
        "$corpus" "Tests/FuzzTests/Seeds/$target" > "$log" 2>&1 || outcome="FOUND SOMETHING, see $log"

    lines=-
    if [[ $outcome == passed ]]; then
        "$tools/llvm-profdata" merge -o "$scratch/$target.profdata" "$scratch/$target.profraw"
        eval "files=(Sources/${sources[$target]}.swift)"
        lines=$("$tools/llvm-cov" report "$program" -instr-profile "$scratch/$target.profdata" "${files[@]}" |
            awk '$1 == "TOTAL" { print $10 }')
        if awk "BEGIN { exit !(${lines%\%} < $least) }"; then outcome="REACHES LESS THAN $least %"; fi
    fi
    [[ $outcome == passed ]] || status=1
    read -r inputs seconds <<< "$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 \2/p' "$log")" || true
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    printf '%-14s%12s%10s%12s%8s  %s\n' "$target" "${inputs:--}" "${seconds:--}" "${rate:--}" "$lines" "$outcome"
done
exit "$status"
