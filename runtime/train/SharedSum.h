// Gradients or Hessians of several sequences or batches, added in one arena,
// each rank computing its share.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/executor/Executor.h"

#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace pgrt {

/// What is added falls into groups, one after the other: 1, 2, 4 or 8, the most
/// that leave none empty. Within a group it is added in order, groups by a
/// balanced binary tree. So bits depend on how much is added alone, whatever
/// the number of ranks: as many as the largest power of two among them compute
/// a block of the groups each, a subtree. A single group all ranks compute.
class SharedSum {
public:
  /// Of the plan's gradients, in instance 0 of their arena; there must be some.
  static std::unique_ptr<SharedSum> ofGradients(Executor &executor,
                                                Collective &ranks);
  /// Of its Hessians.
  static std::unique_ptr<SharedSum> ofHessians(Executor &executor,
                                               Collective &ranks);
  SharedSum(const SharedSum &) = delete;
  SharedSum &operator=(const SharedSum &) = delete;
  ~SharedSum();

  /// This rank's part of the sum of so many, at least one: `add` adds the one
  /// of that number to what is in the arena.
  void compute(int64_t count, const std::function<void(int64_t)> &add);
  /// All ranks get the sum that they computed last.
  void share();

private:
  /// Numbers of one type that one rank adds.
  struct Piece {
    Extent extent;
    plan::Type type;
    int adder;
  };
  struct Place {
    plan::Slot slot;
    plan::Type type;
  };
  SharedSum(Executor &executor, Collective &ranks, std::vector<Place> places);
  void divide(std::vector<Place> places);
  void computeGroups(int64_t begin, int64_t end, int64_t groups, int64_t count,
                     const std::function<void(int64_t)> &add);
  void keep(size_t level);
  void addKept(size_t level);

  Executor &executor;
  Collective &ranks;
  const int arena;
  int workers = 1; // ranks that computed the last sum; 1: each did all of it
  std::vector<Piece> pieces;  // of all, in the order of their places
  std::vector<void *> kept;   // sums of 1, 2, 4 groups that wait for as many
  std::vector<void *> others; // what other ranks sent of this one's pieces
  const int thrownBefore = std::uncaught_exceptions();
};

} // namespace pgrt
