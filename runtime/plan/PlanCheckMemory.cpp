// Where things lie: arenas, parameters, states, constants.

#include "runtime/plan/PlanCheckBase.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <vector>

namespace pgrt {

namespace {
/// A piece of an arena that belongs to something with a name.
struct Piece {
  uint32_t arena;
  int64_t begin, end;
  std::string owner;
};

class MemoryCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    checkArenas();
    checkVariables();
    checkConstants();
  }

private:
  void checkArenas() {
    if (plan.arenas_size() > 256)
      badPlan(plan.arenas_size(), " arenas");
    std::set<std::string> names;
    int64_t total = 0;
    for (const plan::Arena &arena : plan.arenas()) {
      if (arena.name().empty() || !names.insert(arena.name()).second)
        badPlan("the arena name '", arena.name(), "' is empty or used twice");
      if (arena.bytes() < 0 || arena.bytes() > maxArenaBytes ||
          arena.instances() < 0 || arena.instances() > 64)
        badPlan("arena '", arena.name(), "' has ", arena.instances(), " × ",
                arena.bytes(), " bytes");
      if (arena.alias_of().empty()) {
        int64_t bytes;
        if (!checkedMul(arena.bytes(), std::max<int64_t>(1, arena.instances()),
                        bytes) ||
            !checkedAdd(total, bytes, total) || total > maxArenaBytes)
          badPlan("the arenas together exceed any memory");
        continue;
      }
      bool found = false;
      for (const plan::Arena &other : plan.arenas())
        found |= other.name() == arena.alias_of() && other.alias_of().empty() &&
                 other.bytes() == arena.bytes();
      if (!found)
        badPlan("arena '", arena.name(), "' is an alias of '", arena.alias_of(),
                "', which is not an arena of its size");
    }
  }

  void checkInit(const plan::Init &init,
                 const google::protobuf::RepeatedField<int64_t> &shape,
                 int64_t elements, const std::string &what) {
    switch (init.kind_case()) {
    case plan::Init::kConstant: {
      int64_t count = init.constant().values_size();
      if (count != 1 && count != elements)
        badPlan(what, " has ", elements, " elements and ", count,
                " initial values");
      return;
    }
    case plan::Init::kNormal:
      if (!(std::isfinite(init.normal().std()) && init.normal().std() >= 0))
        badPlan(what, " has an impossible standard deviation");
      return;
    case plan::Init::kOrthogonal:
      if (shape.size() != 2 || !std::isfinite(init.orthogonal().scale()))
        badPlan(
            what,
            " cannot start orthogonal: it needs two axes and a finite scale");
      if (shape.Get(0) > INT32_MAX || shape.Get(1) > INT32_MAX)
        badPlan(what, " is too large to start orthogonal");
      return;
    default:
      badPlan(what, " has no initial value");
    }
  }

  void checkVariables() {
    std::set<std::string> names;
    std::vector<Piece> pieces;
    auto claim = [&](const plan::Slot &slot, int64_t bytes,
                     const std::string &owner) {
      checkSlot(slot, bytes, bufferAlignment, [&] { return owner; });
      if (!plan.arenas(int(slot.arena())).alias_of().empty())
        badPlan(owner, " lies in an alias");
      pieces.push_back(
          {slot.arena(), slot.offset(), slot.offset() + bytes, owner});
    };
    int gradients = gradientArena(plan);
    for (const plan::Parameter &parameter : plan.parameters()) {
      std::string what = cat("parameter '", parameter.name(), "'");
      if (parameter.name().empty() || !names.insert(parameter.name()).second)
        badPlan("the parameter name '", parameter.name(),
                "' is empty or used twice");
      if (parameter.type() != plan::F32 && parameter.type() != plan::F64)
        badPlan(what, " is neither f32 nor f64");
      int64_t elements = checkShape(parameter.shape(), parameter.type(), what);
      int64_t bytes = elements * typeBytes(parameter.type());
      checkInit(parameter.init(), parameter.shape(), elements, what);
      if (!parameter.has_slot())
        badPlan(what, " has no place");
      claim(parameter.slot(), bytes, what);
      if (parameter.has_gradient()) {
        claim(parameter.gradient(), bytes, what + "'s gradient");
        if (int(parameter.gradient().arena()) != gradients)
          badPlan(what, "'s gradient lies apart from the others");
      }
      if (parameter.has_average())
        claim(parameter.average(), bytes, what + "'s average");
    }
    for (const plan::State &state : plan.states()) {
      std::string what = cat("state '", state.name(), "'");
      if (state.name().empty() || !names.insert(state.name()).second)
        badPlan("the state name '", state.name(), "' is empty or used twice");
      if (state.type() != plan::F32 && state.type() != plan::F64)
        badPlan(what, " is neither f32 nor f64");
      int64_t elements = checkShape(state.shape(), state.type(), what);
      if (state.has_init())
        checkInit(state.init(), state.shape(), elements, what);
      if (!state.has_slot())
        badPlan(what, " has no place");
      claim(state.slot(), elements * typeBytes(state.type()), what);
    }
    std::sort(pieces.begin(), pieces.end(), [](const Piece &a, const Piece &b) {
      return std::tie(a.arena, a.begin) < std::tie(b.arena, b.begin);
    });
    for (size_t i = 1; i < pieces.size(); ++i)
      if (pieces[i].arena == pieces[i - 1].arena &&
          pieces[i].begin < pieces[i - 1].end)
        badPlan(pieces[i - 1].owner, " and ", pieces[i].owner, " overlap");
  }

  void checkConstants() {
    for (const plan::Constant &constant : plan.constants()) {
      if (!constant.has_slot())
        badPlan("a constant without a place");
      checkSlot(constant.slot(), int64_t(constant.data().size()),
                bufferAlignment, [] { return std::string("a constant"); });
    }
  }
};
} // namespace

void checkPlanMemory(const plan::Plan &plan) { MemoryCheck(plan).run(); }

} // namespace pgrt
