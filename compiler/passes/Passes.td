// The passes on models and optimizers: from what the front end emits to primitive operations.
#ifndef PASSES
#define PASSES

include "mlir/Pass/PassBase.td"

def ExpandRecurrence : Pass<"expand-recurrence", "::mlir::ModuleOp"> {
  let summary = "Lay the visits of pg.recur out, one behind the other";
  let description = [{
    Each visit becomes a copy of its layer's region, and each skip that is popped a copy of its
    merge. Locations name the visit. What no result demands is pruned.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def HoldStopGradients : Pass<"hold-stop-gradients", "::mlir::ModuleOp"> {
  let summary = "Compute what stands under stop_gradient from weights at a base point";
  let description = [{
    In functions with the attribute `pg.hold_stop_gradients` the argument of each `pg.stop_gradient` is computed from
    variables `<parameter>:base` instead of the parameters. So the gradient that such a function has by definition is
    the derivative of its loss, which finite differences can check. The recurrence must have been laid out.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def Differentiate : Pass<"differentiate", "::mlir::ModuleOp"> {
  let summary = "Add the backward pass to each forward function";
  let description = [{
    A function of role `forward`, `@forward.<phase>`, becomes `@train.<phase>` of role `train`: after the forward operations come,
    in reverse order, the gradients of the result named `loss`, times the attribute `pg.seed` of the function or of the module (default 1).
    Each use of a parameter ends in a `pg.accumulate` into the variable `<parameter>:grad`, which
    is declared if it is missing. Results stay. What no result demands is pruned.

    A function of role `adapt` keeps role and name, and its seed is divided by `pg.sequences`. Parameters that
    the attribute `pg.frozen` of a function names get no gradient from it.

    An operation through which a gradient must pass and that has none is an error at its place.
  }];
  let dependentDialects = ["::pg::PgDialect", "::mlir::arith::ArithDialect"];
}

def CaptureHessians : Pass<"capture-hessians", "::mlir::ModuleOp"> {
  let summary = "Make of the forward pass a function that collects Hessians";
  let description = [{
    A function of role `capture` is a forward pass. For every variable `p:hessian` (space `hessian`), each product of some X
    with the parameter p adds XᵀX / `pg.batches`, leading axes of X seen as one, to it: all visits of a loop to the same. Parameters
    with the same inputs share the variable of the first; the attribute `hessian` of a parameter names it. Results are dropped, and what
    no Hessian demands is pruned.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def MergeProducts : Pass<"merge-products", "::mlir::ModuleOp"> {
  let summary = "Compute products of one tensor with several weights as one product";
  let description = [{
    Where a tensor goes through several `pg.linear` whose weights are parameters, as that of queries, keys and values,
    the weights are joined, which `hoist-invariants` then has done once after each update, and the results become slices of one
    product. So do their gradients: the backward pass has one product for the tensor and one for the weights. A product
    with elementwise work behind it alone stays as it is: its kernel does that work. Sums of the gradient are
    taken in another order; nothing else changes.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def JoinWeightGradients : Pass<"join-weight-gradients", "::mlir::ModuleOp"> {
  let summary = "Compute the gradient of a weight that several visits use as one product";
  let description = [{
    Each visit of a looped block adds some AᵀB, a sum over its positions, to the gradient of the same weight. Joined
    along the positions, `pg.concat` of the As and of the Bs, they are one product with a longer sum, where the last of
    them stands. Parts are computed straight into their places, so nothing is copied; what they are made of lives until then. Sums of the
    gradient are taken in another order; nothing else changes.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def Decompose : Pass<"decompose", "::mlir::ModuleOp"> {
  let summary = "Replace composites by what they stand for";
  let dependentDialects = ["::pg::PgDialect"];
  let options = [ListOption<"keep", "keep", "std::string",
    "names of operations to leave, as pg.token_nll">];
}

def StackNewtonSchulz : Pass<"stack-newton-schulz", "::mlir::ModuleOp"> {
  let summary = "Have one pg.newton_schulz do all matrices of a shape";
  let description = [{
    An optimizer brings many matrices of few shapes near orthogonality, each by many small products. Stacked, those of
    one shape take as many launches as one. What depends on a result moves behind the stack; where that would change the order in
    which a variable is read and written, the matrices stay apart.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def ExpandNewtonSchulz : Pass<"expand-newton-schulz", "::mlir::ModuleOp"> {
  let summary = "Replace pg.newton_schulz by its steps";
  let dependentDialects = ["::pg::PgDialect"];
}

def PruneByDemand : Pass<"prune-by-demand", "::mlir::ModuleOp"> {
  let summary = "Compute of functions that return a slice only what the slice demands";
  let description = [{
    Of functions with the attribute `pg.scored`, whose results are slices of the last positions. From the
    return backwards the demand on each value is found: all of it, or the last elements along an axis; each
    operation of which less is demanded is replaced by one that computes that alone. So in the last block
    of a model only keys, values and what they are made from are computed for all positions. Numbers do not change.
    Composites are decomposed first. The attribute `pg.lengths` says to which lengths values were cut.
  }];
  let dependentDialects = ["::pg::PgDialect"];
}

def VerifyEvaluation : Pass<"verify-evaluation", "::mlir::ModuleOp"> {
  let summary = "Check that scores are what an evaluation may report";
  let description = [{
    A function of role `score` or `logits` stores nothing. Scores are `pg.token_nll`, or slices of it, of logits as
    wide as the module's `pg.vocabulary` that do not depend on the targets. An `adapt_update` reads no tokens.
  }];
}

def Prune : Pass<"prune", "::mlir::ModuleOp"> {
  let summary = "Remove what no result and no variable demands";
}

def VerifyExpanded : Pass<"verify-expanded", "::mlir::ModuleOp"> {
  let summary = "Check that no recurrence is left";
}

def VerifyDifferentiated : Pass<"verify-differentiated", "::mlir::ModuleOp"> {
  let summary = "Check that no forward function is left, and that training changes gradients only";
}

def VerifyQuantized : Pass<"verify-quantized", "::mlir::ModuleOp"> {
  let summary = "Check what the functions around an artifact read and write";
  let description = [{
    `measure` reads parameters, reads and stores states; `capture` reads parameters and adds to Hessians; `quantize` reads both and stores leaves; `decode` reads nothing but leaves,
    and stores parameters: what is loaded from an artifact hangs on its bytes alone.
  }];
}

def VerifyPrimitive : Pass<"verify-primitive", "::mlir::ModuleOp"> {
  let summary = "Check that only primitive operations are left";
}

#endif
