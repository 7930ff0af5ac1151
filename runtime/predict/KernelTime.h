// What one kernel of a plan for a GPU takes, and what bounds it.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/predict/Machine.h"

#include <string>
#include <vector>

namespace pgrt {

/// The code that a kernel's products run in, as its PTX shows.
enum class Instructions { None, Mma, Wgmma };

/// What of a kernel its time depends on.
struct KernelFacts {
  std::string kind;        // of the plan, or "library"
  double flops = 0;        // of one launch
  double bytes = 0;        // read and written by one launch, each once
  int64_t blocks = 0;      // of the grid; 0: a library's, not known
  int64_t threads = 0;     // of a block
  int64_t sharedBytes = 0; // that a block asks for
  Instructions instructions = Instructions::None;
  bool bf16 = true; // operands of a library's product
  // Of products, D[m, n] = A[m, k] B[k, n], `batch` of them; 0: not known.
  int64_t m = 0, n = 0, k = 0, batch = 1;
};

enum class Bound { TensorCores, Vector, Memory, Latency };
const char *boundName(Bound bound);

struct KernelTime {
  double seconds = 0; // from its node's start to the next one's
  Bound bound = Bound::Latency;
  /// What it takes of the GPU once it flows: of the multiprocessors or of the
  /// bandwidth, whichever bounds it. Others may take the rest.
  double share = 1;
  double rate = 0;      // FLOP/s at which its arithmetic is taken to run
  std::string rateName; // of which of the machine's rates that is
};

/// gap + ramp + the longer of arithmetic and memory. Latency bounds a kernel if
/// that is shorter than gap and ramp, or if its threads are too few to keep
/// memory busy.
KernelTime predictKernel(const KernelFacts &facts, const Machine &machine);

/// The rate in FLOP/s at which a kernel of this kind and depth was published at
/// best, whatever code the plan has for it; 0 if it has no products on tensor
/// cores. `ordered`: gradients of attention add to other blocks' results in a
/// fixed order, in place of computing products twice.
double publishedRate(const KernelFacts &facts, const Machine &machine,
                     bool ordered);

/// Copies and fills within a GPU: all bytes are read (or not) and written.
KernelTime predictTransfer(double bytesMoved, const Machine &machine);

/// The share of the multiprocessors' time that `tiles` equal pieces of work
/// fill, when each multiprocessor takes one after the other.
double waveEfficiency(int64_t tiles, int64_t multiprocessors);

/// The facts of all kernels of a plan for a GPU (KernelFacts.cpp). What its own
/// products run in is read from the PTX.
std::vector<KernelFacts> kernelFacts(const plan::Plan &plan);

} // namespace pgrt
