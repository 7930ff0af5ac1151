// Predicted times of a plan's programs, and of its training step on several
// GPUs.
#pragma once

#include "runtime/predict/Overlap.h"

#include <map>

namespace pgrt {

/// All launches of one kind or of one kernel, in one run of a program.
struct Share {
  int64_t launches = 0; // nodes of the graph
  double flops = 0, bytes = 0, seconds = 0;
  std::map<Bound, double> boundSeconds;

  void add(const KernelTime &time, double flops, double bytes);
  /// All of another share, so many times.
  void add(const Share &other, double times = 1);
  /// What bounds most of its time.
  Bound bound() const;
};

/// One run of a program on one GPU.
struct ProgramTime {
  const plan::Program *program = nullptr;
  Overlap overlap;                    // in lanes
  Share total;                        // one after the other
  std::map<std::string, Share> kinds; // "library", "rows", …, "copy", "fill"
  std::map<int, Share> kernels;       // by index in Plan.kernels
};

/// A part of a step, of one GPU.
struct StepPart {
  std::string name;
  double runs = 1; // within a step
  int64_t launches = 0;
  double flops = 0, bytes = 0, seconds = 0; // of all runs
  double nvlink = 0;                        // bytes that a GPU sends
  std::string bound;
};

/// What passes between GPUs before the update, beside the last run of `train`.
struct GradientExchange {
  std::vector<double> buckets; // bytes of each, in order
  int64_t launches = 0;        // exchanges and sums
  double flops = 0, bytes = 0, nvlink = 0;
  double seconds = 0;       // on its own
  double exposed = 0;       // that the last run takes longer for it
  double signals = 0;       // that any other run takes longer
  double receivedBytes = 0; // memory for other ranks' gradients
};

/// What a step cannot be faster than: its products on tensor cores and its
/// attention alone, one after the other, without gaps and all else.
struct StepLimits {
  double planned = 0;   // as predicted for the plan's kernels
  double published = 0; // each at the best published rate of its kind
  double ordered = 0;   // the same, with attention's gradient added in order
};

struct StepTime {
  std::string phase;
  std::vector<StepPart> parts;
  StepPart total;
  std::map<int, Share> kernels; // by index in Plan.kernels
  GradientExchange exchange;    // on several GPUs
  double modelFlops = 0;        // useful work of one GPU
  double floorSeconds = 0;      // that work at the reference rate
  double goalSeconds = 0;       // so many floors as the machine's goal
  StepLimits limits;
};

struct PlanTime {
  const Machine *machine = nullptr;
  int ranks = 0; // GPUs of the step
  std::vector<KernelFacts> facts;
  std::vector<KernelTime> kernelTimes;
  std::vector<ProgramTime> programs; // in the order of the plan
  std::vector<StepTime> steps;       // one a phase; none without training
  int64_t memoryBytes = 0; // of a GPU: arenas, and gradients of other ranks
};

/// So many sums over a rank's parts are left when its last one is in.
int64_t lastSums(int64_t ownParts);

/// One program, whose kernels `times` knows already.
ProgramTime predictProgram(const plan::Plan &plan, const PlanTime &times,
                           const plan::Program &program);

/// The most GPUs of a machine that can share a step.
int mostRanks(const plan::Plan &plan, const Machine &machine);

/// Predicts a plan for a GPU (isGpuPlan). Throws Error (Usage) if so many ranks
/// cannot share a step.
PlanTime predictPlan(const plan::Plan &plan, const Machine &machine, int ranks);

} // namespace pgrt
