// Which rank does which part of an update.
#pragma once

#include "runtime/schedule/Accesses.h"

#include <map>

namespace pgrt {

/// Divides the plan's `update` programs over ranks. Each trained parameter has
/// an owner, which gets the sum of its gradient, runs the commands that depend
/// on that parameter alone, and keeps its states and averages. Commands that
/// depend on several parameters (the norm for clipping), or on none, run on all
/// ranks; what they read is gathered before. What other programs of a step read
/// is gathered at the end. No command changes its operands: bits are those of
/// one rank. Owners are chosen so that work is even, by the kernels' costs, the
/// same on all ranks.
class UpdateShards {
public:
  UpdateShards(const plan::Plan &plan, int size);

  /// Memory that is right on its owner, and has to be right everywhere.
  struct Piece {
    int owner;
    Extent extent;
  };
  /// What is gathered, and the commands that follow.
  struct Stage {
    std::vector<Piece> gathered;
    std::vector<int> commands; // of the program
    std::vector<int> owners;   // of each command; ExtentMap::everywhere: all
  };
  /// The last stage has no commands.
  std::vector<Stage> stagesOf(const plan::Program &update) const;

  /// The gradients, each with the rank that needs its sum, in the order of
  /// their places, and their type. `forAll`: all ranks need it, before an
  /// update begins, because a command reads it with those of other owners.
  struct Gradient {
    Piece piece;
    plan::Type type;
    bool forAll = false;
  };
  const std::vector<Gradient> &gradients() const { return reduced; }

  int ranks() const { return size; }

  /// The averages that only their owners have after an update: to be gathered
  /// after the last step.
  std::vector<Piece> averages() const;

private:
  // Groups are sets of parameters that must have one owner, here by one of
  // them: indices of Plan.parameters.
  int groupOf(int parameter) const;
  void merge(int a, int b);
  int groupOfCommand(const Accesses &accesses, const ExtentMap &holders) const;
  bool walk(const plan::Program &update);
  void findWhatIsRead();
  void findGroups();
  void chooseOwners();
  int rankOf(int group) const;
  ExtentMap holdersAtStart() const;
  void findWhatAllNeed();

  const plan::Plan &plan;
  const int size;
  std::vector<const plan::Program *> updates;
  std::vector<int> parent;  // of each parameter, in its group's tree
  std::vector<int> owner;   // of each group's parameter: a rank
  std::vector<Extent> read; // what the rest of a step reads
  ExtentMap kept;           // groups that hold what outlives an update
  // The group of each command.
  std::map<const plan::Program *, std::vector<int>> labels;
  std::vector<Gradient> reduced;
};

} // namespace pgrt
