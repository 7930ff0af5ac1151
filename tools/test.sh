#!/usr/bin/env bash
# Installs what is missing, builds everything, runs all tests. Exit status 0 means that every test passed.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh --with-texts --with-tests
cmake --preset release
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error -j 2 | tee build/ctest.log
# One closing line that says what ran, whatever the test runner's own wording.
count() { grep -E '^ *[0-9]+/[0-9]+ Test ' build/ctest.log | grep -cE "$1" || true; }
echo "$(count ' Passed ') passed, $(count '\*\*\*(Failed|Timeout|Exception|Not Run)') failed, $(count '\*\*\*Skipped') skipped"
