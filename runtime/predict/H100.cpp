// 8 H100 SXM: every figure, where it was published, and how it is carried over.
// time-model.md explains what the model does with them.
#include "runtime/predict/Machine.h"
#include "runtime/schedule/Lanes.h"

#include <stdexcept>

namespace pgrt {

namespace {

const std::string asItIs;

const std::string dataSheet =
    "NVIDIA, \"NVIDIA H100 Tensor Core GPU\" data sheet, column H100 SXM";
const std::string mlEngineering =
    "S. Bekman, \"Machine Learning Engineering\", "
    "github.com/stas00/ml-engineering at 744d01e, ";
const std::string fastCu =
    "P. Shankhdhar, \"Handwritten H100 matmul kernels\", "
    "github.com/pranjalssh/fast.cu, README.md";
const std::string tlx =
    "H. Yu, \"[TLX] Persistent WS kernel for Hopper GEMM\", "
    "github.com/facebookexperimental/triton/pull/1038 (2026)";
const std::string flash3 =
    "J. Shah, G. Bikshandi, Y. Zhang, V. Thakkar, P. Ramani, T. Dao, "
    "\"FlashAttention-3\", arXiv 2407.08608 (2024), figures 5 and 6";
const std::string cudnnFrontend =
    "NVIDIA, github.com/NVIDIA/cudnn-frontend at 816ea45, "
    "benchmark/attention_training/results/llama3.1/h200/"
    "llama3.1_20260928_130009.csv";
const std::string liger =
    "\"fix(cutedsl): fuse Gemma RMSNorm weight offset in FP32\", "
    "github.com/linkedin/Liger-Kernel/pull/1462 (2026)";

// Measured, and what follows from them.
constexpr double libraryBest = 794.5e12, libraryAt1024 = 583.3e12;
constexpr double tiledBest = 635.4e12, tiledAt1024 = 502.3e12;
constexpr double mmaBest = 400e12;
constexpr double flash3Causal = 371e12, flash3Full = 460e12,
                 flash3FullGrad = 422e12;
constexpr double flash2Causal = 262e12, flash2Full = 318e12,
                 flash2FullGrad = 264e12;
constexpr double sevenProducts = 5 / 7.0;
constexpr double anyOrderGrad = 446e12, fixedOrderGrad = 362e12;
constexpr double vectorPeak = 66.9e12;
constexpr double normBytes = 2.0 * 8192 * 4096 * 2, normSeconds = 51.968e-6,
                 smallestNorm = 6.080e-6, emptyKernel = 4.544e-6;

/// The k at which half of `best` is reached, if `at1024` is at k = 1024.
constexpr double halfOf(double best, double at1024) {
  return 1024 * (best / at1024 - 1);
}

} // namespace

const std::vector<Rate> &h100Rates() {
  static const std::vector<Rate> rates = {
      {"tensor cores, peak", 989.4e12, "FLOP/s", "989.4 TFLOP/s, bf16, dense",
       dataSheet, "not used: what was measured is"},
      {"HBM, peak", 3.35e12, "B/s", "3.35 TB/s", dataSheet,
       "not used: what was measured is"},
      {"NVLink, peak", 450e9, "B/s", "900 GB/s, both directions together",
       dataSheet, "not used: what was measured is"},

      // Products.
      {"library product, large k", libraryBest, "FLOP/s",
       "794.5 TFLOP/s, bf16, 2048 x 2048 x 13312, H100 SXM, torch 2.7.0+cu126",
       mlEngineering + "compute/accelerator/README.md",
       "the highest of all shapes searched: the limit for k without end"},
      {"library product, k for half", halfOf(libraryBest, libraryAt1024), "",
       "583.3 and 584.4 TFLOP/s, bf16, 65536 x 1024 x 1024, aten (cuBLAS), "
       "H100",
       tlx,
       "rate x k / (k + half) through that point; at k = 512 nothing was found "
       "that was measured on an H100 SXM, so the curve is carried on to it"},
      {"own product, large k", tiledBest, "FLOP/s",
       "635.4 TFLOP/s, bf16, 8192^3, kernel 4: warp-specialised, a tile a "
       "block; H100 SXM",
       fastCu, "plain store in place of a fused epilogue"},
      {"own product, k for half", halfOf(tiledBest, tiledAt1024), "",
       "502.3 TFLOP/s, bf16, 65536 x 1024 x 1024, the same kernel before it "
       "was persistent",
       tlx, "as for the library"},
      {"own product with mma.sync", mmaBest, "FLOP/s",
       "about 400 TFLOP/s for large sizes: CUTLASS 2.x kernels, autotuned, on "
       "an H100",
       "K. Sharma, \"Learn CUTLASS the hard way - part 2\", "
       "kapilsharma.dev/posts/learn-cutlass-the-hard-way-2",
       "k for half as for the tiled product"},
      {"product without tensor cores, tiled", 32.4e12, "FLOP/s",
       "32.4 TFLOP/s, 8192^3, kernel 1: tiled in shared memory; H100 SXM",
       fastCu, asItIs},
      {"product without tensor cores, plain", vectorPeak * 1.9865 / 38.7,
       "FLOP/s",
       "1986.5 GFLOP/s, float32, 4096^3, kernel 2 (a thread an element, "
       "coalesced), on an RTX A6000 of 38.7 TFLOP/s",
       "S. Boehm, \"How to Optimize a CUDA Matmul Kernel for cuBLAS-like "
       "Performance: a Worklog\", siboehm.com/articles/22/CUDA-MMM (2022)",
       "the same share of the H100's 66.9 TFLOP/s (data sheet: 67)"},

      // Attention.
      {"attention", flash3Causal, "FLOP/s",
       "371 TFLOP/s: forward, causal, head width 64, 2048 positions", flash3,
       "fewer key heads than query heads read less; the fused epilogue is "
       "taken to be free"},
      {"attention, backward",
       flash3FullGrad * flash3Causal / flash3Full * sevenProducts, "FLOP/s",
       "422 TFLOP/s: backward, not causal, head width 64, 2048 positions",
       flash3,
       "times 371 / 460, forward causal over not causal, times 5 / 7: that "
       "kernel adds to results of other blocks, ours computes two of five "
       "products twice instead, so that sums have one order; five are counted"},
      {"attention, backward, sums in order",
       flash3FullGrad * flash3Causal / flash3Full * fixedOrderGrad /
           anyOrderGrad,
       "FLOP/s",
       "362 TFLOP/s with `deterministic`, 446 without: FlashAttention-4 "
       "backward, causal, head width 128, 2048 positions, 64 query heads for 8 "
       "key heads, H200",
       cudnnFrontend,
       "used for limits alone, no kernel here does so: their ratio times the "
       "rate of backward before 5 / 7. At head width 64 not causal figures "
       "alone were found: 354.5 TFLOP/s in a fixed order, 419.0 in a better "
       "one, 2048 positions, a Hopper GPU without a name "
       "(github.com/Dao-AILab/flash-attention/pull/2207, 2026)"},
      {"attention with mma.sync", flash2Causal, "FLOP/s",
       "262 TFLOP/s: FlashAttention-2 on an H100, forward, causal, head width "
       "64, 2048 positions",
       flash3, asItIs},
      {"attention with mma.sync, backward",
       flash2FullGrad * flash2Causal / flash2Full * sevenProducts, "FLOP/s",
       "264 TFLOP/s: FlashAttention-2 on an H100, backward, not causal, head "
       "width 64, 2048 positions",
       flash3, "times 262 / 318 and 5 / 7, as above"},

      // Everything else.
      {"elementwise arithmetic", vectorPeak / 4, "FLOP/s",
       "66.9 TFLOP/s, float32 peak", dataSheet,
       "nothing measured was found for such kernels; a quarter: half, because "
       "an addition or a product alone is half of a multiply-add, and half "
       "again for conversions, addresses and special functions"},
      {"HBM", normBytes / (normSeconds - smallestNorm), "B/s",
       "51.968 us for RMSNorm of 8192 x 4096 bf16, 6.080 us for one row, H100",
       liger,
       "bytes over the difference; the best of hand-tuned kernels is 3.01 TB/s "
       "(W. Guo, T. Zadouri, T. Dao, \"Getting Memory-bound Kernels to "
       "Speed-of-Light\", 2025)"},
      {"latency of HBM", 400e-9, "s", "about 400 ns",
       "W. Guo, T. Zadouri, T. Dao, \"Getting Memory-bound Kernels to "
       "Speed-of-Light\", sysml.cs.princeton.edu/blogs/"
       "memory-bound-kernels.html (2025)",
       asItIs},
      {"bytes in flight", 32, "B", "none found",
       "assumed: two 16-byte loads of a thread, where a grid is too small to "
       "fill the GPU",
       asItIs},
      {"gap between graph nodes", 1.3e-6, "s",
       "about 1.3 us a kernel in a CUDA graph, H100",
       "B. Spector, J. Juravsky, S. Sul, O. Dugan, D. Lim, D. Fu, S. Arora, "
       "C. Re, \"Look Ma, No Bubbles! Designing a Low-Latency Megakernel for "
       "Llama-1B\", hazyresearch.stanford.edu/blog/2025-05-27-no-bubbles",
       asItIs},
      {"fill and drain of a kernel", smallestNorm - emptyKernel, "s",
       "6.080 us for RMSNorm of one row, 4.544 us for a kernel that does "
       "nothing, H100",
       "the pull request 1462 above, and tritonbench's launch latency, "
       "github.com/meta-pytorch/tritonbench/pull/38 (2024)",
       "their difference"},

      // Between GPUs, and to the host.
      {"latency between GPUs", 32768 / 0.82e9, "s",
       "0.82 GB/s for an all-reduce of 32 KiB, 8 H200, NVLink 4",
       mlEngineering + "network/README.md",
       "the H200 has the H100's NVLink; PyTorch's share is in it"},
      {"send and receive", 180e9, "B/s",
       "180 GB/s: where nccl-tests' sendrecv levels off between two H100",
       "\"P2P performance with nccl-tests vs nvbandwidth\", "
       "github.com/NVIDIA/nccl-tests/issues/268 (2024)",
       asItIs},
      {"host to GPU", 35.0e9, "B/s",
       "35.03 to 35.39 GB/s, host_to_device_memcpy_sm, H100",
       "github.com/NVIDIA/nvbandwidth/issues/24 (2024)", asItIs},
      {"latency of a host copy", 2 * emptyKernel, "s", "none found",
       "assumed: twice the kernel that does nothing, above", asItIs},

      {"floor", 800e12, "FLOP/s", "none",
       "a yardstick: model FLOPs at a round number above everything measured",
       asItIs},
      {"goal", 1.6, "floors", "none", "what this project set itself", asItIs},
  };
  return rates;
}

const Machine &h100() {
  static const Machine machine = [] {
    auto value = [](const char *name) {
      for (const Rate &rate : h100Rates())
        if (rate.name == name)
          return rate.value;
      throw std::logic_error(std::string("no rate is called ") + name);
    };
    Machine h;
    h.name = "8 x H100 SXM";
    h.lanes = mostLanes;
    h.gpus = 8;
    h.multiprocessors = 132;
    h.residentThreads = 2048;
    h.memoryBytes = 80e9;
    h.libraryProduct = {value("library product, large k"),
                        value("library product, k for half")};
    h.tiledProduct = {value("own product, large k"),
                      value("own product, k for half")};
    h.mmaProduct = {value("own product with mma.sync"),
                    value("own product, k for half")};
    h.vectorProduct = value("product without tensor cores, tiled");
    h.plainProduct = value("product without tensor cores, plain");
    h.attention = value("attention");
    h.attentionGrad = value("attention, backward");
    h.orderedAttentionGrad = value("attention, backward, sums in order");
    h.mmaAttention = value("attention with mma.sync");
    h.mmaAttentionGrad = value("attention with mma.sync, backward");
    h.vector = value("elementwise arithmetic");
    h.memory = value("HBM");
    h.memoryLatency = value("latency of HBM");
    h.bytesInFlight = value("bytes in flight");
    h.gap = value("gap between graph nodes");
    h.ramp = value("fill and drain of a kernel");
    h.collectiveLatency = value("latency between GPUs");
    h.sendReceive = value("send and receive");
    h.hostLink = value("host to GPU");
    h.hostLatency = value("latency of a host copy");
    h.reference = value("floor");
    h.goal = value("goal");
    return h;
  }();
  return machine;
}

} // namespace pgrt
