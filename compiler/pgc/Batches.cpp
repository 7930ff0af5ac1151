#include "compiler/pgc/Batches.h"
#include "llvm/ADT/STLExtras.h"

namespace pgc {

/// Tokens of a micro-batch: activations of that many tokens are kept for the
/// backward pass. Fewer leave products short of rows, more cost memory and gain
/// nothing.
static constexpr int64_t targetTokens = 4096;

int64_t chooseMicroBatch(const Program &program, int64_t wanted) {
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
       sequences <= part && sequences * program.train().seq <= targetTokens;
       ++sequences)
    if (part % sequences == 0)
      best = sequences;
  return best;
}

std::vector<std::pair<int64_t, int64_t>> scoreShapes(const Program &program) {
  std::vector<std::pair<int64_t, int64_t>> shapes;
  auto add = [&](int64_t seq) {
    std::pair<int64_t, int64_t> shape(std::max<int64_t>(1, targetTokens / seq),
                                      seq);
    if (!llvm::is_contained(shapes, shape))
      shapes.push_back(shape);
  };
  for (const SectionItem &item : program.items())
    for (const auto &[name, value] : item.arguments) {
      int64_t seq;
      if (item.section == "evaluate" && name == "seq" &&
          !llvm::StringRef(value).getAsInteger(10, seq) && seq > 0)
        add(seq);
    }
  if (shapes.empty())
    add(program.train().seq);
  return shapes;
}

} // namespace pgc
