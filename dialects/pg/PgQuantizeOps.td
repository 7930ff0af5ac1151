// What only quantisers use: how trained weights become what is stored.
#ifndef PG_QUANTIZE_OPS
#define PG_QUANTIZE_OPS

include "dialects/pg/PgElementwiseOps.td"

//===----------------------------------------------------------------------===//
// Leaves of decoders
//===----------------------------------------------------------------------===//

def Pg_RoundF16Op : Pg_UnaryOp<"round_f16", Pg_FloatTensor, [Pg_ZeroGradient]> {
  let summary = "x rounded to what float16 can hold, halves to even; no gradient";
  let description = [{
    The result has x's own type. Numbers below 2⁻¹⁴ lose bits as float16's subnormals do; what would
    round to 65,536 or more becomes infinite. In a quantiser its result is a leaf: it is stored as float16.
  }];
}

def Pg_CodesOp : Pg_ElementwiseOp<"codes", [Pg_ZeroGradient, Pg_Decomposable]> {
  let summary = "x, whole numbers in lo … hi: stored as such; no gradient";
  let description = [{
    Marks a leaf of a quantiser's decoder, and computes nothing. That x is in range is checked where it is stored.
  }];
  let arguments = (ins Pg_FloatTensor:$x, Pg_IntAttr:$lo, Pg_IntAttr:$hi);
  let results = (outs Pg_FloatTensor:$result);
  let hasFolder = 0;
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Linear algebra that the host's LAPACK does
//===----------------------------------------------------------------------===//

def Pg_GptqOp : Pg_InferredOp<"gptq", [Pg_ZeroGradient]> {
  let summary = "Codes of w [r, c] in -top … top, rounded column by column against the Hessian h [c, c]";
  let description = [{
    GPTQ (Frantar et al. 2022, arXiv 2210.17323). Dead columns, where h_jj = 0, get h_jj = 1 and w_j = 0; then
    h += damp · mean(diag h) · I. Columns go by falling diagonal. With h⁻¹ = Uᵀ U, U upper:
    q_j = clip(round(w_j / scale), ±top), e = (w_j - q_j scale) / U_jj, and all columns still to come lose e U_j;
    `block` columns at a time. `scale` has one number a row, [r, 1]. Factors are float64's, the errors' sums of w's type.
  }];
  let arguments = (ins Pg_FloatTensor:$w, Pg_FloatTensor:$h, Pg_FloatTensor:$scale,
                       Pg_IntAttr:$top, Pg_IntAttr:$block, F64Attr:$damp);
  let results = (outs Pg_FloatTensor:$result);
  let hasVerifier = 1;
}

def Pg_SvdOp : Pg_InferredOp<"svd", [Pg_ZeroGradient]> {
  let summary = "The largest singular values of w [r, c]: u [r, k], s [k], v [k, c]";
  let description = [{
    w ≈ (u · s) v, s falling; columns of u and rows of v are orthonormal. Of each pair the sign is such that
    the element of u's column with the largest magnitude, the first of equals, is positive.
  }];
  let arguments = (ins Pg_FloatTensor:$w, Pg_IntAttr:$rank);
  let results = (outs Pg_FloatTensor:$u, Pg_FloatTensor:$s, Pg_FloatTensor:$v);
}

//===----------------------------------------------------------------------===//
// Step values
//===----------------------------------------------------------------------===//

def Pg_SolvedOp : Pg_Op<"solved", [Pure]> {
  let summary = "The constant that is raised until the artifact fits; `start` is what the file says";
  let arguments = (ins F64Attr:$start);
  let results = (outs F64:$result);
  let assemblyFormat = "$start attr-dict";
  let builders = [OpBuilder<(ins "double":$start), [{
    build($_builder, $_state, $_builder.getF64Type(), $_builder.getF64FloatAttr(start));
  }]>];
}

#endif
