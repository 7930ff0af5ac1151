#include "compiler/pgc/Batches.h"
#include <algorithm>

namespace pgc {

/// The largest divisor of a part's sequences, from `least` on, that holds no
/// more than `tokens`; or else the smallest that there is.
static int64_t divisorOf(const TrainSettings &train, int64_t least,
                         int64_t tokens) {
  int64_t part = train.sequencesPerPart(), best = 0;
  for (int64_t sequences = least; sequences <= part; ++sequences)
    if (part % sequences == 0 && (best == 0 || sequences * train.seq <= tokens))
      best = sequences;
  return best;
}

int64_t chooseMicroBatch(const Program &program, int64_t wanted,
                         int64_t tokens) {
  int64_t part = program.train().sequencesPerPart();
  int64_t least = std::min(program.leastMicroBatch().value_or(part), part);
  if (wanted != 0)
    return part % wanted == 0 && wanted >= least ? wanted : 0;
  return divisorOf(program.train(), least, tokens);
}

int64_t captureBatch(const Program &program, int64_t tokens) {
  return divisorOf(program.train(), 1, tokens);
}

int64_t scoreBatch(const Program &program, int64_t seq, int64_t wanted,
                   int64_t tokens) {
  if (wanted != 0)
    return wanted;
  return std::max<int64_t>(1,
                           std::min(tokens, program.train().batchTokens) / seq);
}

int64_t logitsBatch(const Program &program, int64_t seq, int64_t wanted,
                    int64_t tokens) {
  constexpr int64_t targetBytes = int64_t(64) << 20;
  return std::clamp<int64_t>(targetBytes / 4 / seq / program.vocabulary(), 1,
                             scoreBatch(program, seq, wanted, tokens));
}

} // namespace pgc
