#include "runtime/train/Progress.h"
#include "runtime/executor/Profile.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace pgrt {

void Progress::say(const std::string &line) {
  if (!quiet)
    std::fprintf(stderr, "%s\n", line.c_str());
}

void Progress::step(const StepReport &report, const Budget &budget, double peak,
                    bool last) {
  averageSeconds = averageSeconds == 0
                       ? report.seconds
                       : 0.9 * averageSeconds + 0.1 * report.seconds;
  double now = Profile::now(), pause = std::max(1.0, report.elapsed / 100);
  if (!last && report.step >= 3 && now - lastLine < pause)
    return;
  lastLine = now;
  double left = HUGE_VAL;
  if (budget.steps)
    left = double(budget.steps - report.step - 1) * averageSeconds;
  if (budget.seconds > 0)
    left = std::min(left, std::max(0.0, budget.seconds - report.elapsed));
  int64_t all = budget.steps;
  std::string total = std::to_string(all);
  if (!all) // by the clock: at the present pace
    total =
        "~" + std::to_string(
                  report.step + 1 +
                  int64_t(std::ceil(left / std::max(averageSeconds, 1e-9))));
  if (last)
    total = std::to_string(report.step + 1);
  std::string peakShare =
      report.flops > 0 && peak > 0
          ? formatted(" | %.1f %% of peak",
                      100 * report.flops / report.seconds / peak)
          : "";
  say(formatted(
      "step %lld/%s | loss %.4f | lr %.3g | %.0f ms | %s tok/s%s | %s left",
      (long long)(report.step + 1), total.c_str(), report.loss, report.lr,
      report.seconds * 1e3,
      withThousands(int64_t(double(report.tokens) / report.seconds)).c_str(),
      peakShare.c_str(), readableSeconds(left).c_str()));
}

void Progress::withinStep(int64_t step, int64_t done, int64_t all,
                          double stepSeconds) {
  double now = Profile::now();
  if (stepSeconds < 10 || now - lastLine < 10)
    return;
  lastLine = now;
  say(formatted("  within step %lld: %lld of %lld micro-batches, %s left",
                (long long)(step + 1), (long long)done, (long long)all,
                readableSeconds(stepSeconds / double(done) * double(all - done))
                    .c_str()));
}

void Progress::within(const char *verb, const char *what, int64_t done,
                      int64_t all, double begin) {
  std::lock_guard<std::mutex> lock(mutex);
  double now = Profile::now();
  if (now - begin < 10 || now - lastLine < 10 || done == 0)
    return;
  lastLine = now;
  say(cat("  ", verb, " ", withThousands(done), " of ", withThousands(all), " ",
          what, ", ",
          readableSeconds((now - begin) / double(done) * double(all - done)),
          " left"));
}

} // namespace pgrt
