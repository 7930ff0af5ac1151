#!/usr/bin/env python3
"""One of the five target systems for an H100, whole: gpu_targets.py BIN_DIR MODELS_DIR MODEL
No kernel spills registers, and attention and all products of bf16 that no library computes are on tensor cores. Nothing runs.
Exits with 77 where there is no ptxas to say what is spilled."""
import json
import os
import subprocess
import sys
import tempfile
import time

SKIPPED = 77


def find_faults(report):
    """What is wrong with the kernels, a sentence each."""
    kernels = [kernel for kernel in report["kernels"] if not kernel.get("library")]
    faults = [warning for warning in report["warnings"] if "[spills]" in warning or "[no-tensor-cores]" in warning]
    on_tensor_cores = {"product": 0, "attention": 0, "attention_grad": 0}
    for kernel in kernels:
        name, kind, code = kernel["name"], kernel["kind"], kernel["code"]
        if len(code) != 1:
            if kernel["launches"] > 0:
                faults.append(f"{name} has no code")
            continue
        if kind in on_tensor_cores:
            on_tensor_cores[kind] += code[0]["tensor_core_instructions"] > 0
            if kind != "product" and code[0]["tensor_core_instructions"] == 0:
                faults.append(f"{name} is not on tensor cores")
        if code[0].get("registers") == 0:
            faults.append(f"ptxas says nothing of {name}")
        faults += [f"{name}: {code[0][what]} {what}" for what in ("spill_store_bytes", "spill_load_bytes") if code[0].get(what)]
    faults += [f"no kernel of kind {kind} is on tensor cores" for kind, count in on_tensor_cores.items() if count == 0]
    return faults


def main():
    bin_dir, models, name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        start = time.monotonic()
        result = subprocess.run([os.path.join(bin_dir, "pgc"), os.path.join(models, name + ".pgm"), "--target=sm_90a",
                                 "-o", os.path.join(folder, "gpu.plan"), f"--report={report}"], capture_output=True, text=True)
        seconds = time.monotonic() - start
        if result.returncode != 0:
            sys.exit(f"{name}: pgc exited with {result.returncode}\n{result.stderr}")
        with open(report) as text:
            report = json.load(text)
    faults = find_faults(report)
    if faults:
        sys.exit("\n".join([f"{name}:"] + faults))
    print(f"{name}: {len(report['kernels'])} kernels, compiled in {seconds:.1f} s")
    if not report["targets"][0]["assembled"]:
        print("no ptxas on the path: nobody looked whether registers are spilled")
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
