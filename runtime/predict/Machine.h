// The rates that predicted times rest on: of one kind of machine, each with the
// publication it was taken from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt {

/// What a machine reaches. Seconds, bytes and floating-point operations; a
/// multiply-add counts as two.
struct Machine {
  std::string name;
  int lanes = 1;           // streams that a program's graph is spread over
  int gpus = 0;            // that exchange gradients over NVLink
  int multiprocessors = 0; // of one GPU
  double memoryBytes = 0;  // of one GPU

  // Products on tensor cores reach `rate` × k / (k + half): the less is summed
  // for an element, the more weigh the start and the end of a tile.
  struct ProductRate {
    double rate = 0; // FLOP/s for large k
    double half = 0; // k at which half of it is reached
  };
  ProductRate libraryProduct; // by cuBLASLt
  ProductRate tiledProduct;   // own, on wgmma
  ProductRate mmaProduct;     // own, with mma.sync in place of wgmma
  double vectorProduct = 0;   // tiled, without tensor cores
  double plainProduct = 0;    // a thread an element, untiled

  double attention = 0;            // forward, causal, FLOP/s
  double attentionGrad = 0;        // backward, causal, one order of sums
  double orderedAttentionGrad = 0; // sums across blocks, in a fixed order
  double mmaAttention = 0;         // the same with mma.sync
  double mmaAttentionGrad = 0;

  double vector = 0;           // FLOP/s of elementwise arithmetic
  double memory = 0;           // bytes/s that kernels reach from HBM
  int64_t residentThreads = 0; // at most, on a multiprocessor
  double bytesInFlight = 0;    // that a thread has asked for and not yet got
  double memoryLatency = 0;    // s
  double gap = 0;              // between a node of a graph and the next, s
  double ramp = 0; // of a kernel: until its loads and after its stores flow, s

  double collectiveLatency = 0; // of one exchange between GPUs, s
  double sendReceive = 0;       // bytes/s of a GPU, both ways at once
  double hostLink = 0;          // bytes/s between host and GPU
  double hostLatency = 0;       // of one copy to or from the host, s

  double reference = 0; // FLOP/s of the floor that a step is compared with
  double goal = 0;      // what a step is to take, in floors
};

/// One figure of a machine and what it rests on.
struct Rate {
  std::string name;
  double value = 0;
  std::string unit;
  std::string figure;  // what was measured or stated, exactly
  std::string source;  // title, authors, place; or why there is none
  std::string carried; // how it is carried over to this use; empty: as it is
};

/// The rates of 8 H100 SXM on one NVSwitch board.
const std::vector<Rate> &h100Rates();
const Machine &h100();

} // namespace pgrt
