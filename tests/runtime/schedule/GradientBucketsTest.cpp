#include "runtime/schedule/GradientBuckets.h"

#include <gtest/gtest.h>
#include <map>

namespace pgrt {

namespace {
/// Parameters of these sizes in bytes. One command of `train` for each of
/// `writes`, which adds to the gradient of that parameter; none updates.
struct Setting {
  plan::Plan plan;
  plan::Program train;

  Setting(const std::vector<int64_t> &sizes, const std::vector<int> &writes) {
    plan.add_arenas()->set_name("gradients");
    int64_t offset = 0;
    for (int64_t bytes : sizes) {
      plan::Parameter *parameter = plan.add_parameters();
      parameter->set_type(plan::F32);
      parameter->add_shape(bytes / 4);
      parameter->mutable_gradient()->set_offset(offset);
      plan::Kernel *kernel = plan.add_kernels();
      kernel->add_buffer_bytes(bytes);
      kernel->set_results(1);
      offset += (bytes + 63) / 64 * 64;
    }
    plan.mutable_arenas(0)->set_bytes(offset);
    for (int i : writes) {
      plan::Launch *launch = train.add_commands()->mutable_launch();
      launch->set_kernel(uint32_t(i));
      *launch->add_buffers() = plan.parameters(i).gradient();
    }
  }

  std::vector<GradientBucket> cut(int ranks, int64_t smallest) const {
    UpdateShards shards(plan, ranks);
    std::vector<GradientBucket> buckets =
        gradientBuckets(plan, train, shards, smallest);
    expectWhole(buckets, shards);
    return buckets;
  }

private:
  /// Each byte of each gradient is in one piece, of its owner.
  static void expectWhole(const std::vector<GradientBucket> &buckets,
                          const UpdateShards &shards) {
    std::map<int64_t, GradientPiece> pieces;
    for (const GradientBucket &bucket : buckets)
      for (const GradientPiece &piece : bucket.pieces) {
        EXPECT_TRUE(pieces.emplace(piece.extent.begin, piece).second);
        EXPECT_GE(piece.adder, 0);
        EXPECT_LT(piece.adder, shards.ranks());
      }
    auto piece = pieces.begin();
    for (const UpdateShards::Gradient &gradient : shards.gradients()) {
      int64_t at = gradient.piece.extent.begin;
      while (at < gradient.piece.extent.end()) {
        ASSERT_NE(piece, pieces.end());
        EXPECT_EQ(piece->first, at);
        EXPECT_EQ(piece->second.owner, gradient.piece.owner);
        at = piece->second.extent.end();
        ++piece;
      }
      EXPECT_EQ(at, gradient.piece.extent.end());
    }
    EXPECT_EQ(piece, pieces.end());
  }
};

std::vector<int64_t> bytesOf(const std::vector<GradientBucket> &buckets) {
  std::vector<int64_t> bytes;
  for (const GradientBucket &bucket : buckets)
    bytes.push_back(bucket.bytes());
  return bytes;
}
} // namespace

// 0 is written first and last, 3 never.
TEST(GradientBuckets, GrowFromTheEndOfTheProgram) {
  Setting setting({100, 400, 300, 40}, {0, 2, 1, 1, 0});
  auto buckets = setting.cut(2, 1);
  EXPECT_EQ(bytesOf(buckets), (std::vector<int64_t>{340, 400, 100}));
  EXPECT_EQ(buckets[0].after, 1);
  EXPECT_EQ(buckets[1].after, 3);
  EXPECT_EQ(buckets[2].after, 4);
  // The last has to have 101 bytes: it takes one more.
  EXPECT_EQ(bytesOf(setting.cut(2, 101)), (std::vector<int64_t>{340, 500}));
  EXPECT_EQ(bytesOf(setting.cut(2, INT64_MAX)), (std::vector<int64_t>{840}));
}

TEST(GradientBuckets, WhatIsDoneAtOnceIsNotCut) {
  Setting setting({64, 64, 64}, {0});
  plan::Kernel *both = setting.plan.add_kernels();
  both->add_buffer_bytes(64);
  both->add_buffer_bytes(64);
  both->set_results(2);
  plan::Launch *launch = setting.train.add_commands()->mutable_launch();
  launch->set_kernel(3);
  for (int i : {1, 2})
    *launch->add_buffers() = setting.plan.parameters(i).gradient();
  EXPECT_EQ(bytesOf(setting.cut(2, 1)), (std::vector<int64_t>{64, 128}));
}

// The sums of one large gradient are everybody's, what is small is its owner's.
TEST(GradientBuckets, SpreadWhatIsAdded) {
  constexpr int64_t large = 1 << 20;
  Setting setting({large, 4096}, {0, 1});
  std::vector<int64_t> added(4);
  auto buckets = setting.cut(4, 8192);
  ASSERT_EQ(buckets.size(), 1u);
  for (const GradientPiece &piece : buckets[0].pieces) {
    added[size_t(piece.adder)] += piece.extent.bytes;
    if (piece.extent.bytes == 4096)
      EXPECT_EQ(piece.adder, piece.owner);
    EXPECT_EQ(piece.extent.begin % 64, 0);
  }
  for (int64_t bytes : added)
    EXPECT_NEAR(double(bytes), double(large) / 4, 8192);
  // As much as all together may have stays with its owner.
  buckets = setting.cut(4, 4 * large);
  for (const GradientPiece &piece : buckets[0].pieces)
    EXPECT_EQ(piece.adder, piece.owner);
}

} // namespace pgrt
