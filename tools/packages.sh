#!/usr/bin/env bash
# Installs what the build, the tests and the quick start need on Debian 12 (LLVM 22 comes from the configured package sources).
# Does nothing, quickly and without root, when all of it is there.
set -euo pipefail

build_packages="cmake ninja-build ccache clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libprotobuf-dev protobuf-compiler libsentencepiece-dev libbrotli-dev zlib1g-dev liblzma-dev libopenblas-dev liblapacke-dev libdnnl-dev ocl-icd-opencl-dev
  libopenmpi-dev openmpi-bin libgtest-dev libgmock-dev libbenchmark-dev python3 xz-utils"
test_packages="python3-torch" # the interpreter that the compiler is compared with
peer_packages="python3-venv g++" # PyTorch in a virtual environment, and what torch.compile calls
text_packages="dict-gcide perl-doc dict-foldoc dict-jargon"

packages=$build_packages
for option in "$@"; do
  case $option in
    --with-texts) packages="$packages $text_packages" ;;
    --with-peer) packages="$packages $peer_packages" ;;
    --with-tests) packages="$packages $test_packages" ;;
    *) echo "packages.sh: unknown option '$option'" >&2; exit 2 ;;
  esac
done

missing=()
for package in $packages; do
  if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
    missing+=("$package")
  fi
done
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi

sudo=()
if [[ $(id -u) -ne 0 ]]; then sudo=(sudo); fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
