// Products that cuBLASLt computes: row-major matrices through a library that
// thinks in columns.

#include "tests/runtime/device/cuda/Simulated.h"

#include <bit>
#include <gtest/gtest.h>

namespace pgrt::cuda::test {

namespace {
uint16_t toBf16(float x) { return uint16_t(std::bit_cast<uint32_t>(x) >> 16); }
float fromBf16(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }

/// Small whole numbers: exact in every type.
std::vector<double> values(size_t count, uint32_t seed) {
  std::vector<double> made;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    made.push_back(double(seed >> 28) - 8);
  }
  return made;
}

void write(Device &device, void *to, const std::vector<double> &from,
           plan::Type type) {
  std::vector<float> wide(from.begin(), from.end());
  std::vector<uint16_t> narrow;
  for (float value : wide)
    narrow.push_back(toBf16(value));
  if (type == plan::F64)
    device.write(to, from.data(), int64_t(from.size() * 8));
  else if (type == plan::F32)
    device.write(to, wide.data(), int64_t(wide.size() * 4));
  else
    device.write(to, narrow.data(), int64_t(narrow.size() * 2));
}
std::vector<double> read(Device &device, void *from, size_t count,
                         plan::Type type) {
  std::vector<double> result(count);
  if (type == plan::F64) {
    device.read(result.data(), from, int64_t(count * 8));
  } else if (type == plan::F32) {
    std::vector<float> wide = readFloats(device, from, count);
    result.assign(wide.begin(), wide.end());
  } else {
    std::vector<uint16_t> narrow(count);
    device.read(narrow.data(), from, int64_t(count * 2));
    for (size_t i = 0; i < count; ++i)
      result[i] = double(fromBf16(narrow[i]));
  }
  return result;
}

struct Case {
  int64_t m, n, k, batch;
  bool transposeA, transposeB, accumulate;
  plan::Type in, out;
  bool sharedB = false; // one B for all of the batch
};

void expectProduct(Device &device, const Case &c) {
  const int64_t strideA = c.m * c.k, strideB = c.sharedB ? 0 : c.k * c.n,
                strideD = c.m * c.n;
  plan::Plan plan = planOf("");
  plan::Kernel *kernel = plan.add_kernels();
  kernel->set_symbol("product");
  for (int64_t elements :
       {c.batch * c.m * c.k, c.batch * c.k * c.n, c.batch * c.m * c.n})
    kernel->add_buffer_bytes(elements * 8);
  kernel->set_results(1);
  plan::LibraryProduct *product = kernel->mutable_library();
  product->set_m(c.m);
  product->set_n(c.n);
  product->set_k(c.k);
  product->set_batch(c.batch);
  product->set_transpose_a(c.transposeA);
  product->set_transpose_b(c.transposeB);
  product->set_accumulate(c.accumulate);
  product->set_a_type(c.in);
  product->set_b_type(c.in);
  product->set_d_type(c.out);
  product->set_stride_a(strideA);
  product->set_stride_b(strideB);
  product->set_stride_d(strideD);
  device.loadCode(plan);
  std::vector<void *> memory =
      device.allocate({kernel->buffer_bytes(0), kernel->buffer_bytes(1),
                       kernel->buffer_bytes(2)});
  auto a = values(size_t(c.batch * c.m * c.k), 1),
       b = values(size_t(c.sharedB ? c.k * c.n : c.batch * c.k * c.n), 2),
       d = values(size_t(c.batch * c.m * c.n), 3);
  write(device, memory[0], a, c.in);
  write(device, memory[1], b, c.in);
  write(device, memory[2], d, c.out);
  // The second time as part of a recording.
  device.launch(0, memory.data(), nullptr);
  auto first = read(device, memory[2], d.size(), c.out);
  write(device, memory[2], d, c.out);
  device.record([&] { device.launch(0, memory.data(), nullptr); })->run({});
  EXPECT_EQ(read(device, memory[2], d.size(), c.out), first);

  for (int64_t e = 0; e < c.batch; ++e)
    for (int64_t i = 0; i < c.m; ++i)
      for (int64_t j = 0; j < c.n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < c.k; ++l)
          sum += a[size_t(e * strideA +
                          (c.transposeA ? l * c.m + i : i * c.k + l))] *
                 b[size_t(e * strideB +
                          (c.transposeB ? j * c.k + l : l * c.n + j))];
        auto at = size_t(e * strideD + i * c.n + j);
        sum += c.accumulate ? d[at] : 0;
        EXPECT_NEAR(first[at], sum,
                    c.out == plan::BF16 ? 4e-3 * std::abs(sum) : 0)
            << c.m << " " << c.n << " " << c.k << ", " << i << " " << j;
      }
  device.release(memory);
}
} // namespace

TEST(Products, EveryFormOfOperands) {
  CudaDevice device(0, 1);
  for (bool transposeA : {false, true})
    for (bool transposeB : {false, true})
      for (bool accumulate : {false, true})
        expectProduct(device, {3, 5, 7, 1, transposeA, transposeB, accumulate,
                               plan::BF16, plan::F32});
}

TEST(Products, BatchesAndTypes) {
  CudaDevice device(0, 1);
  expectProduct(device, {4, 2, 6, 3, false, true, true, plan::F32, plan::F32});
  expectProduct(device,
                {4, 2, 6, 3, true, false, false, plan::BF16, plan::BF16});
  expectProduct(device, {4, 2, 6, 3, false, false, false, plan::BF16, plan::F32,
                         /*sharedB=*/true});
  expectProduct(device, {4, 2, 6, 2, false, true, true, plan::F64, plan::F64});
  expectProduct(device,
                {1, 1, 1, 1, false, false, false, plan::F32, plan::F32});
}

} // namespace pgrt::cuda::test
