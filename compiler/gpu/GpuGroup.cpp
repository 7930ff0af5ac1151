// Kernels that do the work of several others, each for some of the blocks.
#include "compiler/gpu/GpuGroup.h"
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

// Barriers of a block have numbers below 16; a kernel made for a block of its
// own may use any of them, row-wise ones the first alone.
static constexpr int64_t mostTogether = 16;
// What a kernel that shares its block may take the start of its shared memory
// to be a multiple of.
static constexpr int64_t sharedAlignment = 128;

GroupPart::GroupPart(GpuLaunch alone, int64_t threads)
    : launch(std::move(alone)), together(threads / launch.threads) {}

int64_t GroupPart::own() const {
  return launch.grid[0] * launch.grid[1] * launch.grid[2];
}
int64_t GroupPart::blocks() const { return llvm::divideCeil(own(), together); }
int64_t GroupPart::ownShared() const {
  return llvm::alignTo(launch.sharedBytes, sharedAlignment);
}

bool GroupPart::fits(const GpuLaunch &alone, int64_t threads) {
  if (alone.cluster != 1 || !alone.parts.empty())
    return false;
  // Warps with tensor maps have parts to play that go by the block's threads.
  return alone.threads == threads ||
         (alone.tensorMaps.empty() && alone.threads % gpu::warpThreads == 0 &&
          threads % alone.threads == 0 &&
          threads / alone.threads <= mostTogether);
}

std::optional<GpuLaunch> groupLaunches(ArrayRef<KernelOp> kernels) {
  SmallVector<GpuLaunch> all;
  GpuLaunch whole;
  for (KernelOp kernel : kernels) {
    all.push_back(*GpuLaunch::get(*kernel.getGpu(),
                                  [&] { return kernel.emitOpError("has "); }));
    whole.threads = std::max(whole.threads, all.back().threads);
  }
  int64_t operands = 0, results = 0;
  for (KernelOp kernel : kernels)
    operands += kernel.getTensorArguments().size();
  results = operands;
  operands = 0;
  whole.grid[0] = 0;
  for (size_t i = 0; i < kernels.size(); ++i) {
    KernelOp kernel = kernels[i];
    const GpuLaunch &alone = all[i];
    if (!GroupPart::fits(alone, whole.threads))
      return std::nullopt;
    const int64_t own = kernel.getTensorArguments().size();
    for (TensorMap map : alone.tensorMaps) {
      map.buffer =
          map.buffer < own ? operands + map.buffer : results + map.buffer - own;
      whole.tensorMaps.push_back(map);
    }
    operands += own;
    results += kernel.getYielded().size();
    GroupPart part(alone, whole.threads);
    whole.grid[0] += part.blocks();
    whole.sharedBytes = std::max(whole.sharedBytes, part.sharedBytes());
    whole.parts.push_back(
        {FlatSymbolRefAttr::get(kernel.getSymNameAttr()), *kernel.getGpu()});
  }
  if (whole.sharedBytes > gpu::maxSharedBytes)
    return std::nullopt;
  return whole;
}

KernelOp makeGroup(ArrayRef<KernelOp> kernels, StringRef name) {
  KernelOp first = kernels.front();
  OpBuilder b(kernels.back());
  b.setInsertionPointAfter(kernels.back());
  SmallVector<Type> types;
  SmallVector<StringRef> modes;
  int64_t scalars = 0, scratch = 0, flops = 0, bytes = 0;
  StringRef kind = first.getKind();
  for (KernelOp kernel : kernels) {
    for (BlockArgument argument : kernel.getTensorArguments())
      types.push_back(argument.getType());
    llvm::append_range(modes,
                       kernel.getResultModes().getAsValueRange<StringAttr>());
    scalars += kernel.getScalars();
    flops += kernel.getFlops().value_or(0);
    bytes += kernel.getBytes().value_or(0);
    scratch = std::max<int64_t>(scratch, kernel.getScratch().value_or(0));
    if (kernel.getKind() != kind)
      kind = "rows";
  }
  GpuLaunch launch = *groupLaunches(kernels);
  auto whole =
      KernelOp::create(b, first.getLoc(), name, kind, types, scalars, modes);
  whole.setChunks(launch.grid[0]);
  whole.setScratch(scratch);
  whole.setFlops(flops);
  whole.setBytes(bytes);
  whole.setGpuAttr(launch.toAttr(b.getContext()));
  b.setInsertionPointToStart(&whole.getBlock());
  SmallVector<Value> yielded;
  auto arguments = whole.getTensorArguments();
  auto steps = whole.getScalarArguments();
  for (KernelOp kernel : kernels) {
    const size_t own = kernel.getTensorArguments().size();
    IRMapping map;
    map.map(kernel.getTensorArguments(), arguments.take_front(own));
    arguments = arguments.drop_front(own);
    map.map(kernel.getScalarArguments(), steps.take_front(kernel.getScalars()));
    steps = steps.drop_front(kernel.getScalars());
    for (Operation &op : kernel.getBlock().without_terminator())
      b.clone(op, map);
    for (Value value : kernel.getYielded())
      yielded.push_back(map.lookupOrDefault(value));
  }
  YieldOp::create(b, first.getLoc(), yielded);
  return whole;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

namespace {

/// Puts the code of each part, which its own kind emits as a function, into the
/// group's, with the numbers of block and thread that it would have alone.
class GroupEmitter {
public:
  GroupEmitter(KernelOp group, const Target &target, ModuleOp out)
      : group(group), target(target), out(out), k(group, target, out),
        whole(*GpuLaunch::get(*group.getGpu(),
                              [&] { return group.emitOpError("has "); })) {}

  LogicalResult emit() {
    result = group.getTensorArguments().size();
    const unsigned buffers = result + group.getYielded().size();
    map = buffers + (group.getScalars() > 0);
    if (group.getScalars() > 0)
      scalars = k.function.getArgument(buffers);
    for (const GpuLaunch::Part &part : whole.parts)
      if (failed(emitPart(part)))
        return failure();
    k.finish();
    return success();
  }

private:
  LogicalResult emitPart(const GpuLaunch::Part &ref) {
    auto kernel =
        SymbolTable::lookupNearestSymbolFrom<KernelOp>(group, ref.kernel);
    if (!kernel)
      return group.emitError("has the unknown part ") << ref.kernel;
    const bool hadShared = out.lookupSymbol(sharedName(kernel.getSymName()));
    DictionaryAttr own = kernel.getGpuAttr();
    kernel.setGpuAttr(ref.gpu);
    LogicalResult emitted = emitGpuKernel(kernel, target, out);
    kernel.setGpuAttr(own);
    if (failed(emitted))
      return failure();
    auto function = cast<func::FuncOp>(out.getBody()->back());
    GroupPart part(
        *GpuLaunch::get(ref.gpu, [&] { return group.emitOpError("has "); }),
        whole.threads);

    Value block = k.sub(k.block, k.index(begin)), thread = k.thread;
    Value isHere = isBelow(k.block, begin + part.blocks());
    if (begin > 0)
      isHere = arith::AndIOp::create(
          k.b, k.loc, isHere,
          arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::uge, k.block,
                                k.index(begin)));
    number = nullptr;
    if (part.together > 1) {
      number = k.div(k.thread, part.launch.threads);
      thread = k.rem(k.thread, part.launch.threads);
      block = k.add(k.mul(block, part.together), number);
      if (part.own() % part.together != 0)
        isHere = arith::AndIOp::create(k.b, k.loc, isHere,
                                       isBelow(block, part.own()));
    }
    k.when(isHere, [&] { inlinePart(kernel, function, part, block, thread); });
    function.erase();
    if (!hadShared)
      if (Operation *shared = out.lookupSymbol(sharedName(kernel.getSymName())))
        shared->erase();
    begin += part.blocks();
    return success();
  }

  static std::string sharedName(StringRef kernel) {
    return (kernel + "_shared").str();
  }

  Value isBelow(Value x, int64_t end) {
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult, x,
                                 k.index(end));
  }

  Value narrow(Value x) {
    return arith::TruncIOp::create(k.b, k.loc, k.b.getI32Type(), x);
  }

  void inlinePart(KernelOp kernel, func::FuncOp function, const GroupPart &part,
                  Value block, Value thread) {
    const auto &grid = part.launch.grid;
    Value x = narrow(k.rem(block, grid[0])),
          y = narrow(k.rem(k.div(block, grid[0]), grid[1])),
          threadX = narrow(thread);
    unsigned next = 0;
    auto take = [&](unsigned &from, size_t count) {
      for (size_t i = 0; i < count; ++i)
        function.getArgument(next++).replaceAllUsesWith(
            k.function.getArgument(from++));
    };
    take(operand, kernel.getTensorArguments().size());
    take(result, kernel.getYielded().size());
    if (kernel.getScalars() > 0) {
      function.getArgument(next++).replaceAllUsesWith(
          k.at(scalars, firstScalar, k.b.getF64Type()));
      firstScalar += kernel.getScalars();
    }
    take(map, part.launch.tensorMaps.size());

    function.walk([&](Operation *op) {
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPoint(op);
      if (isa<NVVM::BlockIdXOp>(op))
        return replace(op, x);
      if (isa<NVVM::BlockIdYOp>(op))
        return replace(op, y);
      if (isa<NVVM::ThreadIdXOp>(op))
        return replace(op, threadX);
      if (isa<LLVM::AddressOfOp>(op))
        return moveShared(cast<LLVM::AddressOfOp>(op), part);
      if (isa<NVVM::Barrier0Op>(op) && number) {
        NVVM::BarrierOp::create(
            k.b, k.loc, Type(), narrow(number),
            k.integer(k.b.getI32Type(), part.launch.threads),
            NVVM::BarrierReductionAttr(), Value());
        op->erase();
      }
    });
    Block &body = function.getBody().front();
    body.getTerminator()->erase();
    k.b.getInsertionBlock()->getOperations().splice(k.b.getInsertionPoint(),
                                                    body.getOperations());
  }

  static void replace(Operation *op, Value by) {
    op->getResult(0).replaceAllUsesWith(by);
    op->erase();
  }

  void moveShared(LLVM::AddressOfOp op, const GroupPart &part) {
    if (!op.getGlobalName().ends_with("_shared"))
      return; // constants
    Value shared = gpu::getShared(k);
    if (number)
      shared = k.at(shared, k.mul(number, part.ownShared()), k.b.getI8Type());
    replace(op, shared);
  }

  KernelOp group;
  const Target &target;
  ModuleOp out;
  KernelBuilder k;
  GpuLaunch whole;
  // What the next part has: its first block, operand, result, step value and
  // tensor map; and the step values of all.
  int64_t begin = 0, firstScalar = 0;
  unsigned operand = 0, result = 0, map = 0;
  Value scalars;
  Value number; // of the part's block, where a block takes several
};

} // namespace

LogicalResult emitGpuGroup(KernelOp kernel, const Target &target,
                           ModuleOp out) {
  return GroupEmitter(kernel, target, out).emit();
}

} // namespace pgc
