// The passes that form kernels.
#ifndef FUSION_PASSES
#define FUSION_PASSES

include "mlir/Pass/PassBase.td"

def SplitReductions : Pass<"split-reductions", "::mlir::ModuleOp"> {
  let summary = "Take sums over rows apart into partial sums of chunks, and their sum";
  let description = [{
    A sum over the rows of a kernel cannot be finished within it: each chunk of rows leaves its
    partial sum (`pg.partial_sum`), and a small kernel adds these up, in their order. So the bits of a
    sum depend neither on threads nor on fusion.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def Fuse : Pass<"fuse", "::mlir::ModuleOp"> {
  let summary = "Group operations into kernels, and call these";
  let description = [{
    Elementwise operations and reductions within rows that depend on each other become kernels of
    kind `rows`; elementwise operations behind a matrix product join it; a gradient that ends in
    `pg.accumulate` is added where it belongs by the kernel that computes it. Equal kernels
    become one, to which numbers that differ are passed as scalars.
  }];
  let dependentDialects = ["::pg::PgDialect", "::pg::sched::SchedDialect", "::mlir::arith::ArithDialect"];
}

def VerifyFused : Pass<"verify-fused", "::mlir::ModuleOp"> {
  let summary = "Check what fuse promises: functions of calls, and kernels in their normal form";
}

#endif
