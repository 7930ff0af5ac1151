#include "runtime/quant/Capture.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Interrupt.h"

namespace pgrt {

void captureHessians(Executor &executor, WindowOrder &data,
                     const std::function<void(int64_t, int64_t)> &progress) {
  const plan::Plan &plan = executor.plan();
  const plan::Program *capture = findProgram(plan, "capture");
  const int64_t batches = plan.quantization().batches();
  if (!capture || batches == 0)
    return;
  executor.allocateFor(*capture);
  std::set<int> arenas;
  for (const plan::Parameter &parameter : plan.parameters())
    if (parameter.has_hessian())
      arenas.insert(int(parameter.hessian().arena()));
  for (int arena : arenas)
    executor.clearArena(arena);

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
  for (int64_t part = 0; part < batches; ++part)
    for (int64_t run = 0; run < runs; ++run) {
      throwIfInterrupted();
      for (int64_t row = 0; row < rows; ++row)
        data.read(part / parts, part % parts, run * rows + row, windows, parts,
                  tokens.data() + row * seq, targets.data() + row * seq);
      executor.writePort(tokenPort, tokens.data());
      if (targetPort)
        executor.writePort(*targetPort, targets.data());
      executor.run(*capture, scalars);
      if (progress)
        progress(part * runs + run + 1, batches * runs);
    }
}

} // namespace pgrt
