#include "runtime/predict/SharedUpdate.h"
#include "runtime/schedule/SumTable.h"
#include "runtime/schedule/UpdateShards.h"

#include <algorithm>

namespace pgrt {

namespace {

/// What each rank sends and receives in one exchange.
class Exchange {
public:
  explicit Exchange(int ranks)
      : sent(size_t(ranks), 0.0), received(size_t(ranks), 0.0) {}

  void send(int from, int to, double bytes) {
    sent[size_t(from)] += bytes;
    received[size_t(to)] += bytes;
  }

  /// Of the rank that sends most.
  double mostSent() const {
    return *std::max_element(sent.begin(), sent.end());
  }

  /// Both ways at once, as fast as the rank with most to do in one of them.
  double seconds(const Machine &machine) const {
    double most = std::max(mostSent(),
                           *std::max_element(received.begin(), received.end()));
    return most > 0 ? machine.collectiveLatency + most / machine.sendReceive
                    : 0;
  }

private:
  std::vector<double> sent, received;
};

class Predictor {
public:
  Predictor(const plan::Plan &plan, const PlanTime &times,
            const plan::Program &update)
      : plan(plan), times(times), machine(*times.machine), update(update),
        ranks(times.ranks), shards(plan, times.ranks) {}

  SharedUpdate predict() {
    addToOwners();
    addSums();
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

  void addToOwners() {
    Exchange exchange(ranks);
    std::vector<double> owned(static_cast<size_t>(ranks));
    for (const UpdateShards::Gradient &gradient : shards.gradients()) {
      const auto &[owner, extent] = gradient.piece;
      owned[size_t(owner)] += double(extent.bytes);
      for (int rank = 0; rank < ranks; ++rank)
        if (rank != owner)
          exchange.send(rank, owner, double(extent.bytes));
    }
    mostOwned = *std::max_element(owned.begin(), owned.end());
    result.receivedBytes = mostOwned * (ranks - 1);
    StepPart part = exchangePart("gradients to their owners");
    addExchange(part, exchange);
    result.parts.push_back(part);
  }

  // What all ranks sent is read, and the sum is written.
  void addSums() {
    StepPart part;
    part.name = "sums of gradients";
    std::vector<int64_t> pieces(static_cast<size_t>(ranks));
    for (const UpdateShards::Gradient &gradient : shards.gradients())
      ++pieces[size_t(gradient.piece.owner)];
    const int64_t most = *std::max_element(pieces.begin(), pieces.end()),
                  ofLaunch = std::max<int64_t>(sumsOfLaunch(ranks), 1);
    Share share;
    for (int64_t done = 0; done < most; done += ofLaunch) {
      double bytes =
          mostOwned * double(std::min(ofLaunch, most - done)) / double(most);
      share.add(predictTransfer((ranks + 1) * bytes, machine),
                (ranks - 1) * bytes / 4, (ranks + 1) * bytes);
    }
    part.launches = share.launches;
    part.flops = share.flops;
    part.bytes = share.bytes;
    part.seconds = share.seconds;
    part.bound = boundName(share.bound());
    result.parts.push_back(part);
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
  const UpdateShards shards;
  double mostOwned = 0; // bytes of gradients
  SharedUpdate result;
};

} // namespace

SharedUpdate predictSharedUpdate(const plan::Plan &plan, const PlanTime &times,
                                 const plan::Program &update) {
  return Predictor(plan, times, update).predict();
}

} // namespace pgrt
