// A plan made by hand for tests: logits = W[token] + b, plain gradient descent,
// an average, one switch.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt::toy {

inline constexpr int64_t vocab = 13, rows = 2, seq = 6;

struct ToyOptions {
  int64_t parts = 2;
  int64_t micros = 2;    // micro-batches a part
  int64_t steps = 10;    // budget
  double switchAt = 0.5; // of the progress; from then on lr is a tenth
  double lr = 2.0, decay = 0.9;

  /// With quantisers, packing, and the evaluations chunked (trained), chunked,
  /// sliding, ttt (quantized), in this order.
  bool quantizes = false;
  bool gpu = false;   // for --device cuda
  bool trains = true; // false: only what an artifact's evaluation needs
  const char *forward = "toy_forward"; // of the score programs
  int64_t cap = 0;
  bool solves = false; // raises k, from `k`
  double k = 12;
  double zeroOnes = 0;
};

inline constexpr int64_t stride = 2, chunk = 24, epochs = 2, sequences = 3;
inline constexpr double adaptLr = 0.5, adaptMomentum = 0.5;

/// The plan; ToyKernels.c, compiled, is its code (ToyGpu.c, for a GPU).
plan::Plan makePlan(const ToyOptions &options = {});

/// A folder of its own for the test that runs, empty.
std::string testFolder();

void writeFile(const std::string &path, const std::string &bytes);
std::string readFile(const std::string &path);

/// A shard in the challenge's format.
void writeShard(const std::string &path, const std::vector<uint16_t> &tokens);

/// A SentencePiece model: <unk>, <s>, </s>, an unused piece, ▁ (unless
/// `withSpace` is false), the byte 0x41, "ab", "▁the", "é": ids 0 … 8 (7
/// without ▁).
void writeTokenizer(const std::string &path, bool withSpace = true);

/// `count` tokens below `vocab` in which some follow others more often than
/// chance.
std::vector<uint16_t> makeTokens(int64_t count, int64_t vocab = toy::vocab);

} // namespace pgrt::toy
