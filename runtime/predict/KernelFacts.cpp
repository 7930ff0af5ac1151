#include "runtime/predict/KernelTime.h"

#include <algorithm>
#include <cmath>
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

double product(const google::protobuf::RepeatedField<int64_t> &sizes, int begin,
               int end) {
  double count = 1;
  for (int i = begin; i < std::min(end, sizes.size()); ++i)
    count *= double(sizes.Get(i));
  return count;
}

// The tensor maps of a product are its operands', m × k and n × k in some order
// of axes, then those of a batch: m k n k over m n k gives k. Of a launch of
// several products it gives the mean of theirs, each weighed by its FLOPs. If
// there is one map alone, k is one of its two axes, and at least the shorter.
int64_t depthOf(const plan::Kernel &kernel) {
  const plan::GpuLaunch &launch = kernel.gpu();
  if (launch.tensor_maps_size() == 0 || kernel.flops() <= 0)
    return 0;
  const auto &a = launch.tensor_maps(0).sizes();
  if (launch.tensor_maps_size() == 1)
    return a.size() < 2 ? 0 : std::min(a.Get(0), a.Get(1));
  double square = 0;
  for (int i = 0; i + 1 < launch.tensor_maps_size(); i += 2) {
    const auto &a = launch.tensor_maps(i).sizes(),
               &b = launch.tensor_maps(i + 1).sizes();
    double batch = std::max(product(a, 2, 5), product(b, 2, 5));
    square += product(a, 0, 2) * product(b, 0, 2) * batch;
  }
  return std::llround(square / (kernel.flops() / 2));
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
    facts.sharedBytes = launch.shared_bytes();
    if (auto found = instructions.find(kernel.symbol());
        found != instructions.end())
      facts.instructions = found->second;
    if (kernel.kind() == "product")
      facts.k = depthOf(kernel);
  }
  return all;
}

} // namespace pgrt
