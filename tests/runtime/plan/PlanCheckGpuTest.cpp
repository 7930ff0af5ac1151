// What a plan for a GPU may say of its kernels.
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <functional>
#include <gtest/gtest.h>

namespace pgrt {
namespace {

/// The toy plan as if compiled for a GPU; a further kernel has a tensor map,
/// another is a library's product.
plan::Plan makeGpuPlan() {
  plan::Plan plan = toy::makePlan();
  for (plan::Code &code : *plan.mutable_code()) {
    code.set_target("sm_90a");
    code.clear_object();
    code.set_ptx(".version 8.8");
  }
  for (plan::Kernel &kernel : *plan.mutable_kernels()) {
    plan::GpuLaunch *gpu = kernel.mutable_gpu();
    gpu->set_grid_x(4);
    gpu->set_grid_y(1);
    gpu->set_grid_z(1);
    gpu->set_threads(128);
  }
  plan::Kernel *mapped = plan.add_kernels();
  *mapped = plan.kernels(0);
  mapped->set_symbol("mapped");
  mapped->clear_buffer_bytes();
  mapped->add_buffer_bytes(64 * 128 * 2);
  mapped->set_results(0);
  plan::TensorMap *map = mapped->mutable_gpu()->add_tensor_maps();
  map->set_type(plan::BF16);
  map->add_sizes(128);
  map->add_sizes(64);
  map->add_strides(256);
  map->add_box(64);
  map->add_box(32);
  map->set_swizzle(128);
  plan::Kernel *product = plan.add_kernels();
  product->set_symbol("product");
  for (int64_t bytes : {2 * 3 * 4, 3 * 5 * 4, 2 * 5 * 4})
    product->add_buffer_bytes(bytes);
  product->set_results(1);
  plan::LibraryProduct *library = product->mutable_library();
  library->set_m(2);
  library->set_n(5);
  library->set_k(3);
  library->set_batch(1);
  library->set_a_type(plan::F32);
  library->set_b_type(plan::F32);
  library->set_d_type(plan::F32);
  return plan;
}

plan::Kernel *kernelOf(plan::Plan &plan, const std::string &symbol) {
  for (plan::Kernel &kernel : *plan.mutable_kernels())
    if (kernel.symbol() == symbol)
      return &kernel;
  return nullptr;
}
plan::TensorMap *mapOf(plan::Plan &plan) {
  return kernelOf(plan, "mapped")->mutable_gpu()->mutable_tensor_maps(0);
}
plan::GpuLaunch *launchOf(plan::Plan &plan) {
  return plan.mutable_kernels(0)->mutable_gpu();
}
plan::LibraryProduct *productOf(plan::Plan &plan) {
  return kernelOf(plan, "product")->mutable_library();
}

struct Damage {
  const char *name;
  std::function<void(plan::Plan &)> apply;
  const char *message; // part of it
};

const std::vector<Damage> &damages() {
  static const std::vector<Damage> list = {
      {"noPart", [](plan::Plan &p) { p.mutable_kernels(0)->clear_gpu(); },
       "says not how a GPU computes it"},
      {"bothParts",
       [](plan::Plan &p) { p.mutable_kernels(0)->mutable_library(); },
       "both a launch and a library's product"},
      {"cpuCode",
       [](plan::Plan &p) { p.mutable_code(0)->set_target("native"); },
       "its CPU code has PTX"},
      {"mixedCode", [](plan::Plan &p) { p.add_code()->set_target("native"); },
       "code for a CPU and for a GPU"},
      {"noPtx", [](plan::Plan &p) { p.mutable_code(0)->clear_ptx(); },
       "has no PTX"},
      {"emptyGrid", [](plan::Plan &p) { launchOf(p)->set_grid_y(0); },
       "a grid of 4 × 0 × 1"},
      {"largeGrid", [](plan::Plan &p) { launchOf(p)->set_grid_z(65536); },
       "a grid of 4 × 1 × 65536"},
      {"threads", [](plan::Plan &p) { launchOf(p)->set_threads(1025); },
       "blocks of 1025 threads"},
      {"shared", [](plan::Plan &p) { launchOf(p)->set_shared_bytes(232449); },
       "232449 bytes of shared memory"},
      {"cluster", [](plan::Plan &p) { launchOf(p)->set_cluster(3); },
       "clusters of 3 blocks, of 4"},
      {"mapBuffer", [](plan::Plan &p) { mapOf(p)->set_buffer(1); },
       "kernel 'mapped', tensor map 0 refers to buffer 1, of 1"},
      {"mapType", [](plan::Plan &p) { mapOf(p)->set_type(plan::I64); },
       "cannot be copied in boxes"},
      {"mapAxes", [](plan::Plan &p) { mapOf(p)->clear_strides(); },
       "2 sizes, 0 strides"},
      {"mapStride", [](plan::Plan &p) { mapOf(p)->set_strides(0, 264); },
       "a stride of 264 bytes"},
      {"mapBox", [](plan::Plan &p) { mapOf(p)->set_box(1, 257); },
       "in boxes of 257"},
      {"mapExtent", [](plan::Plan &p) { mapOf(p)->set_sizes(1, 65); },
       "covers 16640 bytes of a buffer of 16384"},
      {"mapSwizzle", [](plan::Plan &p) { mapOf(p)->set_swizzle(64); },
       "boxes of 128 bytes and a swizzle of 64"},
      {"productBuffers",
       [](plan::Plan &p) { kernelOf(p, "product")->add_buffer_bytes(4); },
       "has 4 buffers"},
      {"productSize", [](plan::Plan &p) { productOf(p)->set_k(0); },
       "multiplies 1 × 2 × 5 × 0"},
      {"productBounds", [](plan::Plan &p) { productOf(p)->set_n(6); },
       "B lies outside its buffer of 60 bytes"},
      {"productType", [](plan::Plan &p) { productOf(p)->set_a_type(plan::I1); },
       "A has elements that cannot be multiplied"},
      {"nestedDevices",
       [](plan::Plan &p) { *p.add_devices()->add_devices() = toy::makePlan(); },
       "holds plans in turn"},
      {"damagedDevice",
       [](plan::Plan &p) { p.add_devices()->set_numerics("f16"); }, "numerics"},
  };
  return list;
}

TEST(PlanCheckGpu, AcceptsWholePlans) {
  EXPECT_NO_THROW(checkPlan(makeGpuPlan()));
  plan::Plan both = toy::makePlan();
  EXPECT_FALSE(isGpuPlan(both));
  *both.add_devices() = makeGpuPlan();
  EXPECT_NO_THROW(checkPlan(both));
  EXPECT_TRUE(isGpuPlan(both.devices(0)));
}

TEST(PlanCheckGpu, RefusesGpuPartsOnACpu) {
  plan::Plan plan = toy::makePlan();
  plan.mutable_kernels(0)->mutable_gpu();
  EXPECT_THROW(checkPlan(plan), Error);
}

class PlanCheckGpuDamage : public testing::TestWithParam<size_t> {};

TEST_P(PlanCheckGpuDamage, IsRefused) {
  const Damage &damage = damages()[GetParam()];
  plan::Plan plan = makeGpuPlan();
  damage.apply(plan);
  try {
    checkPlan(plan);
    ADD_FAILURE() << damage.name << " passes";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find(damage.message), std::string::npos)
        << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(All, PlanCheckGpuDamage,
                         testing::Range<size_t>(0, damages().size()),
                         [](const testing::TestParamInfo<size_t> &info) {
                           return std::string(damages()[info.param].name);
                         });

} // namespace
} // namespace pgrt
