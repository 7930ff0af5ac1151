// Faults planted in the PTX of kernels on tensor cores, which gpusim has to
// find and to name.
#include "tests/support/GpuKernelRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

constexpr const char *product = R"(
sched.kernel @product(%a: tensor<64x192xbf16>, %b: tensor<64x192xbf16>) attributes {kind = "product", result_modes = ["store"]} {
  %y = pg.linear %a, %b : (tensor<64x192xbf16>, tensor<64x192xbf16>) -> tensor<64x64xf32>
  %z = pg.neg %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %z : tensor<64x64xf32>
})";

// Fetched by threads, not by bulk copies.
constexpr const char *odd = R"(
sched.kernel @odd(%a: tensor<64x66xbf16>, %b: tensor<64x66xbf16>) attributes {kind = "product", result_modes = ["store"]} {
  %y = pg.linear %a, %b : (tensor<64x66xbf16>, tensor<64x66xbf16>) -> tensor<64x64xf32>
  sched.yield %y : tensor<64x64xf32>
})";

constexpr const char *residual = R"(
sched.kernel @residual(%a: tensor<64x64xbf16>, %b: tensor<64x64xbf16>, %u: tensor<64x64xf32>) attributes {kind = "product", result_modes = ["store"]} {
  %y = pg.linear %a, %b : (tensor<64x64xbf16>, tensor<64x64xbf16>) -> tensor<64x64xf32>
  %z = pg.add %y, %u : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  sched.yield %z : tensor<64x64xf32>
})";

constexpr const char *attention = R"(
sched.kernel @attention(%q: tensor<1x40x1x64xbf16>, %k: tensor<1x40x1x64xbf16>, %v: tensor<1x40x1x64xbf16>) attributes {kind = "attention", result_modes = ["store", "store"]} {
  %o, %l = pg.attention %q, %k, %v : (tensor<1x40x1x64xbf16>, tensor<1x40x1x64xbf16>, tensor<1x40x1x64xbf16>) -> (tensor<1x40x1x64xf32>, tensor<1x40x1xf32>)
  sched.yield %o, %l : tensor<1x40x1x64xf32>, tensor<1x40x1xf32>
})";

constexpr const char *gradient = R"(
sched.kernel @gradient(%q: tensor<1x40x1x64xbf16>, %k: tensor<1x40x1x64xbf16>, %v: tensor<1x40x1x64xbf16>, %o: tensor<1x40x1x64xf32>, %l: tensor<1x40x1xf32>, %g: tensor<1x40x1x64xbf16>)
    attributes {kind = "attention_grad", result_modes = ["store", "store", "store"]} {
  %dq, %dk, %dv = pg.attention_grad %q, %k, %v, %o, %l, %g : (tensor<1x40x1x64xbf16>, tensor<1x40x1x64xbf16>, tensor<1x40x1x64xbf16>, tensor<1x40x1x64xf32>, tensor<1x40x1xf32>, tensor<1x40x1x64xbf16>)
    -> (tensor<1x40x1x64xf32>, tensor<1x40x1x64xf32>, tensor<1x40x1x64xf32>)
  sched.yield %dq, %dk, %dv : tensor<1x40x1x64xf32>, tensor<1x40x1x64xf32>, tensor<1x40x1x64xf32>
})";

using Edit = std::function<void(std::string &ptx)>;

std::string runWith(const char *kernels, const Edit &edit) {
  KernelCheck check{.tolerance = 2e-2};
  check.edit = [](unsigned operand, Tensor &value) {
    // Of the gradient: scores of 0, and the lse that they have.
    if (value.shape.size() == 3)
      for (int64_t t = 0; t < value.size(); ++t)
        value.data[t] = std::log(static_cast<double>(t + 1));
    else if (operand == 0 && value.shape.size() == 4)
      llvm::fill(value.data, 0);
  };
  return checkEditedGpuKernels(kernels, check, edit);
}

/// `from` becomes `to`, wherever it is in the PTX (it has to be there).
Edit replace(const std::string &from, const std::string &to) {
  return [=](std::string &ptx) {
    size_t at = ptx.find(from);
    EXPECT_NE(at, std::string::npos) << from << " is not in " << ptx;
    for (; at != std::string::npos; at = ptx.find(from, at + to.size()))
      ptx.replace(at, from.size(), to);
  };
}

/// The first read of global memory is made `bytes` further.
Edit readFurther(int bytes) {
  return [=](std::string &ptx) {
    size_t at = ptx.find("ld.global.v2.b32");
    ASSERT_NE(at, std::string::npos) << ptx;
    size_t end = ptx.find(']', at), plus = ptx.rfind('+', end);
    int offset = plus > at && plus < end ? std::stoi(ptx.substr(plus)) : 0;
    size_t from = plus > at && plus < end ? plus : end;
    ptx.replace(from, end - from, "+" + std::to_string(offset + bytes));
  };
}

/// A run ends with a fault of this kind, whose text has this part.
void expectFault(const char *kernels, const Edit &edit, const std::string &kind,
                 const std::string &part) {
  std::string wrong = runWith(kernels, edit);
  EXPECT_NE(wrong.find(kind), std::string::npos) << wrong << kernels;
  EXPECT_NE(wrong.find(part), std::string::npos) << wrong << kernels;
}

// The edits are what makes the difference.
TEST(PlantedFaults, NoneIsFoundWhereNoneIs) {
  for (const char *kernels : {product, odd, residual, attention, gradient})
    EXPECT_EQ("", runWith(kernels, replace("wgmma", "wgmma")));
}

TEST(PlantedFaults, MissingBarrier) {
  for (const char *kernels : {product, attention, gradient}) {
    expectFault(kernels, replace("bar.sync \t0;", ""), "race",
                "initialisation at line");
    expectFault(kernels,
                replace("mbarrier.try_wait.parity.shared::cta.b64 P1,",
                        "setp.eq.u32 P1, 0, 0; //"),
                "uninitialised read", "a barrier is missing");
  }
}

TEST(PlantedFaults, WrongSwizzle) {
  // The descriptors' top: a swizzle of 64 bytes instead of 128.
  for (const char *kernels : {product, attention, gradient})
    expectFault(kernels, replace("4611686293305360384", "-9223371899415756800"),
                "wrong swizzle", "64-byte swizzle");
}

TEST(PlantedFaults, ReadPastTheEnd) {
  expectFault(residual, readFurther(1 << 24), "out of bounds", "ld.global");
}

TEST(PlantedFaults, MissingWait) {
  for (const char *kernels : {product, attention, gradient})
    expectFault(kernels, replace("wgmma.wait_group.sync.aligned 0;", ""),
                "missing wgmma.wait_group", "is still using");
}

TEST(PlantedFaults, MissingFenceOfTheProxy) {
  expectFault(odd, replace("fence.proxy.async.shared::cta;", ""),
              "race between proxies", "no fence.proxy.async");
}

} // namespace
