// submission.json: what is known of a run, for whoever submits it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pgrt {

struct Submission {
  std::string name; // of the model
  uint64_t seed = 0;
  std::optional<double> valBpb,
      valLoss; // of the last evaluation; loss: nats a token
  int64_t steps = 0;
  double trainSeconds = 0;
  std::optional<double> evalSeconds;
  std::string hardware, versions, planHash, dataHash;
};

/// Writes the file atomically.
void writeSubmission(const std::string &path, const Submission &submission);

} // namespace pgrt
