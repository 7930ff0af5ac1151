// Attention, and what goes with it.
#ifndef PG_ATTENTION_OPS
#define PG_ATTENTION_OPS

include "dialects/pg/PgDialect.td"

def Pg_RopeOp : Pg_InferredOp<"rope", [Pg_Differentiable]> {
  let summary = "Rotates pairs of features by angles that grow with the position";
  let description = [{
    x [B, T, H, D], cos and sin [T, n], 2n ≤ D. Half-split pairs (a, b) = (x_j, x_{j+n}), j < n, become
    (a c + b s, b c - a s); the rest is copied. `inverse` turns the other way, which is the gradient.
    Gradients flow to x only.
  }];
  let arguments = (ins Pg_FloatTensor:$x, Pg_FloatTensor:$cos, Pg_FloatTensor:$sin, UnitAttr:$inverse);
  let results = (outs Pg_FloatTensor:$result);
  let assemblyFormat =
    "operands (`inverse` $inverse^)? attr-dict `:` functional-type(operands, results)";
}

def Pg_AttentionOp : Pg_InferredOp<"attention", [Pg_Differentiable]> {
  let summary = "Causal attention with grouped heads";
  let description = [{
    q [B, S, H, D], k and v [B, T, K, D], H a multiple of K: query head h reads key head h / (H/K). The queries are
    those of the last S ≤ T positions. Scores q·k / sqrt(D) of positions s ≤ t; with `segment` [B, T] of equal segments
    only. `o` [B, S, H, D] is the sum of v weighted by the softmax of the scores; `lse` [B, S, H] the logarithm of their
    summed exponentials. Both are f32 for operands of f32 or bf16, f64 for f64. No gradient may flow into `lse`, and none
    at all if S < T.
  }];
  let arguments = (ins Pg_ProductTensor:$q, Pg_ProductTensor:$k, Pg_ProductTensor:$v,
                       Optional<Pg_IntTensor>:$segment);
  let results = (outs Pg_FloatTensor:$o, Pg_FloatTensor:$lse);
  let assemblyFormat =
    "$q `,` $k `,` $v (`segment` $segment^)? attr-dict `:` functional-type(operands, results)";
}

def Pg_AttentionGradOp : Pg_InferredOp<"attention_grad"> {
  let summary = "The gradients of q, k and v from that of attention's output";
  let description = [{
    With P = exp(q·k / sqrt(D) - lse) and Δ = Σ_D do o: dv = Pᵀ do, dS = P (do vᵀ - Δ), dq = dS k / sqrt(D),
    dk = dSᵀ q / sqrt(D); dk and dv are summed over the query heads of a group.
  }];
  let arguments = (ins Pg_ProductTensor:$q, Pg_ProductTensor:$k, Pg_ProductTensor:$v,
                       Pg_ProductTensor:$o, Pg_FloatTensor:$lse, Pg_ProductTensor:$d_o,
                       Optional<Pg_IntTensor>:$segment);
  let results = (outs Pg_FloatTensor:$d_q, Pg_FloatTensor:$d_k, Pg_FloatTensor:$d_v);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $o `,` $lse `,` $d_o (`segment` $segment^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Pg_XsaOp : Pg_InferredOp<"xsa", [Pg_Differentiable, Pg_Decomposable]> {
  let summary = "Exclusive self-attention: y without its part along v";
  let description = [{
    y [B, T, H, D], v [B, T, K, D], H a multiple of K. For each head y - (y·n) n, where n = v / max(‖v‖, 1e-12) is
    that of the head's group at the same position.
  }];
  let arguments = (ins Pg_FloatTensor:$y, Pg_FloatTensor:$v);
  let results = (outs Pg_FloatTensor:$result);
}

#endif
