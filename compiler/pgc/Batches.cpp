#include "compiler/pgc/Batches.h"
#include <algorithm>

namespace pgc {

int64_t chooseMicroBatch(const Program &program, int64_t wanted,
                         int64_t tokens) {
  int64_t part = program.train().sequencesPerPart();
  if (wanted != 0)
    return part % wanted == 0 &&
                   (wanted == part || program.lossSplitsBySequence())
               ? wanted
               : 0;
  if (!program.lossSplitsBySequence())
    return part;
  int64_t best = 1;
  for (int64_t sequences = 1;
       sequences <= part && sequences * program.train().seq <= tokens;
       ++sequences)
    if (part % sequences == 0)
      best = sequences;
  return best;
}

int64_t scoreBatch(int64_t seq, int64_t tokens) {
  return std::max<int64_t>(1, tokens / seq);
}

int64_t logitsBatch(int64_t seq, int64_t vocabulary, int64_t tokens) {
  constexpr int64_t targetBytes = int64_t(64) << 20;
  return std::clamp<int64_t>(targetBytes / 4 / seq / vocabulary, 1,
                             scoreBatch(seq, tokens));
}

} // namespace pgc
