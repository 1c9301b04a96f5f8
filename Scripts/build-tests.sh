#!/usr/bin/env bash
# Builds everything in debug mode, tests too.
#
# By an index of the sources tests are found. Without what it would say of the C library and of Swift's own it takes a third
# less time.
set -euo pipefail
cd "$(dirname "$0")/.."

exec "${SWIFT:-swift}" build --no-color-diagnostics --build-tests \
    -Xswiftc -index-ignore-system-modules -Xswiftc -index-ignore-clang-modules
