#include "runtime/schedule/UpdateShards.h"
#include "runtime/plan/PlanCheck.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>

namespace pgrt {

TEST(ExtentMap, AgreesWithAnArray) {
  constexpr int64_t size = 60;
  std::mt19937 random(3);
  auto draw = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
  for (int trial = 0; trial < 50; ++trial) {
    ExtentMap map;
    std::vector<int> array(size, ExtentMap::everywhere);
    for (int i = 0; i < 30; ++i) {
      int64_t begin = draw(size), bytes = draw(size - begin + 1);
      int value = int(draw(4)) - 1;
      map.set({2, begin, bytes}, value);
      std::fill_n(array.begin() + begin, bytes, value);
      std::vector<int> read(size, ExtentMap::everywhere);
      Extent seen = {2, draw(size), 0};
      seen.bytes = draw(size - seen.begin + 1);
      int64_t end = seen.begin;
      int before = ExtentMap::everywhere;
      map.visit(seen, [&](const Extent &piece, int found) {
        EXPECT_GT(piece.bytes, 0);
        // In order, and neighbours are joined.
        EXPECT_GE(piece.begin, end);
        EXPECT_FALSE(piece.begin == end && found == before);
        end = piece.end();
        before = found;
        std::fill_n(read.begin() + piece.begin, piece.bytes, found);
      });
      for (int64_t at = 0; at < size; ++at)
        EXPECT_EQ(read[size_t(at)], at >= seen.begin && at < seen.end()
                                        ? array[size_t(at)]
                                        : ExtentMap::everywhere);
    }
    map.visit({1, 0, size}, [](const Extent &, int) { FAIL(); });
  }
}

namespace {
/// The toy's update: one command for each of its two parameters, which take the
/// count in "states" as well. With `clips`, commands before that sum both
/// gradients into one temporary that both commands read.
plan::Plan makePlan(bool clips) {
  plan::Plan plan = toy::makePlan();
  if (!clips)
    return plan;
  plan::Program *update = nullptr;
  for (plan::Program &program : *plan.mutable_programs())
    if (program.role() == "update")
      update = &program;
  int activations = 0;
  while (plan.arenas(activations).name() != "activations")
    ++activations;
  auto kernel = [&](std::vector<int64_t> bytes) {
    plan::Kernel *kernel = plan.add_kernels();
    kernel->set_symbol("kernel" + std::to_string(plan.kernels_size()));
    for (int64_t size : bytes)
      kernel->add_buffer_bytes(size);
    kernel->set_results(1);
    return uint32_t(plan.kernels_size() - 1);
  };
  auto place = [&](plan::Command &command, int arena, int64_t offset) {
    plan::Slot *slot = command.mutable_launch()->add_buffers();
    slot->set_arena(uint32_t(arena));
    slot->set_offset(offset);
  };
  std::vector<plan::Command> commands(3);
  for (int i = 0; i < 2; ++i) { // partial sums: temporaries 0 and 64
    const plan::Slot &gradient = plan.parameters(i).gradient();
    commands[size_t(i)].mutable_launch()->set_kernel(kernel({4, 4}));
    place(commands[size_t(i)], int(gradient.arena()), gradient.offset());
    place(commands[size_t(i)], activations, 64 * i);
  }
  commands[2].mutable_launch()->set_kernel(kernel({4, 4, 4}));
  for (int64_t offset : {0, 64, 128})
    place(commands[2], activations, offset);
  for (plan::Command command : update->commands()) {
    uint32_t index = command.launch().kernel();
    plan::Kernel reading = plan.kernels(int(index));
    reading.set_symbol("reading");
    reading.mutable_buffer_bytes()->Add(4);
    // The temporary becomes the first operand.
    for (int i = reading.buffer_bytes_size() - 1; i > 0; --i)
      reading.mutable_buffer_bytes()->SwapElements(i, i - 1);
    *plan.add_kernels() = reading;
    command.mutable_launch()->set_kernel(uint32_t(plan.kernels_size() - 1));
    place(command, activations, 128);
    for (int i = command.launch().buffers_size() - 1; i > 0; --i)
      command.mutable_launch()->mutable_buffers()->SwapElements(i, i - 1);
    commands.push_back(command);
  }
  update->clear_commands();
  for (const plan::Command &command : commands)
    *update->add_commands() = command;
  return plan;
}

const plan::Program &updateOf(const plan::Plan &plan) {
  return *findProgram(plan, "update");
}
} // namespace

// Both of the toy's commands go on from the count: the second, which needs what
// belongs to two, runs everywhere, once that is gathered. Its gradient all have
// from the start.
TEST(UpdateShards, WhatNeedsSeveralRunsEverywhere) {
  plan::Plan plan = makePlan(false);
  UpdateShards shards(plan, 2);
  std::vector<UpdateShards::Stage> stages = shards.stagesOf(updateOf(plan));
  ASSERT_EQ(stages.size(), 3u);
  const int first = shards.gradients()[0].piece.owner;
  EXPECT_FALSE(shards.gradients()[0].forAll);
  EXPECT_TRUE(shards.gradients()[1].forAll);
  EXPECT_EQ(stages[0].owners, std::vector<int>{first});
  EXPECT_EQ(stages[1].owners, std::vector<int>{ExtentMap::everywhere});
  std::vector<int> owners;
  for (const UpdateShards::Piece &piece : stages[1].gathered)
    owners.push_back(piece.owner);
  EXPECT_EQ(owners, std::vector<int>{first});
}

TEST(UpdateShards, CommandsHaveOwners) {
  for (bool clips : {false, true}) {
    plan::Plan plan = makePlan(clips);
    // Without the count, parameters are independent.
    for (plan::Kernel &kernel : *plan.mutable_kernels())
      if (kernel.symbol() == "toy_update" || kernel.symbol() == "reading")
        kernel.set_results(kernel.results() - 1);
    for (plan::Program &program : *plan.mutable_programs())
      if (program.role() == "update")
        for (plan::Command &command : *program.mutable_commands())
          if (command.launch().buffers_size() >= 4)
            command.mutable_launch()->mutable_buffers()->RemoveLast();
    UpdateShards shards(plan, 2);
    ASSERT_EQ(shards.gradients().size(), 2u);
    const int first = shards.gradients()[0].piece.owner,
              second = shards.gradients()[1].piece.owner;
    EXPECT_NE(first, second);
    EXPECT_FALSE(shards.gradients()[0].forAll || shards.gradients()[1].forAll);
    std::vector<UpdateShards::Stage> stages = shards.stagesOf(updateOf(plan));
    std::vector<int> owners, commands;
    for (const UpdateShards::Stage &stage : stages) {
      owners.insert(owners.end(), stage.owners.begin(), stage.owners.end());
      commands.insert(commands.end(), stage.commands.begin(),
                      stage.commands.end());
    }
    for (int i = 0; i < int(commands.size()); ++i)
      EXPECT_EQ(commands[size_t(i)], i);
    EXPECT_EQ(owners,
              clips ? (std::vector<int>{first, second, ExtentMap::everywhere,
                                        first, second})
                    : (std::vector<int>{first, second}));
    // The partial sums are gathered before the norm.
    ASSERT_EQ(stages.size(), clips ? 3u : 2u);
    if (clips) {
      ASSERT_EQ(stages[1].gathered.size(), 2u);
      EXPECT_EQ(stages[1].gathered[0].owner, first);
      EXPECT_EQ(stages[1].gathered[1].extent.begin, 64);
    }
    // At the end, both parameters; after training, both averages.
    EXPECT_TRUE(stages.back().commands.empty());
    std::set<int> gathered;
    for (const UpdateShards::Piece &piece : stages.back().gathered)
      gathered.insert(piece.owner);
    EXPECT_EQ(gathered, (std::set<int>{first, second}));
    EXPECT_EQ(shards.averages().size(), 2u);
  }
}

} // namespace pgrt
