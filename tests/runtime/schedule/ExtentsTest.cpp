#include "runtime/schedule/Extents.h"
#include "runtime/plan/PlanCheck.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt {

static void addFill(plan::Program &program, uint32_t arena, int64_t offset,
                    int64_t bytes) {
  plan::Fill *fill = program.add_commands()->mutable_fill();
  fill->mutable_to()->set_arena(arena);
  fill->mutable_to()->set_offset(offset);
  fill->set_bytes(bytes);
}

TEST(Extents, OverlapsCountOnce) {
  plan::Plan plan;
  plan::Program program;
  addFill(program, 0, 0, 64);
  addFill(program, 0, 128, 64);
  addFill(program, 2, 4096, 8);
  Extents extents;
  extents.add(plan, program);
  EXPECT_EQ(extents.bytes(0), 128);
  EXPECT_EQ(extents.bytes(1), 0);
  EXPECT_EQ(extents.bytes(2), 8);
  plan::Program more;
  addFill(more, 0, 32, 100); // joins both
  addFill(more, 0, 40, 8);   // lies within
  addFill(more, 0, 192, 8);  // touches the end
  extents.add(plan, more);
  EXPECT_EQ(extents.bytes(0), 200);
  EXPECT_EQ(arenasTouched(plan, program), (std::set<int>{0, 2}));
}

TEST(Extents, LaunchesAndPorts) {
  plan::Plan plan = toy::makePlan();
  const plan::Program &train = *findProgram(plan, "train");
  Extents extents;
  extents.add(plan, train);
  for (int arena : arenasTouched(plan, train)) {
    EXPECT_GT(extents.bytes(arena), 0);
    EXPECT_LE(extents.bytes(arena), plan.arenas(arena).bytes());
  }
  for (const plan::Port &port : train.inputs())
    EXPECT_GE(extents.bytes(int(port.slot().arena())), port.bytes());
}

} // namespace pgrt
