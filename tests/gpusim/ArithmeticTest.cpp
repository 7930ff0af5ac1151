// Each class of arithmetic instructions on values whose results are known.
#include "tests/gpusim/Harness.h"

#include <bit>
#include <cmath>

namespace gpusim::test {
namespace {

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float value(uint32_t x) { return std::bit_cast<float>(x); }

// One thread: %r1, %r2, %r3 are the arguments, %r0 the result; of 64 bits
// %rd1 … and %rd0.
uint32_t one(const std::string &code, uint32_t a = 0, uint32_t b = 0,
             uint32_t c = 0) {
  Machine m(
      kernelText(".param .u64 out, .param .u32 a, .param .u32 b, .param .u32 c",
                 ".reg .b32 %r<16>; .reg .b16 %h<8>; .reg .pred %p<4>;\n"
                 ".reg .b64 %rd<8>; .reg .f64 %fd<4>;\n"
                 "ld.param.u64 %rd7, [out];\nld.param.u32 %r1, [a];\n"
                 "ld.param.u32 %r2, [b];\nld.param.u32 %r3, [c];\n" +
                     code + "\nst.global.u32 [%rd7], %r0;\n"));
  uint64_t out = m.blank(4);
  m.run(out, a, b, c);
  return m.read<uint32_t>(out, 1)[0];
}

// Every text of these tests goes through the assembler, if there is one.
TEST(Assembler, TellsPtxFromOtherTexts) {
  if (!assemblerPresent())
    GTEST_SKIP() << "no ptxas on the path: nobody looks whether the texts of "
                    "these tests are PTX";
  EXPECT_TRUE(assembles(kernelText("", "")));
  EXPECT_FALSE(assembles(kernelText("", "frobnicate.u32 a, b;")));
}

TEST(Integer, SumsAndProducts) {
  EXPECT_EQ(one("add.s32 %r0, %r1, %r2;", 7, uint32_t(-9)), uint32_t(-2));
  EXPECT_EQ(one("sub.u32 %r0, %r1, 1;", 0), 0xffffffff);
  EXPECT_EQ(one("add.sat.s32 %r0, %r1, %r2;", 0x7fffffff, 1), 0x7fffffffu);
  EXPECT_EQ(one("mul.lo.s32 %r0, %r1, %r2;", 100000, 100000), 1410065408u);
  EXPECT_EQ(one("mul.hi.u32 %r0, %r1, %r2;", 0xffffffff, 0xffffffff),
            0xfffffffe);
  EXPECT_EQ(one("mul.hi.s32 %r0, %r1, %r2;", uint32_t(-2), 3), 0xffffffff);
  EXPECT_EQ(one("mad.lo.s32 %r0, %r1, %r2, %r3;", 3, 4, 5), 17u);
  EXPECT_EQ(one("mad.wide.s32 %rd1, %r1, %r2, 5; cvt.u32.u64 %r0, %rd1;",
                uint32_t(-3), 4),
            uint32_t(-7));
  EXPECT_EQ(one("mul.wide.u32 %rd1, %r1, %r2; shr.u64 %rd1, %rd1, 32; "
                "cvt.u32.u64 %r0, %rd1;",
                0xffffffff, 2),
            1u);
  EXPECT_EQ(one("add.cc.u32 %r4, %r1, %r2; addc.u32 %r0, 0, 0;", 0xffffffff, 1),
            1u);
}

TEST(Integer, QuotientsAndOrder) {
  EXPECT_EQ(one("div.s32 %r0, %r1, %r2;", uint32_t(-7), 2), uint32_t(-3));
  EXPECT_EQ(one("rem.s32 %r0, %r1, %r2;", uint32_t(-7), 2), uint32_t(-1));
  EXPECT_EQ(one("div.u32 %r0, %r1, %r2;", 7, 2), 3u);
  EXPECT_EQ(one("min.s32 %r0, %r1, %r2;", uint32_t(-7), 2), uint32_t(-7));
  EXPECT_EQ(one("max.u32 %r0, %r1, %r2;", uint32_t(-7), 2), uint32_t(-7));
  EXPECT_EQ(one("abs.s32 %r0, %r1;", uint32_t(-7)), 7u);
  EXPECT_EQ(
      one("setp.lt.and.s32 %p1|%p2, %r1, %r2, 1; selp.u32 %r0, 5, 6, %p1;",
          uint32_t(-1), 0),
      5u);
  EXPECT_EQ(one("setp.hi.u32 %p1, %r1, %r2; selp.u32 %r0, 5, 6, %p1;", 1, 2),
            6u);
  EXPECT_EQ(one("set.lt.u32.s32 %r0, %r1, %r2;", 1, 2), 0xffffffff);
}

TEST(Integer, Bits) {
  EXPECT_EQ(one("shl.b32 %r0, %r1, %r2;", 1, 33), 0u);
  EXPECT_EQ(one("shr.s32 %r0, %r1, %r2;", 0x80000000, 40), 0xffffffff);
  EXPECT_EQ(one("shr.u32 %r0, %r1, %r2;", 0x80000000, 31), 1u);
  EXPECT_EQ(one("bfe.u32 %r0, %r1, 4, 8;", 0xabcdef12), 0xf1u);
  EXPECT_EQ(one("bfe.s32 %r0, %r1, 4, 8;", 0xabcdef12), 0xfffffff1);
  EXPECT_EQ(one("bfi.b32 %r0, %r1, %r2, 8, 4;", 0xff, 0), 0xf00u);
  EXPECT_EQ(one("lop3.b32 %r0, %r1, %r2, %r3, 0x96;", 1, 2, 4), 7u);
  EXPECT_EQ(one("prmt.b32 %r0, %r1, %r2, 0x5410;", 0x11112222, 0x33334444),
            0x44442222u);
  EXPECT_EQ(one("popc.b32 %r0, %r1;", 0xf0f0), 8u);
  EXPECT_EQ(one("clz.b32 %r0, %r1;", 1), 31u);
  EXPECT_EQ(one("brev.b32 %r0, %r1;", 1), 0x80000000);
  EXPECT_EQ(one("bfind.u32 %r0, %r1;", 0x100), 8u);
  EXPECT_EQ(one("shf.l.wrap.b32 %r0, %r1, %r2, 8;", 0x11223344, 0x55667788),
            0x66778811u);
}

TEST(Float, RoundingModes) {
  float third = 1.0f / 3;
  EXPECT_EQ(one("div.rn.f32 %r0, %r1, %r2;", bits(1), bits(3)), bits(third));
  EXPECT_EQ(one("div.rp.f32 %r0, %r1, %r2;", bits(1), bits(3)), bits(third));
  EXPECT_EQ(one("div.rz.f32 %r0, %r1, %r2;", bits(1), bits(3)),
            bits(third) - 1);
  EXPECT_EQ(one("add.rp.f32 %r0, %r1, %r2;", bits(1), bits(1e-20f)),
            bits(1) + 1);
  EXPECT_EQ(one("add.rm.f32 %r0, %r1, %r2;", bits(1), bits(1e-20f)), bits(1));
  EXPECT_EQ(one("sqrt.rn.f32 %r0, %r1;", bits(2)), bits(std::sqrt(2.0f)));
  EXPECT_EQ(one("fma.rn.f32 %r0, %r1, %r2, %r3;", bits(1 + 0x1p-12f),
                bits(1 - 0x1p-12f), bits(-1)),
            bits(-0x1p-24f));
  EXPECT_EQ(
      one("mul.rn.ftz.f32 %r0, %r1, %r2;", bits(0x1p-100f), bits(0x1p-40f)),
      0u);
  EXPECT_EQ(one("add.sat.f32 %r0, %r1, %r2;", bits(1), bits(1)), bits(1));
}

TEST(Float, NaNAndOrder) {
  uint32_t nan = 0x7fc00000;
  EXPECT_EQ(one("max.f32 %r0, %r1, %r2;", nan, bits(2)), bits(2));
  EXPECT_TRUE(std::isnan(value(one("max.NaN.f32 %r0, %r1, %r2;", nan, 0))));
  EXPECT_EQ(one("min.f32 %r0, %r1, %r2;", bits(0.0f), bits(-0.0f)),
            bits(-0.0f));
  EXPECT_EQ(one("setp.ne.f32 %p1, %r1, %r2; selp.u32 %r0, 1, 0, %p1;", nan, 0),
            0u);
  EXPECT_EQ(one("setp.neu.f32 %p1, %r1, %r2; selp.u32 %r0, 1, 0, %p1;", nan, 0),
            1u);
  EXPECT_EQ(one("neg.f32 %r0, %r1;", bits(3)), bits(-3));
}

TEST(Half, ArithmeticIsRoundedOnce) {
  // bf16: 1 + 2^-8 lies between two numbers and goes to the even one.
  EXPECT_EQ(one("add.rn.bf16x2 %r0, %r1, %r2;", 0x3f803f80, 0x3b803b80),
            0x3f803f80u);
  EXPECT_EQ(one("fma.rn.bf16x2 %r0, %r1, %r2, %r3;", 0x40004000, 0x40404040,
                0x3f803f80),
            0x40e040e0u); // 2·3 + 1 = 7; the other half likewise
  EXPECT_EQ(one("add.rn.f16x2 %r0, %r1, %r2;", 0x3c003c00, 0x40003c00),
            0x42004000u);
  EXPECT_EQ(one("max.bf16x2 %r0, %r1, %r2;", 0x3f80bf80, 0xbf803f80),
            0x3f803f80u);
}

TEST(Convert, Roundings) {
  EXPECT_EQ(one("cvt.rni.s32.f32 %r0, %r1;", bits(2.5f)), 2u);
  EXPECT_EQ(one("cvt.rzi.s32.f32 %r0, %r1;", bits(-2.7f)), uint32_t(-2));
  EXPECT_EQ(one("cvt.rmi.s32.f32 %r0, %r1;", bits(-2.1f)), uint32_t(-3));
  EXPECT_EQ(one("cvt.rzi.u32.f32 %r0, %r1;", bits(-5.0f)), 0u);
  EXPECT_EQ(one("cvt.rzi.s32.f32 %r0, %r1;", bits(1e20f)), 0x7fffffffu);
  EXPECT_EQ(one("cvt.rpi.f32.f32 %r0, %r1;", bits(1.1f)), bits(2));
  EXPECT_EQ(one("cvt.rn.f32.s32 %r0, %r1;", uint32_t(-16777217)),
            bits(-16777216));
  EXPECT_EQ(one("cvt.rn.bf16x2.f32 %r0, %r1, %r2;", bits(1), bits(-2)),
            0x3f80c000u);
  EXPECT_EQ(one("cvt.rn.bf16.f32 %h1, %r1; cvt.f32.bf16 %r0, %h1;", 0x3f808001),
            0x3f810000u);
  EXPECT_EQ(
      one("cvt.rn.f16.f32 %h1, %r1; cvt.f32.f16 %r0, %h1;", bits(65520.0f)),
      bits(INFINITY));
  EXPECT_EQ(one("cvt.rna.tf32.f32 %r0, %r1;", 0x3f801000), 0x3f802000u);
  EXPECT_EQ(one("cvt.s64.s32 %rd1, %r1; shr.u64 %rd1, %rd1, 32; "
                "cvt.u32.u64 %r0, %rd1;",
                uint32_t(-1)),
            0xffffffff);
  EXPECT_EQ(one("cvt.f64.f32 %fd1, %r1; add.f64 %fd1, %fd1, "
                "0d3FF0000000000000; cvt.rn.f32.f64 %r0, %fd1;",
                bits(2)),
            bits(3));
  EXPECT_EQ(one("cvt.u16.u32 %h1, %r1; cvt.s32.s16 %r0, %h1;", 0x1ffff),
            0xffffffff);
}

// Inside the error that the ISA states, and not exact.
TEST(Approximate, StatedErrors) {
  struct {
    const char *code;
    double (*f)(double);
    double bound;
  } functions[] = {
      {"ex2.approx.f32 %r0, %r1;", [](double x) { return std::exp2(x); },
       0x1p-22},
      {"lg2.approx.f32 %r0, %r1;", [](double x) { return std::log2(x); },
       0x1p-22},
      {"rsqrt.approx.f32 %r0, %r1;", [](double x) { return 1 / std::sqrt(x); },
       0x1p-22},
      {"rcp.approx.ftz.f32 %r0, %r1;", [](double x) { return 1 / x; }, 0x1p-23},
      {"tanh.approx.f32 %r0, %r1;", [](double x) { return std::tanh(x); },
       0x1p-10},
      {"sqrt.approx.f32 %r0, %r1;", [](double x) { return std::sqrt(x); },
       0x1p-22},
  };
  for (auto &function : functions)
    for (float x : {0.3f, 2.7f, 11.25f}) {
      double exact = function.f(double(x));
      double got = double(value(one(function.code, bits(x))));
      EXPECT_LE(std::fabs(got - exact), function.bound * std::fabs(exact))
          << function.code << x;
    }
  EXPECT_EQ(one("ex2.approx.f32 %r0, %r1;", bits(-INFINITY)), 0u);
  EXPECT_EQ(one("ex2.approx.f32 %r0, %r1;", bits(3)), bits(8));
  // A tanh that needs more digits than are promised shows.
  EXPECT_NE(one("tanh.approx.f32 %r0, %r1;", bits(0.3f)),
            bits(std::tanh(0.3f)));
}

TEST(Move, PackAndUnpack) {
  EXPECT_EQ(
      one("mov.b32 {%h1, %h2}, %r1; mov.b32 %r0, {%h2, %h1};", 0x12345678),
      0x56781234u);
  EXPECT_EQ(one("mov.b64 %rd1, {%r1, %r2}; shr.u64 %rd1, %rd1, 16; "
                "cvt.u32.u64 %r0, %rd1;",
                0x11112222, 0x33334444),
            0x44441111u);
}

} // namespace
} // namespace gpusim::test
