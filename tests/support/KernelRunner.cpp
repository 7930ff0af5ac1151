// Compiles sched.kernels, runs them on random numbers, and compares with the
// interpreter.
#include "tests/support/KernelRunner.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/KernelData.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgtest {

namespace {

using KernelFunction = void (*)(int64_t, void *const *, const double *, void *);

/// A buffer as kernels see it: 64-byte aligned, and guarded on both sides.
class Buffer {
public:
  explicit Buffer(size_t bytes)
      : bytes(bytes), storage(bytes + 3 * 64 + 4096, guard) {
    start = reinterpret_cast<char *>(
        (reinterpret_cast<uintptr_t>(storage.data()) + 127) & ~uintptr_t(63));
  }
  bool isGuardIntact() const {
    auto whole = [](const char *from, const char *to) {
      return std::all_of(from, to, [](char c) { return c == guard; });
    };
    return whole(storage.data(), start) &&
           whole(start + bytes, storage.data() + storage.size());
  }
  char *data() { return start; }
  const size_t bytes;

private:
  // As a float32 and as a bf16 this pattern is NaN.
  static constexpr char guard = static_cast<char>(0xFF);
  std::vector<char> storage;
  char *start;
};

/// A shared object in memory.
class Library {
public:
  explicit Library(llvm::StringRef bytes) : file(memfd_create("kernels", 0)) {
    if (file >= 0 && ::write(file, bytes.data(), bytes.size()) ==
                         static_cast<ssize_t>(bytes.size()))
      handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(),
                      RTLD_NOW | RTLD_LOCAL);
  }
  ~Library() {
    if (handle)
      dlclose(handle);
    if (file >= 0)
      close(file);
  }
  void *find(llvm::StringRef name) {
    return handle ? dlsym(handle, name.str().c_str()) : nullptr;
  }

private:
  int file;
  void *handle = nullptr;
};

std::string runKernel(KernelOp kernel, Library &library,
                      const KernelCheck &check) {
  auto function =
      reinterpret_cast<KernelFunction>(library.find(kernel.getSymName()));
  if (!function)
    return "the symbol is missing from the shared object";
  KernelData data(kernel, check);
  const std::vector<RankedTensorType> &types = data.types;
  const std::vector<Tensor> &operands = data.operands, &initial = data.initial;
  size_t count = operands.size();

  std::vector<std::vector<Tensor>> runs;
  for (bool falling : {false, true}) {
    std::vector<Buffer> buffers;
    buffers.reserve(types.size() + 1);
    std::vector<void *> pointers;
    for (auto [i, type] : llvm::enumerate(types)) {
      buffers.emplace_back(type.getNumElements() *
                           elementBytes(type.getElementType()));
      encode(i < count ? operands[i] : initial[i - count],
             type.getElementType(), buffers.back().data());
      pointers.push_back(buffers.back().data());
    }
    buffers.emplace_back(*kernel.getScratch());
    int64_t chunks = *kernel.getChunks();
    for (int64_t c = 0; c < chunks; ++c)
      function(falling ? chunks - 1 - c : c, pointers.data(),
               data.scalars.data(), buffers.back().data());
    for (auto [i, buffer] : llvm::enumerate(buffers))
      if (!buffer.isGuardIntact())
        return "it writes beyond " + (i < types.size()
                                          ? "buffer " + std::to_string(i)
                                          : "the scratch");
    for (size_t i = 0; i < count; ++i)
      if (std::string error =
              compare(decode(buffers[i].data(), types[i]), operands[i], 0);
          !error.empty())
        return "it changes operand " + std::to_string(i);
    runs.emplace_back();
    for (size_t i = count; i < types.size(); ++i)
      runs.back().push_back(decode(buffers[i].data(), types[i]));
  }

  if (std::string error = data.check(kernel, check, runs[0]); !error.empty())
    return error;
  for (size_t i = 0; i < runs[0].size(); ++i)
    if (std::string error = compare(runs[0][i], runs[1][i], 0); !error.empty())
      return "result " + std::to_string(i) +
             " depends on the order of the chunks: " + error;
  return "";
}

OwningOpRef<ModuleOp> parseAndPlan(llvm::StringRef text) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, &getTestContext());
  if (!module)
    return nullptr;
  for (KernelOp kernel : module->getOps<KernelOp>())
    if (failed(pgc::planKernel(kernel)))
      return nullptr;
  return module;
}

} // namespace

/// Adds the targets that "wide" and "wide+dot" stand for, where this CPU can run
/// their code.
static std::vector<std::string>
withRealTargets(const std::vector<std::string> &targets) {
  std::string error;
  FailureOr<pgc::Target> native = pgc::getTarget("native", error);
  std::vector<std::string> all;
  for (const std::string &name : targets) {
    all.push_back(name);
    if (failed(native) || native->vectorBits != 512)
      continue;
    if (name == "wide")
      all.push_back("x86-64-v4");
    if (name == "wide+dot" && native->bf16Dot)
      all.push_back("x86-64-v4+bf16");
  }
  return all;
}

std::string checkKernels(llvm::StringRef text, const KernelCheck &check) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  if (!module)
    return "does not parse, or cannot be planned";
  for (const std::string &name : withRealTargets(check.targets)) {
    std::string error;
    bool dot = name == "wide+dot", wide = name == "wide" || dot;
    FailureOr<pgc::Target> target =
        pgc::getTarget(wide ? "x86-64-v3" : name, error);
    if (failed(target))
      return error;
    if (wide)
      target->vectorBits = 512;
    if (dot)
      target->bf16Dot = target->emulateDot = true;
    FailureOr<std::string> code = pgc::compileKernels(*module, *target, 1);
    if (failed(code))
      return "does not compile for " + name;
    Library library(*code);
    for (KernelOp kernel : module->getOps<KernelOp>())
      if (std::string wrong = runKernel(kernel, library, check); !wrong.empty())
        return ("@" + kernel.getSymName() + " for " + name + ": ").str() +
               wrong;
  }
  return "";
}

std::string compileToAssembly(llvm::StringRef text,
                              llvm::StringRef targetName) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  std::string error;
  FailureOr<pgc::Target> target = pgc::getTarget(targetName, error);
  if (!module || failed(target))
    return "";
  FailureOr<std::string> code =
      pgc::compileKernels(*module, *target, 1, /*assembly=*/true);
  return succeeded(code) ? *code : "";
}

} // namespace pgtest
