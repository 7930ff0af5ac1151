// How many of a thread's registers the nests of a rows kernel take, and how
// nests are cut to fit. All that a nest computes is in registers at once: a sum
// while it grows, and each result, for all are computed before the first is
// stored. So a nest of hundreds of results has to become several.
#include "compiler/gpu/GpuRows.h"
#include "compiler/kernels/KernelBuilder.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace pgc {

using Reads = llvm::SmallSetVector<Value, 16>;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Registers of 32 bits for what a thread has of a value.
static int64_t countRegisters(Value value, unsigned lanes) {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  bool moves = !shape.empty() && shape.back() != 1;
  Type element = typeOf(value).getElementType();
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 32) *
         (moves ? lanes : 1);
}

/// Whether `nest` computes `value` itself, to keep it.
static bool keeps(const Nest &nest, Value value) {
  return llvm::any_of(nest.roots, [&](const Root &root) {
    return root.kind == Root::Kind::Keep && root.value == value;
  });
}

/// The operands and kept values that `value` is computed from.
static void collectReads(const RowsPlan &plan, const Nest &nest, Value value,
                         llvm::SmallPtrSetImpl<Value> &seen, Reads &reads) {
  if (!isa<RankedTensorType>(value.getType()) || !seen.insert(value).second)
    return;
  if (plan.residents.contains(value) && !keeps(nest, value)) {
    reads.insert(value);
    return;
  }
  for (Value operand : value.getDefiningOp()->getOperands())
    collectReads(plan, nest, operand, seen, reads);
}

static Reads getReads(const RowsPlan &plan, const Nest &nest,
                      const Root &root) {
  llvm::SmallPtrSet<Value, 16> seen;
  Reads reads;
  collectReads(plan, nest, root.value, seen, reads);
  return reads;
}

/// What the roots of `nest` read and compute, as vectors of so many elements.
static int64_t countRegisters(const RowsPlan &plan, const Nest &nest,
                              unsigned lanes) {
  int64_t registers = 0;
  Reads reads;
  for (const Root &root : nest.roots) {
    registers += countRegisters(root.value, lanes);
    reads.insert_range(getReads(plan, nest, root));
  }
  for (Value value : reads)
    registers += countRegisters(value, lanes);
  return registers;
}

int64_t countRegisters(const RowsPlan &plan) {
  int64_t most = 0;
  for (const Nest &nest : plan.nests)
    most = std::max(most, countRegisters(plan, nest, getGpuLanes(plan, nest)));
  return most;
}

unsigned getLanesThatFit(const RowsPlan &plan, const Nest &nest,
                         unsigned lanes) {
  // Of 255, with addresses and what is on the way.
  constexpr int64_t most = 160;
  while (lanes > 1 && countRegisters(plan, nest, lanes) > most)
    lanes /= 2;
  return lanes;
}

//===----------------------------------------------------------------------===//
// Nests of many roots
//===----------------------------------------------------------------------===//

/// The kernel's operands that a result may lie over: those that it is computed
/// from without a reduction, of its type (see mayWriteOver).
static void collectOverwritten(Value value, Type type,
                               llvm::SmallPtrSetImpl<Value> &seen,
                               Reads &operands) {
  if (!seen.insert(value).second)
    return;
  if (isa<BlockArgument>(value) && value.getType() == type)
    operands.insert(value);
  Operation *op = value.getDefiningOp();
  if (op && !isa<pg::ReduceOp>(op))
    for (Value operand : op->getOperands())
      collectOverwritten(operand, type, seen, operands);
}

/// The nest's roots in classes that have to be computed together: a result is
/// stored where an operand lies when all results that read that are computed.
static std::vector<std::vector<Root>> getClasses(const Nest &nest) {
  llvm::SmallDenseSet<Type> stored;
  for (const Root &root : nest.roots)
    if (root.kind == Root::Kind::Store)
      stored.insert(root.value.getType());
  llvm::EquivalenceClasses<const void *> classes;
  for (const Root &root : nest.roots) {
    classes.insert(&root);
    Reads operands;
    for (Type type : stored) {
      llvm::SmallPtrSet<Value, 16> seen;
      collectOverwritten(root.value, type, seen, operands);
    }
    for (Value operand : operands)
      classes.unionSets(&root, operand.getAsOpaquePointer());
  }
  llvm::MapVector<const void *, std::vector<Root>> byLeader;
  for (const Root &root : nest.roots)
    byLeader[classes.getLeaderValue(&root)].push_back(root);
  std::vector<std::vector<Root>> result;
  for (auto &[leader, roots] : byLeader)
    result.push_back(std::move(roots));
  return result;
}

/// Several nests of which each needs few registers.
static std::vector<Nest> cut(const RowsPlan &plan, const Nest &nest) {
  constexpr int64_t comfortable = 96;
  unsigned lanes = getGpuLanes(plan, nest);
  bool keeps = llvm::any_of(nest.roots, [](const Root &root) {
    return root.kind == Root::Kind::Keep;
  });
  // What is kept is there for later nests only.
  if (keeps || countRegisters(plan, nest, lanes) <= comfortable)
    return {nest};
  std::vector<Nest> parts;
  for (const std::vector<Root> &roots : getClasses(nest)) {
    if (!parts.empty()) {
      Nest longer = parts.back();
      longer.roots.insert(longer.roots.end(), roots.begin(), roots.end());
      if (countRegisters(plan, longer, lanes) <= comfortable) {
        parts.back() = std::move(longer);
        continue;
      }
    }
    parts.push_back(nest);
    parts.back().roots = roots;
  }
  return parts;
}

/// With many numbers of a row, they are kept in shared memory, not registers.
static void keepNumbersInMemory(RowsPlan &plan) {
  constexpr int64_t comfortable = 24, bytes = 8;
  SmallVector<Resident *> numbers;
  for (const Nest &nest : plan.nests)
    for (const Root &root : nest.roots)
      if (root.kind == Root::Kind::Reduce) {
        pg::ReduceOp reduce = root.reduce;
        Resident &resident = plan.residents[reduce.getResult()];
        if (resident.kind == Resident::Kind::Scalar)
          numbers.push_back(&resident);
      }
  if (static_cast<int64_t>(numbers.size()) <= comfortable)
    return;
  for (Resident *resident : numbers) {
    resident->kind = Resident::Kind::Slot;
    resident->offset = plan.scratch;
    plan.scratch += bytes;
  }
  plan.scratch = llvm::alignTo(plan.scratch, 64);
}

void fitRegisters(RowsPlan &plan) {
  std::vector<Nest> nests;
  for (const Nest &nest : plan.nests)
    llvm::append_range(nests, cut(plan, nest));
  plan.nests = std::move(nests);
  keepNumbersInMemory(plan);
}

} // namespace pgc
