// The passes that stand between fusion and code: they ask the code generator.
#ifndef PGC_PASSES
#define PGC_PASSES

include "mlir/Pass/PassBase.td"

def PlanKernels : Pass<"plan-kernels", "::mlir::ModuleOp"> {
  let summary = "Have the code generator complete each kernel: chunks, scratch, FLOPs, bytes";
  let description = [{
    A fused kernel that no loops are found for is taken apart again: its operations stand in the
    place of its calls, and `outline-rest` makes a kernel of each. With `gpu`, the GPU's code generator
    is asked, which adds how it launches the kernel, or that a library computes it.
  }];
  let options = [Option<"gpu", "gpu", "bool", "false", "plan kernels for a GPU">];
}

def MergeLaunches : Pass<"merge-launches", "::mlir::ModuleOp"> {
  let summary = "Have one launch of a GPU do the work of several of the same kernel";
  let description = [{
    For functions that work on parameters, not on tokens: many small launches of few kernels. Operations are put in the
    order of how many kernels they wait for; calls of one kernel with the same step values that wait for as many become one call of a
    kernel that holds as many copies. Of functions on tokens only the last sums of small gradients are merged, at the end. Runs behind `plan-kernels`, on kernels of the row-wise kinds.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
}

def GroupLaunches : Pass<"group-launches", "::mlir::ModuleOp"> {
  let summary = "Have one launch of a GPU do the work of kernels that stand side by side";
  let description = [{
    Calls that follow each other, none of which needs what another makes, become one call of a kernel that holds all of
    them: some blocks for each (`parts` of its attribute `gpu`). What is computed does not change, nor how. Runs behind
    `merge-launches`: row-wise kernels with each other, and products on tensor cores with each other.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
}

def CountModelFlops : Pass<"count-model-flops", "::mlir::ModuleOp"> {
  let summary = "Note each program's useful work, by the usual count";
  let description = [{
    For a function that will be differentiated: 6 FLOPs for each multiplication of its matrix
    products, and 7 (T + 1) H D for each position of causal attention; for one that scores, 2 and
    2 (T + 1) H D. Recomputation, optimizers and elementwise work are not counted. The result is the
    attribute `pg.model_flops` of the function.
  }];
}

#endif
