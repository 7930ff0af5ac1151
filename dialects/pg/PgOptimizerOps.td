// What only optimizers use.
#ifndef PG_OPTIMIZER_OPS
#define PG_OPTIMIZER_OPS

include "dialects/pg/PgDialect.td"

def Pg_NewtonSchulzForm : I32EnumAttr<"NewtonSchulzForm", "what the iteration multiplies", [
    I32EnumAttrCase<"plain", 0>, I32EnumAttrCase<"gram", 1>, I32EnumAttrCase<"cheaper", 2>]> {
  let cppNamespace = "::pg";
  let genSpecializedAttr = 0;
}
def Pg_NewtonSchulzFormAttr : EnumAttr<Pg_Dialect, Pg_NewtonSchulzForm, "newton_schulz_form"> {
  let assemblyFormat = "`` $value";
}

def Pg_NewtonSchulzOp : Pg_InferredOp<"newton_schulz"> {
  let summary = "Brings the singular values of a matrix near 1";
  let description = [{
    X = u / (‖u‖ + 1e-7), Frobenius norm, seen with its shorter side as rows. Each step (a, b, c) of `coeffs`, three numbers a step,
    makes A = X Xᵀ, X ← a X + (b A + c A²) X. With `aol` the rows of X are first scaled by
    max(Σ_j |X Xᵀ|_ij, 1e-7)^(-1/2). In the form `gram` the same polynomial is iterated on R = X Xᵀ and the product Q
    of its values: P = a I + b R + c R², Q ← P Q, R ← P R P, starting over from X ← Q X before the third step and ending
    with Q X. `cheaper` leaves the choice to `expand-newton-schulz`. Optimizers only: there is no gradient.

    ```mlir
    %y = pg.newton_schulz plain %u {coeffs = array<f64: 3.4445, -4.775, 2.0315>} : (tensor<8x32xf32>) -> tensor<8x32xf32>
    ```
  }];
  let arguments = (ins Pg_NewtonSchulzFormAttr:$form, Pg_FloatTensor:$u, DenseF64ArrayAttr:$coeffs, UnitAttr:$aol);
  let results = (outs Pg_FloatTensor:$result);
  let assemblyFormat = "$form $u attr-dict `:` functional-type(operands, results)";
}

#endif
