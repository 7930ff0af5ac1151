#include "runtime/train/RankSum.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"

namespace pgrt {

void checkRanks(int64_t parts, int ranks) {
  if (ranksCanShare(parts, ranks))
    return;
  std::string possible;
  for (int64_t n = 1; n <= parts; ++n)
    if (ranksCanShare(parts, n))
      possible += cat(possible.empty() ? "" : ", ", n);
  failUsage(ranks, " ranks cannot share a step of ", parts,
            parts == 1 ? " part" : " parts",
            " and keep the order of its sums: possible are ", possible);
}

int sumOverRanks(Executor &executor, Collective &ranks, int own,
                 const std::vector<double> &scalars) {
  const plan::Plan &plan = executor.plan();
  const int gradients = gradientArena(plan), others = otherGradientArena(plan);
  const int64_t bytes = plan.arenas(gradients).bytes();
  plan::Slot begin;
  begin.set_arena(uint32_t(gradients));
  int other = own == 0 ? 1 : 0;
  for (int distance = 1; distance < ranks.size(); distance *= 2) {
    const int partner = ranks.rank() ^ distance;
    executor.bind(gradients, other);
    Receive receive{partner, executor.address(begin), bytes};
    executor.bind(gradients, own);
    Send send{partner, executor.address(begin), bytes};
    ranks.exchangeOnDevice({&send, 1}, {&receive, 1});
    int earlier = ranks.rank() < partner ? own : other,
        later = ranks.rank() < partner ? other : own;
    executor.bind(gradients, earlier);
    executor.bind(others, later);
    executor.run(*findProgram(plan, "combine"), scalars);
    own = earlier;
    other = later;
  }
  executor.bind(gradients, own);
  return own;
}

} // namespace pgrt
