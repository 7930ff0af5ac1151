// The fixed balanced binary tree by which the gradients of a step's parts are
// added.
#pragma once

#include <cstdint>
#include <vector>

namespace pgrt {

/// A binary counter over gradient instances: after part p its gradient is a
/// tree of one leaf; two trees of the same size are added, the later to the
/// earlier. So parts are summed as ((0+1)+(2+3))+((4+5)+(6+7)), whatever runs
/// where, and only floor(log2 parts) + 1 instances are alive.
class GradientTree {
public:
  /// `combine(to, from)` adds instance `from` to instance `to`.
  explicit GradientTree(int64_t instances);

  /// An instance for the next part.
  int allocate();

  /// The part in that instance is complete: combines what can be.
  template <typename Combine> void add(int instance, Combine &&combine) {
    trees.push_back({0, instance});
    while (trees.size() > 1 &&
           trees[trees.size() - 2].level == trees.back().level)
      mergeLast(combine);
  }

  /// All parts are there: combines what is left, from the smallest tree on.
  /// Returns the instance of the sum and starts over.
  template <typename Combine> int finish(Combine &&combine) {
    while (trees.size() > 1)
      mergeLast(combine);
    int root = trees.front().instance;
    reset();
    return root;
  }

  /// Forgets all parts.
  void reset();

private:
  struct Tree {
    int level;
    int instance;
  };

  template <typename Combine> void mergeLast(Combine &&combine) {
    Tree later = trees.back();
    trees.pop_back();
    combine(trees.back().instance, later.instance);
    ++trees.back().level;
    unused.push_back(later.instance);
  }

  int64_t instances;
  std::vector<Tree> trees;
  std::vector<int> unused;
};

} // namespace pgrt
