// What a person sees of a run: lines on stderr.
#pragma once

#include "runtime/train/Budget.h"

#include <mutex>
#include <string>

namespace pgrt {

struct StepReport {
  int64_t step = 0; // from 0
  double loss = 0, lr = 0;
  double seconds = 0; // of this step
  double elapsed = 0; // of training
  int64_t tokens = 0; // of this step
  double flops = 0;   // useful ones of this step; 0: unknown
};

class Progress {
public:
  explicit Progress(bool quiet) : quiet(quiet) {}

  /// One line, unless quiet.
  void say(const std::string &line);

  /// The line of a step: "step i/N | loss | lr | ms | tok/s | % of peak | time
  /// left". Not every step gets one: the first ones do, then about one a
  /// second, later fewer; `last` always does.
  void step(const StepReport &report, const Budget &budget, double peak,
            bool last);

  /// Within a long step, every ten seconds or so.
  void withinStep(int64_t step, int64_t done, int64_t all, double stepSeconds);

  /// Within another long stage, every ten seconds or so: "  packed 12 of 137
  /// blocks, 20 s left". From any thread.
  void within(const char *verb, const char *what, int64_t done, int64_t all,
              double begin);

private:
  std::mutex mutex; // of within
  bool quiet;
  double lastLine = -1e9;
  double averageSeconds = 0; // of recent steps
};

} // namespace pgrt
