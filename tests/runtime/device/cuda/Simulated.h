// Plans of a kernel or two, written as PTX, on a simulated GPU.
#pragma once

#include "runtime/device/cuda/CudaDevice.h"

#include <string>
#include <vector>

namespace pgrt::cuda::test {

/// One .entry, as it stands in a module for sm_90a.
inline std::string entry(const std::string &name, const std::string &parameters,
                         const std::string &body,
                         const std::string &moduleLevel = "") {
  return moduleLevel + "\n.visible .entry " + name + "(" + parameters +
         ")\n{\n" + body + "\nret;\n}\n";
}

inline plan::Plan planOf(const std::string &entries) {
  plan::Plan plan;
  plan::Code *code = plan.add_code();
  code->set_target("sm_90a");
  code->set_ptx(".version 8.0\n.target sm_90a\n.address_size 64\n" + entries);
  return plan;
}

/// Adds a kernel of one block.
inline plan::Kernel &addKernel(plan::Plan &plan, const std::string &symbol,
                               const std::vector<int64_t> &bytes,
                               uint32_t results, uint32_t threads,
                               uint32_t scalars = 0) {
  plan::Kernel *kernel = plan.add_kernels();
  kernel->set_symbol(symbol);
  for (int64_t size : bytes)
    kernel->add_buffer_bytes(size);
  kernel->set_results(results);
  kernel->set_scalars(scalars);
  kernel->mutable_gpu()->set_grid_x(1);
  kernel->mutable_gpu()->set_grid_y(1);
  kernel->mutable_gpu()->set_grid_z(1);
  kernel->mutable_gpu()->set_threads(threads);
  return *kernel;
}

/// x[i] → y[i] = s0 x[i] + s1, in float32, for as many threads as there are.
inline std::string affine(const std::string &name) {
  return entry(
      name, ".param .u64 x, .param .u64 y, .param .u64 s",
      ".reg .f32 %f<4>; .reg .f64 %d<3>; .reg .b64 %rd<6>; .reg .b32 %r<2>;\n"
      "ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y];\n"
      "ld.param.u64 %rd3, [s]; ld.global.f64 %d1, [%rd3];\n"
      "ld.global.f64 %d2, [%rd3+8]; cvt.rn.f32.f64 %f1, %d1;\n"
      "cvt.rn.f32.f64 %f2, %d2; mov.u32 %r1, %tid.x;\n"
      "mul.wide.u32 %rd4, %r1, 4; add.s64 %rd1, %rd1, %rd4;\n"
      "add.s64 %rd2, %rd2, %rd4; ld.global.f32 %f3, [%rd1];\n"
      "fma.rn.f32 %f3, %f3, %f1, %f2; st.global.f32 [%rd2], %f3;\n");
}

inline std::vector<float> readFloats(Device &device, void *address,
                                     size_t count) {
  std::vector<float> values(count);
  device.read(values.data(), address, int64_t(count * sizeof(float)));
  return values;
}
inline void writeFloats(Device &device, void *address,
                        const std::vector<float> &values) {
  device.write(address, values.data(), int64_t(values.size() * sizeof(float)));
}

} // namespace pgrt::cuda::test
