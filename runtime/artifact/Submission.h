// submission.json: what is known of a run, for whoever submits it.
#pragma once

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/eval/Score.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pgrt {

struct Submission {
  std::string name; // of the model
  uint64_t seed = 0;
  int64_t steps = 0;
  double trainSeconds = 0;
  std::string hardware, versions, planHash, dataHash;
  std::optional<ArtifactBytes> bytes; // of the artifact
  int64_t cap = 0;

  /// Takes note of a score. What counts is the last of quantised weights, or,
  /// as long as there is none, the last of all; evaluation takes the time of
  /// the one that counts.
  void add(bool quantized, const Score &score) {
    if (counting && countsQuantized && !quantized)
      return;
    counting = score;
    countsQuantized = quantized;
  }

  std::optional<Score> counting;
  bool countsQuantized = false;
};

/// Writes the file atomically.
void writeSubmission(const std::string &path, const Submission &submission);

} // namespace pgrt
