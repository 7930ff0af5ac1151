// The gradient of one update of test-time training, each rank computing its
// share.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/executor/Executor.h"

#include <exception>
#include <functional>
#include <vector>

namespace pgrt {

/// An update's sequences fall into groups, one after the other: 1, 2, 4 or 8,
/// the most that leave none empty. The gradients of a group are added in order,
/// those of the groups by a balanced binary tree. So bits depend on the number
/// of sequences alone, whatever the number of ranks: as many as the largest
/// power of two among them compute a block of the groups each, a subtree.
class UpdateGradient {
public:
  /// The plan must have gradients.
  UpdateGradient(Executor &executor, Collective &ranks);
  UpdateGradient(const UpdateGradient &) = delete;
  UpdateGradient &operator=(const UpdateGradient &) = delete;
  ~UpdateGradient();

  /// Leaves the sum over so many sequences, at least one, in instance 0 of the
  /// arena of gradients, on all ranks. `add` adds the gradient of one, by its
  /// number, to that arena.
  void compute(int64_t sequences, const std::function<void(int64_t)> &add);

private:
  /// Numbers of one type that one rank adds.
  struct Piece {
    Extent extent;
    plan::Type type;
    int adder;
  };
  void divide();
  void computeGroups(int64_t begin, int64_t end, int64_t groups,
                     int64_t sequences,
                     const std::function<void(int64_t)> &add);
  void keep(size_t level);
  void addKept(size_t level);
  void addOverRanks(int workers);

  Executor &executor;
  Collective &ranks;
  const int arena;
  std::vector<Piece> pieces;  // of all gradients, in the order of their places
  std::vector<void *> kept;   // sums of 1, 2, 4 groups that wait for as many
  std::vector<void *> others; // what other ranks sent of this one's pieces
  const int thrownBefore = std::uncaught_exceptions();
};

} // namespace pgrt
