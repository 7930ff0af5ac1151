"""Configuration of the lit tests: each file says in RUN lines what to run, and FileCheck what must come out."""
import os
import shutil

import lit.formats
import lit.util

config.name = "pg"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".pgm", ".test"]
config.excludes = ["Inputs", "golden", "data"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_dir, "tests", "lit")

tools = os.path.join(config.build_dir, "bin")
llvm_tools = config.llvm_tools_dir
config.environment["PATH"] = os.pathsep.join([tools, llvm_tools, os.environ["PATH"]])
# A tool that is not built makes its tests unsupported, not failed, when they name it in REQUIRES.
for tool in ("pgc", "pgrt", "pgdata", "pg-opt", "pg-lsp", "pg-pieces"):
    path = os.path.join(tools, tool)
    if os.path.exists(path):
        config.available_features.add(tool)
    # Only the word itself: not a part of pgc-something, of a path, or behind a dash.
    config.substitutions.append((r"%" + tool + r"\b", path))
# Ranks need an MPI launcher, and the driver, which is left out where MPI was not there to build it.
if shutil.which("mpirun") and os.path.exists(os.path.join(tools, "pgrt-mpi.so")):
    config.available_features.add("mpi")
# Simulated GPUs, for --device cuda.
gpusim = os.path.join(config.build_dir, "gpusim")
if os.path.exists(os.path.join(gpusim, "libcuda.so.1")):
    config.available_features.add("gpusim")
config.substitutions.append((r"%gpusim\b", gpusim))
if shutil.which("ptxas"):
    config.available_features.add("ptxas")
config.substitutions.append((r"%models\b", os.path.join(config.source_dir, "models")))
config.substitutions.append((r"%golden\b", os.path.join(config.source_dir, "tests", "golden")))
