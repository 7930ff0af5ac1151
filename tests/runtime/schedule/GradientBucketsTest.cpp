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

  std::vector<GradientBucket> cut(int ranks, const BucketTimes &times) const {
    UpdateShards shards(plan, ranks);
    std::vector<GradientBucket> buckets =
        gradientBuckets(plan, train, shards, times);
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

BucketTimes secondsOfCommands() {
  BucketTimes times;
  times.start = times.flop = times.memoryByte = 0;
  times.byte = 0.005;
  times.launch = 1;
  return times;
}

std::vector<int64_t> bytesOf(const std::vector<GradientBucket> &buckets) {
  std::vector<int64_t> bytes;
  for (const GradientBucket &bucket : buckets)
    bytes.push_back(bucket.bytes());
  return bytes;
}
} // namespace

// Commands of a second; a byte's two transfers take a hundredth. 3 is never
// written, 2 is there after 2 seconds, 1 after 4, 0, which is written first and
// last, after 5. In one bucket all ends at 5 + 8.4, in two at 10.4, in three at
// 10, and no earlier in four.
TEST(GradientBuckets, AreCutSoThatTheLastExchangeEndsEarly) {
  Setting setting({100, 400, 300, 40}, {0, 2, 1, 1, 0});
  BucketTimes times = secondsOfCommands();
  times.bucket = 0.1;
  auto buckets = setting.cut(2, times);
  EXPECT_EQ(bytesOf(buckets), (std::vector<int64_t>{40, 300, 500}));
  EXPECT_EQ(buckets[0].after, 0);
  EXPECT_EQ(buckets[1].after, 1);
  EXPECT_EQ(buckets[2].after, 4);
  times.bucket = 1;
  EXPECT_EQ(bytesOf(setting.cut(2, times)), (std::vector<int64_t>{340, 500}));
  times.bucket = 5;
  EXPECT_EQ(bytesOf(setting.cut(2, times)), (std::vector<int64_t>{840}));
  times.bucket = 0.1;
  times.inOne = true;
  EXPECT_EQ(bytesOf(setting.cut(2, times)), (std::vector<int64_t>{840}));
}

// What kernels compute and move is time too: here most of it.
TEST(GradientBuckets, LongKernelsHideMore) {
  Setting setting({400, 400}, {0, 1});
  BucketTimes times = secondsOfCommands();
  times.bucket = 1.5;
  EXPECT_EQ(bytesOf(setting.cut(2, times)), (std::vector<int64_t>{800}));
  times.flop = 1;
  setting.plan.mutable_kernels(1)->set_flops(3);
  EXPECT_EQ(bytesOf(setting.cut(2, times)), (std::vector<int64_t>{400, 400}));
}

TEST(GradientBuckets, WithoutGradientsThereAreNone) {
  EXPECT_TRUE(Setting({}, {}).cut(2, {}).empty());
}

TEST(GradientBuckets, SumsGoToTheirOwnerOrToAll) {
  GradientPiece piece = {{0, 0, 4}, plan::F32, /*owner=*/1, /*adder=*/2};
  auto ranks = [&] {
    std::vector<int> found;
    for (int rank = 0; rank < 4; ++rank)
      if (piece.sumGoesTo(rank))
        found.push_back(rank);
    return found;
  };
  EXPECT_EQ(ranks(), std::vector<int>{1});
  piece.forAll = true;
  EXPECT_EQ(ranks(), (std::vector<int>{0, 1, 3}));
  piece = {{0, 0, 4}, plan::F32, /*owner=*/2, /*adder=*/2};
  EXPECT_TRUE(ranks().empty());
}

// The sums of one large gradient are everybody's, what is small is its owner's.
TEST(GradientBuckets, SpreadWhatIsAdded) {
  constexpr int64_t large = 1 << 20;
  Setting setting({large, 4096}, {0, 1});
  std::vector<int64_t> added(4);
  BucketTimes times;
  times.bucket = 1;
  times.start = 8192 * times.byte;
  auto buckets = setting.cut(4, times);
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
  times.start = 4 * large * times.byte;
  buckets = setting.cut(4, times);
  for (const GradientPiece &piece : buckets[0].pieces)
    EXPECT_EQ(piece.adder, piece.owner);
}

} // namespace pgrt
