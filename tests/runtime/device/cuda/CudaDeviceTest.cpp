#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/schedule/SumTable.h"
#include "runtime/support/Error.h"
#include "tests/runtime/device/cuda/Simulated.h"

#include <gtest/gtest.h>
#include <thread>

namespace pgrt::cuda::test {

using Floats = std::vector<float>;

namespace {
/// Two small GPUs; before the stand-in is first opened.
struct Machine : testing::Environment {
  void SetUp() override {
    setenv("GPUSIM_DEVICES", "2", 1);
    setenv("GPUSIM_MEMORY_MIB", "128", 1);
  }
};
[[maybe_unused]] const testing::Environment *const machine =
    testing::AddGlobalTestEnvironment(new Machine);

std::string messageOf(const std::function<void()> &body) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, ExitCode::Machine) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE((text).find(part), std::string::npos) << (text)
} // namespace

TEST(CudaDevice, SaysWhatItIs) {
  CudaDevice device(1, 2);
  std::string text = device.description();
  EXPECT_CONTAINS(text, "GPU 1: gpusim (simulated sm_90a; not a GPU)");
  EXPECT_CONTAINS(text, "132 multiprocessors");
  EXPECT_CONTAINS(text, "2 threads");
}

TEST(CudaDevice, NumbersThatAreNotThere) {
  EXPECT_CONTAINS(messageOf([] { CudaDevice(2, 1); }), "2 GPUs");
  EXPECT_CONTAINS(messageOf([] { CudaDevice(-1, 1); }), "there is no GPU -1");
}

TEST(CudaDevice, MemoryIsZeroAlignedAndReadablePastItsEnd) {
  CudaDevice device(0, 1);
  std::vector<int64_t> sizes = {0, 1, 4096, 100'000};
  std::vector<void *> memory = device.allocate(sizes);
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory[i]) % 256, 0u);
    EXPECT_EQ(device.hostView(memory[i]), nullptr);
    std::vector<char> bytes(size_t(sizes[i] + 64), 1);
    device.read(bytes.data(), memory[i], sizes[i] + 64);
    EXPECT_EQ(bytes, std::vector<char>(bytes.size(), 0));
  }
}

TEST(CudaDevice, MemoryThatIsGivenBackCanBeHadAgain) {
  CudaDevice device(0, 1);
  for (int i = 0; i < 3; ++i)
    device.release(device.allocate({80 << 20}));
}

TEST(CudaDevice, FillCopyReadAndWrite) {
  CudaDevice device(0, 1);
  std::vector<void *> memory = device.allocate({4000, 4000});
  device.fill(memory[0], 0x3f800000, 3996);
  device.copy(memory[1], memory[0], 4000);
  Floats values = readFloats(device, memory[1], 1000);
  EXPECT_EQ(values[998], 1.0f);
  EXPECT_EQ(values[999], 0.0f);
  writeFloats(device, memory[1], {5, 6});
  EXPECT_EQ(readFloats(device, memory[1], 3), (Floats{5, 6, 1}));
  device.copy(memory[1], memory[0], 0);
  device.fill(memory[1], 0, 0);
  EXPECT_EQ(readFloats(device, memory[1], 1), Floats{5});
}

// More sums than a launch's table holds, of many lengths, none among them; the
// order shows in the last bits.
template <typename T>
static void addWhatLiesApart(int places, plan::Type type) {
  CudaDevice device(0, 1);
  const int64_t apart = 1000;
  const int sums = int(sumsOfLaunch(places)) + 3;
  std::vector<T> numbers(size_t(sums * places * apart));
  for (size_t i = 0; i < numbers.size(); ++i) // denormal numbers stay
    numbers[i] = i % 3 ? T(1) / T(i + 1) : T(1e-40) * T(i);
  const auto bytes = int64_t(numbers.size() * sizeof(T));
  auto *memory = static_cast<T *>(device.allocate({bytes})[0]);
  device.write(memory, numbers.data(), bytes);
  std::vector<TreeSum> onDevice, onHost;
  for (int i = 0; i < sums; ++i) {
    int64_t elements = i % 4 ? apart - 97 * (i % 9) : 0;
    onDevice.push_back({nullptr, {}, elements, type});
    onHost.push_back(onDevice.back());
    for (int j = 0; j < places; ++j) {
      onDevice.back().from.push_back(memory + (i * places + j) * apart);
      onHost.back().from.push_back(numbers.data() + (i * places + j) * apart);
    }
    onDevice.back().to = onDevice.back().from[size_t(i % places)];
    onHost.back().to = onHost.back().from[size_t(i % places)];
  }
  device.sum(onDevice);
  for (int i = 0; i < sums; ++i) {
    const TreeSum &sum = onHost[size_t(i)];
    sumNumbers(sum, 0, sum.elements);
    std::vector<T> found(static_cast<size_t>(apart));
    device.read(found.data(), onDevice[size_t(i)].to,
                apart * int64_t(sizeof(T)));
    EXPECT_EQ(std::memcmp(found.data(), sum.to, size_t(apart) * sizeof(T)), 0)
        << places << " places, sum " << i;
  }
}

TEST(CudaDevice, AddsWhatLiesApart) {
  for (int places : {2, 3, 8})
    addWhatLiesApart<float>(places, plan::F32);
  addWhatLiesApart<double>(4, plan::F64);
}

TEST(CudaDevice, TellsWhenMemoryCannotBeHad) {
  CudaDevice device(0, 1);
  std::string message = messageOf([&] { device.allocate({int64_t(1) << 40}); });
  EXPECT_CONTAINS(message, "not enough memory on GPU 0: 1.10 TB are needed");
  EXPECT_CONTAINS(message, "a smaller micro-batch");
}

// What was read in another order than asked for would show.
TEST(CudaDevice, LaunchesWithTheirOwnScalars) {
  CudaDevice device(0, 1);
  plan::Plan plan = planOf(affine("affine"));
  addKernel(plan, "affine", {12, 12}, 1, 3, 2);
  device.loadCode(plan);
  std::vector<void *> memory = device.allocate({12, 12});
  writeFloats(device, memory[0], {1, 2, 3});
  const double twice[] = {2, 0}, thrice[] = {3, 1};
  void *forth[] = {memory[0], memory[1]}, *back[] = {memory[1], memory[0]};
  device.launch(0, forth, twice);
  device.launch(0, back, thrice);
  EXPECT_EQ(readFloats(device, memory[0], 3), (Floats{7, 13, 19}));
}

TEST(CudaDevice, CodeThatIsNotThereOrNotRight) {
  CudaDevice device(0, 1);
  auto message = [&](const plan::Plan &plan) {
    try {
      device.loadCode(plan);
    } catch (const Error &error) {
      EXPECT_EQ(error.code, ExitCode::Input);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  plan::Plan plan = planOf(affine("affine"));
  addKernel(plan, "other", {}, 0, 1);
  EXPECT_CONTAINS(message(plan), "lacks the kernel 'other'");
  plan.mutable_code(0)->set_ptx(".version 8.0\n.target sm_90a\nnonsense");
  EXPECT_CONTAINS(message(plan), "does not take the plan's code");
  plan.mutable_code(0)->set_target("x86-64-v3");
  EXPECT_CONTAINS(message(plan), "no code for sm_90a");
}

// The simulator takes no machine code: as with an old driver, the PTX is used.
TEST(CudaDevice, FallsBackToPtx) {
  CudaDevice device(0, 1);
  plan::Plan plan = planOf(affine("affine"));
  plan.mutable_code(0)->set_object("\x7f"
                                   "ELF of some later version");
  addKernel(plan, "affine", {12, 12}, 1, 3, 2);
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(device.loadCode(plan));
  testing::internal::GetCapturedStderr();
}

// A box of 4 × 8 floats out of 6 × 12, from the corner (4, 2), by a bulk copy.
TEST(CudaDevice, TensorMapsArePassedByValue) {
  CudaDevice device(0, 1);
  plan::Plan plan = planOf(entry(
      "box",
      ".param .u64 x, .param .u64 y, .param .u64 s, "
      ".param .align 64 .b8 map[128]",
      ".reg .b64 %rd<8>; .reg .b32 %r<4>; .reg .f32 %f<2>; .reg .pred %p<2>;\n"
      "mov.b64 %rd1, map; cvta.param.u64 %rd1, %rd1; mov.u32 %r1, tile;\n"
      "ld.param.u64 %rd2, [y]; mov.u32 %r2, %tid.x;\n"
      "setp.ne.u32 %p1, %r2, 0; @%p1 bra WAIT;\n"
      "mbarrier.init.shared.b64 [bar], 1; fence.proxy.async;\n"
      "mbarrier.arrive.expect_tx.shared.b64 %rd4, [bar], 128;\n"
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile"
      ".mbarrier::complete_tx::bytes [%r1], [%rd1, {4, 2}], [bar];\n"
      "WAIT: bar.sync 0;\n"
      "TRY: mbarrier.try_wait.parity.shared.b64 %p1, [bar], 0;\n"
      "@%p1 bra READY; bra TRY; READY:\n"
      "mul.wide.u32 %rd5, %r2, 4; add.s64 %rd2, %rd2, %rd5;\n"
      "shl.b32 %r3, %r2, 2; add.u32 %r1, %r1, %r3;\n"
      "ld.shared.f32 %f1, [%r1]; st.global.f32 [%rd2], %f1;\n",
      ".shared .align 128 .b8 tile[128];\n.shared .align 8 .b64 bar;"));
  plan::Kernel &kernel = addKernel(plan, "box", {288, 128}, 1, 32, 1);
  plan::TensorMap *map = kernel.mutable_gpu()->add_tensor_maps();
  map->set_buffer(0);
  map->set_type(plan::F32);
  map->add_sizes(12);
  map->add_sizes(6);
  map->add_strides(48);
  map->add_box(8);
  map->add_box(4);
  device.loadCode(plan);
  std::vector<void *> memory = device.allocate({288, 128});
  Floats x(72);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i);
  writeFloats(device, memory[0], x);
  const double unused[] = {0};
  device.launch(0, memory.data(), unused);
  Floats y = readFloats(device, memory[1], 32);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 8; ++j)
      EXPECT_EQ(y[i * 8 + j], x[(i + 2) * 12 + j + 4]);
}

// One thread each, as ranks of one process have them.
TEST(CudaDevice, TwoInOneProcess) {
  std::vector<Floats> results(2);
  auto work = [&](int index) {
    CudaDevice device(index, 1);
    plan::Plan plan = planOf(affine("affine"));
    addKernel(plan, "affine", {4, 4}, 1, 1, 2);
    device.loadCode(plan);
    std::vector<void *> memory = device.allocate({4, 4});
    writeFloats(device, memory[0], {1});
    const double scalars[] = {2, double(index)};
    for (int i = 0; i < 10; ++i) {
      device.launch(0, memory.data(), scalars);
      device.copy(memory[0], memory[1], 4);
    }
    results[size_t(index)] = readFloats(device, memory[0], 1);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(results[0], Floats{1024});
  EXPECT_EQ(results[1], Floats{2047});
}

TEST(CudaDevice, MemoryMovesFromAnyThread) {
  CudaDevice device(0, 3);
  std::vector<void *> memory = device.allocate(std::vector<int64_t>(20, 4));
  device.onHostThreads(20, [&](int64_t i) {
    writeFloats(device, memory[size_t(i)], {float(i)});
    EXPECT_EQ(readFloats(device, memory[size_t(i)], 1), Floats{float(i)});
  });
  EXPECT_THROW(device.onHostThreads(3, [](int64_t) { failInput("three"); }),
               Error);
}

TEST(CudaDevice, PeakIsMeasured) {
  CudaDevice device(0, 1);
  EXPECT_GT(device.measurePeak("bf16"), 1e5);
  EXPECT_GT(device.measurePeak("f32"), 1e5);
}

} // namespace pgrt::cuda::test
