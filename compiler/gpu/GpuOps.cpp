#include "compiler/gpu/GpuOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace pgc::gpu {

static Value i32(KernelBuilder &k, int64_t value) {
  return k.integer(k.b.getI32Type(), value);
}

Value getShared(KernelBuilder &k) {
  constexpr unsigned sharedMemory = 3;
  std::string name = (k.function.getName() + "_shared").str();
  auto module = k.function->getParentOfType<ModuleOp>();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(
        k.b, k.loc, LLVM::LLVMArrayType::get(k.b.getI8Type(), 0),
        /*isConstant=*/false, LLVM::Linkage::External, name, Attribute(),
        /*alignment=*/1024, sharedMemory);
  }
  return LLVM::AddressOfOp::create(k.b, k.loc, global);
}

void synchronize(KernelBuilder &k) { NVVM::Barrier0Op::create(k.b, k.loc); }

void synchronizeWarp(KernelBuilder &k) {
  NVVM::SyncWarpOp::create(k.b, k.loc, i32(k, -1));
}

Value shuffleXor(KernelBuilder &k, Value value, int64_t mask) {
  Type type = value.getType();
  if (type.isInteger(1)) {
    Value wide = arith::ExtUIOp::create(k.b, k.loc, k.b.getI32Type(), value);
    return arith::TruncIOp::create(k.b, k.loc, type, shuffleXor(k, wide, mask));
  }
  if (type.isF64()) {
    Value bits = arith::BitcastOp::create(k.b, k.loc, k.b.getI64Type(), value);
    return arith::BitcastOp::create(k.b, k.loc, type,
                                    shuffleXor(k, bits, mask));
  }
  if (type.isInteger(64)) {
    Type half = k.b.getI32Type();
    auto exchange = [&](Value x) -> Value {
      return arith::ExtUIOp::create(
          k.b, k.loc, type,
          shuffleXor(k, arith::TruncIOp::create(k.b, k.loc, half, x), mask));
    };
    Value shift = k.index(32);
    Value high = exchange(arith::ShRUIOp::create(k.b, k.loc, value, shift));
    return arith::OrIOp::create(k.b, k.loc, exchange(value),
                                arith::ShLIOp::create(k.b, k.loc, high, shift));
  }
  return NVVM::ShflOp::create(k.b, k.loc, type, i32(k, -1), value, i32(k, mask),
                              i32(k, warpThreads - 1), NVVM::ShflKind::bfly,
                              UnitAttr());
}

Value ballot(KernelBuilder &k, Value predicate) {
  return NVVM::VoteSyncOp::create(k.b, k.loc, k.b.getI32Type(), i32(k, -1),
                                  predicate, NVVM::VoteSyncKind::ballot);
}

} // namespace pgc::gpu
