// The passes that form kernels.
#ifndef FUSION_PASSES
#define FUSION_PASSES

include "mlir/Pass/PassBase.td"

def ApplyNumerics : Pass<"apply-numerics", "::mlir::ModuleOp"> {
  let summary = "Settle in which precision everything is computed";
  let description = [{
    `bf16`: operands of products are rounded by `pg.convert`. `autocast`: those of their results that are
    activations too. `f64`: all floats become doubles. `f32`: nothing is rounded. Numerics.md lists
    the places. `pg.f32` is removed.
  }];
  let dependentDialects = ["::pg::PgDialect"];
  let options = [Option<"mode", "mode", "std::string", "\"f32\"", "autocast, bf16, f32 or f64">];
}

def RoundResiduals : Pass<"round-residuals", "::mlir::ModuleOp"> {
  let summary = "Hold the states of recurrences, and sums within visits, in bf16";
  let description = [{
    What enters and leaves a visit of `pg.recur` is rounded to bf16, and so is each sum of two activations within one; a sum of
    sums is rounded once. `differentiate` then rounds their gradients too. Before `expand-recurrence`.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def BlockHead : Pass<"block-head", "::mlir::ModuleOp"> {
  let summary = "Compute the head and its loss in blocks of rows";
  let description = [{
    Logits, what is done with them and their gradients are computed for a block of rows after the
    other, forward and backward together: so no tensor of tokens × vocabulary is needed. What is
    returned or not done row by row stays whole.
  }];
  let dependentDialects = ["::pg::PgDialect"];
  let options = [Option<"rows", "rows", "int64_t", "0", "rows of a block; 0: so many that logits take about 8 MiB">];
}

def LiftReshapes : Pass<"lift-reshapes", "::mlir::ModuleOp"> {
  let summary = "Let products keep the leading axes of their first operand";
  let description = [{
    A product of a reshaped operand, whose rows stay rows, becomes the product of the operand itself,
    so that what follows the product can join it.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def PackWeights : Pass<"pack-weights", "::mlir::ModuleOp"> {
  let summary = "Have products read weights in the panels of their kernels";
  let description = [{
    Where the second operand of a product is a parameter, or one rounded to bf16, it becomes the
    result of `pg.pack`, which hoist-invariants then has computed once after each update.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def HoistInvariants : Pass<"hoist-invariants", "::mlir::ModuleOp"> {
  let summary = "Compute what depends on parameters alone once after each update";
  let description = [{
    Such values, of training and scoring programs, are computed in the function `@prepare` and stored
    to variables of space `derived`; the programs load these. Equal computations are
    done once for all programs.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def Rematerialize : Pass<"rematerialize", "::mlir::ModuleOp"> {
  let summary = "Compute cheap values again for the backward pass instead of keeping them";
  let description = [{
    Results of products, attention and lookups are kept, small values too, and values computed row by row
    from more than `max-sources` kept ones. The others are computed again beside their first use in
    the backward pass; the copies carry the attribute `pg.recompute`. `fuse` then has kernels that read
    the same values store what gradients of weights read. Numbers do not change.
  }];
  let dependentDialects = ["::pg::PgDialect"];
  let options = [Option<"maxSources", "max-sources", "unsigned", "3",
                        "kept values that computing one again may read">,
                 Option<"keepFactors", "keep-factors", "bool", "false",
                        "whether what products read as bf16 is kept">];
}

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
