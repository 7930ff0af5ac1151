// Compiles sched.kernels for sm_90a, runs their PTX under gpusim on random
// numbers, and compares with the interpreter.
#include "tests/support/GpuKernelRunner.h"
#include "compiler/gpu/GpuGroup.h"
#include "compiler/passes/schedule/InPlace.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/KernelData.h"
#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/core/Module.h"
#include "tools/gpusim/core/TensorMap.h"
#include "llvm/Support/Program.h"
#include <cstring>

using namespace mlir;
using namespace pg::sched;

namespace pgtest {

bool hasPtxas() { return bool(llvm::sys::findProgramByName("ptxas")); }

namespace {

/// Device memory around one buffer: 64 bytes past its end may be read, never
/// written.
class DeviceBuffer {
public:
  DeviceBuffer(gpusim::Memory &memory, RankedTensorType type,
               const Tensor *contents)
      : memory(memory), type(type),
        bytes(type.getNumElements() * elementBytes(type.getElementType())),
        address(memory.allocate(0, bytes + margin)) {
    // As a float32 and as a bf16 this pattern is NaN.
    const unsigned char guard = 0xFF;
    memory.fill(address + bytes, margin, &guard, 1);
    if (!contents)
      return;
    std::vector<char> data(bytes);
    encode(*contents, type.getElementType(), data.data());
    memory.write(address, data.data(), bytes);
  }

  bool isGuardIntact() const {
    std::vector<unsigned char> data(margin);
    memory.read(data.data(), address + bytes, margin);
    return llvm::all_of(data, [](unsigned char c) { return c == 0xFF; });
  }
  bool isWritten() const {
    return memory.find(address)->written.firstMissing(0, bytes) == bytes;
  }
  Tensor read() const {
    std::vector<char> data(bytes);
    memory.read(data.data(), address, bytes);
    return decode(data.data(), type);
  }

  gpusim::Memory &memory;
  RankedTensorType type;
  uint64_t bytes, address;

private:
  static constexpr uint64_t margin = 64;
};

/// As the driver's API numbers them (CUtensorMapDataType).
int tensorMapType(Type type) { return type.isF32() ? 7 : type.isF64() ? 8 : 9; }

std::string encodeMap(const TensorMap &map, uint64_t address,
                      gpusim::TensorMap &out) {
  gpusim::TensorMapArguments arguments;
  arguments.type = tensorMapType(map.type);
  arguments.swizzle = map.swizzle == 0    ? 0
                      : map.swizzle == 32 ? 1
                      : map.swizzle == 64 ? 2
                                          : 3;
  arguments.rank = map.sizes.size();
  arguments.address = address;
  for (auto [i, size] : llvm::enumerate(map.sizes)) {
    arguments.sizes[i] = size;
    arguments.box[i] = map.box[i];
    arguments.elementStrides[i] = 1;
    if (i > 0)
      arguments.strides[i - 1] = map.strides[i - 1];
  }
  return gpusim::encodeTensorMap(arguments, out);
}

/// For each result the operand whose memory it may have, if there is one, and
/// no other result has that.
std::vector<std::optional<unsigned>> findOverwritten(KernelOp op) {
  std::vector<std::optional<unsigned>> overwritten;
  llvm::SmallDenseSet<unsigned> taken;
  for (unsigned result = 0; result < op.getYielded().size(); ++result) {
    overwritten.emplace_back();
    for (unsigned i = 0; i < op.getTensorArguments().size(); ++i)
      if (!taken.contains(i) && pgc::mayWriteOver(op, i, result)) {
        overwritten.back() = i;
        taken.insert(i);
        break;
      }
  }
  return overwritten;
}

/// Runs the kernel, with results in the memory of these operands.
std::string runGpuKernel(KernelOp op, const std::string &ptx,
                         const KernelCheck &check,
                         ArrayRef<std::optional<unsigned>> overwritten) {
  GpuLaunch launch =
      *GpuLaunch::get(*op.getGpu(), [&] { return op.emitOpError("has "); });
  KernelData data(op, check);
  gpusim::Memory memory;
  gpusim::Module module(ptx, memory, 0);
  gpusim::Kernel *kernel = module.kernel(op.getSymName().str());
  if (!kernel)
    return "the PTX has no such kernel";
  kernel->maxDynamicShared = gpusim::maxSharedBytes;

  std::vector<DeviceBuffer> buffers;
  size_t count = data.operands.size();
  for (auto [i, type] : llvm::enumerate(data.types))
    buffers.emplace_back(memory, type,
                         i < count                   ? &data.operands[i]
                         : op.accumulates(i - count) ? &data.initial[i - count]
                                                     : nullptr);
  std::vector<uint8_t> parameters(kernel->paramTotal);
  size_t next = 0;
  auto pass = [&](const void *value, size_t bytes) {
    if (next < kernel->paramOffsets.size() && bytes <= kernel->paramBytes[next])
      std::memcpy(parameters.data() + kernel->paramOffsets[next], value, bytes);
    ++next;
  };
  for (auto [i, operand] : llvm::enumerate(overwritten))
    if (operand)
      buffers[count + i].address = buffers[*operand].address;
  for (const DeviceBuffer &buffer : buffers)
    pass(&buffer.address, 8);
  if (!data.scalars.empty() && op.getScalars() > 0) {
    uint64_t bytes = data.scalars.size() * 8,
             address = memory.allocate(0, bytes);
    memory.write(address, data.scalars.data(), bytes);
    pass(&address, 8);
  }
  for (const TensorMap &map : launch.tensorMaps) {
    gpusim::TensorMap encoded = {};
    if (std::string error =
            encodeMap(map, buffers[map.buffer].address, encoded);
        !error.empty())
      return "a tensor map: " + error;
    pass(&encoded, sizeof encoded);
  }
  if (next != kernel->paramOffsets.size())
    return "the PTX has " + std::to_string(kernel->paramOffsets.size()) +
           " parameters, not " + std::to_string(next);

  gpusim::LaunchShape shape;
  for (unsigned i = 0; i < 3; ++i)
    shape.grid[i] = launch.grid[i];
  shape.block[0] = launch.threads;
  shape.cluster[0] = launch.cluster;
  shape.dynamicShared = launch.sharedBytes;
  gpusim::launch(*kernel, shape, parameters, memory);

  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    if (!buffer.isGuardIntact())
      return "it writes beyond buffer " + std::to_string(i);
    if (!buffer.isWritten())
      return "it does not write all of result " + std::to_string(i - count);
    if (i < count && !llvm::is_contained(overwritten, i) &&
        !compare(buffer.read(), data.operands[i], 0).empty())
      return "it changes operand " + std::to_string(i);
  }
  std::vector<Tensor> results;
  for (const DeviceBuffer &buffer : ArrayRef(buffers).drop_front(count))
    results.push_back(buffer.read());
  return data.check(op, check, results);
}

OwningOpRef<ModuleOp> parseAndPlan(llvm::StringRef text) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, &getTestContext());
  if (!module)
    return nullptr;
  for (KernelOp kernel : module->getOps<KernelOp>())
    if (failed(pgc::planGpuKernel(kernel)))
      return nullptr;
  return module;
}

FailureOr<pgc::GpuCode> compile(ModuleOp module) {
  std::string error;
  return pgc::compileGpuKernels(module, *pgc::getTarget("sm_90a", error), 1);
}

} // namespace

std::string checkGpuKernels(llvm::StringRef text, const KernelCheck &check) {
  return checkEditedGpuKernels(text, check, [](std::string &) {});
}

std::string
checkEditedGpuKernels(llvm::StringRef text, const KernelCheck &check,
                      llvm::function_ref<void(std::string &ptx)> edit) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  if (!module)
    return "does not parse, or cannot be planned";
  FailureOr<pgc::GpuCode> code = compile(*module);
  if (failed(code))
    return "does not compile";
  for (const pgc::GpuResources &kernel : code->resources)
    if (kernel.spillStores + kernel.spillLoads != 0)
      return "@" + kernel.name + " spills " +
             std::to_string(kernel.spillStores) + " bytes";
  edit(code->ptx);
  for (KernelOp kernel : module->getOps<KernelOp>()) {
    if (!kernel.getGpu())
      continue;
    std::string wrong;
    try {
      std::vector<std::optional<unsigned>> none(kernel.getYielded().size()),
          inPlace = findOverwritten(kernel);
      wrong = runGpuKernel(kernel, code->ptx, check, none);
      if (wrong.empty() && inPlace != none)
        if (wrong = runGpuKernel(kernel, code->ptx, check, inPlace);
            !wrong.empty())
          wrong = "in place: " + wrong;
    } catch (const gpusim::Fault &fault) {
      wrong = fault.what();
    }
    if (!wrong.empty())
      return ("@" + kernel.getSymName() + ": ").str() + wrong;
  }
  return "";
}

std::string groupKernels(llvm::StringRef text,
                         ArrayRef<llvm::StringRef> names) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  SmallVector<KernelOp> kernels;
  for (llvm::StringRef name : names)
    kernels.push_back(module->lookupSymbol<KernelOp>(name));
  if (!pgc::groupLaunches(kernels))
    return "";
  pgc::makeGroup(kernels, "group");
  std::string whole;
  llvm::raw_string_ostream(whole) << *module;
  return whole;
}

std::string compileToPtx(llvm::StringRef text) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  if (!module)
    return "does not parse, or cannot be planned";
  FailureOr<pgc::GpuCode> code = compile(*module);
  return succeeded(code) ? code->ptx : "does not compile";
}

} // namespace pgtest
