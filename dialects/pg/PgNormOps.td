// Composites: activations, norms, statistics and losses.
#ifndef PG_NORM_OPS
#define PG_NORM_OPS

include "dialects/pg/PgElementwiseOps.td"

class Pg_CompositeOp<string mnemonic, list<Trait> traits = []> :
    Pg_InferredOp<mnemonic, traits # [Pg_Decomposable]>;

// A composite whose result has the shape and type that its operands broadcast to.
class Pg_ElementwiseCompositeOp<string mnemonic, list<Trait> traits = []> :
    Pg_ElementwiseOp<mnemonic, traits # [Pg_Decomposable]> {
  let hasFolder = 0;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

def Pg_LeakyReluOp : Pg_ElementwiseCompositeOp<"leaky_relu", [Pg_Differentiable]> {
  let summary = "x where it is positive, else slope · x; the gradient at 0 is the slope";
  let arguments = (ins Pg_FloatTensor:$x, F64Attr:$slope);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_ClampOp : Pg_ElementwiseCompositeOp<"clamp", [Pg_Differentiable]> {
  let summary = "min(max(x, lo), hi); at the ends the gradient flows";
  let arguments = (ins Pg_FloatTensor:$x, F64Attr:$lo, F64Attr:$hi);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_LerpOp : Pg_ElementwiseCompositeOp<"lerp"> {
  let summary = "a + t (b - a)";
  let arguments = (ins Pg_FloatTensor:$a, Pg_FloatTensor:$b, Pg_FloatTensor:$t);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_SkipGateOp : Pg_ElementwiseCompositeOp<"skip_gate"> {
  let summary = "A skip s lands on x through a gate: s + sigmoid(gate) (x - s)";
  let arguments = (ins Pg_FloatTensor:$x, Pg_FloatTensor:$s, Pg_FloatTensor:$gate);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_TanhCapOp : Pg_ElementwiseCompositeOp<"tanh_cap", [Pg_Differentiable]> {
  let summary = "cap · tanh(z / cap)";
  let arguments = (ins Pg_FloatTensor:$z, F64Attr:$cap);
  let results = (outs Pg_FloatTensor:$result);
}

//===----------------------------------------------------------------------===//
// Over the last axis
//===----------------------------------------------------------------------===//

def Pg_RmsNormOp : Pg_ElementwiseCompositeOp<"rms_norm", [Pg_Differentiable]> {
  let summary = "x / sqrt(mean(x²) + 2⁻²³), the mean over the last axis";
  let description = [{
    With r = 1 / sqrt(mean(x²) + eps) and y = r x, the gradient is r (g - y mean(g y)).
  }];
  let arguments = (ins Pg_FloatTensor:$x);
  let results = (outs Pg_FloatTensor:$result);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The machine epsilon of float32, whatever the numerics.
    static constexpr double epsilon = 0x1p-23;
  }];
}

def Pg_NormalizeOp : Pg_ElementwiseCompositeOp<"normalize", [Pg_Differentiable]> {
  let summary = "x / max(‖x‖, 1e-12), the norm over the last axis";
  let description = [{
    With n = max(‖x‖, 1e-12) and y = x / n, the gradient is (g - y Σ g y) / n, and g / n where
    the floor binds.
  }];
  let arguments = (ins Pg_FloatTensor:$x);
  let results = (outs Pg_FloatTensor:$result);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    static constexpr double floor = 1e-12;
  }];
}

//===----------------------------------------------------------------------===//
// Statistics: axes stay with size 1
//===----------------------------------------------------------------------===//

class Pg_StatisticOp<string mnemonic, list<Trait> traits = []> : Pg_CompositeOp<mnemonic, traits> {
  let arguments = (ins Pg_FloatTensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs Pg_FloatTensor:$result);
  let assemblyFormat = "$x `axes` $axes attr-dict `:` functional-type(operands, results)";
}

def Pg_MeanOp : Pg_StatisticOp<"mean", [Pg_Differentiable]> {
  let summary = "The mean over axes";
}
def Pg_NormOp : Pg_StatisticOp<"norm", [Pg_Differentiable]> {
  let summary = "The square root of the sum of squares over axes; the gradient at 0 is 0";
}
def Pg_StdOp : Pg_StatisticOp<"std", [Pg_Differentiable]> {
  let summary = "The standard deviation over axes, unbiased; the gradient at 0 is 0";
  let description = [{sqrt(Σ (x - mean)² / (n - 1)); of one element it is not a number.}];
}
def Pg_LogSumExpOp : Pg_CompositeOp<"logsumexp", [Pg_Differentiable]> {
  let summary = "log Σ exp(x) along an axis, which stays with size 1";
  let description = [{Computed as m + log Σ exp(x - m), m the maximum. The gradient is g softmax(x).}];
  let arguments = (ins Pg_FloatTensor:$x, Pg_IntAttr:$axis);
  let results = (outs Pg_FloatTensor:$result);
  let assemblyFormat = "$x `axis` $axis attr-dict `:` functional-type(operands, results)";
}

def Pg_QuantileOp : Pg_InferredOp<"quantile", [Pg_ZeroGradient]> {
  let summary = "The q-quantile along an axis, which stays with size 1; no gradient";
  let description = [{Interpolates linearly between the two elements beside place q (n - 1).}];
  let arguments = (ins Pg_FloatTensor:$x, F64Attr:$q, Pg_IntAttr:$axis);
  let results = (outs Pg_FloatTensor:$result);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

def Pg_TokenNllOp : Pg_CompositeOp<"token_nll", [Pg_Differentiable]> {
  let summary = "-log softmax(z)[ids]: logits [..., V] and ids [...] to [...]";
  let description = [{The gradient is g (softmax(z) - onehot(ids)).}];
  let arguments = (ins Pg_FloatTensor:$z, Pg_IntTensor:$ids);
  let results = (outs Pg_FloatTensor:$result);
}

def Pg_CrossEntropyOp : Pg_CompositeOp<"cross_entropy"> {
  let summary = "The mean of `pg.token_nll`, of shape []";
  let arguments = (ins Pg_FloatTensor:$z, Pg_IntTensor:$ids);
  let results = (outs Pg_FloatTensor:$result);
}

#endif
