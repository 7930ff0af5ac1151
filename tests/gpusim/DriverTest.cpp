// The driver: devices, launches, streams, events and graphs.
#include "tests/gpusim/Libraries.h"

#include <cfenv>

namespace gpusim::test {
namespace {

// x[i] = x[i] · factor + 1
const char *scaleText =
    ".version 8.0\n.target sm_90a\n.address_size 64\n"
    ".visible .entry scale(.param .u64 x, .param .f32 factor) {\n"
    ".reg .f32 %f<3>; .reg .b64 %rd<3>; .reg .b32 %r<2>;\n"
    "ld.param.u64 %rd1, [x]; ld.param.f32 %f1, [factor];\n"
    "mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4;\n"
    "add.s64 %rd1, %rd1, %rd2; ld.global.f32 %f2, [%rd1];\n"
    "fma.rn.f32 %f2, %f2, %f1, 0f3F800000; st.global.f32 [%rd1], %f2; ret; }\n";

CUfunction scaleFunction() {
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  EXPECT_EQ(
      call("cuModuleLoadData", &module, static_cast<const void *>(scaleText)),
      0);
  EXPECT_EQ(call("cuModuleGetFunction", &function, module, "scale"), 0);
  return function;
}
int launchScale(CUfunction function, CUdeviceptr x, float factor,
                unsigned threads, CUstream stream) {
  void *arguments[] = {&x, &factor};
  return call("cuLaunchKernel", function, 1u, 1u, 1u, threads, 1u, 1u, 0u,
              stream, static_cast<void **>(arguments),
              static_cast<void **>(nullptr));
}

TEST(Driver, DevicesAndAttributes) {
  useDevice(0);
  int count = 0, major = 0;
  ASSERT_EQ(call("cuDeviceGetCount", &count), 0);
  EXPECT_EQ(count, 4);
  ASSERT_EQ(call("cuDeviceGetAttribute", &major, 75, 0), 0);
  EXPECT_EQ(major, 9);
  char name[64];
  ASSERT_EQ(call("cuDeviceGetName", static_cast<char *>(name), 64, 0), 0);
  EXPECT_NE(std::string(name).find("not a GPU"), std::string::npos);
}

TEST(Driver, LaunchOnAStream) {
  useDevice(0);
  CUdeviceptr x = upload({1, 2, 3});
  CUstream stream = newStream();
  ASSERT_EQ(launchScale(scaleFunction(), x, 2, 3, stream), 0);
  ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
  EXPECT_EQ(download(x, 3), (std::vector<float>{3, 5, 7}));
}

// The modes of the thread that waits are not the device's.
TEST(Driver, RoundsAsADeviceDoes) {
  useDevice(0);
  CUdeviceptr x = upload({0x1p-30f});
  CUstream stream = newStream();
  ASSERT_EQ(launchScale(scaleFunction(), x, 1, 1, stream), 0);
  std::fesetround(FE_UPWARD);
  int result = call("cuStreamSynchronize", stream);
  int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  ASSERT_EQ(result, 0);
  EXPECT_EQ(mode, FE_UPWARD);
  EXPECT_EQ(download(x, 1)[0], 1);
}

TEST(Driver, RefusesMachineCode) {
  useDevice(0);
  CUmodule module = nullptr;
  testing::internal::CaptureStderr();
  EXPECT_EQ(call("cuModuleLoadData", &module,
                 static_cast<const void *>("\x7f"
                                           "ELF\x02\x01\x01")),
            CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("PTX text alone"),
            std::string::npos);
}

// Work waits for its event, whichever stream is waited for first.
TEST(Driver, EventsOrderStreams) {
  useDevice(0);
  CUdeviceptr x = upload({1});
  CUfunction function = scaleFunction();
  CUstream first = newStream(), second = newStream();
  CUevent event = nullptr;
  ASSERT_EQ(call("cuEventCreate", &event, 0u), 0);
  ASSERT_EQ(launchScale(function, x, 10, 1, first), 0);
  ASSERT_EQ(call("cuEventRecord", event, first), 0);
  ASSERT_EQ(call("cuStreamWaitEvent", second, event, 0u), 0);
  ASSERT_EQ(launchScale(function, x, 3, 1, second), 0);
  ASSERT_EQ(call("cuStreamSynchronize", second), 0);
  EXPECT_EQ(download(x, 1)[0], 34);
}

// Without it the streams run in another order than the calls were made.
TEST(Driver, StreamsWithoutEventsAreNotOrdered) {
  useDevice(0);
  CUdeviceptr x = upload({1});
  CUfunction function = scaleFunction();
  CUstream first = newStream(), second = newStream();
  ASSERT_EQ(launchScale(function, x, 10, 1, first), 0);
  ASSERT_EQ(launchScale(function, x, 3, 1, second), 0);
  ASSERT_EQ(call("cuStreamSynchronize", second), 0);
  EXPECT_EQ(download(x, 1)[0], 4);
  ASSERT_EQ(call("cuCtxSynchronize"), 0);
  EXPECT_EQ(download(x, 1)[0], 41);
}

TEST(Driver, GraphsFromTwoStreams) {
  useDevice(0);
  CUdeviceptr x = upload({1}), y = upload({1});
  CUfunction function = scaleFunction();
  CUstream first = newStream(), second = newStream();
  CUevent fork = nullptr, join = nullptr;
  ASSERT_EQ(call("cuEventCreate", &fork, 0u), 0);
  ASSERT_EQ(call("cuEventCreate", &join, 0u), 0);
  for (bool joined : {true, false}) {
    CUgraph graph = nullptr;
    ASSERT_EQ(call("cuStreamBeginCapture_v2", first, 0), 0);
    ASSERT_EQ(launchScale(function, x, 2, 1, first), 0);
    ASSERT_EQ(call("cuEventRecord", fork, first), 0);
    ASSERT_EQ(call("cuStreamWaitEvent", second, fork, 0u), 0);
    ASSERT_EQ(launchScale(function, y, 5, 1, second), 0);
    ASSERT_EQ(launchScale(function, x, 3, 1, first), 0);
    if (joined) {
      ASSERT_EQ(call("cuEventRecord", join, second), 0);
      ASSERT_EQ(call("cuStreamWaitEvent", first, join, 0u), 0);
    }
    int ended = call("cuStreamEndCapture", first, &graph);
    if (!joined) {
      EXPECT_EQ(ended, CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
      continue;
    }
    ASSERT_EQ(ended, 0);
    size_t nodes = 0;
    ASSERT_EQ(call("cuGraphGetNodes", graph,
                   static_cast<CUgraphNode *>(nullptr), &nodes),
              0);
    EXPECT_EQ(nodes, 3u);
    CUgraphExec exec = nullptr;
    ASSERT_EQ(call("cuGraphInstantiateWithFlags", &exec, graph, 0ull), 0);
    EXPECT_EQ(download(x, 1)[0], 1); // recording runs nothing
    for (int i = 0; i < 2; ++i)
      ASSERT_EQ(call("cuGraphLaunch", exec, first), 0);
    ASSERT_EQ(call("cuStreamSynchronize", first), 0);
    EXPECT_EQ(download(x, 1)[0], 64); // ((1·2+1)·3+1 = 10, then 21·3+1
    EXPECT_EQ(download(y, 1)[0], 31);
  }
}

} // namespace
} // namespace gpusim::test
