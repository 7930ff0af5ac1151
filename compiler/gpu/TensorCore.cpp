#include "compiler/gpu/TensorCore.h"
#include "compiler/gpu/GpuOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace pgc {

void keepRolled(KernelBuilder &kb) {
  Block::iterator place = kb.b.getInsertionPoint();
  if (place == kb.b.getInsertionBlock()->begin())
    return;
  auto loop = dyn_cast<scf::ForOp>(*std::prev(place));
  if (!loop) // of one turn
    return;
  MLIRContext *context = loop.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true),
                                          {}, {}, {}, {}, {}, {});
  loop->setAttr("llvm.loop_annotation",
                LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {},
                                              {}, {}, {}, {}, {}, {}, {}, {},
                                              {}, {}));
}

Value TensorCore::i32(Value x) {
  if (auto constant = KernelBuilder::getConstant(x))
    return kb.integer(kb.b.getI32Type(), *constant);
  return arith::TruncIOp::create(kb.b, kb.loc, kb.b.getI32Type(), x);
}

SmallVector<Value> TensorCore::assemble(StringRef text, StringRef constraints,
                                        ValueRange operands,
                                        ArrayRef<Type> results,
                                        bool hasEffects) {
  Type type;
  if (results.size() == 1)
    type = results.front();
  else if (!results.empty())
    type = LLVM::LLVMStructType::getLiteral(kb.b.getContext(), results);
  auto op = LLVM::InlineAsmOp::create(
      kb.b, kb.loc, type ? TypeRange(type) : TypeRange(), operands, text,
      constraints, hasEffects, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
      ArrayAttr());
  SmallVector<Value> values;
  if (results.size() == 1)
    values.push_back(op.getResult(0));
  else
    for (size_t i = 0; i < results.size(); ++i)
      values.push_back(LLVM::ExtractValueOp::create(
          kb.b, kb.loc, op.getResult(0), static_cast<int64_t>(i)));
  return values;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

void TensorCore::takeRegisters(bool fetches, bool byThreads) {
  // 65,536 of a multiprocessor; each thread begins with 168.
  unsigned count = fetches ? (byThreads ? 120 : 56) : (byThreads ? 192 : 224);
  assemble(std::string("setmaxnreg.") + (fetches ? "dec" : "inc") +
               ".sync.aligned.u32 " + std::to_string(count) + ";",
           "~{memory}", {}, {});
}

Value TensorCore::shuffle(Value value, Value lane) {
  Type type = value.getType(), word = kb.b.getI32Type();
  auto shuffleWord = [&](Value x) -> Value {
    return NVVM::ShflOp::create(kb.b, kb.loc, x.getType(), kb.integer(word, -1),
                                x, i32(lane), kb.integer(word, 31),
                                NVVM::ShflKind::idx, UnitAttr());
  };
  if (!type.isF64())
    return shuffleWord(value);
  Type wide = kb.b.getI64Type();
  auto widen = [&](Value x) -> Value {
    return arith::ExtUIOp::create(kb.b, kb.loc, wide, x);
  };
  Value bits = arith::BitcastOp::create(kb.b, kb.loc, wide, value);
  Value by = kb.index(32), low = shuffleWord(i32(bits));
  Value high = shuffleWord(i32(arith::ShRUIOp::create(kb.b, kb.loc, bits, by)));
  high = arith::ShLIOp::create(kb.b, kb.loc, widen(high), by);
  return arith::BitcastOp::create(
      kb.b, kb.loc, type, arith::OrIOp::create(kb.b, kb.loc, widen(low), high));
}

Value TensorCore::sumOfLanes(Value value, unsigned lanes) {
  for (unsigned mask = lanes / 2; mask > 0; mask /= 2)
    value = kb.addf(value, gpu::shuffleXor(kb, value, mask));
  return value;
}

Value TensorCore::maximumOfLanes(Value value, unsigned lanes) {
  for (unsigned mask = lanes / 2; mask > 0; mask /= 2)
    value = kb.maxf(value, gpu::shuffleXor(kb, value, mask));
  return value;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

Value TensorCore::shared(Value offset) {
  return kb.at(gpu::getShared(kb), offset, kb.b.getI8Type());
}

void TensorCore::storePiece(ArrayRef<Value> words, Value address) {
  assemble("st.shared.v4.b32 [$0], {$1, $2, $3, $4};", "l,r,r,r,r,~{memory}",
           {address, words[0], words[1], words[2], words[3]}, {});
}

void TensorCore::fenceAsync() {
  assemble("fence.proxy.async.shared::cta;", "~{memory}", {}, {});
}

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

void TensorCore::initBarrier(Value address, unsigned arrivals) {
  assemble("mbarrier.init.shared::cta.b64 [$0], $1;", "l,r,~{memory}",
           {address, kb.integer(kb.b.getI32Type(), arrivals)}, {});
}

void TensorCore::fenceBarriers() {
  assemble("fence.mbarrier_init.release.cluster;", "~{memory}", {}, {});
}

void TensorCore::arrive(Value address) {
  assemble("mbarrier.arrive.shared::cta.b64 _, [$0];", "l,~{memory}", address,
           {});
}

void TensorCore::arriveExpecting(Value address, int64_t bytes) {
  assemble("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;",
           "l,r,~{memory}", {address, kb.integer(kb.b.getI32Type(), bytes)},
           {});
}

void TensorCore::wait(Value address, Value parity) {
  assemble("{\n"
           ".reg .pred P1;\n"
           "WAIT:\n"
           "mbarrier.try_wait.parity.shared::cta.b64 P1, [$0], $1;\n"
           "@P1 bra DONE;\n"
           "bra WAIT;\n"
           "DONE:\n"
           "}",
           "l,r,~{memory}", {address, i32(parity)}, {});
}

//===----------------------------------------------------------------------===//
// Bulk tensor copies
//===----------------------------------------------------------------------===//

void TensorCore::copyBox(Value map, ArrayRef<Value> coordinates, Value to,
                         Value barrier) {
  std::string text =
      "cp.async.bulk.tensor." + std::to_string(coordinates.size()) +
      "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [$0], [$1, {";
  std::string constraints = "l,l";
  SmallVector<Value> operands{to, map};
  for (Value coordinate : coordinates) {
    text +=
        (operands.size() == 2 ? "$" : ", $") + std::to_string(operands.size());
    constraints += ",r";
    operands.push_back(i32(coordinate));
  }
  text += "}], [$" + std::to_string(operands.size()) + "];";
  operands.push_back(barrier);
  assemble(text, constraints + ",l,~{memory}", operands, {});
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

Value TensorCore::descriptor(Value address, int64_t slabBytes) {
  // Bits 0-13: address / 16; 16-29: bytes between slabs / 16; 32-45: bytes
  // between groups of 8 rows / 16; 62-63: 1, a swizzle of 128 bytes.
  uint64_t form = uint64_t(1) << 62 | uint64_t(8 * slabRowBytes / 16) << 32 |
                  uint64_t(std::max<int64_t>(slabBytes / 16, 1)) << 16;
  Value bits =
      LLVM::PtrToIntOp::create(kb.b, kb.loc, kb.b.getI64Type(), address);
  bits = arith::AndIOp::create(kb.b, kb.loc, bits, kb.index(0x3FFFF));
  bits = arith::ShRUIOp::create(kb.b, kb.loc, bits, kb.index(4));
  return arith::OrIOp::create(kb.b, kb.loc, bits,
                              kb.index(static_cast<int64_t>(form)));
}

Value TensorCore::advance(Value descriptor, int64_t bytes) {
  return kb.add(descriptor, bytes / 16);
}

SmallVector<Value> TensorCore::multiply(unsigned n, ValueRange sums,
                                        ArrayRef<WgmmaStep> steps, SlabAxis a,
                                        SlabAxis b) {
  unsigned count = n / 2, next = count;
  std::string registers = "{", constraints;
  for (unsigned i = 0; i < count; ++i) {
    registers += (i ? ", $" : "$") + std::to_string(i);
    constraints += i ? ",=f" : "=f";
  }
  registers += "}";
  SmallVector<Value> operands;
  auto add = [&](Value value, const char *constraint) {
    operands.push_back(value);
    constraints += std::string(",") + constraint;
    return "$" + std::to_string(next++);
  };
  std::string text = "{\n.reg .pred adds;\nwgmma.fence.sync.aligned;\n";
  bool fresh = sums.empty();
  text += "setp.ne.b32 adds, " + std::string(fresh ? "0" : "1") + ", 0;\n";
  for (const WgmmaStep &step : steps) {
    text += "wgmma.mma_async.sync.aligned.m64n" + std::to_string(n) +
            "k16.f32.bf16.bf16 " + registers + ", ";
    bool inRegisters = !step.a;
    if (inRegisters) {
      std::string list = "{";
      for (Value fragment : step.aFragments)
        list += (list.size() > 1 ? ", " : "") + add(fragment, "r");
      text += list + "}";
    } else {
      text += add(step.a, "l");
    }
    text += ", " + add(step.b, "l") + ", adds, 1, 1" +
            (inRegisters        ? ""
             : a == SlabAxis::K ? ", 0"
                                : ", 1") +
            (b == SlabAxis::K ? ", 0;\n" : ", 1;\n");
    if (fresh)
      text += "setp.ne.b32 adds, 1, 0;\n";
    fresh = false;
  }
  text += "wgmma.commit_group.sync.aligned;\n}";
  for (unsigned i = 0; i < sums.size(); ++i) {
    operands.push_back(sums[i]);
    constraints += "," + std::to_string(i);
  }
  return assemble(text, constraints + ",~{memory}", operands,
                  SmallVector<Type>(count, kb.b.getF32Type()));
}

SmallVector<Value> TensorCore::finish(unsigned open, ValueRange values) {
  // The values pass through, so that no use of them comes before the wait.
  std::string constraints;
  SmallVector<Type> types;
  for (Value value : values) {
    constraints += (types.empty() ? "=f" : ",=f");
    types.push_back(value.getType());
  }
  for (unsigned i = 0; i < values.size(); ++i)
    constraints += "," + std::to_string(i);
  return assemble("wgmma.wait_group.sync.aligned " + std::to_string(open) + ";",
                  constraints + (values.empty() ? "~{memory}" : ",~{memory}"),
                  values, types);
}

Value TensorCore::pack(Value low, Value high) {
  return assemble("cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f", {high, low},
                  kb.b.getI32Type(), /*hasEffects=*/false)
      .front();
}

Value TensorCore::power2(Value x) {
  return assemble("ex2.approx.ftz.f32 $0, $1;", "=f,f", x, x.getType(),
                  /*hasEffects=*/false)
      .front();
}

} // namespace pgc
