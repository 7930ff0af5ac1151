// Pieces side by side, worked out by hand.
#include "runtime/predict/Overlap.h"

#include <gtest/gtest.h>

using namespace pgrt;

namespace {

class OverlapTest : public testing::Test {
protected:
  OverlapTest() {
    machine.gap = 1;
    machine.ramp = 1;
    machine.memory = 100;
    machine.lanes = 2;
  }

  /// Gap and ramp, then `work` seconds that take `share` of the GPU.
  void add(int lane, double work, double share, std::vector<int> waits = {}) {
    Piece &piece = pieces.emplace_back();
    piece.lane = lane;
    piece.waits = std::move(waits);
    piece.time.seconds = 2 + work;
    piece.time.share = share;
  }

  Overlap run() const { return overlapPieces(pieces, machine); }

  Machine machine;
  std::vector<Piece> pieces;
};

TEST_F(OverlapTest, NothingTakesNothing) {
  EXPECT_DOUBLE_EQ(run().seconds, 0);
  EXPECT_EQ(run().lanes, 0);
}

TEST_F(OverlapTest, OneLaneIsOneAfterTheOther) {
  add(0, 10, 0.1);
  add(0, 20, 0.1);
  EXPECT_DOUBLE_EQ(run().seconds, 34);
  EXPECT_DOUBLE_EQ(run().critical, 34);
  EXPECT_EQ(run().lanes, 1);
}

TEST_F(OverlapTest, SmallPiecesRunSideBySide) {
  add(0, 10, 0.5);
  add(1, 20, 0.5);
  EXPECT_DOUBLE_EQ(run().seconds, 22);
  EXPECT_EQ(run().lanes, 2);
}

TEST_F(OverlapTest, FullPiecesShareTheGpu) {
  add(0, 10, 1);
  add(1, 20, 1);
  // Both at half speed until second 22, then 10 seconds of one are left.
  EXPECT_DOUBLE_EQ(run().seconds, 32);
  EXPECT_DOUBLE_EQ(run().critical, 22);
}

TEST_F(OverlapTest, GapsHideBehindOthersWork) {
  add(0, 10, 1);
  add(0, 10, 1);
  add(1, 10, 1);
  // 2 s of gaps; half speed to 22 s, where the first two of both lanes are
  // done; the last waits 2 s more and runs alone.
  EXPECT_DOUBLE_EQ(run().seconds, 34);
}

TEST_F(OverlapTest, PiecesWaitForOtherLanes) {
  add(0, 10, 0.1);
  add(1, 5, 0.1, {0});
  add(0, 1, 0.1);
  EXPECT_DOUBLE_EQ(run().seconds, 12 + 7);
  EXPECT_DOUBLE_EQ(run().critical, 19);
}

TEST_F(OverlapTest, ProgramsAreLaidOutByTheMemoryTheyTouch) {
  plan::Plan plan;
  plan.add_arenas()->set_name("activations");
  plan::Kernel *kernel = plan.add_kernels();
  kernel->add_buffer_bytes(64);
  kernel->add_buffer_bytes(64);
  kernel->set_results(1);
  plan::Program program;
  auto launch = [&](int64_t from, int64_t to) {
    plan::Launch *one = program.add_commands()->mutable_launch();
    one->add_buffers()->set_offset(from);
    one->add_buffers()->set_offset(to);
  };
  launch(0, 64);
  launch(128, 192); // apart from the first
  launch(64, 256);  // reads what the first wrote
  plan::Copy *copy = program.add_commands()->mutable_copy();
  copy->mutable_from()->set_offset(192); // what the second wrote
  copy->mutable_to()->set_offset(320);
  copy->set_bytes(50);
  plan::Fill *fill = program.add_commands()->mutable_fill();
  fill->mutable_to()->set_offset(256); // over what the third wrote
  fill->set_bytes(64);
  KernelTime time;
  time.seconds = 7;
  std::vector<Piece> pieces = layOut(plan, program, {time}, machine);
  ASSERT_EQ(pieces.size(), 5u);
  EXPECT_NE(pieces[0].lane, pieces[1].lane);
  EXPECT_EQ(pieces[2].lane, pieces[0].lane);
  EXPECT_EQ(pieces[3].lane, pieces[1].lane);
  EXPECT_DOUBLE_EQ(pieces[3].time.seconds, 2 + 1);
  EXPECT_EQ(pieces[4].lane, pieces[2].lane);
  EXPECT_DOUBLE_EQ(pieces[2].time.seconds, 7);

  // A signal comes after all that touches its memory, so far.
  GradientBucket bucket;
  bucket.after = 2;
  bucket.pieces.push_back({{0, 64, 64}, plan::F32, 0, 0});
  pieces = layOut(plan, program, {time}, machine, {&bucket, 1});
  ASSERT_EQ(pieces.size(), 6u);
  EXPECT_EQ(pieces[3].signal, 0);
  EXPECT_EQ(pieces[3].lane, pieces[2].lane);
  EXPECT_EQ(pieces[4].signal, -1);
}

// A side stream: half a second of each is the other's.
TEST_F(OverlapTest, MoreLanesThanTheProgramHas) {
  add(0, 10, 1);
  add(0, 10, 1);
  add(2, 3, 0.1, {0});
  // At 11/10 of the GPU both slow down by that, for as long as the third works.
  EXPECT_DOUBLE_EQ(run().seconds, 24 + 3.3 * 0.1 / 1.1);
}

} // namespace
