// Matrix products, and what looks rows up in tables.
#ifndef PG_PRODUCT_OPS
#define PG_PRODUCT_OPS

include "dialects/pg/PgDialect.td"

def Pg_LinearOp : Pg_InferredOp<"linear", [Pg_Differentiable]> {
  let summary = "x wᵀ: [..., n] and [m, n] to [..., m]";
  let description = [{
    y[..., i] = Σ_j x[..., j] w[i, j]. The result is f32 for operands of f32 or bf16, f64 for f64.
  }];
  let arguments = (ins Pg_ProductTensor:$x, Pg_ProductTensor:$w);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_MatmulOp : Pg_InferredOp<"matmul", [Pg_Differentiable]> {
  let summary = "Matrix product of the last two axes; leading axes broadcast";
  let description = [{
    [..., r, k] and [..., k, c] to [..., r, c]. `transpose_a` and `transpose_b` swap the last two
    axes of an operand first. The result is f32 for operands of f32 or bf16, f64 for f64.
  }];
  let arguments = (ins Pg_ProductTensor:$a, Pg_ProductTensor:$b,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let results = (outs Pg_FloatTensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$a, "::mlir::Value":$b,
                                 CArg<"bool", "false">:$transposeA, CArg<"bool", "false">:$transposeB)>];
  let skipDefaultBuilders = 1;
}

def Pg_PackForm : I32EnumAttr<"PackForm", "how a weight is stored", [
    I32EnumAttrCase<"nk", 0>, I32EnumAttrCase<"kn", 1>]> {
  let cppNamespace = "::pg";
  let genSpecializedAttr = 0;
}
def Pg_PackFormAttr : EnumAttr<Pg_Dialect, Pg_PackForm, "pack_form"> {
  let assemblyFormat = "`` $value";
}

def Pg_PackOp : Pg_InferredOp<"pack"> {
  let summary = "A weight, laid out in the panels that the product kernels read";
  let description = [{
    The weight is the second operand B of a product, K by N: stored as [N, K] (`nk`, as `pg.linear`
    has it) or as [K, N] (`kn`). The result is [⌈N/panel⌉, ⌈K/group⌉, panel, group], without the
    last axis if `group` is 1: panel p holds columns p·panel … of B, and `group` consecutive k lie side by side.
    What lies beyond N or K is 0.

    ```mlir
    %p = pg.pack nk %w {panel = 16 : i64} : (tensor<500x64xf32>) -> tensor<32x64x16xf32>
    %q = pg.pack nk %w {panel = 16 : i64, group = 2 : i64} : (tensor<500x64xbf16>) -> tensor<32x32x16x2xbf16>
    ```
  }];
  let arguments = (ins Pg_PackFormAttr:$form, Pg_ProductTensor:$w, Pg_IntAttr:$panel,
                       DefaultValuedAttr<Pg_IntAttr, "1">:$group);
  let results = (outs Pg_ProductTensor:$result);
  let assemblyFormat = "$form $w attr-dict `:` functional-type(operands, results)";
}

def Pg_PackedMatmulOp : Pg_InferredOp<"packed_matmul"> {
  let summary = "Product of [..., k] with a packed weight of n columns, to [..., n]";
  let description = [{`packed` is the result of `pg.pack`, or holds one.}];
  let arguments = (ins Pg_ProductTensor:$a, Pg_ProductTensor:$packed, Pg_IntAttr:$n);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_EmbedOp : Pg_InferredOp<"embed", [Pg_Differentiable]> {
  let summary = "Rows of a table: [V, n] and ids [...] to [..., n]";
  let description = [{Ids outside 0 … V-1 give rows of zeros.}];
  let arguments = (ins Pg_ProductTensor:$table, Pg_IntTensor:$ids);
  let results = (outs Pg_ProductTensor:$result);
}

def Pg_EmbedGradOp : Pg_InferredOp<"embed_grad"> {
  let summary = "The table's gradient: dy [..., n] summed into rows ids [...] of [rows, n]";
  let description = [{
    Rows are summed in the order of the positions, whatever the number of threads. Ids outside
    0 … rows-1 are left out.
  }];
  let arguments = (ins Pg_FloatTensor:$dy, Pg_IntTensor:$ids, Pg_IntAttr:$rows);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_PickOp : Pg_InferredOp<"pick", [Pg_Differentiable]> {
  let summary = "One element of each row: z [..., V] at ids [...] to [..., 1]";
  let description = [{Ids outside 0 … V-1 give 0.}];
  let arguments = (ins Pg_FloatTensor:$z, Pg_IntTensor:$ids);
  let results = (outs Pg_FloatTensor:$result);
}

#endif
