#include "runtime/schedule/UpdateShards.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <numeric>

namespace pgrt {

static constexpr int everywhere = ExtentMap::everywhere;

// So many operations take as long as moving one byte, roughly, on machines
// with much arithmetic for their memory.
static constexpr double operationsPerByte = 10;

// Of a tensor of the parameter's shape.
static Extent extentOf(const plan::Parameter &parameter,
                       const plan::Slot &slot) {
  int64_t bytes = typeBytes(parameter.type());
  for (int64_t size : parameter.shape())
    bytes *= size;
  return {int(slot.arena()), slot.offset(), bytes};
}

static Extent gradientOf(const plan::Parameter &parameter) {
  return extentOf(parameter, parameter.gradient());
}

static double costOf(const plan::Plan &plan, const plan::Command &command) {
  if (!command.has_launch())
    return 0;
  const plan::Kernel &kernel = plan.kernels(int(command.launch().kernel()));
  return kernel.flops() + operationsPerByte * kernel.bytes();
}

UpdateShards::UpdateShards(const plan::Plan &plan, int size)
    : plan(plan), size(size), parent(size_t(plan.parameters_size())),
      owner(size_t(plan.parameters_size())) {
  for (const plan::Program &program : plan.programs())
    if (program.role() == "update")
      updates.push_back(&program);
  std::iota(parent.begin(), parent.end(), 0);
  findWhatIsRead();
  findGroups();
  chooseOwners();
  for (int i = 0; i < plan.parameters_size(); ++i)
    if (plan.parameters(i).has_gradient())
      reduced.push_back({{rankOf(groupOf(i)), gradientOf(plan.parameters(i))},
                         plan.parameters(i).type()});
  std::sort(reduced.begin(), reduced.end(),
            [](const Gradient &a, const Gradient &b) {
              return a.piece.extent.begin < b.piece.extent.begin;
            });
  findWhatAllNeed();
}

int UpdateShards::groupOf(int parameter) const {
  while (parent[size_t(parameter)] != parameter)
    parameter = parent[size_t(parameter)];
  return parameter;
}

void UpdateShards::merge(int a, int b) {
  parent[size_t(std::max(groupOf(a), groupOf(b)))] =
      std::min(groupOf(a), groupOf(b));
}

// Who has what when an update starts: the sums of gradients, and what earlier
// updates left.
ExtentMap UpdateShards::holdersAtStart() const {
  ExtentMap holders = kept;
  for (int i = 0; i < plan.parameters_size(); ++i)
    if (plan.parameters(i).has_gradient())
      holders.set(gradientOf(plan.parameters(i)), groupOf(i));
  return holders;
}

// The one group whose memory a command needs, or everywhere.
int UpdateShards::groupOfCommand(const Accesses &accesses,
                                 const ExtentMap &holders) const {
  int group = everywhere;
  bool several = false;
  for (const Extent &read : accesses.reads)
    holders.visit(read, [&](const Extent &, int holder) {
      holder = groupOf(holder);
      several |= group != everywhere && group != holder;
      group = holder;
    });
  return several ? everywhere : group;
}

// Parameters; with some models more.
void UpdateShards::findWhatIsRead() {
  for (const plan::Program &program : plan.programs())
    if (program.role() == "train" || program.role() == "measure" ||
        program.role() == "prepare")
      for (const plan::Command &command : program.commands())
        for (const Extent &extent : accessesOf(plan, command).reads)
          if (keepsContents(plan, extent.arena) &&
              extent.arena != gradientArena(plan))
            read.push_back(extent);
}

// Labels the commands of a program and notes what it leaves to groups. False
// if that is more than was known, or joined two groups.
bool UpdateShards::walk(const plan::Program &update) {
  bool settled = true;
  ExtentMap holders = holdersAtStart();
  std::vector<int> &groups = labels[&update];
  groups.clear();
  for (const plan::Command &command : update.commands()) {
    Accesses accesses = accessesOf(plan, command);
    int group = groupOfCommand(accesses, holders);
    groups.push_back(group);
    if (group == everywhere)
      for (const Extent &read : accesses.reads)
        holders.set(read, everywhere); // they are gathered
    for (const Extent &write : accesses.writes)
      holders.set(write, group);
  }
  const int gradients = gradientArena(plan);
  for (const Extent &extent : read)
    holders.set(extent, everywhere); // gathered at the end
  holders.visitAll([&](const Extent &extent, int group) {
    if (extent.arena == gradients || !keepsContents(plan, extent.arena))
      return;
    int64_t known = 0;
    kept.visit(extent, [&](const Extent &piece, int holder) {
      known += piece.bytes;
      if (groupOf(holder) != groupOf(group)) {
        merge(holder, group);
        settled = false;
      }
    });
    if (known != extent.bytes) {
      kept.set(extent, group);
      settled = false;
    }
  });
  return settled;
}

void UpdateShards::findGroups() {
  for (bool settled = false; !settled;) {
    settled = true;
    for (const plan::Program *update : updates)
      settled &= walk(*update);
  }
}

// What a first look at the updates would gather of gradients, all have from the
// start: sums can go to all while gradients are still computed.
void UpdateShards::findWhatAllNeed() {
  ExtentMap needed;
  for (const plan::Program *update : updates)
    for (const Stage &stage : stagesOf(*update))
      for (const Piece &piece : stage.gathered)
        if (piece.extent.arena == gradientArena(plan))
          needed.set(piece.extent, 0);
  for (Gradient &gradient : reduced)
    needed.visit(gradient.piece.extent,
                 [&](const Extent &, int) { gradient.forAll = true; });
}

// The most expensive group first, to the rank that has least.
void UpdateShards::chooseOwners() {
  std::vector<double> cost(parent.size());
  // In the order of the plan: costs must come out the same on all ranks.
  for (const plan::Program *update : updates)
    for (int i = 0; i < update->commands_size(); ++i)
      if (int group = labels[update][size_t(i)]; group != everywhere)
        cost[size_t(groupOf(group))] += costOf(plan, update->commands(i));
  std::vector<int> groups;
  for (int i = 0; i < int(parent.size()); ++i)
    if (groupOf(i) == i)
      groups.push_back(i);
  std::sort(groups.begin(), groups.end(), [&](int a, int b) {
    return std::pair(-cost[size_t(a)], a) < std::pair(-cost[size_t(b)], b);
  });
  std::vector<double> load(static_cast<size_t>(size));
  for (int group : groups) {
    auto least = std::min_element(load.begin(), load.end());
    owner[size_t(group)] = int(least - load.begin());
    *least += cost[size_t(group)] + 1;
  }
}

int UpdateShards::rankOf(int group) const {
  return group == everywhere ? everywhere : owner[size_t(groupOf(group))];
}

std::vector<UpdateShards::Stage>
UpdateShards::stagesOf(const plan::Program &update) const {
  std::vector<Stage> stages(1);
  ExtentMap holders = holdersAtStart();
  for (const Gradient &gradient : reduced)
    if (gradient.forAll)
      holders.set(gradient.piece.extent, everywhere);
  auto pieces = [&](const Extent &extent, std::vector<Piece> &into) {
    holders.visit(extent, [&](const Extent &piece, int group) {
      into.push_back({rankOf(group), piece});
    });
    holders.set(extent, everywhere);
  };
  for (int i = 0; i < update.commands_size(); ++i) {
    const plan::Command &command = update.commands(i);
    Accesses accesses = accessesOf(plan, command);
    int group = labels.at(&update)[size_t(i)];
    if (group == everywhere) {
      std::vector<Piece> needed;
      for (const Extent &read : accesses.reads)
        pieces(read, needed);
      if (!needed.empty())
        stages.push_back({std::move(needed), {}, {}});
    }
    for (const Extent &write : accesses.writes)
      holders.set(write, group);
    stages.back().commands.push_back(i);
    stages.back().owners.push_back(rankOf(group));
  }
  std::vector<Piece> needed;
  for (const Extent &extent : read)
    pieces(extent, needed);
  stages.push_back({std::move(needed), {}, {}});
  return stages;
}

std::vector<UpdateShards::Piece> UpdateShards::averages() const {
  std::vector<Piece> pieces;
  for (const plan::Parameter &parameter : plan.parameters())
    if (parameter.has_average())
      kept.visit(extentOf(parameter, parameter.average()),
                 [&](const Extent &extent, int group) {
                   pieces.push_back({rankOf(group), extent});
                 });
  return pieces;
}

} // namespace pgrt
