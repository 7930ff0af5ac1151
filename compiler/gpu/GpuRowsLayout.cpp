#include "compiler/gpu/GpuOps.h"
#include "compiler/gpu/GpuRows.h"
#include "compiler/kernels/KernelBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Elements that 16 bytes hold of the float type that most of the kernel's
/// large tensors have; of the wider one, if two are as common. Wider vectors of
/// several tensors would take more registers than a thread has.
static unsigned getWidestLanes(KernelOp kernel) {
  int64_t largest = 0;
  auto forTensors = [&](function_ref<void(RankedTensorType)> body) {
    for (Value value : kernel.getTensorArguments())
      body(typeOf(value));
    for (Value value : kernel.getYielded())
      body(typeOf(value));
  };
  forTensors([&](RankedTensorType type) {
    if (isa<FloatType>(type.getElementType()))
      largest = std::max(largest, type.getNumElements());
  });
  std::map<unsigned, int64_t> tensors; // by bits of an element
  forTensors([&](RankedTensorType type) {
    if (isa<FloatType>(type.getElementType()) &&
        type.getNumElements() * 2 > largest)
      ++tensors[type.getElementTypeBitWidth()];
  });
  unsigned bits = 32;
  int64_t most = 0;
  for (auto [width, count] : tensors)
    if (count >= most) {
      bits = width;
      most = count;
    }
  return 128 / bits;
}

unsigned getGpuLanes(const RowsPlan &plan, const Nest &nest) {
  if (nest.variables.empty())
    return 1;
  int64_t lanes = getWidestLanes(plan.kernel);
  auto fits = [&](int64_t boundary) { return boundary % lanes == 0; };
  while (!fits(plan.space[nest.variables.back()].size) ||
         !llvm::all_of(nest.splits.back(), fits))
    lanes /= 2;
  return getLanesThatFit(plan, nest, lanes);
}

/// Vectors of a row in a nest.
static int64_t countVectors(const RowsPlan &plan, const Nest &nest) {
  int64_t elements = 1;
  for (unsigned v : nest.variables)
    elements *= plan.space[v].size;
  return elements / getGpuLanes(plan, nest);
}

/// The largest number of threads that a part of a flat kernel needs.
static int64_t countFlatThreads(const RowsPlan &plan) {
  Space space = plan.space;
  int64_t most = 1;
  for (const Nest &nest : plan.nests)
    nest.forEachPart(space, [&] {
      int64_t elements = plan.rowCount;
      for (unsigned v : nest.variables)
        elements *= space[v].high - space[v].low;
      most = std::max(most, elements / getGpuLanes(plan, nest));
    });
  return most;
}

static int64_t clampToPower(int64_t value, int64_t least, int64_t most) {
  return std::clamp<int64_t>(
      llvm::bit_floor(uint64_t(std::max<int64_t>(value, 1))), least, most);
}

GpuLaunch GpuRowsLayout::getLaunch() const {
  GpuLaunch launch;
  launch.grid[0] = blocks;
  launch.threads = threads;
  launch.sharedBytes = sharedBytes;
  return launch;
}

FailureOr<GpuRowsLayout> GpuRowsLayout::make(const RowsPlan &plan) {
  GpuRowsLayout layout;
  KernelOp kernel = plan.kernel;
  int64_t vectors = 1, reductions = 0, partialBytes = 0;
  bool stores = true;
  for (const Nest &nest : plan.nests) {
    vectors = std::max(vectors, countVectors(plan, nest));
    for (const Root &root : nest.roots) {
      stores &= root.kind == Root::Kind::Store;
      reductions += root.kind == Root::Kind::Reduce;
      if (root.kind == Root::Kind::Partial) {
        layout.chunked = true;
        layout.partials[root.result] = partialBytes;
        partialBytes += llvm::alignTo(
            getByteSize(typeOf(kernel.getYielded()[root.result])) /
                static_cast<int64_t>(*kernel.getChunks()),
            64);
      }
    }
  }
  layout.flat = stores;
  if (layout.flat) {
    int64_t needed = countFlatThreads(plan);
    layout.threads =
        std::min<int64_t>(256, llvm::alignTo(needed, gpu::warpThreads));
    layout.blocks = llvm::divideCeil(needed, layout.threads);
    return layout;
  }
  // A few vectors for each thread; with few rows, rather more threads.
  constexpr int64_t processors = 132;
  // A thread has more registers where a block has fewer threads.
  int64_t mostThreads = countRegisters(plan) > 48 ? 256 : 512;
  int64_t parallelRows = layout.chunked
                             ? static_cast<int64_t>(*kernel.getChunks())
                             : plan.rowCount;
  layout.group = vectors >= 256 ? clampToPower(vectors / 4, 64, mostThreads)
                                : clampToPower(vectors / 2, 1, 32);
  if (parallelRows < 2 * processors && vectors >= gpu::warpThreads)
    layout.group = clampToPower(vectors, gpu::warpThreads, mostThreads);
  layout.threads = std::max<int64_t>(layout.chunked ? 256 : 128, layout.group);
  if (!layout.chunked) // no more groups than there are rows
    layout.threads = std::max<int64_t>(
        {layout.group, gpu::warpThreads,
         std::min<int64_t>(layout.threads,
                           layout.group *
                               llvm::bit_ceil(uint64_t(plan.rowCount)))});
  layout.scratch = plan.scratch;
  constexpr int64_t comfortable = 64 * 1024;
  int64_t least = std::max(layout.group, gpu::warpThreads);
  while (layout.threads > least &&
         layout.groups() * (layout.scratch + partialBytes) > comfortable)
    layout.threads /= 2;
  layout.partialsShared =
      layout.chunked && layout.groups() * partialBytes <= comfortable;
  if (layout.chunked && !layout.partialsShared) // one group alone can add there
    layout.group = layout.threads = std::max(layout.group, gpu::warpThreads);
  int64_t bytes = layout.groups() * layout.scratch;
  layout.exchange = bytes;
  if (layout.group > gpu::warpThreads)
    bytes += reductions * (layout.threads / gpu::warpThreads) * 8;
  bytes = llvm::alignTo(bytes, 64);
  for (auto &[result, offset] : layout.partials)
    offset = bytes + layout.groups() * offset;
  if (layout.partialsShared)
    bytes += layout.groups() * partialBytes;
  layout.sharedBytes = bytes;
  if (bytes > gpu::maxSharedBytes)
    return kernel.emitError("keeps ")
           << bytes << " bytes of a row in a block's shared memory, of "
           << gpu::maxSharedBytes;
  layout.blocks = layout.chunked
                      ? static_cast<int64_t>(*kernel.getChunks())
                      : llvm::divideCeil(plan.rowCount, layout.groups());
  return layout;
}

} // namespace pgc
