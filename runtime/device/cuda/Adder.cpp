#include "runtime/device/cuda/Adder.h"
#include "runtime/support/Text.h"

namespace pgrt::cuda {

static constexpr unsigned threadsOfBlock = 256;

// One thread a number. Rounded to nearest, denormal numbers kept: as the
// kernels of plans do.
static std::string kernelText(const char *name, const char *type, int shift) {
  return cat(".visible .entry ", name, R"((
  .param .u64 to, .param .u64 from, .param .u64 count)
{
  .reg .pred %p;
  .reg .b32 %r<4>;
  .reg .b64 %rd<6>;
  .reg .)",
             type, R"( %f<3>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mul.wide.u32 %rd1, %r1, %r2;
  cvt.u64.u32 %rd2, %r3;
  add.u64 %rd1, %rd1, %rd2;
  ld.param.u64 %rd3, [count];
  setp.ge.u64 %p, %rd1, %rd3;
  @%p bra DONE;
  ld.param.u64 %rd4, [to];
  ld.param.u64 %rd5, [from];
  shl.b64 %rd1, %rd1, )",
             shift, R"(;
  add.u64 %rd4, %rd4, %rd1;
  add.u64 %rd5, %rd5, %rd1;
  ld.global.)",
             type, R"( %f1, [%rd4];
  ld.global.)",
             type, R"( %f2, [%rd5];
  add.rn.)",
             type, R"( %f1, %f1, %f2;
  st.global.)",
             type, R"( [%rd4], %f1;
DONE:
  ret;
}
)");
}

Adder::Adder(const Context &context) : context(context) {
  const Driver &driver = context.driver;
  context.use();
  std::string text = ".version 8.0\n.target sm_90\n.address_size 64\n" +
                     kernelText("add_floats", "f32", 2) +
                     kernelText("add_doubles", "f64", 3);
  driver.check(
      driver.cuModuleLoadDataEx(&module, text.c_str(), 0, nullptr, nullptr),
      "cannot load the kernels that add");
  driver.check(driver.cuModuleGetFunction(&floats, module, "add_floats"),
               "cannot find the kernel that adds");
  driver.check(driver.cuModuleGetFunction(&doubles, module, "add_doubles"),
               "cannot find the kernel that adds");
}

Adder::~Adder() {
  if (module)
    context.driver.cuModuleUnload(module);
}

void Adder::add(const Addition &addition, CUstream stream) {
  if (addition.elements == 0)
    return;
  void *to = addition.to;
  const void *from = addition.from;
  int64_t count = addition.elements;
  void *parameters[] = {&to, &from, &count};
  CUlaunchConfig config{};
  config.gridDimX =
      unsigned((count + threadsOfBlock - 1) / int64_t(threadsOfBlock));
  config.gridDimY = config.gridDimZ = 1;
  config.blockDimX = threadsOfBlock;
  config.blockDimY = config.blockDimZ = 1;
  config.hStream = stream;
  context.driver.check(context.driver.cuLaunchKernelEx(
                           &config,
                           addition.type == plan::F64 ? doubles : floats,
                           parameters, nullptr),
                       "cannot launch the kernel that adds");
}

} // namespace pgrt::cuda
