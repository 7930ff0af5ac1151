// Types, constants, loops and memory accesses of emitted kernels.
#include "compiler/kernels/KernelBuilder.h"
#include "compiler/target/Lower.h"
#include "dialects/sched/GpuLaunch.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

KernelBuilder::KernelBuilder(KernelOp kernel, const Target &target,
                             ModuleOp out)
    : target(target), b(out.getBodyRegion()), loc(kernel.getLoc()) {
  MLIRContext *context = out.getContext();
  context
      ->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
                    scf::SCFDialect, vector::VectorDialect>();
  b.setInsertionPointToEnd(out.getBody());
  if (target.isGpu()) {
    beginGpuKernel(kernel);
    return;
  }
  Type pointer = LLVM::LLVMPointerType::get(context), word = b.getI64Type();
  function = func::FuncOp::create(
      b, loc, kernel.getSymName(),
      b.getFunctionType({word, pointer, pointer, pointer}, {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  chunk = entry->getArgument(0);
  scratch = entry->getArgument(3);
  unsigned count =
      kernel.getTensorArguments().size() + kernel.getYielded().size();
  for (unsigned i = 0; i < count; ++i)
    buffers.push_back(LLVM::LoadOp::create(
        b, loc, pointer, at(entry->getArgument(1), i, word), 8));
  for (unsigned i = 0; i < kernel.getScalars(); ++i)
    scalars.push_back(
        LLVM::LoadOp::create(b, loc, b.getF64Type(),
                             at(entry->getArgument(2), i, b.getF64Type()), 8));
}

/// The interface of plan.proto's GpuLaunch.
void KernelBuilder::beginGpuKernel(KernelOp kernel) {
  MLIRContext *context = b.getContext();
  context->loadDialect<NVVM::NVVMDialect>();
  pg::sched::GpuLaunch launch = *pg::sched::GpuLaunch::get(
      *kernel.getGpu(), [&] { return kernel.emitOpError("has "); });
  constexpr unsigned globalMemory = 1;
  Type global = LLVM::LLVMPointerType::get(context, globalMemory),
       generic = LLVM::LLVMPointerType::get(context);
  unsigned count =
      kernel.getTensorArguments().size() + kernel.getYielded().size();
  SmallVector<Type> types(count, global);
  if (kernel.getScalars() > 0)
    types.push_back(global);
  unsigned maps = types.size();
  types.append(launch.tensorMaps.size(), generic);
  function = func::FuncOp::create(b, loc, kernel.getSymName(),
                                  b.getFunctionType(types, {}));
  // The lowering makes a kernel of such a function.
  function->setAttr(gpuThreadsAttr, b.getI64IntegerAttr(launch.threads));
  for (unsigned i = 0; i < maps; ++i)
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                        b.getI64IntegerAttr(64));
  for (unsigned i = maps; i < types.size(); ++i) {
    function.setArgAttr(
        i, LLVM::LLVMDialect::getByValAttrName(),
        TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), 128)));
    function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                        b.getI64IntegerAttr(64));
  }
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  SmallVector<Value> pointers(entry->getArguments().take_front(count));
  buffers = launch.copies == 1
                ? pointers
                : pickCopy(pointers, kernel.getTensorArguments().size(),
                           launch.copies);
  for (unsigned i = maps; i < types.size(); ++i)
    tensorMaps.push_back(entry->getArgument(i));
  for (unsigned i = 0; i < kernel.getScalars(); ++i)
    scalars.push_back(LLVM::LoadOp::create(
        b, loc, b.getF64Type(),
        at(entry->getArgument(count), i, b.getF64Type()), 8));
  auto wide = [&](Value x) {
    return arith::ExtUIOp::create(b, loc, b.getI64Type(), x).getResult();
  };
  auto range = [&](int64_t end) {
    return LLVM::ConstantRangeAttr::get(context, APInt(32, 0), APInt(32, end));
  };
  thread = wide(
      NVVM::ThreadIdXOp::create(b, loc, b.getI32Type(), range(launch.threads)));
  block = wide(
      NVVM::BlockIdXOp::create(b, loc, b.getI32Type(), range(launch.grid[0])));
  chunk = add(mul(block, launch.threads), thread);
}

/// The buffers of one copy of a merged kernel, which the block's number along y
/// names: found by halving.
SmallVector<Value> KernelBuilder::pickCopy(ArrayRef<Value> pointers,
                                           int64_t operands, int64_t copies) {
  Value copy = NVVM::BlockIdYOp::create(b, loc, b.getI32Type());
  int64_t each = operands / copies, results = pointers.size() - operands,
          eachResult = results / copies;
  auto pick = [&](auto &self, int64_t low, int64_t high) -> SmallVector<Value> {
    if (high - low == 1) {
      SmallVector<Value> chosen(pointers.slice(low * each, each));
      llvm::append_range(
          chosen, pointers.slice(operands + low * eachResult, eachResult));
      return chosen;
    }
    int64_t middle = (low + high) / 2;
    Value isLow = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, copy,
                                        integer(b.getI32Type(), middle));
    SmallVector<Type> types(each + eachResult, pointers.front().getType());
    auto branch =
        scf::IfOp::create(b, loc, types, isLow, /*withElseRegion=*/true);
    for (bool first : {true, false}) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(first ? branch.thenBlock()
                                       : branch.elseBlock());
      scf::YieldOp::create(
          b, loc, first ? self(self, low, middle) : self(self, middle, high));
    }
    return branch.getResults();
  };
  return pick(pick, 0, copies);
}

KernelBuilder::KernelBuilder(func::FuncOp function, const Target &target)
    : target(target), b(function.getContext()), loc(function.getLoc()),
      function(function) {
  b.setInsertionPointToStart(function.addEntryBlock());
}

void KernelBuilder::finish() { func::ReturnOp::create(b, loc); }

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type KernelBuilder::getRegisterType(Type element, unsigned lanes) {
  if (element.isBF16())
    element = b.getF32Type();
  return lanes == 1 ? element
                    : VectorType::get({static_cast<int64_t>(lanes)}, element);
}

unsigned KernelBuilder::getLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

Type KernelBuilder::getElementType(Type type) {
  return getElementTypeOrSelf(type);
}

int64_t KernelBuilder::getElementBytes(Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

/// `type` with its elements replaced.
static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? VectorType::get(vector.getShape(), element) : element;
}

//===----------------------------------------------------------------------===//
// Constants and index arithmetic
//===----------------------------------------------------------------------===//

static Value makeConstant(KernelBuilder &k,
                          llvm::DenseMap<Attribute, Value> &cache,
                          TypedAttr value) {
  Value &known = cache[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(&k.function.getBody().front());
    known = arith::ConstantOp::create(k.b, k.loc, value);
  }
  return known;
}

static TypedAttr splatAttribute(Type type, Attribute element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return DenseElementsAttr::get(vector, element);
  return cast<TypedAttr>(element);
}

Value KernelBuilder::index(int64_t value) {
  return makeConstant(*this, constants, b.getI64IntegerAttr(value));
}

Value KernelBuilder::constant(Type type, double value) {
  Type element = getElementType(type);
  if (!isa<FloatType>(element))
    return integer(type, static_cast<int64_t>(value));
  return makeConstant(*this, constants,
                      splatAttribute(type, b.getFloatAttr(element, value)));
}

Value KernelBuilder::integer(Type type, int64_t value) {
  return makeConstant(
      *this, constants,
      splatAttribute(type, b.getIntegerAttr(getElementType(type), value)));
}

std::optional<int64_t> KernelBuilder::getConstant(Value value) {
  if (auto op = value.getDefiningOp<arith::ConstantOp>())
    if (auto attribute = dyn_cast<IntegerAttr>(op.getValue()))
      return attribute.getInt();
  return std::nullopt;
}

Value KernelBuilder::add(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  if (a && c)
    return index(*a + *c);
  if (a && *a == 0)
    return y;
  if (c && *c == 0)
    return x;
  return arith::AddIOp::create(b, loc, x, y);
}

Value KernelBuilder::sub(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  if (a && c)
    return index(*a - *c);
  if (c && *c == 0)
    return x;
  return arith::SubIOp::create(b, loc, x, y);
}

Value KernelBuilder::mul(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  if (a && c)
    return index(*a * *c);
  if ((a && *a == 1) || (c && *c == 0))
    return y;
  if ((c && *c == 1) || (a && *a == 0))
    return x;
  return arith::MulIOp::create(b, loc, x, y);
}

Value KernelBuilder::div(Value x, int64_t y) {
  if (auto a = getConstant(x))
    return index(*a / y);
  return y == 1 ? x : arith::DivUIOp::create(b, loc, x, index(y)).getResult();
}

Value KernelBuilder::rem(Value x, int64_t y) {
  if (auto a = getConstant(x))
    return index(*a % y);
  return y == 1 ? index(0)
                : arith::RemUIOp::create(b, loc, x, index(y)).getResult();
}

Value KernelBuilder::min(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  return a && c ? index(std::min(*a, *c))
                : arith::MinSIOp::create(b, loc, x, y).getResult();
}

Value KernelBuilder::max(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  return a && c ? index(std::max(*a, *c))
                : arith::MaxSIOp::create(b, loc, x, y).getResult();
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Value> KernelBuilder::loop(Value low, Value high, int64_t step,
                                       ValueRange inits, Body body) {
  if (auto l = getConstant(low), h = getConstant(high); l && h) {
    if (*l >= *h)
      return inits;
    if (*l + step >= *h)
      return body(low, inits);
  }
  auto op = scf::ForOp::create(b, loc, low, high, index(step), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  SmallVector<Value> results =
      body(op.getInductionVar(), op.getRegionIterArgs());
  assert(results.size() == inits.size() && "a loop must yield what it carries");
  if (!inits.empty())
    scf::YieldOp::create(b, loc, results);
  return op.getResults();
}

void KernelBuilder::loop(Value low, Value high, int64_t step,
                         function_ref<void(Value)> body) {
  loop(low, high, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void KernelBuilder::when(Value condition, function_ref<void()> body) {
  auto op = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// What lies in memory for an element: i1 as a byte, bf16 as its bits.
static Type getMemoryType(OpBuilder &b, Type element) {
  if (element.isInteger(1))
    return b.getI8Type();
  if (element.isBF16())
    return b.getI16Type();
  return element;
}

Value KernelBuilder::at(Value base, Value i, Type element) {
  if (auto constant = getConstant(i); constant && *constant == 0)
    return base;
  return LLVM::GEPOp::create(b, loc, base.getType(), getMemoryType(b, element),
                             base, ArrayRef<LLVM::GEPArg>{i},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value KernelBuilder::load(Value address, Type element, unsigned lanes,
                          unsigned align) {
  Type memory = getMemoryType(b, element);
  if (align == 0)
    align = getElementBytes(element);
  Value x = LLVM::LoadOp::create(b, loc, getRegisterType(memory, lanes),
                                 address, align);
  if (element.isInteger(1))
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x,
                                 integer(x.getType(), 0));
  if (!element.isBF16())
    return x;
  Type bits = getRegisterType(b.getI32Type(), lanes);
  Value wide = arith::ExtUIOp::create(b, loc, bits, x);
  return arith::BitcastOp::create(
      b, loc, getRegisterType(b.getF32Type(), lanes),
      arith::ShLIOp::create(b, loc, wide, integer(bits, 16)));
}

Value KernelBuilder::loadPartial(Value address, Type element, unsigned lanes,
                                 unsigned count) {
  if (count >= lanes || (lanes - count) * getElementBytes(element) <= 64)
    return load(address, element, lanes);
  SmallVector<bool> mask(lanes);
  std::fill(mask.begin(), mask.begin() + count, true);
  auto type = VectorType::get({static_cast<int64_t>(lanes)}, b.getI1Type());
  Value enabled =
      makeConstant(*this, constants, DenseElementsAttr::get(type, mask));
  Type vector = getRegisterType(element, lanes);
  return LLVM::MaskedLoadOp::create(b, loc, vector, address, enabled,
                                    constant(vector, 0),
                                    getElementBytes(element));
}

void KernelBuilder::store(Value value, Value address, Type element,
                          unsigned count, unsigned align) {
  unsigned lanes = getLanes(value.getType());
  if (element.isInteger(1)) {
    value = arith::ExtUIOp::create(
        b, loc, getRegisterType(b.getI8Type(), lanes), value);
  } else if (element.isBF16() && target.prefersBf16() && !target.emulateDot) {
    Value narrow = arith::TruncFOp::create(
        b, loc, withElement(value.getType(), element), value);
    value = arith::BitcastOp::create(
        b, loc, getRegisterType(b.getI16Type(), lanes), narrow);
  } else if (element.isBF16()) {
    Type bits = getRegisterType(b.getI32Type(), lanes);
    Value rounded = arith::BitcastOp::create(b, loc, bits, roundToBf16(value));
    Value high = arith::ShRUIOp::create(b, loc, rounded, integer(bits, 16));
    value = arith::TruncIOp::create(
        b, loc, getRegisterType(b.getI16Type(), lanes), high);
  }
  if (align == 0)
    align = getElementBytes(element);
  if (count == 0 || count >= lanes) {
    LLVM::StoreOp::create(b, loc, value, address, align);
    return;
  }
  if (count == 1) {
    // Not by a mask: LLVM 22 makes of a masked store of one lane a scalar
    // store, and forgets that the value was truncated (AVX-512).
    Value lane = LLVM::ExtractElementOp::create(b, loc, value,
                                                integer(b.getI64Type(), 0));
    LLVM::StoreOp::create(b, loc, lane, address, align);
    return;
  }
  SmallVector<bool> mask(lanes);
  std::fill(mask.begin(), mask.begin() + count, true);
  auto type = VectorType::get({static_cast<int64_t>(lanes)}, b.getI1Type());
  Value enabled =
      makeConstant(*this, constants, DenseElementsAttr::get(type, mask));
  LLVM::MaskedStoreOp::create(b, loc, value, address, enabled, align);
}

void KernelBuilder::storePast(Value value, Value address, Type element) {
  LLVM::StoreOp::create(b, loc, value, address,
                        getLanes(value.getType()) * getElementBytes(element),
                        /*isVolatile=*/false, /*isNonTemporal=*/true);
}

void KernelBuilder::fence() {
  LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr("llvm.x86.sse.sfence"),
                                ValueRange{});
}

void KernelBuilder::accumulate(Value value, Value address, Type element,
                               unsigned count, unsigned align) {
  Value old = load(address, element, getLanes(value.getType()), align);
  Value sum = isa<FloatType>(element)
                  ? addf(old, value)
                  : arith::AddIOp::create(b, loc, old, value).getResult();
  store(sum, address, element, count, align);
}

void KernelBuilder::zero(Value address, int64_t bytes) {
  if (bytes > 0)
    LLVM::MemsetOp::create(b, loc, address, integer(b.getI8Type(), 0),
                           index(bytes), /*isVolatile=*/false);
}

} // namespace pgc
