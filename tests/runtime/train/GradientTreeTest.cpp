#include "runtime/train/GradientTree.h"
#include "runtime/plan/PlanCheck.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace pgrt {

static std::string sumOf(int64_t parts) {
  std::vector<std::string> instances(size_t(gradientInstances(parts)));
  GradientTree tree(gradientInstances(parts));
  auto combine = [&](int to, int from) {
    instances[size_t(to)] =
        "(" + instances[size_t(to)] + "+" + instances[size_t(from)] + ")";
  };
  for (int64_t part = 0; part < parts; ++part) {
    int instance = tree.allocate();
    instances[size_t(instance)] = std::to_string(part);
    tree.add(instance, combine);
  }
  return instances[size_t(tree.finish(combine))];
}

TEST(GradientTree, IsBalanced) {
  EXPECT_EQ(sumOf(1), "0");
  EXPECT_EQ(sumOf(2), "(0+1)");
  EXPECT_EQ(sumOf(3), "((0+1)+2)");
  EXPECT_EQ(sumOf(8), "(((0+1)+(2+3))+((4+5)+(6+7)))");
  EXPECT_EQ(sumOf(6), "(((0+1)+(2+3))+(4+5))");
}

TEST(GradientTree, InstancesSuffice) {
  for (int64_t parts = 1; parts <= 70; ++parts)
    EXPECT_FALSE(sumOf(parts).empty());
}

} // namespace pgrt
