// Variables: what stays in memory between programs and steps.
#ifndef PG_VARIABLE_OPS
#define PG_VARIABLE_OPS

include "dialects/pg/PgDialect.td"

def Pg_VariableOp : Pg_Op<"variable", [Symbol]> {
  let summary = "A tensor that stays in memory";
  let description = [{
    `space` says what it is: `parameter`, `gradient`, `state` of an optimizer, `average`,
    `packed` or `derived` (computed from parameters after each update), `constant`, `hessian` (XᵀX of what multiplies a
    parameter), `leaf` (what is stored of a parameter). The gradient of p is called `p:grad`, its average `p:average`,
    a state m of its optimizer `p:m`, its Hessian `p:hessian`, its leaves `p:leaf0`, …

    `init` is one of `{kind = "constant", value = dense<…>}`, `{kind = "normal", std = …}`,
    `{kind = "orthogonal", scale = …}`, `{kind = "computed"}` by the function of role `init`; without it the variable starts as 0.

    ```mlir
    pg.variable @"tok_emb.weight" : tensor<1024x64xf32> {space = "parameter", group = "embed", init = {kind = "normal", std = 5.0e-3}}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Pg_Tensor>:$type, StrAttr:$space,
                       OptionalAttr<StrAttr>:$group, OptionalAttr<DictionaryAttr>:$init);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::RankedTensorType":$type, "::llvm::StringRef":$space)>
  ];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
  }];
}

class Pg_VariableUserOp<string mnemonic, list<Trait> traits> :
    Pg_Op<mnemonic, traits # [DeclareOpInterfaceMethods<SymbolUserOpInterface>]>;

def Pg_LoadOp : Pg_VariableUserOp<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "The variable's value";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Pg_Tensor:$result);
  let assemblyFormat = "$variable attr-dict `:` type($result)";
  let builders = [OpBuilder<(ins "::pg::VariableOp":$variable)>];
}

def Pg_StoreOp : Pg_VariableUserOp<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "Gives the variable a new value";
  let arguments = (ins Pg_Tensor:$value, FlatSymbolRefAttr:$variable);
  let assemblyFormat = "$value `,` $variable attr-dict `:` type($value)";
}

def Pg_AccumulateOp : Pg_VariableUserOp<"accumulate", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Adds to the variable";
  let arguments = (ins Pg_FloatTensor:$value, FlatSymbolRefAttr:$variable);
  let assemblyFormat = "$value `,` $variable attr-dict `:` type($value)";
}

#endif
