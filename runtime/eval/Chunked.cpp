#include "runtime/eval/Chunked.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pgrt {

double Score::bitsPerByte() const {
  return bytes ? nll / std::numbers::ln2 / double(bytes) : NAN;
}

// The nll values of a batch, as double.
static std::vector<double> readValues(const Executor &executor,
                                      const plan::Port &port, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count));
  if (port.type() == plan::F64) {
    executor.device().read(values.data(), executor.address(port.slot()),
                           count * 8);
  } else {
    std::vector<float> narrow(static_cast<size_t>(count));
    executor.device().read(narrow.data(), executor.address(port.slot()),
                           count * 4);
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

Score scoreChunked(Executor &executor, const plan::Program &program,
                   const std::vector<int64_t> &tokens, const ByteTable &table,
                   const std::vector<double> &scalars,
                   const std::function<bool(int64_t, int64_t)> &progress) {
  const int64_t seq = program.seq(), batchTokens = program.batch() * seq,
                all = int64_t(tokens.size()) - 1;
  const plan::Port &tokenPort = *findPort(program.inputs(), "tokens");
  const plan::Port &targetPort = *findPort(program.inputs(), "targets");
  const plan::Port &nllPort = *findPort(program.outputs(), "nll");
  for (int64_t i = 0; i <= all; ++i)
    if (tokens[size_t(i)] >= table.pieces())
      failInput("validation token ", i, " is ", tokens[size_t(i)],
                ", the tokenizer has ", table.pieces(), " pieces");
  Score score;
  double begin = Profile::now();
  std::vector<int64_t> inputs(static_cast<size_t>(batchTokens)),
      targets(static_cast<size_t>(batchTokens));
  // Windows lie one after the other, so a batch of them is one piece of the
  // stream.
  for (int64_t at = 0; at < all; at += batchTokens) {
    int64_t count = std::min(batchTokens, all - at);
    std::fill(inputs.begin(), inputs.end(), 0);
    std::fill(targets.begin(), targets.end(), 0);
    std::copy_n(tokens.begin() + at, count, inputs.begin());
    std::copy_n(tokens.begin() + at + 1, count, targets.begin());
    executor.writePort(tokenPort, inputs.data());
    executor.writePort(targetPort, targets.data());
    executor.run(program, scalars);
    std::vector<double> nll = readValues(executor, nllPort, batchTokens);
    for (int64_t i = 0; i < count; ++i) {
      score.nll += nll[size_t(i)];
      score.bytes += table.bytes(inputs[size_t(i)], targets[size_t(i)]);
    }
    score.tokens += count;
    if (progress && !progress(at + count, all))
      break;
  }
  score.seconds = Profile::now() - begin;
  if (!std::isfinite(score.nll))
    failInput("the score is not finite: the weights are damaged, or training "
              "diverged");
  return score;
}

} // namespace pgrt
