// The `sched` dialect: kernels, and the programs that launch them.
#ifndef SCHED_BASE
#define SCHED_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"

def Sched_Dialect : Dialect {
  let name = "sched";
  let cppNamespace = "::pg::sched";
  let summary = "Kernels, and schedules of launches over buffers at fixed offsets";
  let description = [{
    The level between tensors and machine code. It lives in two stages.

    At the *tensor stage*, functions of tensors consist of `sched.call`s of
    `sched.kernel`s: what is computed together is settled, where it lies is not.

    At the *buffer stage*, each function has become a `sched.program`: a list of
    `sched.launch`, `sched.copy` and `sched.fill` whose operands are ranges of bytes
    (`#sched.buf`) in `sched.arena`s. This is the readable twin of the plan file.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Sched_Op<string mnemonic, list<Trait> traits = []> : Op<Sched_Dialect, mnemonic, traits>;
class Sched_Attr<string name, string attrMnemonic> : AttrDef<Sched_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Sched_BufAttr : Sched_Attr<"Buf", "buf"> {
  let summary = "A range of bytes in an arena";
  let description = [{
    `#sched.buf<@activations + 128 : 4096>` is 4096 bytes from byte 128 of the arena.
    Offsets are multiples of 64.
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$arena, "int64_t":$offset, "int64_t":$bytes);
  let assemblyFormat = "`<` $arena `+` $offset `:` $bytes `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// One past the last byte.
    int64_t getEnd() const { return getOffset() + getBytes(); }
    /// Whether the two ranges share a byte.
    bool overlaps(BufAttr other) const {
      return getArena() == other.getArena() && getOffset() < other.getEnd() &&
             other.getOffset() < getEnd();
    }
    /// Whether `other` lies within this range.
    bool contains(BufAttr other) const {
      return getArena() == other.getArena() && getOffset() <= other.getOffset() &&
             other.getEnd() <= getEnd();
    }
  }];
}

def Sched_PortAttr : Sched_Attr<"Port", "port"> {
  let summary = "A named input or output of a program";
  let description = [{`#sched.port<"tokens" of tensor<8x128xi64> at <@io + 0 : 8192>>`}];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::RankedTensorType":$type, "BufAttr":$buffer);
  let assemblyFormat = "`<` $name `of` $type `at` $buffer `>`";
}

#endif
