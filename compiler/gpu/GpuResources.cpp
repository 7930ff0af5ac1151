#include "compiler/gpu/GpuResources.h"
#include "compiler/kernels/Attention.h"
#include "compiler/kernels/Product.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

/// The number in front of `unit` ("16 registers"), 0 if there is none.
static int64_t numberBefore(StringRef line, StringRef unit) {
  StringRef before = line.substr(0, line.find(unit));
  if (before.size() == line.size())
    return 0;
  int64_t number = 0;
  before.rtrim().rsplit(' ').second.getAsInteger(10, number);
  return number;
}

std::vector<GpuResources> readPtx(StringRef ptx) {
  std::vector<GpuResources> resources;
  constexpr StringLiteral entry = ".visible .entry ";
  for (size_t at = ptx.find(entry), next; at != StringRef::npos; at = next) {
    at += entry.size();
    next = ptx.find(entry, at);
    StringRef kernel = ptx.slice(at, next);
    resources.push_back({kernel.split('(').first.str()});
    resources.back().tensorCore = kernel.count("wgmma.mma_async");
  }
  return resources;
}

void addPtxasLog(StringRef log, std::vector<GpuResources> &resources) {
  llvm::StringMap<size_t> places;
  for (auto [i, kernel] : llvm::enumerate(resources))
    places[kernel.name] = i;
  std::optional<size_t> place;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    StringRef rest = line;
    if (size_t at = rest.find("Compiling entry function '");
        at != StringRef::npos) {
      rest = rest.substr(at).split('\'').second;
      StringRef name = rest.split('\'').first;
      place = places.try_emplace(name, resources.size()).first->second;
      if (*place == resources.size())
        resources.push_back({name.str()});
    }
    if (!place)
      continue;
    GpuResources &last = resources[*place];
    if (line.contains("bytes spill stores")) {
      last.stackBytes = numberBefore(line, " bytes stack frame");
      last.spillStores = numberBefore(line, " bytes spill stores");
      last.spillLoads = numberBefore(line, " bytes spill loads");
    } else if (line.contains("Used ") && line.contains(" registers")) {
      last.registers = numberBefore(line, " registers");
      last.sharedBytes = numberBefore(line, " bytes smem");
    }
  }
}

/// Whether the kernel multiplies bf16, as tensor cores do.
static bool isForTensorCores(KernelOp kernel, DictionaryAttr gpu) {
  GpuLaunch launch =
      *GpuLaunch::get(gpu, [&] { return kernel.emitOpError("has "); });
  if (!launch.parts.empty())
    return llvm::any_of(launch.parts, [&](const GpuLaunch::Part &part) {
      return isForTensorCores(
          SymbolTable::lookupNearestSymbolFrom<KernelOp>(kernel, part.kernel),
          part.gpu);
    });
  if (kernel.getKind() == "product") {
    FailureOr<Product> product = analyzeProduct(kernel);
    return succeeded(product) && product->operand.isBF16();
  }
  if (!kernel.getKind().starts_with("attention"))
    return false;
  FailureOr<Attention> attention =
      analyzeAttention(kernel, ("pg." + kernel.getKind()).str());
  return succeeded(attention) && attention->operand.isBF16();
}

std::vector<std::string> findFlaws(ModuleOp module, const GpuCode &code) {
  llvm::StringMap<const GpuResources *> resources;
  for (const GpuResources &kernel : code.resources)
    resources[kernel.name] = &kernel;
  std::vector<std::string> flaws;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    const GpuResources *uses = resources.lookup(kernel.getSymName());
    if (!uses)
      continue;
    auto add = [&](const Twine &what) {
      flaws.push_back(("kernel '" + kernel.getSymName() + "' " + what).str());
    };
    if (int64_t bytes = std::max(uses->spillStores, uses->spillLoads))
      add("needs more registers than a thread has: " + Twine(bytes) +
          " bytes of a thread are spilled to memory [spills]");
    if (uses->tensorCore == 0 && isForTensorCores(kernel, *kernel.getGpu()))
      add("multiplies without tensor cores [no-tensor-cores]");
  }
  return flaws;
}

} // namespace pgc
