// What one device of a plan is compiled to: the CPU, for one or several kinds
// of processors, or a GPU. Each has programs, memory and kernels of its own.
#pragma once

#include "compiler/frontend/Frontend.h"
#include "compiler/pgc/Compilation.h"
#include "compiler/pgc/Evaluations.h"
#include "compiler/pgc/Report.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace pgc {

class DeviceCompilation {
public:
  /// `targets`: one or more, all of them CPUs or a GPU.
  DeviceCompilation(const Options &options, Program &program,
                    mlir::MLIRContext &context, std::vector<Target> targets,
                    llvm::raw_ostream &diagnostics);

  /// Has the front end emit all functions of the plan.
  ExitCode emitModule();
  /// From there to a schedule. On a GPU, micro-batches are made smaller until
  /// all memory fits.
  ExitCode runPasses();
  mlir::ModuleOp getModule() const { return *module; }

  /// The kernels' functions in MLIR, for the first target.
  mlir::OwningOpRef<mlir::ModuleOp> makeKernels();
  /// Assembly of all targets, or PTX.
  std::optional<std::string> makeAssembly();
  /// Writes everything into a plan that is empty but for what all devices share
  /// (producer, name, source, vocabulary).
  ExitCode addTo(pgrt::plan::Plan &plan);

  bool isGpu() const { return targets.front().isGpu(); }
  /// Of each code section of the plan, once it is written.
  llvm::ArrayRef<TargetCode> getCode() const { return compiled; }

private:
  ExitCode fail(ExitCode code, const llvm::Twine &message);
  /// Bytes of all arenas of the scheduled module.
  int64_t countMemory();
  ExitCode addCode(pgrt::plan::Plan &plan);
  ExitCode addGpuCode(pgrt::plan::Plan &plan);
  void addTraining(pgrt::plan::Plan &plan);

  const Options &options;
  Program &program;
  mlir::MLIRContext &context;
  std::vector<Target> targets;
  llvm::raw_ostream &diagnostics;
  std::string numerics;
  int64_t tokens; // of a micro-batch, at most
  int64_t microBatch = 0;
  EvaluationRequests evaluations;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<TargetCode> compiled;
};

} // namespace pgc
