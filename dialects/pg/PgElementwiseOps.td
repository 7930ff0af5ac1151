// Operations that work element by element, with broadcasting.
#ifndef PG_ELEMENTWISE_OPS
#define PG_ELEMENTWISE_OPS

include "dialects/pg/PgDialect.td"

// The result has the shape that the operands broadcast to, and the element type of the first.
class Pg_ElementwiseOp<string mnemonic, list<Trait> traits = []> :
    Pg_PureOp<mnemonic, traits # [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr, ::mlir::OpaqueProperties,
        ::mlir::RegionRange, ::llvm::SmallVectorImpl<::mlir::Type> &results) {
      return ::pg::inferElementwise(getOperationName(), location, operands, results);
    }
  }];
  let hasFolder = 1;
}

class Pg_BinaryOp<string mnemonic, Type type, list<Trait> traits = []> :
    Pg_ElementwiseOp<mnemonic, traits> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let hasCanonicalizer = 1;
}

class Pg_UnaryOp<string mnemonic, Type type, list<Trait> traits = []> :
    Pg_ElementwiseOp<mnemonic, traits> {
  let arguments = (ins type:$x);
  let results = (outs type:$result);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

def Pg_AddOp : Pg_BinaryOp<"add", Pg_NumberTensor, [Commutative, Pg_Differentiable]> {
  let summary = "a + b";
}
def Pg_SubOp : Pg_BinaryOp<"sub", Pg_NumberTensor, [Pg_Differentiable]> {
  let summary = "a - b";
}
def Pg_MulOp : Pg_BinaryOp<"mul", Pg_NumberTensor, [Commutative, Pg_Differentiable]> {
  let summary = "a · b";
}
def Pg_DivOp : Pg_BinaryOp<"div", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "a / b, of floats";
}
def Pg_PowOp : Pg_BinaryOp<"pow", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "a to the power b";
  let description = [{
    As C's `pow`. The gradient of a is `g b a^(b-1)`, and 0 where b is 0; that of b is
    `g a^b log a`, and 0 where a is 0.
  }];
}
def Pg_MaxOp : Pg_BinaryOp<"max", Pg_NumberTensor, [Pg_Differentiable]> {
  let summary = "The larger of a and b; at ties the gradient goes to a";
}
def Pg_MinOp : Pg_BinaryOp<"min", Pg_NumberTensor, [Pg_Differentiable]> {
  let summary = "The smaller of a and b; at ties the gradient goes to a";
}
def Pg_FloorDivOp : Pg_BinaryOp<"floordiv", Pg_NumberTensor, [Pg_ZeroGradient]> {
  let summary = "a / b, rounded down; no gradient";
  let description = [{Division of integers by 0 gives 0.}];
}
def Pg_ModOp : Pg_BinaryOp<"mod", Pg_NumberTensor, [Pg_ZeroGradient]> {
  let summary = "a - b floor(a / b), with the sign of b; no gradient";
  let description = [{Integers modulo 0 give 0.}];
}
def Pg_XorOp : Pg_BinaryOp<"xor", Pg_IntTensor, [Commutative, Pg_ZeroGradient]> {
  let summary = "Bitwise exclusive or of integers";
}
def Pg_AndOp : Pg_BinaryOp<"and", Pg_BoolTensor, [Commutative, Pg_ZeroGradient]> {
  let summary = "Both masks";
}
def Pg_OrOp : Pg_BinaryOp<"or", Pg_BoolTensor, [Commutative, Pg_ZeroGradient]> {
  let summary = "Either mask";
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

def Pg_NegOp : Pg_UnaryOp<"neg", Pg_NumberTensor, [Pg_Differentiable]> {
  let summary = "-x";
}
def Pg_AbsOp : Pg_UnaryOp<"abs", Pg_NumberTensor, [Pg_Differentiable]> {
  let summary = "|x|; the gradient at 0 is 0";
}
def Pg_SqrtOp : Pg_UnaryOp<"sqrt", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The square root";
}
def Pg_RsqrtOp : Pg_UnaryOp<"rsqrt", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "1 / sqrt(x)";
}
def Pg_ExpOp : Pg_UnaryOp<"exp", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The exponential";
}
def Pg_LogOp : Pg_UnaryOp<"log", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The natural logarithm";
}
def Pg_TanhOp : Pg_UnaryOp<"tanh", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The hyperbolic tangent";
}
def Pg_SigmoidOp : Pg_UnaryOp<"sigmoid", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "1 / (1 + exp(-x))";
}
def Pg_CosOp : Pg_UnaryOp<"cos", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The cosine, of radians";
}
def Pg_SinOp : Pg_UnaryOp<"sin", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "The sine, of radians";
}
def Pg_FloorOp : Pg_UnaryOp<"floor", Pg_FloatTensor, [Pg_ZeroGradient]> {
  let summary = "x rounded down; no gradient";
}
def Pg_RoundOp : Pg_UnaryOp<"round", Pg_FloatTensor, [Pg_ZeroGradient]> {
  let summary = "x rounded to the nearest whole number, halves to even; no gradient";
}

def Pg_StopGradientOp : Pg_UnaryOp<"stop_gradient", Pg_Tensor, [Pg_ZeroGradient, Pg_Decomposable]> {
  let summary = "x; no gradient flows through";
}
def Pg_F32Op : Pg_UnaryOp<"f32", Pg_FloatTensor, [Pg_Differentiable]> {
  let summary = "x, never rounded to a narrower type";
  let description = [{
    Exempts x, as an operand of products or as a kept activation, from rounding to bf16. The
    pass that settles the numerics removes it.
  }];
}

//===----------------------------------------------------------------------===//
// Comparison, selection, conversion
//===----------------------------------------------------------------------===//

def Pg_Predicate : I32EnumAttr<"Predicate", "how two numbers compare", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>, I32EnumAttrCase<"lt", 2>,
    I32EnumAttrCase<"le", 3>, I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::pg";
  let genSpecializedAttr = 0;
}
def Pg_PredicateAttr : EnumAttr<Pg_Dialect, Pg_Predicate, "predicate"> {
  let assemblyFormat = "`` $value";
}

def Pg_CompareOp : Pg_InferredOp<"compare", [Pg_ZeroGradient]> {
  let summary = "A mask of where a and b compare so";
  let description = [{
    Ordered comparison: false where either is not a number, but for `ne`, which is true there.

    ```mlir
    %m = pg.compare lt %a, %b : (tensor<4x5xf32>, tensor<5xf32>) -> tensor<4x5xi1>
    ```
  }];
  let arguments = (ins Pg_PredicateAttr:$predicate, Pg_NumberTensor:$lhs, Pg_NumberTensor:$rhs);
  let results = (outs Pg_BoolTensor:$result);
  let assemblyFormat = "$predicate operands attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Pg_SelectOp : Pg_InferredOp<"select", [Pg_Differentiable]> {
  let summary = "a where the mask is set, else b";
  let description = [{All three broadcast.}];
  let arguments = (ins Pg_BoolTensor:$condition, Pg_Tensor:$a, Pg_Tensor:$b);
  let results = (outs Pg_Tensor:$result);
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Pg_ConvertOp : Pg_PureOp<"convert", [Pg_Differentiable]> {
  let summary = "The same numbers with elements of another type";
  let description = [{
    To bf16 rounds to nearest, halves to even. Masks become 0 and 1; numbers become masks by
    being unequal to 0. Floats become integers by dropping the fraction. Between float types
    the gradient is converted back; otherwise there is none.
  }];
  let arguments = (ins Pg_Tensor:$x);
  let results = (outs Pg_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$x, "::mlir::Type":$elementType)>];
  let hasFolder = 1;
  let hasVerifier = 1;
}

#endif
