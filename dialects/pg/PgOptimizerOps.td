// What only optimizers use.
#ifndef PG_OPTIMIZER_OPS
#define PG_OPTIMIZER_OPS

include "dialects/pg/PgDialect.td"

def Pg_NewtonSchulzOp : Pg_InferredOp<"newton_schulz"> {
  let summary = "Brings the singular values of a matrix near 1";
  let description = [{
    X = u / (‖u‖ + 1e-7), Frobenius norm, seen with its shorter side as rows. Each step (a, b, c) of `coeffs`, three numbers a step,
    makes A = X Xᵀ, X ← a X + (b A + c A²) X. With `aol` the rows of X are first scaled by
    max(Σ_j |X Xᵀ|_ij, 1e-7)^(-1/2). With `gram` the same polynomial is iterated on R = X Xᵀ and the product Q
    of its values: P = a I + b R + c R², Q ← P Q, R ← P R P, starting over from X ← Q X before the third step and ending
    with Q X. Optimizers only: there is no gradient.
  }];
  let arguments = (ins Pg_FloatTensor:$u, DenseF64ArrayAttr:$coeffs, UnitAttr:$aol, UnitAttr:$gram);
  let results = (outs Pg_FloatTensor:$result);
}

#endif
