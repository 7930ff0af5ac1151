// What operations say about themselves to the passes: their gradient, their decomposition.
#ifndef PG_INTERFACES
#define PG_INTERFACES

include "mlir/IR/OpBase.td"

def Pg_DifferentiableOp : OpInterface<"DifferentiableOp"> {
  let cppNamespace = "::pg";
  let description = [{
    An operation through which gradients flow, exactly. Where the derivative jumps, the
    convention is the language's: at ties of `max` and `min` to the first operand, inside for
    `clamp`, equal shares for the maximum over axes, 0 for the norm at 0.
  }];
  let methods = [InterfaceMethod<
    [{
      Builds the operands' gradients from those of the results.

      `resultGrads` has one value per result, null where nothing flows; at least one is not null.
      `operandGrads` comes with one null value per operand; those left null get no gradient. A
      gradient has its operand's element type, and its operand's shape or one that the operand
      broadcasts to: the caller sums over what was broadcast. What turns out unneeded is pruned.
    }],
    "void", "buildGradient",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGrads,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$operandGrads)>];
}

def Pg_DecomposableOp : OpInterface<"DecomposableOp"> {
  let cppNamespace = "::pg";
  let description = [{A composite: an operation that stands for a few simpler ones.}];
  let methods = [InterfaceMethod<
    "Builds what the operation stands for, at the builder's place; returns a value for each result.",
    "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::mlir::OpBuilder &":$builder)>];
}

#endif
