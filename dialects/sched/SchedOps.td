// The operations of the `sched` dialect.
#ifndef SCHED_OPS
#define SCHED_OPS

include "dialects/sched/SchedBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Sched_Operand : AnyTypeOf<[AnyRankedTensor, F64]>;
def Sched_BufArrayAttr : TypedArrayAttrBase<Sched_BufAttr, "array of #sched.buf">;
def Sched_PortArrayAttr : TypedArrayAttrBase<Sched_PortAttr, "array of #sched.port">;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Sched_KernelOp : Sched_Op<"kernel", [IsolatedFromAbove, SingleBlock, Symbol]> {
  let summary = "What is computed in one launch, as tensor operations";
  let description = [{
    The body says *what* is computed; the code generator of the kernel's `kind`
    decides how. Arguments are the operand tensors, then `scalars` step values (`f64`).
    The terminator yields one tensor per result; `result_modes` says of each whether
    it is stored, or added to what is there (`accumulate`).

    - `kind`: `rows`, `product`, `attention`, `attention_grad`, `embed`, `embed_grad` or `loops`.
    - `outer`: for `rows`, the number of leading axes that are rows.
    - `chunks`: into how many independent pieces a launch falls; a property of the
      program, never of the machine, so that bits do not depend on threads.
    - `scratch`: bytes of memory that each thread needs. `flops`, `bytes`: of one launch.
    - `gpu`: how a GPU launches the kernel, once that is planned: `grid` (blocks, in three directions), `threads` of a
      block, `shared` (bytes of dynamic shared memory), `cluster` (blocks, along x), `tensor_maps` (of each: `buffer`,
      `type`, `sizes` and `box` innermost first, `strides` in bytes, `swizzle`); all but `grid` and `threads` may be absent. A launch
      that does the work of several others says so by `copies` and `copy_of`, or by `parts` (of each: `kernel`, `gpu`).
    - `library`: for a product that a GPU's library computes: `m`, `n`, `k`, `batch`, `stride_a`, `stride_b`, `stride_d`
      (elements), `transpose_a`, `transpose_b`, `accumulate` (units), `a_type`, `b_type`, `d_type`. It takes the place of `gpu`.

    ```mlir
    sched.kernel @scale(%x: tensor<8x16xf32>, %a: f64)
        attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["store"]} {
      %s = pg.splat %a : tensor<f32>
      %y = pg.mul %x, %s : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
      sched.yield %y : tensor<8x16xf32>
    }
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    StrAttr:$kind,
    StrArrayAttr:$result_modes,
    DefaultValuedAttr<I64Attr, "0">:$scalars,
    OptionalAttr<I64Attr>:$outer,
    OptionalAttr<I64Attr>:$chunks,
    OptionalAttr<I64Attr>:$scratch,
    OptionalAttr<I64Attr>:$flops,
    OptionalAttr<I64Attr>:$bytes,
    OptionalAttr<DictionaryAttr>:$gpu,
    OptionalAttr<DictionaryAttr>:$library);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "::llvm::StringRef":$name, "::llvm::StringRef":$kind,
      "::mlir::TypeRange":$operandTypes, "int64_t":$scalars,
      "::llvm::ArrayRef<::llvm::StringRef>":$resultModes)>
  ];
  let extraClassDeclaration = [{
    ::mlir::Block &getBlock() { return getBody().front(); }
    /// The operand tensors, without the trailing scalars.
    ::mlir::Block::BlockArgListType getTensorArguments() {
      return getBlock().getArguments().drop_back(getScalars());
    }
    ::mlir::Block::BlockArgListType getScalarArguments() {
      return getBlock().getArguments().take_back(getScalars());
    }
    ::mlir::Operation *getYield() { return &getBlock().back(); }
    /// The tensors that the body yields, one a result.
    ::mlir::OperandRange getYielded() { return getYield()->getOperands(); }
    bool accumulates(unsigned result) {
      return ::llvm::cast<::mlir::StringAttr>(getResultModes()[result]).getValue() == "accumulate";
    }
  }];
}

def Sched_YieldOp : Sched_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "Ends a kernel's body with its results";
  let arguments = (ins Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "attr-dict ($results^ `:` type($results))?";
}

def Sched_CallOp : Sched_Op<"call", [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Calls a kernel on tensors";
  let description = [{
    Operands are the kernel's tensors, then its step values. Results are those that the
    kernel stores, in order; those that it accumulates have no value here: `accumulates`
    names the variables that they are added to, in order.

    ```mlir
    %y = sched.call @scale(%x, %a) : (tensor<8x16xf32>, f64) -> tensor<8x16xf32>
    sched.call @dw(%dy, %x) accumulates [@"w:grad"] : (tensor<8x16xf32>, tensor<8x16xf32>) -> ()
    ```
  }];
  let arguments = (ins
    FlatSymbolRefAttr:$callee,
    Variadic<Sched_Operand>:$operands,
    OptionalAttr<FlatSymbolRefArrayAttr>:$accumulates);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $callee `(` $operands `)` (`accumulates` $accumulates^)? attr-dict `:` functional-type($operands, $results)
  }];
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

def Sched_ArenaOp : Sched_Op<"arena", [Symbol]> {
  let summary = "A block of memory in which buffers lie";
  let description = "`bytes` include the padding of 64 bytes that kernels may read past a buffer.";
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$bytes);
  let assemblyFormat = "$sym_name `bytes` `(` $bytes `)` attr-dict";
  let hasVerifier = 1;
}

def Sched_ProgramOp : Sched_Op<"program", [IsolatedFromAbove, SingleBlock, NoTerminator, Symbol]> {
  let summary = "A list of commands that runs as a whole";
  let description = [{
    The body holds commands, and the arithmetic on step values (`arith`, `math`, `pg.step`,
    `pg.progress`) that gives launches their scalars.
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    StrAttr:$role,
    StrAttr:$phase,
    Sched_PortArrayAttr:$inputs,
    Sched_PortArrayAttr:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    ::mlir::Block &getBlock() { return getBody().front(); }
  }];
}

def Sched_ConstantOp : Sched_Op<"constant"> {
  let summary = "Bytes that an arena holds from the start";
  let description = "`sched.constant dense<1.0> : tensor<4xf32> at #sched.buf<@constants + 0 : 16>`";
  let arguments = (ins ElementsAttr:$value, Sched_BufAttr:$buffer);
  let assemblyFormat = "$value `at` $buffer attr-dict";
  let hasVerifier = 1;
}

def Sched_TempOp : Sched_Op<"temp", [HasParent<"ProgramOp">]> {
  let summary = "A buffer of a program that has no place yet";
  let description = [{
    Buffers of the program name it as if it were an arena; `plan-memory` replaces it by a range of
    the arena `activations` that is its own from the first command that touches it to the last.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$bytes);
  let assemblyFormat = "$name `bytes` `(` $bytes `)` attr-dict";
}

class Sched_Command<string mnemonic, list<Trait> traits = []>
    : Sched_Op<mnemonic, traits # [HasParent<"ProgramOp">, MemoryEffects<[MemRead, MemWrite]>]>;

def Sched_LaunchOp : Sched_Command<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Launches a kernel";
  let description = "Buffers are those of the kernel's operand tensors, then those of its results.";
  let arguments = (ins
    FlatSymbolRefAttr:$kernel,
    I64Attr:$chunks,
    Sched_BufArrayAttr:$buffers,
    Variadic<F64>:$scalars);
  let assemblyFormat = [{
    $kernel `chunks` `(` $chunks `)` `buffers` $buffers (`scalars` `(` $scalars^ `)`)? attr-dict
  }];
  let extraClassDeclaration = [{
    BufAttr getBuffer(unsigned i) { return ::llvm::cast<BufAttr>(getBuffers()[i]); }
  }];
}

def Sched_CopyOp : Sched_Command<"copy"> {
  let summary = "Copies bytes";
  let arguments = (ins Sched_BufAttr:$source, Sched_BufAttr:$destination);
  let assemblyFormat = "$source `to` $destination attr-dict";
  let hasVerifier = 1;
}

def Sched_FillOp : Sched_Command<"fill"> {
  let summary = "Sets bytes to zero";
  let arguments = (ins Sched_BufAttr:$destination);
  let assemblyFormat = "$destination `with` `zero` attr-dict";
}

def Sched_HostOp : Sched_Command<"host"> {
  let summary = "Has the host's LAPACK compute something";
  let description = [{
    The last `written` buffers are written. Commands of this kind that follow one another directly are independent.

    - `"gptq"`: weight [rows, cols], Hessian, scale [rows, 1] to codes, with `top`, `block`, `damp`: see `pg.gptq`.
    - `"svd"`: matrix [rows, cols] to u, s, v, with `rank`: see `pg.svd`.
  }];
  let arguments = (ins StrAttr:$routine, Sched_BufArrayAttr:$buffers, I64Attr:$written,
                       DictionaryAttr:$parameters);
  let assemblyFormat = "$routine `buffers` $buffers `written` `(` $written `)` $parameters attr-dict";
  let hasVerifier = 1;
}

#endif
