#include "runtime/quant/Capture.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/SharedSum.h"

#include <algorithm>

namespace pgrt {

void captureHessians(Executor &executor, Collective &ranks, WindowOrder &data,
                     const std::function<void(int64_t, int64_t)> &progress) {
  const plan::Plan &plan = executor.plan();
  const plan::Program *capture = findProgram(plan, "capture");
  const int64_t batches = plan.quantization().batches();
  auto wants = [](const plan::Parameter &one) { return one.has_hessian(); };
  if (!capture || batches == 0 ||
      std::none_of(plan.parameters().begin(), plan.parameters().end(), wants))
    return;
  executor.allocateFor(*capture);
  const plan::Training &training = plan.training();
  const int64_t parts = training.parts(), seq = training.seq(),
                rows = capture->batch(),
                windows = training.batch_tokens() / seq,
                runs = windows / parts / rows;
  const plan::Port &tokenPort = *findPort(capture->inputs(), "tokens");
  const plan::Port *targetPort = findPort(capture->inputs(), "targets");
  std::vector<int64_t> tokens(static_cast<size_t>(rows * seq)),
      targets(tokens.size());
  std::vector<double> scalars = evaluateScalars(plan, 0, 1);
  std::unique_ptr<SharedSum> sum = SharedSum::ofHessians(executor, ranks);
  bool stop = false;
  int64_t done = 0;
  sum->compute(batches, [&](int64_t part) {
    for (int64_t run = 0; run < runs && !stop; ++run) {
      ranks.check();
      if (interrupted()) {
        ranks.askToStop();
        stop = true;
        return;
      }
      for (int64_t row = 0; row < rows; ++row)
        data.read(part / parts, part % parts, run * rows + row, windows, parts,
                  tokens.data() + row * seq, targets.data() + row * seq);
      executor.writePort(tokenPort, tokens.data());
      if (targetPort)
        executor.writePort(*targetPort, targets.data());
      executor.run(*capture, scalars);
      // As far as all ranks are likely to be.
      done += ranks.size();
      if (progress)
        progress(std::min(done, batches * runs), batches * runs);
    }
  });
  if (ranks.any(stop))
    throw Stopped();
  sum->share();
}

} // namespace pgrt
