// Times of single kernels, worked out by hand on a machine of round numbers,
// and compared with what others measured on H100s.
#include "runtime/predict/KernelTime.h"

#include <gtest/gtest.h>

using namespace pgrt;

namespace {

Machine roundMachine() {
  Machine m;
  m.multiprocessors = 4;
  m.residentThreads = 100;
  m.libraryProduct = {1000, 0};
  m.tiledProduct = {400, 0};
  m.mmaProduct = {200, 0};
  m.vectorProduct = 50;
  m.plainProduct = 10;
  m.attention = 300;
  m.attentionGrad = 150;
  m.mmaAttention = 100;
  m.mmaAttentionGrad = 60;
  m.vector = 20;
  m.memory = 100;
  m.bytesInFlight = 2;
  m.memoryLatency = 4;
  m.gap = 1;
  m.ramp = 2;
  return m;
}

KernelFacts rows(double flops, double bytes) {
  KernelFacts facts;
  facts.kind = "rows";
  facts.flops = flops;
  facts.bytes = bytes;
  facts.blocks = 4;
  facts.threads = 100;
  return facts;
}

KernelFacts library(int64_t m, int64_t n, int64_t k) {
  KernelFacts facts;
  facts.kind = "library";
  facts.m = m;
  facts.n = n;
  facts.k = k;
  facts.flops = 2.0 * double(m) * double(n) * double(k);
  facts.bytes = 2.0 * double(m * k + n * k + m * n);
  return facts;
}

double secondsOf(const KernelFacts &facts, const Machine &machine) {
  return predictKernel(facts, machine).seconds;
}

TEST(KernelTime, PublishedRatesAreOfTheKind) {
  Machine m = roundMachine();
  m.libraryProduct.half = 32;
  m.orderedAttentionGrad = 170;
  KernelFacts product = library(8, 8, 96);
  EXPECT_DOUBLE_EQ(publishedRate(product, m, false), 750);
  // Its own code may be slower; without tensor cores it is of no such kind.
  product.kind = "product";
  product.instructions = Instructions::Mma;
  EXPECT_DOUBLE_EQ(publishedRate(product, m, false), 750);
  product.instructions = Instructions::None;
  EXPECT_EQ(publishedRate(product, m, false), 0);
  KernelFacts grad = rows(1, 1);
  EXPECT_EQ(publishedRate(grad, m, false), 0);
  grad.kind = "attention_grad";
  grad.instructions = Instructions::Wgmma;
  EXPECT_DOUBLE_EQ(publishedRate(grad, m, false), 150);
  EXPECT_DOUBLE_EQ(publishedRate(grad, m, true), 170);
}

TEST(KernelTime, TheLongerOfArithmeticAndMemoryBounds) {
  Machine m = roundMachine();
  KernelTime memory = predictKernel(rows(/*flops=*/20, /*bytes=*/1000), m);
  EXPECT_DOUBLE_EQ(memory.seconds, 1 + 2 + 10);
  EXPECT_EQ(memory.bound, Bound::Memory);

  KernelTime arithmetic = predictKernel(rows(400, 1000), m);
  EXPECT_DOUBLE_EQ(arithmetic.seconds, 1 + 2 + 20);
  EXPECT_EQ(arithmetic.bound, Bound::Vector);

  KernelTime latency = predictKernel(rows(20, 100), m);
  EXPECT_DOUBLE_EQ(latency.seconds, 1 + 2 + 1);
  EXPECT_EQ(latency.bound, Bound::Latency);
}

TEST(KernelTime, FewThreadsCannotKeepMemoryBusy) {
  KernelFacts facts = rows(0, 1000);
  facts.blocks = 1;
  facts.threads = 40; // 80 bytes in flight for 4 seconds
  KernelTime time = predictKernel(facts, roundMachine());
  EXPECT_DOUBLE_EQ(time.seconds, 1 + 2 + 1000 / 20.);
  EXPECT_EQ(time.bound, Bound::Latency);

  facts.blocks = 1000; // no more of them than fit: 800 bytes in 4 seconds
  EXPECT_DOUBLE_EQ(secondsOf(facts, roundMachine()), 1 + 2 + 10);
}

TEST(KernelTime, TransfersMoveBytesAlone) {
  KernelTime time = predictTransfer(1000, roundMachine());
  EXPECT_DOUBLE_EQ(time.seconds, 1 + 2 + 10);
  EXPECT_EQ(time.bound, Bound::Memory);
}

TEST(KernelTime, LibraryProductsFillMultiprocessorsWithTiles) {
  Machine m = roundMachine();
  m.memory = 1e12;
  const double tile = 2.0 * 128 * 128 * 512; // FLOPs of one, k = 512
  // Four tiles, four multiprocessors.
  EXPECT_NEAR(secondsOf(library(256, 256, 512), m), 3 + 4 * tile / 1000, 1e-3);
  EXPECT_EQ(predictKernel(library(256, 256, 512), m).bound, Bound::TensorCores);
  // Six: two rounds, of which one and a half are work.
  EXPECT_NEAR(secondsOf(library(256, 384, 512), m), 3 + 8 * tile / 1000, 1e-3);
  // A row of tiles that sticks out by half.
  EXPECT_NEAR(secondsOf(library(192, 256, 512), m), 3 + 4 * tile / 1000, 1e-3);
  // One tile leaves three idle, unless k can be cut: 512 cannot.
  EXPECT_NEAR(secondsOf(library(128, 128, 512), m), 3 + 4 * tile / 1000, 1e-3);
  EXPECT_NEAR(secondsOf(library(128, 128, 2048), m), 3 + 8 * tile / 1000, 1e-3);
  EXPECT_NEAR(secondsOf(library(128, 128, 8192), m), 3 + 16 * tile / 1000,
              1e-3);
}

TEST(KernelTime, ShortSumsReachLess) {
  Machine m = roundMachine();
  m.memory = 1e12;
  m.libraryProduct.half = 512;
  const double tile = 2.0 * 128 * 128 * 512;
  EXPECT_NEAR(secondsOf(library(256, 256, 512), m), 3 + 4 * tile / 500, 1e-3);
  // Pieces of 1024: two thirds.
  EXPECT_NEAR(secondsOf(library(128, 128, 4096), m),
              3 + 8 * tile / (1000 * 2 / 3.), 1e-3);
}

TEST(KernelTime, LibraryProductsOfWiderTypesHaveNoTensorCores) {
  KernelFacts facts = library(256, 256, 512);
  facts.bf16 = false;
  KernelTime time = predictKernel(facts, roundMachine());
  EXPECT_DOUBLE_EQ(time.seconds, 3 + facts.flops / 50);
  EXPECT_EQ(time.bound, Bound::Vector);
}

TEST(KernelTime, OwnProductsGoByTheirInstructions) {
  Machine m = roundMachine();
  KernelFacts facts = rows(4000, 1);
  facts.kind = "product";
  facts.k = 512;
  auto with = [&](Instructions instructions, int64_t blocks) {
    facts.instructions = instructions;
    facts.blocks = blocks;
    return secondsOf(facts, m);
  };
  EXPECT_DOUBLE_EQ(with(Instructions::Wgmma, 8), 3 + 10);
  EXPECT_DOUBLE_EQ(with(Instructions::Wgmma, 6), 3 + 10 / .75);
  EXPECT_DOUBLE_EQ(with(Instructions::Wgmma, 2), 3 + 20); // half is idle
  EXPECT_DOUBLE_EQ(with(Instructions::Mma, 8), 3 + 20);
  EXPECT_DOUBLE_EQ(with(Instructions::None, 8), 3 + 400);
  facts.sharedBytes = 1024; // tiled
  EXPECT_DOUBLE_EQ(with(Instructions::None, 8), 3 + 80);
  facts.kind = "loops";
  EXPECT_DOUBLE_EQ(with(Instructions::None, 8), 3 + 400);
}

TEST(KernelTime, AttentionGoesByDirectionAndInstructions) {
  Machine m = roundMachine();
  KernelFacts facts = rows(3000, 1);
  auto with = [&](const char *kind, Instructions instructions) {
    facts.kind = kind;
    facts.instructions = instructions;
    return secondsOf(facts, m);
  };
  EXPECT_DOUBLE_EQ(with("attention", Instructions::Wgmma), 3 + 10);
  EXPECT_DOUBLE_EQ(with("attention_grad", Instructions::Wgmma), 3 + 20);
  EXPECT_DOUBLE_EQ(with("attention", Instructions::Mma), 3 + 30);
  EXPECT_DOUBLE_EQ(with("attention_grad", Instructions::Mma), 3 + 50);
  EXPECT_DOUBLE_EQ(with("attention", Instructions::None), 3 + 300);
}

//===----------------------------------------------------------------------===//
// Against what was measured, where that is not what the rates were taken from
//===----------------------------------------------------------------------===//

/// Those who time single kernels start them from the host: 4.5 us for one that
/// does nothing (the source of "fill and drain") in place of the graph's gap.
double fromHost(const KernelFacts &facts) {
  return secondsOf(facts, h100()) - h100().gap + 4.544e-6;
}

struct Measured {
  int64_t m, n, k;
  double rate; // FLOP/s
};

TEST(KernelTime, LibraryProductsAreNearThoseMeasured) {
  // cuBLAS, 16 bits, H100: github.com/triton-lang/triton/issues/2339 (2023).
  const Measured series[] = {{2048, 512, 512, 102.6e12},
                             {2048, 1024, 1024, 243.1e12},
                             {2048, 2048, 2048, 515.2e12},
                             {2048, 4096, 4096, 613.7e12},
                             {2048, 8192, 8192, 721.6e12},
                             // cuBLAS, bf16, H100 SXM: fast.cu, README.md.
                             {6144, 6144, 6144, 741.1e12},
                             {8192, 8192, 8192, 797.8e12}};
  for (const Measured &one : series) {
    KernelFacts facts = library(one.m, one.n, one.k);
    double ratio = fromHost(facts) / (facts.flops / one.rate);
    EXPECT_GT(ratio, 0.75) << one.m << " " << one.n << " " << one.k;
    EXPECT_LT(ratio, 1.15) << one.m << " " << one.n << " " << one.k;
  }
}

TEST(KernelTime, MemoryBoundKernelsAreNearThoseMeasured) {
  // RMSNorm, and RMSNorm of a sum that is written too, bf16, H100:
  // github.com/linkedin/Liger-Kernel/pull/1462 (2026).
  struct Norm {
    double rows, columns, tensors, seconds;
  };
  const Norm norms[] = {{128, 4096, 2, 6.880e-6},   {2048, 4096, 2, 18.944e-6},
                        {2048, 8192, 2, 29.504e-6}, {128, 4096, 4, 7.872e-6},
                        {2048, 4096, 4, 28.224e-6}, {2048, 8192, 4, 50.720e-6}};
  for (const Norm &norm : norms) {
    KernelFacts facts = rows(4 * norm.rows * norm.columns,
                             2 * norm.tensors * norm.rows * norm.columns);
    facts.blocks = int64_t(norm.rows);
    facts.threads = 1024;
    double ratio = fromHost(facts) / norm.seconds;
    EXPECT_GT(ratio, 0.85) << norm.rows << " x " << norm.columns;
    EXPECT_LT(ratio, 1.15) << norm.rows << " x " << norm.columns;
  }
}

TEST(Rates, EachSaysWhatItRestsOn) {
  for (const Rate &rate : h100Rates()) {
    EXPECT_GT(rate.value, 0) << rate.name;
    EXPECT_FALSE(rate.figure.empty()) << rate.name;
    EXPECT_FALSE(rate.source.empty()) << rate.name;
  }
}

TEST(Rates, NoneIsAboveThePeaks) {
  const Machine &h = h100();
  double peak = h100Rates()[0].value, memory = h100Rates()[1].value,
         link = h100Rates()[2].value;
  for (double rate :
       {h.libraryProduct.rate, h.tiledProduct.rate, h.mmaProduct.rate,
        h.attention, h.attentionGrad, h.mmaAttention})
    EXPECT_LT(rate, peak);
  EXPECT_LT(h.memory, memory);
  EXPECT_LT(h.sendReceive, link);
}

} // namespace
