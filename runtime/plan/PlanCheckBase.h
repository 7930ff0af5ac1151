// What the parts of checkPlan share. Not for others.
#pragma once

#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Checked.h"
#include "runtime/support/Error.h"

namespace pgrt {

inline constexpr int64_t maxArenaBytes = int64_t(1) << 46;
inline constexpr int64_t bufferAlignment = 64;

template <typename... Parts> [[noreturn]] void badPlan(const Parts &...parts) {
  failInput("the plan contradicts itself: ", parts...);
}

class PlanCheckBase {
public:
  explicit PlanCheckBase(const plan::Plan &plan) : plan(plan) {}

protected:
  /// `what` is called for the message alone: there are tens of thousands of
  /// slots.
  template <typename What>
  void checkSlot(const plan::Slot &slot, int64_t bytes, int64_t alignment,
                 const What &what) {
    if (slot.arena() >= uint32_t(plan.arenas_size()))
      badPlan(what(), " lies in arena ", slot.arena(), ", of ",
              plan.arenas_size());
    const plan::Arena &arena = plan.arenas(int(slot.arena()));
    if (!withinBytes(slot.offset(), bytes, arena.bytes()))
      badPlan(what(), " lies at ", slot.offset(), " with ", bytes,
              " bytes, outside arena '", arena.name(), "' of ", arena.bytes());
    if (slot.offset() % alignment)
      badPlan(what(), " lies at ", slot.offset(), ", not a multiple of ",
              alignment);
  }

  /// The number of elements.
  int64_t checkShape(const google::protobuf::RepeatedField<int64_t> &shape,
                     plan::Type type, const std::string &what) {
    int64_t elements, bytes;
    if (shape.size() > 8)
      badPlan(what, " has ", shape.size(), " axes");
    if (typeBytes(type) == 0)
      badPlan(what, " has no type");
    if (!checkedElements(shape, elements) || elements < 1 ||
        !checkedMul(elements, typeBytes(type), bytes))
      badPlan(what, " has an impossible shape");
    return elements;
  }

  template <typename What>
  void checkScalarIndex(uint32_t index, const What &what) {
    if (index >= uint32_t(plan.scalars_size()))
      badPlan(what(), " refers to scalar ", index, ", of ",
              plan.scalars_size());
  }

  const plan::Plan &plan;
};

/// Arenas, parameters, states, constants.
void checkPlanMemory(const plan::Plan &plan);
/// Of kernels, what says how a GPU computes them: that each kernel of a GPU
/// plan has one such part, and no other plan has any.
void checkPlanGpuKernels(const plan::Plan &plan);
/// Kernels, scalars, programs.
void checkPlanPrograms(const plan::Plan &plan);
/// What evaluations run, and that their programs are of the right kind.
void checkPlanEvaluations(const plan::Plan &plan);
/// Batches, phases, budget, the tree of gradients.
void checkPlanTraining(const plan::Plan &plan);

/// Quantisers, packing, and the programs capture, quantize and decode.
void checkPlanQuantization(const plan::Plan &plan);

} // namespace pgrt
