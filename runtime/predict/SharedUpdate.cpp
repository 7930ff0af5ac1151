#include "runtime/predict/SharedUpdate.h"
#include "runtime/predict/Exchange.h"

#include <algorithm>

namespace pgrt {

namespace {

class Predictor {
public:
  Predictor(const plan::Plan &plan, const PlanTime &times,
            const plan::Program &update, const UpdateShards &shards)
      : plan(plan), times(times), machine(*times.machine), update(update),
        ranks(times.ranks), shards(shards) {}

  SharedUpdate predict() {
    addStages();
    return std::move(result);
  }

private:
  StepPart exchangePart(const char *name) const {
    StepPart part;
    part.name = name;
    part.bound = "NVLink";
    return part;
  }

  void addExchange(StepPart &part, const Exchange &exchange) const {
    double seconds = exchange.seconds(machine);
    part.launches += seconds > 0;
    part.nvlink += exchange.mostSent();
    part.seconds += seconds;
  }

  void addStages() {
    StepPart gathers = exchangePart("gathers of the update");
    StepPart own;
    own.name = update.name() + ", a share";
    Share total;
    for (const UpdateShards::Stage &stage : shards.stagesOf(update)) {
      Exchange exchange(ranks);
      for (const UpdateShards::Piece &piece : stage.gathered)
        for (int rank = 0; rank < ranks; ++rank)
          if (rank != piece.owner)
            exchange.send(piece.owner, rank, double(piece.extent.bytes));
      addExchange(gathers, exchange);

      ProgramTime slowest;
      for (int rank = 0; rank < ranks; ++rank) {
        ProgramTime time = predictProgram(plan, times, shareOf(stage, rank));
        if (rank == 0 || time.overlap.seconds > slowest.overlap.seconds)
          slowest = std::move(time);
      }
      own.seconds += slowest.overlap.seconds;
      total.add(slowest.total);
      for (const auto &[kernel, share] : slowest.kernels)
        result.kernels[kernel].add(share);
    }
    own.launches = total.launches;
    own.flops = total.flops;
    own.bytes = total.bytes;
    own.bound = boundName(total.bound());
    result.parts.push_back(gathers);
    result.parts.push_back(own);
  }

  plan::Program shareOf(const UpdateShards::Stage &stage, int rank) const {
    plan::Program program;
    for (size_t i = 0; i < stage.commands.size(); ++i)
      if (stage.owners[i] == rank || stage.owners[i] == ExtentMap::everywhere)
        *program.add_commands() = update.commands(stage.commands[i]);
    return program;
  }

  const plan::Plan &plan;
  const PlanTime &times;
  const Machine &machine;
  const plan::Program &update;
  const int ranks;
  const UpdateShards &shards;
  SharedUpdate result;
};

} // namespace

SharedUpdate predictSharedUpdate(const plan::Plan &plan, const PlanTime &times,
                                 const plan::Program &update,
                                 const UpdateShards &shards) {
  return Predictor(plan, times, update, shards).predict();
}

} // namespace pgrt
