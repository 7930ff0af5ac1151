// Products on tensor cores, and the faults that only they can have.
#include "tests/gpusim/Gemm.h"

namespace gpusim::test {
namespace {

TEST(Mma, SixteenByEightBySixteen) {
  // Fragments straight from global memory; ldmatrix has its own test.
  Machine m(kernelText(
      ".param .u64 a, .param .u64 b, .param .u64 c",
      ".reg .b32 %r<16>; .reg .f32 %f<8>; .reg .b64 %rd<8>;\n"
      "ld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\n"
      "ld.param.u64 %rd3, [c];\nmov.u32 %r1, %tid.x;\n"
      "shr.u32 %r2, %r1, 2;\nand.b32 %r3, %r1, 3;\n"
      "mad.lo.u32 %r4, %r2, 8, %r3;\nmul.wide.u32 %rd4, %r4, 4;\n"
      "add.s64 %rd1, %rd1, %rd4;\nadd.s64 %rd2, %rd2, %rd4;\n"
      "ld.global.b32 %r5, [%rd1];\nld.global.b32 %r6, [%rd1+256];\n"
      "ld.global.b32 %r7, [%rd1+16];\nld.global.b32 %r8, [%rd1+272];\n"
      "ld.global.b32 %r9, [%rd2];\nld.global.b32 %r10, [%rd2+16];\n"
      "mov.f32 %f4, 0f3F800000;\n"
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0, %f1, %f2, "
      "%f3}, {%r5, %r6, %r7, %r8}, {%r9, %r10}, {%f4, %f4, %f4, %f4};\n"
      "mad.lo.u32 %r11, %r2, 4, %r3;\nmul.wide.u32 %rd5, %r11, 8;\n"
      "add.s64 %rd3, %rd3, %rd5;\nst.global.v2.f32 [%rd3], {%f0, %f1};\n"
      "st.global.v2.f32 [%rd3+256], {%f2, %f3};\n"));
  m.shape.block[0] = 32;
  auto a = randomBF16(16 * 16, 1), b = randomBF16(8 * 16, 2);
  uint64_t out = m.blank(16 * 8 * 4);
  m.run(m.buffer(a), m.buffer(b), out);
  auto expected = product(a, b, 16, 8, 16), got = m.read<float>(out, 16 * 8);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(got[i], expected[i] + 1) << i;
}

TEST(Matrix, LoadAndStoreAreInverse) {
  auto text = [](const std::string &first, const std::string &second) {
    return kernelText(
        ".param .u64 in, .param .u64 out",
        ".reg .b32 %r<16>; .reg .b64 %rd<8>;\n.shared .align 16 .b8 s[1024];\n"
        "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
        "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 16;\n"
        "add.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\n"
        "ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1];\nshl.b32 %r6, %r1, 4;\n"
        "mov.u32 %r7, s;\nadd.u32 %r6, %r6, %r7;\n"
        "st.shared.v4.u32 [%r6], {%r2, %r3, %r4, %r5};\nbar.warp.sync -1;\n"
        "ldmatrix.sync.aligned.m8n8.x4" +
            first +
            ".shared.b16 {%r8, %r9, %r10, %r11}, [%r6];\n"
            "stmatrix.sync.aligned.m8n8.x4" +
            second +
            ".shared.b16 [%r6+512], {%r8, %r9, %r10, %r11};\nbar.warp.sync "
            "-1;\n"
            "ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r6+512];\n"
            "st.global.v4.u32 [%rd2], {%r2, %r3, %r4, %r5};\n");
  };
  auto values = randomBF16(256, 3);
  for (bool transposed : {false, true}) {
    Machine m(transposed ? text(".trans", "") : text("", ""));
    m.shape.block[0] = 32;
    uint64_t out = m.blank(512);
    m.run(m.buffer(values), out);
    auto got = m.read<uint16_t>(out, 256);
    for (int tile = 0; tile < 4; ++tile)
      for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 8; ++j)
          EXPECT_EQ(
              got[size_t(tile * 64 + i * 8 + j)],
              values[size_t(tile * 64 + (transposed ? j * 8 + i : i * 8 + j))]);
  }
}

class Wgmma : public testing::Test {
protected:
  std::vector<uint16_t> a = randomBF16(64 * 64, 4), b = randomBF16(64 * 64, 5);

  void start(const WgmmaText &text, int swizzle = 3) {
    machine = std::make_unique<Machine>(text.text());
    machine->shape.block[0] = 128;
    machine->shape.dynamicShared = 16384;
    uint32_t columns = 64u >> (3 - swizzle);
    pointerA = machine->buffer(a);
    mapA = matrixMap(pointerA, 64, 64, 64, columns, swizzle);
    mapB = matrixMap(machine->buffer(b), 64, 64, 64, columns, swizzle);
    out = machine->blank(64 * 64 * 4);
  }
  void fault(FaultKind kind, std::vector<std::string> parts) {
    machine->expectFault(kind, parts, mapA, mapB, out, pointerA);
  }

  std::unique_ptr<Machine> machine;
  MapParameter mapA, mapB;
  uint64_t out = 0, pointerA = 0;
};

TEST_F(Wgmma, ProductThroughTMA) {
  start({});
  machine->run(mapA, mapB, out, pointerA);
  EXPECT_EQ(machine->read<float>(out, 64 * 64), product(a, b, 64, 64, 64));
}

TEST_F(Wgmma, TransposedBAndAFromRegisters) {
  std::vector<uint16_t> transposed(64 * 64);
  for (size_t i = 0; i < 64; ++i)
    for (size_t j = 0; j < 64; ++j)
      transposed[i * 64 + j] = b[j * 64 + i];
  for (bool transpose : {true, false})
    for (bool registers : {true, false}) {
      WgmmaText text;
      text.transposedB = transpose;
      text.registersA = registers;
      start(text);
      machine->run(mapA, mapB, out, pointerA);
      EXPECT_EQ(machine->read<float>(out, 64 * 64),
                product(a, transpose ? transposed : b, 64, 64, 64));
    }
}

TEST_F(Wgmma, ReadBeforeTheCopyIsThere) {
  WgmmaText text;
  text.wait = "";
  start(text);
  fault(FaultKind::Uninitialised, {"wgmma.mma_async", "a barrier is missing"});
  machine->options.uninitialised = false;
  fault(FaultKind::Race,
        {"a wgmma of the warpgroup of thread", "nothing orders"});
}

TEST_F(Wgmma, BarrierNotInitialisedForAll) {
  WgmmaText text;
  text.initBarrier = "";
  start(text);
  fault(FaultKind::Race, {"mbarrier", "initialisation at line"});
}

TEST_F(Wgmma, InitialisationWithoutItsFence) {
  WgmmaText text;
  text.initFence = "";
  start(text);
  fault(FaultKind::ProxyRace, {"fence.mbarrier_init"});
}

TEST_F(Wgmma, TooManyBytesExpected) {
  WgmmaText text;
  text.bytes = "16400";
  start(text);
  fault(FaultKind::Deadlock, {"lacks 0 arrivals and 16 bytes"});
}

TEST_F(Wgmma, AccumulatorReadBeforeItsWait) {
  WgmmaText text;
  text.finish = "";
  start(text);
  fault(FaultKind::WgmmaWait, {"kernel 'k'", "st.global.v2.f32", "group 1"});
}

TEST_F(Wgmma, AccumulatorChangedWithoutFence) {
  WgmmaText text;
  text.fence = "";
  start(text);
  fault(FaultKind::WgmmaFence, {"after the last wgmma.fence"});
  text = WgmmaText();
  text.fence += "add.f32 %f3, 0f00000000, 0f00000000;\n";
  start(text);
  fault(FaultKind::WgmmaFence, {"wgmma.mma_async"});
}

TEST_F(Wgmma, WrongSwizzleInTheDescriptor) {
  WgmmaText text;
  text.descriptorTop = 0x8000002000010000; // 64 bytes, stride 512
  start(text);
  fault(FaultKind::Swizzle, {"128-byte swizzle", "64-byte swizzle"});
}

TEST_F(Wgmma, WrongSwizzleInTheMap) {
  WgmmaText text;
  text.bytes = "8192";
  start(text, 2);
  fault(FaultKind::Swizzle, {"64-byte swizzle", "128-byte swizzle"});
}

// Tiles written by the threads themselves need a fence for the other proxy.
TEST_F(Wgmma, GenericWritesNeedAProxyFence) {
  for (bool fenced : {true, false}) {
    WgmmaText text;
    text.wait += "bar.sync 0;\nmov.u32 %r9, %tid.x;\nshl.b32 %r9, %r9, 2;\n"
                 "add.u32 %r9, %r9, %r2;\nst.shared.u32 [%r9], 0;\n" +
                 std::string(fenced ? "fence.proxy.async.shared::cta;\n" : "") +
                 "bar.sync 0;\n";
    start(text);
    if (fenced)
      machine->run(mapA, mapB, out, pointerA);
    else
      fault(FaultKind::ProxyRace, {"no fence.proxy.async"});
  }
}

} // namespace
} // namespace gpusim::test
