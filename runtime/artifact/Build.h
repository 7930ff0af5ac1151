// From weights to an artifact: quantise, pack, fit the cap.
#pragma once

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/artifact/Estimate.h"
#include "runtime/artifact/FitCap.h"
#include "runtime/artifact/Payload.h"
#include "runtime/support/EventLog.h"
#include "runtime/train/Progress.h"

#include <optional>
#include <vector>

namespace pgrt {

class ArtifactBuilder {
public:
  /// The parameters hold the averages, the Hessians are there. What `producer`
  /// and `dataHash` say goes into the artifact.
  ArtifactBuilder(Executor &executor, EventLog &log, Progress &progress,
                  const std::string &producer, const Digest &dataHash);

  /// Runs "quantize" and packs what it gives, with the means against the cap
  /// that the plan allows. Throws Error, with the numbers, if it does not fit;
  /// Stopped when interrupted.
  void build();

  /// Takes the leaves out of the packed artifact, decodes them into the
  /// parameters and runs `prepare`: from now on the machine scores what the
  /// artifact holds. Logs what each parameter lost.
  void decode();

  /// The artifact, without claims.
  const artifact::Artifact &artifact() const { return result; }
  ArtifactBytes bytes() const { return countArtifact(result); }

private:
  void keepOriginals();
  void quantize(std::optional<double> solved);
  int64_t pack();
  double estimate(double solved);
  int64_t packedBytes() const;
  void solve();
  void zeroUntilItFits(int64_t bytes);
  [[noreturn]] void refuse(int64_t bytes, const std::string &tried) const;
  std::vector<double> parameterValues(int index) const;
  void logParameters();

  Executor &executor;
  const plan::Plan &plan;
  EventLog &log;
  Progress &progress;
  PackSteps steps;
  ParallelFor parallel;
  artifact::Artifact result;
  artifact::Table table;
  std::vector<StoredLeaf> leaves;
  std::vector<std::vector<float>> originals; // of each parameter
  SizeCurve curve;
  double sampledAt = 0; // the solved constant that the curve has blocks of
};

/// Puts an artifact's leaves where "decode" reads them, runs it and `prepare`.
/// Throws Error if the artifact is not of this plan, or damaged.
void decodeArtifact(Executor &executor, const artifact::Artifact &artifact,
                    const artifact::Table &table);

} // namespace pgrt
