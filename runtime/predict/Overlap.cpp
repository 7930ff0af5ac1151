#include "runtime/predict/Overlap.h"
#include "runtime/schedule/Dependencies.h"
#include "runtime/schedule/Lanes.h"

#include <algorithm>
#include <limits>

namespace pgrt {

namespace {

/// Walks from event to event: a piece starts, begins its work, or ends.
class Simulation {
public:
  Simulation(const std::vector<Piece> &pieces, const Machine &machine)
      : pieces(pieces), fixed(machine.gap + machine.ramp),
        done(pieces.size(), false) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      auto lane = size_t(pieces[i].lane);
      queues.resize(std::max(queues.size(), lane + 1));
      queues[lane].push_back(int(i));
    }
    running.resize(queues.size());
    next.resize(queues.size());
  }

  double run() {
    double now = 0;
    while (startAll()) {
      double speed = 1 / std::max(1.0, shares());
      double step = std::numeric_limits<double>::infinity();
      for (const Running &piece : running)
        if (piece.index >= 0)
          step = std::min(step, piece.waiting > 0 ? piece.waiting
                                                  : piece.work / speed);
      for (Running &piece : running)
        advance(piece, step, speed);
      now += step;
    }
    return now;
  }

private:
  struct Running {
    int index = -1;     // −1: none
    double waiting = 0; // what is left of gap and ramp
    double work = 0;    // what is left of the rest, at full speed
  };

  /// Starts what can start. False if nothing runs.
  bool startAll() {
    bool any = false;
    for (size_t lane = 0; lane < queues.size(); ++lane) {
      Running &slot = running[lane];
      if (slot.index < 0 && next[lane] < queues[lane].size()) {
        int index = queues[lane][next[lane]];
        const Piece &piece = pieces[size_t(index)];
        if (std::all_of(piece.waits.begin(), piece.waits.end(),
                        [&](int other) { return done[size_t(other)]; })) {
          slot = {index, fixed, piece.time.seconds - fixed};
          ++next[lane];
        }
      }
      any |= slot.index >= 0;
    }
    return any;
  }

  double shares() const {
    double sum = 0;
    for (const Running &piece : running)
      if (piece.index >= 0 && piece.waiting <= 0)
        sum += pieces[size_t(piece.index)].time.share;
    return sum;
  }

  void advance(Running &piece, double step, double speed) {
    if (piece.index < 0)
      return;
    if (piece.waiting > 0) {
      piece.waiting -= step;
      // What is left of a difference of equal numbers is nothing.
      if (piece.waiting < fixed * 1e-9)
        piece.waiting = 0;
    } else {
      piece.work -= step * speed;
    }
    if (piece.waiting <= 0 && piece.work < fixed * 1e-9) {
      done[size_t(piece.index)] = true;
      piece.index = -1;
    }
  }

  const std::vector<Piece> &pieces;
  const double fixed;
  std::vector<bool> done;
  std::vector<std::vector<int>> queues; // of each lane
  std::vector<Running> running;
  std::vector<size_t> next;
};

} // namespace

Overlap overlapPieces(const std::vector<Piece> &pieces,
                      const Machine &machine) {
  Overlap overlap;
  std::vector<double> end(pieces.size());
  std::vector<int> tails; // of lanes
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece &piece = pieces[i];
    tails.resize(std::max(tails.size(), size_t(piece.lane) + 1), -1);
    double begin = 0;
    for (int other : piece.waits)
      begin = std::max(begin, end[size_t(other)]);
    int &tail = tails[size_t(piece.lane)];
    if (tail >= 0)
      begin = std::max(begin, end[size_t(tail)]);
    tail = int(i);
    end[i] = begin + piece.time.seconds;
    overlap.critical = std::max(overlap.critical, end[i]);
  }
  overlap.lanes = int(tails.size());
  overlap.seconds = Simulation(pieces, machine).run();
  return overlap;
}

namespace {

/// Puts pieces in lanes.
class Layout {
public:
  explicit Layout(const Machine &machine)
      : machine(machine), lanes(machine.lanes) {}

  void add(const Accesses &accesses, const KernelTime &time, int signal = -1) {
    Lanes::Place place = lanes.add(
        dependencies.add(rangesOf(accesses.reads), rangesOf(accesses.writes)));
    pieces.push_back({place.lane, std::move(place.waits), time, signal});
  }

  void addSignal(const GradientBucket &bucket, int number) {
    Accesses accesses;
    for (const GradientPiece &piece : bucket.pieces)
      accesses.writes.push_back(piece.extent);
    KernelTime time;
    time.seconds = machine.gap + machine.ramp;
    add(accesses, time, number);
  }

  std::vector<Piece> pieces;

private:
  // Each arena, aliases too, has addresses of its own.
  static std::vector<MemoryRange> rangesOf(const std::vector<Extent> &extents) {
    std::vector<MemoryRange> ranges;
    for (const Extent &extent : extents) {
      uint64_t begin = (uint64_t(extent.arena) << 44) + uint64_t(extent.begin);
      ranges.push_back({begin, begin + uint64_t(extent.bytes)});
    }
    return ranges;
  }

  const Machine &machine;
  Dependencies dependencies;
  Lanes lanes;
};

} // namespace

std::vector<Piece> layOut(const plan::Plan &plan, const plan::Program &program,
                          const std::vector<KernelTime> &times,
                          const Machine &machine,
                          std::span<const GradientBucket> buckets) {
  Layout layout(machine);
  for (int i = 0; i < program.commands_size(); ++i) {
    const plan::Command &command = program.commands(i);
    const Accesses accesses = accessesOf(plan, command);
    if (command.has_launch())
      layout.add(accesses, times[command.launch().kernel()]);
    else if (command.has_copy())
      layout.add(accesses,
                 predictTransfer(2 * double(command.copy().bytes()), machine));
    else if (command.has_fill())
      layout.add(accesses,
                 predictTransfer(double(command.fill().bytes()), machine));
    // What the host computes is no part of a graph.
    for (size_t bucket = 0; bucket < buckets.size(); ++bucket)
      if (buckets[bucket].after == i)
        layout.addSignal(buckets[bucket], int(bucket));
  }
  return std::move(layout.pieces);
}

} // namespace pgrt
