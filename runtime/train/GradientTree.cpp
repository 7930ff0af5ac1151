#include "runtime/train/GradientTree.h"

namespace pgrt {

GradientTree::GradientTree(int64_t instances) : instances(instances) {
  reset();
}

void GradientTree::reset() {
  trees.clear();
  unused.clear();
  for (int i = int(instances) - 1; i >= 0; --i)
    unused.push_back(i);
}

int GradientTree::allocate() {
  int instance = unused.back();
  unused.pop_back();
  return instance;
}

} // namespace pgrt
