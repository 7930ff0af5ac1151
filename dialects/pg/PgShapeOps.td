// Operations that make, move, spread and sum up elements.
#ifndef PG_SHAPE_OPS
#define PG_SHAPE_OPS

include "dialects/pg/PgDialect.td"

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

def Pg_ConstantOp : Pg_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "A tensor known when compiling";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let builders = [
    // The number in every element of `type`.
    OpBuilder<(ins "::mlir::RankedTensorType":$type, "double":$value)>,
    // A scalar, of shape [].
    OpBuilder<(ins "double":$value, "::mlir::Type":$elementType)>
  ];
  let hasFolder = 1;
}

def Pg_SplatOp : Pg_PureOp<"splat"> {
  let summary = "A step value as a tensor of shape []";
  let arguments = (ins F64:$value);
  let results = (outs Pg_TensorOf<[F32, F64, I64], "static tensor">:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$value, CArg<"::mlir::Type", "{}">:$elementType)>];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Pg_StepOp : Pg_Op<"step", [Pure]> {
  let summary = "The number of the step, from 0";
  let results = (outs F64:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getF64Type()); }]>];
}

def Pg_ProgressOp : Pg_Op<"progress", [Pure]> {
  let summary = "The fraction of the budget that is used, taken before the step";
  let results = (outs F64:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getF64Type()); }]>];
}

def Pg_SequencesOp : Pg_Op<"sequences", [Pure]> {
  let summary = "The number of sequences of a step of test-time training";
  let results = (outs F64:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getF64Type()); }]>];
}

def Pg_MicroBatchOp : Pg_Op<"micro_batch", [Pure]> {
  let summary = "The number of the micro-batch in its part, from 0; of training programs";
  let results = (outs F64:$result);
  let assemblyFormat = "attr-dict";
  let builders = [OpBuilder<(ins), [{ $_state.addTypes($_builder.getF64Type()); }]>];
}

def Pg_IotaOp : Pg_Op<"iota", [Pure]> {
  let summary = "Each element's index along an axis";
  let arguments = (ins Pg_IntAttr:$axis);
  let results = (outs Pg_IntTensor:$result);
  let assemblyFormat = "`axis` $axis attr-dict `:` type($result)";
  let builders = [OpBuilder<(ins "::llvm::ArrayRef<int64_t>":$shape, "int64_t":$axis)>];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Along axes
//===----------------------------------------------------------------------===//

def Pg_ReduceKind : I32EnumAttr<"ReduceKind", "how elements are joined", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>]> {
  let cppNamespace = "::pg";
  let genSpecializedAttr = 0;
}
def Pg_ReduceKindAttr : EnumAttr<Pg_Dialect, Pg_ReduceKind, "reduce_kind"> {
  let assemblyFormat = "`` $value";
}

def Pg_ReduceOp : Pg_InferredOp<"reduce", [Pg_Differentiable]> {
  let summary = "The sum or the maximum over axes, which stay with size 1";
  let description = [{
    The gradient of a maximum goes in equal shares to the elements that attain it.

    ```mlir
    %s = pg.reduce sum %x axes [0, 2] : (tensor<4x5x6xf32>) -> tensor<1x5x1xf32>
    ```
  }];
  let arguments = (ins Pg_ReduceKindAttr:$kind, Pg_NumberTensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Pg_NumberTensor:$result);
  let assemblyFormat = "$kind $x `axes` $axes attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Pg_PartialSumOp : Pg_InferredOp<"partial_sum"> {
  let summary = "Sums of consecutive rows, one a chunk";
  let description = [{
    The first `outer` axes of x are rows, R in all. Element c of the result is the sum, in
    order, of rows c·⌈R/chunks⌉ up to, without, (c+1)·⌈R/chunks⌉ or R: a first stage of a sum
    over rows whose order does not depend on who computes it. Chunks without rows give 0.

    ```mlir
    %s = pg.partial_sum %x {chunks = 16 : i64, outer = 2 : i64} : (tensor<8x64x32xf32>) -> tensor<16x32xf32>
    ```
  }];
  let arguments = (ins Pg_FloatTensor:$x, Pg_IntAttr:$chunks, Pg_IntAttr:$outer);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_CumsumOp : Pg_InferredOp<"cumsum", [Pg_Differentiable]> {
  let summary = "Running sums along an axis, including the element itself; `reverse` from the end";
  let arguments = (ins Pg_NumberTensor:$x, Pg_IntAttr:$axis, UnitAttr:$reverse);
  let results = (outs Pg_NumberTensor:$result);
  let assemblyFormat =
    "$x `axis` $axis (`reverse` $reverse^)? attr-dict `:` functional-type(operands, results)";
}

def Pg_ShiftOp : Pg_InferredOp<"shift", [Pg_Differentiable]> {
  let summary = "Elements moved along an axis; zeros come in";
  let description = [{y[t] = x[t - amount] along `axis`. A negative amount looks ahead.}];
  let arguments = (ins Pg_Tensor:$x, Pg_IntAttr:$axis, Pg_IntAttr:$amount);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat =
    "$x `axis` $axis `by` $amount attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Other shapes of the same elements
//===----------------------------------------------------------------------===//

def Pg_ReshapeOp : Pg_PureOp<"reshape", [Pg_Differentiable]> {
  let summary = "The same elements in the same row-major order in another shape";
  let arguments = (ins Pg_Tensor:$x);
  let results = (outs Pg_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$shape)>];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Pg_TransposeOp : Pg_InferredOp<"transpose", [Pg_Differentiable]> {
  let summary = "Axes in another order: axis i of the result is axis permutation[i] of x";
  let arguments = (ins Pg_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat =
    "$x `permutation` $permutation attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Pg_SliceOp : Pg_InferredOp<"slice", [Pg_Differentiable]> {
  let summary = "The part of x from `offsets`, of shape `sizes`";
  let arguments = (ins Pg_Tensor:$x, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat =
    "$x `offsets` $offsets `sizes` $sizes attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Pg_PadOp : Pg_InferredOp<"pad", [Pg_Differentiable]> {
  let summary = "x with `low` zeros before and `high` zeros behind on each axis";
  let arguments = (ins Pg_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat = "$x `low` $low `high` $high attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Pg_BroadcastOp : Pg_PureOp<"broadcast", [Pg_Differentiable]> {
  let summary = "x, spread to the result's shape";
  let arguments = (ins Pg_Tensor:$x);
  let results = (outs Pg_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::llvm::ArrayRef<int64_t>":$shape)>];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Pg_ConcatOp : Pg_PureOp<"concat", [Pg_Differentiable]> {
  let summary = "Parts joined along the first axis";
  let description = [{
    Brings together what was computed in blocks of rows. A schedule computes each part straight
    into its place in the whole where it can.

    ```mlir
    %y = pg.concat %a, %b : (tensor<256x64xf32>, tensor<44x64xf32>) -> tensor<300x64xf32>
    ```
  }];
  let arguments = (ins Variadic<Pg_Tensor>:$parts);
  let results = (outs Pg_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$parts)>];
  let hasVerifier = 1;
}

#endif
