// The `pg` dialect itself, and what its operations are defined with: types, attributes, base classes.
#ifndef PG_DIALECT
#define PG_DIALECT

include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/pg/PgInterfaces.td"

def Pg_Dialect : Dialect {
  let name = "pg";
  let cppNamespace = "::pg";
  let summary = "Models of language as programs on tensors";
  let description = [{
    Tensors are values: ranked, of static shape, dense. Elements are `f32` (the language's one
    float type), `f64` (when everything is computed in double), `bf16` (operands of products and
    kept activations), `i64` (tokens, indices, hashes) and `i1` (masks). Values that are known
    before a step, such as a learning rate, are plain `f64` scalars, computed with `arith` and `math`.

    Elementwise operations broadcast as in numpy: shapes are lined up at their last axes, sizes must
    be equal, or 1, or missing on the left. Axes are counted from 0, and never negative.

    Everything is pure, but for `pg.load`, `pg.store` and `pg.accumulate`, through which a function
    reaches the *variables*: parameters, gradients, states of the optimizers, averages.

    Operations are *primitive* or *composite*. A composite knows its decomposition into others
    (`DecomposableOp`); most know a gradient in closed form too (`DifferentiableOp`).
  }];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// A ranked tensor of static shape whose elements are of one of the given types.
class Pg_TensorOf<list<Type> elements, string description> :
    ContainerType<AnyTypeOf<elements>,
                  And<[IsRankedTensorTypePred, HasStaticShapePred]>,
                  "::llvm::cast<::mlir::RankedTensorType>($_self).getElementType()",
                  description, "::mlir::RankedTensorType">;

def Pg_Tensor : Pg_TensorOf<[F32, F64, BF16, I64, I1], "static tensor">;
def Pg_FloatTensor : Pg_TensorOf<[F32, F64], "static tensor">;
def Pg_ProductTensor : Pg_TensorOf<[F32, F64, BF16], "static tensor">;
def Pg_NumberTensor : Pg_TensorOf<[F32, F64, I64], "static tensor">;
def Pg_IntTensor : Pg_TensorOf<[I64], "static tensor">;
def Pg_BoolTensor : Pg_TensorOf<[I1], "static tensor">;

// A signed 64-bit number, `int64_t` in C++.
def Pg_IntAttr : TypedSignlessIntegerAttrBase<I64, "int64_t", "64-bit integer attribute">;

//===----------------------------------------------------------------------===//
// Base classes
//===----------------------------------------------------------------------===//

class Pg_Op<string mnemonic, list<Trait> traits = []> : Op<Pg_Dialect, mnemonic, traits>;

// The usual form: `pg.word %operands {attributes} : (operand types) -> result types`.
class Pg_PureOp<string mnemonic, list<Trait> traits = []> :
    Pg_Op<mnemonic, traits # [Pure]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

// A pure operation whose result types follow from operands and attributes.
class Pg_InferredOp<string mnemonic, list<Trait> traits = []> :
    Pg_PureOp<mnemonic, traits # [InferTypeOpAdaptor]>;

// No gradient flows through the operation: its result is constant almost everywhere, or declared so.
def Pg_ZeroGradient : NativeOpTrait<"ZeroGradient"> { let cppNamespace = "::pg"; }

def Pg_Differentiable : DeclareOpInterfaceMethods<Pg_DifferentiableOp>;
def Pg_Decomposable : DeclareOpInterfaceMethods<Pg_DecomposableOp>;

#endif
