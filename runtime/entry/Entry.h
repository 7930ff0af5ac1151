// An entry: several runs of one plan, put together for submission.
#pragma once

#include "runtime/support/Json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgrt {

/// One finished run, as its folder tells.
struct EntryRun {
  std::string folder;
  JsonValue submission; ///< submission.json
  int64_t seed = 0;
  double bpb = 0, loss = 0; ///< of the score that counts
  int64_t artifactBytes = 0, codeBytes = 0, steps = 0;
  double trainSeconds = 0, evalSeconds = 0;
  std::string planHash, dataHash, name, hardware, versions;
  /// Every evaluation's line of log.jsonl.
  std::vector<JsonValue> evaluations;
  double tokens = 0, bytes = 0; ///< of the evaluation that counts
};

/// Reads a run's folder. Throws Error if something of it is missing, cut off or
/// not finished.
EntryRun readRun(const std::string &folder);

/// Throws Error, naming the two folders, if runs differ in plan, data, name or
/// artifact's file, or share a seed; and if they are fewer than three.
void checkRuns(const std::vector<EntryRun> &runs);

struct EntryFigures {
  double bpb = 0, deviation = 0; ///< mean and standard deviation
  double loss = 0;
  int64_t largestBytes = 0;
  /// Against a stated score: see entryFigures.
  std::optional<double> against, threshold, t, p;
};

/// `against`: bits per byte of the record. The test is whether these runs lie
/// below it less 0.005 nats a token, which bytes and tokens turn into bits per
/// byte.
EntryFigures entryFigures(const std::vector<EntryRun> &runs,
                          std::optional<double> against);

/// The nats a token by which an entry must beat the record.
inline constexpr double recordNats = 0.005;

/// Writes submission.json, README.md, model.pgm, and each run's log into the
/// folder.
void writeEntry(const std::string &folder, const std::vector<EntryRun> &runs,
                const EntryFigures &figures);

} // namespace pgrt
