#!/usr/bin/env bash
# Installs what is missing, builds everything, runs all tests. Exit status 0 means that every test passed.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh --with-texts --with-tests
cmake --preset release
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error -j 2 | tee build/ctest.log
# One closing line that says what ran, whatever the test runner's own wording.
passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' build/ctest.log || true)
failed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*(\*\*\*|Failed)' build/ctest.log || true)
echo "$passed passed, $failed failed"
