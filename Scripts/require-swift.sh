#!/usr/bin/env bash
# Checks that there is a Swift toolchain that can build Portico, and that what it has built can be built further, and says what to do
# if not.
set -euo pipefail

needed_major=6 needed_minor=2
swift=${SWIFT:-swift}

if ! command -v "$swift" > /dev/null; then
    echo "portico: no Swift toolchain: '$swift' is not on PATH." >&2
    echo "portico: install Swift $needed_major.$needed_minor or newer, see https://www.swift.org/install/linux/" >&2
    exit 1
fi

# "Swift version 6.3.1 (swift-6.3.1-RELEASE)", or "Apple Swift version …" in front of it.
output=$("$swift" --version 2>&1 || true)
if [[ ! $output =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]]; then
    echo "portico: '$swift --version' does not say a version: $output" >&2
    exit 1
fi
major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}

if ((major < needed_major || (major == needed_major && minor < needed_minor))); then
    echo "portico: Swift $major.$minor is too old; $needed_major.$needed_minor or newer is needed," \
        "see https://www.swift.org/install/linux/" >&2
    exit 1
fi

for folder in .build .build-* Benchmarks/.build dist; do
    [[ -e $folder && ! -w $folder ]] || continue
    echo "portico: $folder belongs to $(stat -c %U "$folder"): give it to yourself with 'sudo chown -R $(id -un) $folder'" >&2
    exit 1
done
