// Memory, warps and barriers, and the faults of each.
#include "tests/gpusim/Harness.h"

#include <cmath>
#include <numeric>

namespace gpusim::test {
namespace {

const char *registers = ".reg .b32 %r<16>; .reg .f32 %f<16>; .reg .b64 %rd<8>; "
                        ".reg .pred %p<4>;\n";

// Every thread of a block sums one value through shared memory; `barrier` is
// what stands between the steps.
std::string reduction(const std::string &barrier) {
  return kernelText(
      ".param .u64 in, .param .u64 out",
      std::string(registers) +
          ".shared .align 4 .b8 sums[512];\n"
          "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
          "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 4;\n"
          "add.s64 %rd1, %rd1, %rd3;\nld.global.f32 %f1, [%rd1];\n"
          "mov.u32 %r2, sums;\nshl.b32 %r3, %r1, 2;\nadd.s32 %r2, %r2, %r3;\n"
          "st.shared.f32 [%r2], %f1;\nmov.u32 %r4, 64;\n"
          "LOOP:\n" +
          barrier +
          "\nsetp.ge.u32 %p1, %r1, %r4;\n@%p1 bra SKIP;\n"
          "shl.b32 %r5, %r4, 2;\nadd.s32 %r5, %r5, %r2;\n"
          "ld.shared.f32 %f2, [%r5];\nld.shared.f32 %f1, [%r2];\n"
          "add.f32 %f1, %f1, %f2;\nst.shared.f32 [%r2], %f1;\n"
          "SKIP:\nshr.u32 %r4, %r4, 1;\nsetp.ne.u32 %p2, %r4, 0;\n"
          "@%p2 bra LOOP;\nsetp.ne.u32 %p3, %r1, 0;\n@%p3 bra DONE;\n"
          "st.global.f32 [%rd2], %f1;\nDONE:\n");
}

TEST(Shared, ReductionOfABlock) {
  Machine m(reduction("bar.sync 0;"));
  m.shape.block[0] = 128;
  std::vector<float> values(128);
  std::iota(values.begin(), values.end(), 1.0f);
  uint64_t in = m.buffer(values), out = m.blank(4);
  m.run(in, out);
  EXPECT_EQ(m.read<float>(out, 1)[0], 128 * 129 / 2);
}

TEST(Shared, MissingBarrierIsARace) {
  Machine m(reduction(""));
  m.shape.block[0] = 128;
  uint64_t in = m.buffer(std::vector<float>(128, 1)), out = m.blank(4);
  // The first warp runs ahead of those that write what it reads.
  m.expectFault(FaultKind::Uninitialised,
                {"ld.shared.f32", "thread (0,0,0)", "a barrier is missing"}, in,
                out);
  m.options.uninitialised = false;
  m.expectFault(FaultKind::Race,
                {"kernel 'k'", "PTX line", "thread (", "shared address",
                 "nothing orders"},
                in, out);
}

// A barrier of a warp does not order two warps.
TEST(Shared, WarpBarrierIsNotEnough) {
  Machine m(reduction("bar.warp.sync 0xffffffff;"));
  m.shape.block[0] = 128;
  m.options.uninitialised = false;
  uint64_t in = m.buffer(std::vector<float>(128, 1)), out = m.blank(4);
  m.expectFault(FaultKind::Race, {"nothing orders"}, in, out);
}

// A thread copies its element of a vector; `shift` bytes are added to its
// address.
std::string copying(const std::string &shift) {
  return kernelText(".param .u64 in, .param .u64 out",
                    std::string(registers) +
                        "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
                        "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd3, %r1, 16;\n"
                        "add.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\n"
                        "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1" +
                        shift +
                        "];\nst.global.v4.f32 [%rd2], {%f4, %f3, %f2, %f1};\n");
}

TEST(Global, VectorsOf16Bytes) {
  Machine m(copying(""));
  m.shape.block[0] = 2;
  uint64_t in = m.buffer<float>({1, 2, 3, 4, 5, 6, 7, 8}), out = m.blank(32);
  m.run(in, out);
  EXPECT_EQ(m.read<float>(out, 8),
            (std::vector<float>{4, 3, 2, 1, 8, 7, 6, 5}));
}

TEST(Global, PastTheEnd) {
  Machine m(copying("+16"));
  m.shape.block[0] = 2;
  uint64_t in = m.buffer(std::vector<float>(8, 1)), out = m.blank(32);
  m.expectFault(FaultKind::OutOfBounds,
                {"kernel 'k'", "ld.global.v4.f32", "thread (1,0,0)",
                 "0 bytes past the end of 32 bytes"},
                in, out);
}

TEST(Global, Misaligned) {
  Machine m(copying("+4"));
  uint64_t in = m.buffer(std::vector<float>(8, 1)), out = m.blank(32);
  m.expectFault(FaultKind::Misaligned, {"not a multiple of 16"}, in, out);
}

TEST(Global, NobodyWroteIt) {
  Machine m(copying(""));
  uint64_t in = m.blank(16), out = m.blank(16);
  m.expectFault(FaultKind::Uninitialised, {"was never written"}, in, out);
}

TEST(Global, MemoryOfAnotherDevice) {
  Machine m(copying(""));
  uint64_t in = m.memory.allocate(1, 16), out = m.blank(16);
  m.expectFault(FaultKind::OutOfBounds, {"device 1", "no peer access"}, in,
                out);
  m.memory.peers.insert({0, 1});
  float four[4] = {1, 2, 3, 4};
  m.memory.write(in, four, 16);
  m.run(in, out);
  EXPECT_EQ(m.read<float>(out, 1)[0], 4);
}

TEST(Warp, ShufflesAndVotes) {
  Machine m(kernelText(
      ".param .u64 out",
      std::string(registers) +
          "ld.param.u64 %rd1, [out];\nmov.u32 %r1, %laneid;\nmov.u32 %r2, "
          "%r1;\n"
          "shfl.sync.bfly.b32 %r3, %r2, 16, 31, -1;\nadd.u32 %r2, %r2, %r3;\n"
          "shfl.sync.bfly.b32 %r3, %r2, 8, 31, -1;\nadd.u32 %r2, %r2, %r3;\n"
          "shfl.sync.bfly.b32 %r3, %r2, 4, 31, -1;\nadd.u32 %r2, %r2, %r3;\n"
          "shfl.sync.bfly.b32 %r3, %r2, 2, 31, -1;\nadd.u32 %r2, %r2, %r3;\n"
          "shfl.sync.bfly.b32 %r3, %r2, 1, 31, -1;\nadd.u32 %r2, %r2, %r3;\n"
          "shfl.sync.up.b32 %r4|%p1, %r1, 1, 0, -1;\nselp.u32 %r5, %r4, 99, "
          "%p1;\n"
          "setp.lt.u32 %p2, %r1, 3;\nvote.sync.ballot.b32 %r6, %p2, -1;\n"
          "elect.sync %r7|%p3, -1;\nredux.sync.max.u32 %r8, %r1, -1;\n"
          "mul.wide.u32 %rd2, %r1, 16;\nadd.s64 %rd1, %rd1, %rd2;\n"
          "st.global.v4.u32 [%rd1], {%r2, %r5, %r6, %r8};\n"));
  m.shape.block[0] = 32;
  uint64_t out = m.blank(32 * 16);
  m.run(out);
  std::vector<uint32_t> got = m.read<uint32_t>(out, 128);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(got[lane * 4], 496u);
    EXPECT_EQ(got[lane * 4 + 1], lane ? lane - 1 : 99);
    EXPECT_EQ(got[lane * 4 + 2], 7u);
    EXPECT_EQ(got[lane * 4 + 3], 31u);
  }
}

// Lanes that come apart meet again at a warp-wide instruction, and count.
TEST(Warp, DivergentLanesMeet) {
  Machine m(kernelText(
      ".param .u64 out",
      std::string(registers) +
          "ld.param.u64 %rd1, [out];\nmov.u32 %r1, %laneid;\nmov.u32 %r2, 0;\n"
          "LOOP:\nsetp.ge.u32 %p1, %r2, %r1;\n@%p1 bra OUT;\n"
          "add.u32 %r2, %r2, 1;\nbra LOOP;\nOUT:\n"
          "redux.sync.add.u32 %r3, %r2, -1;\n"
          "atom.global.add.u32 %r4, [%rd1], %r3;\n"));
  m.shape.block[0] = 32;
  uint64_t out = m.buffer<uint32_t>({0});
  m.run(out);
  EXPECT_EQ(m.read<uint32_t>(out, 1)[0], 496u * 32);
}

TEST(Barrier, NeverCompletes) {
  Machine m(kernelText("", std::string(registers) +
                               "mov.u32 %r1, %tid.x;\n"
                               "setp.ge.u32 %p1, %r1, 32;\n"
                               "@%p1 bra OTHER;\nbar.sync 1, 64;\nbra DONE;\n"
                               "OTHER:\nbar.sync 2, 64;\nDONE:\n"));
  m.shape.block[0] = 64;
  m.expectFault(FaultKind::Deadlock,
                {"kernel 'k'", "bar.sync 1, 64", "bar.sync 2, 64",
                 "thread (32,0,0)", "32 of 64 threads have arrived"});
}

TEST(Barrier, MBarrierThatNobodyCompletes) {
  Machine m(kernelText(
      "", std::string(registers) +
              ".shared .align 8 .b64 bar;\nmov.u32 %r1, %tid.x;\n"
              "setp.ne.u32 %p1, %r1, 0;\n@%p1 bra READY;\n"
              "mbarrier.init.shared.b64 [bar], 65;\nREADY:\nbar.sync 0;\n"
              "mbarrier.arrive.shared.b64 %rd1, [bar];\n"
              "WAIT:\nmbarrier.try_wait.parity.shared.b64 %p2, [bar], 0;\n"
              "@%p2 bra DONE;\nbra WAIT;\nDONE:\n"));
  m.shape.block[0] = 64;
  m.expectFault(FaultKind::Deadlock,
                {"mbarrier", "phase 0", "lacks 1 arrivals"});
}

TEST(Function, CallsAreExpanded) {
  Machine m(kernelText(
      ".param .u64 out",
      std::string(registers) +
          "ld.param.u64 %rd1, [out];\n"
          "{ .param .f32 a; .param .f32 b; st.param.f32 [a], 0f40400000;\n"
          "call.uni (b), twice, (a);\nld.param.f32 %f1, [b]; }\n"
          "{ .param .f32 a; .param .f32 b; st.param.f32 [a], %f1;\n"
          "call.uni (b), twice, (a);\nld.param.f32 %f1, [b]; }\n"
          "st.global.f32 [%rd1], %f1;\n",
      ".func (.param .f32 r) twice(.param .f32 x) { .reg .f32 %f<3>; "
      "ld.param.f32 %f1, [x]; add.f32 %f2, %f1, %f1; st.param.f32 [r], %f2; "
      "ret; }\n"));
  uint64_t out = m.blank(4);
  m.run(out);
  EXPECT_EQ(m.read<float>(out, 1)[0], 12);
}

TEST(Module, GlobalAndConstantVariables) {
  Machine m(
      kernelText(".param .u64 out",
                 std::string(registers) +
                     "ld.param.u64 %rd1, [out];\n"
                     "ld.const.f32 %f1, [table+8];\n"
                     "mov.u64 %rd2, counter;\n"
                     "ld.global.f32 %f2, [%rd2];\n"
                     "add.f32 %f1, %f1, %f2;\nst.global.f32 [%rd1], %f1;\n",
                 ".const .align 4 .f32 table[3] = {1.0, 2.0, 3.5};\n"
                 ".global .align 4 .f32 counter = 0f3F000000;\n"));
  uint64_t out = m.blank(4);
  m.run(out);
  EXPECT_EQ(m.read<float>(out, 1)[0], 4);
}

TEST(Refusal, NamesTheLine) {
  Memory memory;
  auto refuse = [&](const std::string &body, const std::string &what) {
    try {
      Module module(kernelText("", ".reg .b32 %r<4>;\n" + body), memory, 0);
      ADD_FAILURE() << body << " is taken";
    } catch (const Fault &fault) {
      EXPECT_NE(std::string(fault.what()).find(what), std::string::npos)
          << fault.what();
    }
  };
  refuse("frobnicate.b32 %r1, %r2;", "PTX line 9: the instruction");
  refuse("add.frob.u32 %r1, %r2, %r3;", "the modifier .frob");
  refuse("mov.u32 %r1, %nosuch;", "the special register %nosuch");
  refuse("add.u32 %r1, %r2", "PTX line");
}

} // namespace
} // namespace gpusim::test
