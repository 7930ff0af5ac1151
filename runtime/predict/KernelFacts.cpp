#include "runtime/predict/KernelTime.h"

#include <map>
#include <string_view>

namespace pgrt {

namespace {

// The text of each entry: from its name to the next entry.
std::map<std::string, Instructions, std::less<>>
instructionsOf(std::string_view ptx) {
  std::map<std::string, Instructions, std::less<>> found;
  constexpr std::string_view entry = ".entry ";
  for (size_t at = ptx.find(entry); at != ptx.npos;) {
    size_t name = at + entry.size();
    size_t next = ptx.find(entry, name);
    std::string_view text = ptx.substr(name, next - name);
    Instructions &kind =
        found[std::string(text.substr(0, text.find_first_of("( \t\n")))];
    if (text.find("wgmma.mma_async") != text.npos)
      kind = Instructions::Wgmma;
    else if (text.find("mma.sync") != text.npos)
      kind = Instructions::Mma;
    at = next;
  }
  return found;
}

double elements(const plan::TensorMap &map) {
  double count = 1;
  for (int64_t size : map.sizes())
    count *= double(size);
  return count;
}

// The first two tensor maps of a product are its operands', [batch,] m × k and
// n × k in some order of axes: their elements over m n k give k.
int64_t depthOf(const plan::Kernel &kernel) {
  const plan::GpuLaunch &launch = kernel.gpu();
  if (launch.tensor_maps_size() < 2 || kernel.flops() <= 0)
    return 0;
  const plan::TensorMap &a = launch.tensor_maps(0), &b = launch.tensor_maps(1);
  double k = elements(a) * elements(b) / (kernel.flops() / 2);
  bool batched =
      a.sizes_size() == 3 && b.sizes_size() == 3 && a.sizes(2) == b.sizes(2);
  return int64_t(batched ? k / double(a.sizes(2)) : k);
}

} // namespace

std::vector<KernelFacts> kernelFacts(const plan::Plan &plan) {
  std::map<std::string, Instructions, std::less<>> instructions;
  for (const plan::Code &code : plan.code())
    instructions.merge(instructionsOf(code.ptx()));
  std::vector<KernelFacts> all;
  for (const plan::Kernel &kernel : plan.kernels()) {
    KernelFacts &facts = all.emplace_back();
    facts.kind = kernel.kind();
    facts.flops = kernel.flops();
    facts.bytes = kernel.bytes();
    if (kernel.has_library()) {
      const plan::LibraryProduct &product = kernel.library();
      facts.kind = "library";
      facts.bf16 = product.a_type() == plan::BF16;
      facts.m = product.m();
      facts.n = product.n();
      facts.k = product.k();
      facts.batch = product.batch();
      continue;
    }
    const plan::GpuLaunch &launch = kernel.gpu();
    facts.blocks = int64_t(launch.grid_x()) * launch.grid_y() * launch.grid_z();
    facts.threads = launch.threads();
    if (auto found = instructions.find(kernel.symbol());
        found != instructions.end())
      facts.instructions = found->second;
    if (kernel.kind() == "product")
      facts.k = depthOf(kernel);
  }
  return all;
}

} // namespace pgrt
