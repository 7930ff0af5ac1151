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
