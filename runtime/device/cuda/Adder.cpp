#include "runtime/device/cuda/Adder.h"
#include "runtime/schedule/SumTable.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <limits>

namespace pgrt::cuda {

static constexpr unsigned threadsOfBlock = 256;
static constexpr int64_t wordBytes = sizeof(uint64_t);

bool Adder::canAdd(size_t places) { return sumsOfLaunch(int64_t(places)) > 0; }

/// One thread a number. A block looks for the last row of the table that does
/// not begin behind it. Rounded to nearest, denormal numbers kept: as the
/// kernels of plans do.
static std::string kernelText(size_t places, const char *type, int shift) {
  const int64_t row = sumRowWords(int64_t(places)) * wordBytes;
  std::string text = cat(".version 8.0\n.target sm_90\n.address_size 64\n"
                         ".visible .entry add(.param .align 8 .b8 table[",
                         sumsOfLaunch(int64_t(places)) * row + wordBytes, R"(])
{
  .reg .pred %p;
  .reg .b32 %r<3>;
  .reg .b64 %row, %block, %next, %index, %count, %at;
  .reg .)",
                         type, " %f<", places, R"(>;
  mov.u64 %row, table;
  mov.u32 %r1, %ctaid.x;
  cvt.u64.u32 %block, %r1;
FIND:
  ld.param.u64 %next, [%row + )",
                         row, R"(];
  setp.lt.u64 %p, %block, %next;
  @%p bra FOUND;
  add.u64 %row, %row, )",
                         row, R"(;
  bra FIND;
FOUND:
  ld.param.u64 %next, [%row];
  sub.u64 %block, %block, %next;
  mov.u32 %r2, %tid.x;
  cvt.u64.u32 %index, %r2;
  mad.lo.u64 %index, %block, )",
                         threadsOfBlock, R"(, %index;
  ld.param.u64 %count, [%row + 8];
  setp.ge.u64 %p, %index, %count;
  @%p bra DONE;
  shl.b64 %index, %index, )",
                         shift, ";\n");
  for (size_t i = 0; i < places; ++i)
    text += cat("  ld.param.u64 %at, [%row + ", (3 + int64_t(i)) * wordBytes,
                "];\n  add.u64 %at, %at, %index;\n  ld.global.", type, " %f", i,
                ", [%at];\n");
  for (size_t distance = 1; distance < places; distance *= 2)
    for (size_t i = 0; i + distance < places; i += 2 * distance)
      text += cat("  add.rn.", type, " %f", i, ", %f", i, ", %f", i + distance,
                  ";\n");
  return text + cat(R"(  ld.param.u64 %at, [%row + 16];
  add.u64 %at, %at, %index;
  st.global.)",
                    type, R"( [%at], %f0;
DONE:
  ret;
}
)");
}

const Adder::Kernel &Adder::kernelFor(size_t places, plan::Type type) {
  Kernel &kernel = kernels[{places, type}];
  if (kernel.function)
    return kernel;
  const Driver &driver = context.driver;
  std::string text = type == plan::F64 ? kernelText(places, "f64", 3)
                                       : kernelText(places, "f32", 2);
  driver.check(driver.cuModuleLoadDataEx(&kernel.module, text.c_str(), 0,
                                         nullptr, nullptr),
               "cannot load the kernel that adds");
  driver.check(
      driver.cuModuleGetFunction(&kernel.function, kernel.module, "add"),
      "cannot find the kernel that adds");
  return kernel;
}

Adder::~Adder() {
  for (const auto &[key, kernel] : kernels)
    if (kernel.module)
      context.driver.cuModuleUnload(kernel.module);
}

static uint64_t word(const void *address) {
  return uint64_t(reinterpret_cast<uintptr_t>(address));
}

void Adder::add(std::span<const TreeSum> sums, CUstream stream) {
  const size_t places = sums[0].from.size();
  const Kernel &kernel = kernelFor(places, sums[0].type);
  const auto most = size_t(sumsOfLaunch(int64_t(places)));
  for (; !sums.empty(); sums = sums.subspan(std::min(most, sums.size()))) {
    std::vector<uint64_t> table;
    uint64_t blocks = 0;
    for (const TreeSum &sum : sums.first(std::min(most, sums.size()))) {
      table.insert(table.end(), {blocks, uint64_t(sum.elements), word(sum.to)});
      for (const void *place : sum.from)
        table.push_back(word(place));
      blocks += (uint64_t(sum.elements) + threadsOfBlock - 1) / threadsOfBlock;
    }
    if (blocks == 0)
      continue;
    table.resize(most * size_t(sumRowWords(int64_t(places))) + 1,
                 std::numeric_limits<uint64_t>::max());
    void *parameters[] = {table.data()};
    CUlaunchConfig config{};
    config.gridDimX = unsigned(blocks);
    config.gridDimY = config.gridDimZ = 1;
    config.blockDimX = threadsOfBlock;
    config.blockDimY = config.blockDimZ = 1;
    config.hStream = stream;
    context.driver.check(context.driver.cuLaunchKernelEx(
                             &config, kernel.function, parameters, nullptr),
                         "cannot launch the kernel that adds");
  }
}

} // namespace pgrt::cuda
