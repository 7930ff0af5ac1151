// Recorded work: replays, scalars, several streams.

#include "runtime/support/Error.h"
#include "tests/runtime/device/cuda/Simulated.h"

#include <gtest/gtest.h>

namespace pgrt::cuda::test {

using Floats = std::vector<float>;

namespace {
/// x → y = s0 x + s1, of one float.
struct Setting {
  CudaDevice device{0, 1};
  plan::Plan plan = planOf(affine("affine"));
  std::vector<void *> memory;

  explicit Setting(size_t buffers) {
    addKernel(plan, "affine", {4, 4}, 1, 1, 2);
    device.loadCode(plan);
    memory = device.allocate(std::vector<int64_t>(buffers, 4));
  }
  void launch(size_t from, size_t to) {
    void *buffers[] = {memory[from], memory[to]};
    const double nothing[] = {-1, -1}; // values come with each run
    device.launch(0, buffers, nothing);
  }
  float at(size_t i) { return readFloats(device, memory[i], 1)[0]; }
};
} // namespace

TEST(Graph, RecordingDoesNothingAndRunsTakeTheirScalars) {
  Setting s(3);
  writeFloats(s.device, s.memory[0], {5});
  auto recording = s.device.record([&] {
    s.launch(0, 1);
    s.device.copy(s.memory[2], s.memory[1], 4);
    s.device.fill(s.memory[1], 0x40000000, 4);
    s.launch(2, 0);
  });
  EXPECT_EQ(s.at(0), 5);
  EXPECT_EQ(s.at(1), 0);
  recording->run({2, 1, 1, 0}); // 5 → 11 → 11
  EXPECT_EQ(s.at(0), 11);
  EXPECT_EQ(s.at(1), 2);
  // Nobody waits between runs: each has its own values all the same.
  recording->run({1, 1, 2, 0}); // 12 → 24
  recording->run({1, 0, 1, 3}); // 24 → 27
  recording->run({1, 0, 1, 3}); // 30
  EXPECT_EQ(s.at(0), 30);
}

// Forty launches over eight numbers, in an order that is anything but a chain:
// the simulator runs streams apart from each other, so that an order that the
// graph forgot would show.
TEST(Graph, IndependentWorkOnSeveralStreamsGivesTheSameResult) {
  constexpr size_t count = 8;
  Setting s(count);
  std::vector<double> expected(count), scalars;
  Floats start;
  for (size_t i = 0; i < count; ++i) {
    start.push_back(float(i + 1));
    expected[i] = double(i + 1);
    writeFloats(s.device, s.memory[i], {start[i]});
  }
  auto recording = s.device.record([&] {
    uint32_t state = 7;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525 + 1013904223;
      size_t from = state >> 8 & 7, to = state >> 16 & 7;
      s.launch(from, to);
      double scale = i % 3 - 1, shift = i;
      expected[to] = scale * expected[from] + shift;
      scalars.insert(scalars.end(), {scale, shift});
    }
  });
  recording->run(scalars);
  for (size_t i = 0; i < count; ++i)
    EXPECT_EQ(s.at(i), float(expected[i])) << i;
}

// What is beside a graph reads a number as soon as the signal says that it is
// there, though the graph goes on; and not before.
TEST(Graph, SignalsAreGivenInTheMiddle) {
  Setting s(4);
  CudaDevice &device = s.device;
  void *sum = device.allocate({4})[0];
  // [0] is 1; then [1] = 2 [0], [2] = 2 [1], [3] = 2 [2].
  auto recording = device.record([&] {
    device.fill(s.memory[0], 0x3f800000, 4);
    for (size_t i = 0; i < 3; ++i) {
      s.launch(i, i + 1);
      const MemoryPiece made = {s.memory[i + 1], 4};
      device.signal(int(i), {&made, 1});
    }
  });
  auto copyBeside = [&](int signal, size_t from, size_t waitedFor) {
    const TreeSum one = {sum, {s.memory[from]}, 1, plan::F32};
    float last = 0;
    device.beside(signal, [&] {
      device.sum({&one, 1});
      device.read(&last, s.memory[waitedFor], 4);
    });
    return last;
  };
  recording->run({2, 0, 2, 0, 2, 0});
  // The side stream is waited for: the graph has come to the signal, no
  // further.
  EXPECT_EQ(copyBeside(1, 2, 3), 0);
  EXPECT_EQ(readFloats(device, sum, 1)[0], 4);
  device.join();
  EXPECT_EQ(s.at(3), 8);
  // A signal is that of the last run.
  recording->run({3, 0, 3, 0, 3, 0});
  EXPECT_EQ(copyBeside(0, 1, 2), 4);
  device.join();
  EXPECT_EQ(readFloats(device, sum, 1)[0], 3);
  // Beside it means beside it: a signal of what comes before is too early.
  recording->run({5, 0, 5, 0, 5, 0});
  EXPECT_EQ(copyBeside(0, 3, 3), 27);
  device.wait();
  EXPECT_EQ(s.at(3), 125);
}

TEST(Graph, AnEmptyProgramRuns) {
  Setting s(1);
  auto recording = s.device.record([] {});
  recording->run({});
  EXPECT_EQ(s.at(0), 0);
}

TEST(Graph, AFailureWhileRecordingLeavesTheDeviceUsable) {
  Setting s(2);
  EXPECT_THROW(s.device.record([&] {
    s.launch(0, 1);
    failInput("stop");
  }),
               Error);
  const double scalars[] = {0, 3};
  s.device.launch(0, s.memory.data(), scalars);
  EXPECT_EQ(s.at(1), 3);
}

} // namespace pgrt::cuda::test
