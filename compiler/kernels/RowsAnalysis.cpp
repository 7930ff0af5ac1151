// Roots, and the nests of loops that they are gathered in.
#include "compiler/kernels/RowsAnalysis.h"
#include "compiler/kernels/KernelBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace pgc {

using Outcome = RowsAnalysis::Outcome;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Outcome RowsAnalysis::fail(Location loc, const Twine &message) {
  emitError(loc, message);
  return Outcome::Failed;
}

Outcome RowsAnalysis::run() {
  for (auto [i, argument] : llvm::enumerate(plan.kernel.getTensorArguments())) {
    Resident operand;
    operand.buffer = i;
    plan.residents[argument] = operand;
  }
  for (auto constant : plan.kernel.getBlock().getOps<pg::ConstantOp>())
    if (auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
        values && !values.isSplat()) {
      Resident global;
      global.kind = Resident::Kind::Global;
      plan.residents[constant.getResult()] = global;
    }
  if (Outcome outcome = makeRows(); outcome != Outcome::Done)
    return outcome;
  for (unsigned i = 0; i < plan.kernel.getYielded().size(); ++i)
    if (Outcome outcome = addResult(i); outcome != Outcome::Done)
      return outcome;
  if (Outcome outcome = alignDomains(); outcome != Outcome::Done)
    return outcome;
  makeNests();
  return findShared();
}

//===----------------------------------------------------------------------===//
// Rows and roots
//===----------------------------------------------------------------------===//

Outcome RowsAnalysis::makeRows() {
  unsigned outer = plan.kernel.getOuter().value_or(0);
  for (auto [i, value] : llvm::enumerate(plan.kernel.getYielded())) {
    auto partial = value.getDefiningOp<pg::PartialSumOp>();
    if (partial && static_cast<unsigned>(partial.getOuter()) != outer)
      return fail(partial.getLoc(),
                  "sums over other rows than those of the kernel");
    ArrayRef<int64_t> shape = shapeOf(partial ? partial.getX() : value);
    if (shape.size() < outer)
      return fail(plan.kernel.getLoc(),
                  "result " + Twine(i) +
                      " has fewer axes than the kernel's rows");
    if (i == 0)
      rowShape.assign(shape.begin(), shape.begin() + outer);
    else if (shape.take_front(outer) != ArrayRef(rowShape))
      return fail(plan.kernel.getLoc(),
                  "result " + Twine(i) + " lies in other rows than the first");
  }
  if (decisions.rowFactors.empty())
    for (int64_t size : rowShape)
      decisions.rowFactors.push_back({size});
  for (auto [axis, size] : llvm::enumerate(rowShape)) {
    Index index;
    for (auto [place, factor] : llvm::enumerate(decisions.rowFactors[axis])) {
      index = index * factor;
      if (size == 1)
        continue;
      plan.rowVariables.push_back(space.add(Variable::Kind::Row, factor));
      rowAxes.push_back({axis, place});
      index = index + Index::variable(plan.rowVariables.back());
    }
    rowCoordinates.push_back(index);
    plan.rowCount *= size;
  }
  return Outcome::Done;
}

/// A root over the axes of `value` behind `prefix`, whose coordinates are
/// given.
RowsAnalysis::Draft RowsAnalysis::startDraft(Root::Kind kind, Value value,
                                             ArrayRef<Index> prefix,
                                             unsigned result,
                                             pg::ReduceOp reduce) {
  Draft started;
  Root &root = started.root;
  root.kind = kind;
  root.value = value;
  root.coordinates.assign(prefix.begin(), prefix.end());
  root.result = result;
  root.reduce = reduce;
  root.prefix = prefix.size();
  started.key = {reduce ? static_cast<void *>(reduce)
                        : value.getAsOpaquePointer(),
                 static_cast<unsigned>(kind) + 4 * result};
  ArrayRef<int64_t> domain = shapeOf(value).drop_front(prefix.size());
  Factors &factors = decisions.factors[started.key];
  if (factors.empty())
    for (int64_t size : domain)
      factors.push_back({size});
  auto &splits = decisions.splits[started.key];
  for (auto [axis, size] : llvm::enumerate(domain)) {
    Index index;
    bool reduced = reduce && llvm::is_contained(
                                 reduce.getAxes(),
                                 static_cast<int64_t>(prefix.size() + axis));
    for (auto [place, factor] : llvm::enumerate(factors[axis])) {
      index = index * factor;
      if (size == 1)
        continue;
      Nest &nest = started.nest;
      nest.splits.push_back(splits[nest.variables.size()]);
      nest.variables.push_back(space.add(Variable::Kind::Loop, factor));
      nest.reduced.push_back(reduced);
      started.axes.push_back({axis, place});
      index = index + Index::variable(nest.variables.back());
    }
    root.coordinates.push_back(index);
  }
  return started;
}

Outcome RowsAnalysis::finishDraft(Draft &finished) {
  Draft *user = draft;
  draft = &finished;
  Outcome outcome = Outcome::Done;
  finished.nest.forEachPart(space, [&] {
    if (outcome == Outcome::Done)
      outcome = visitRoot(finished.root);
  });
  draft = user;
  if (outcome == Outcome::Done)
    drafts.push_back(finished);
  return outcome;
}

Outcome RowsAnalysis::addResult(unsigned result) {
  Value value = plan.kernel.getYielded()[result];
  auto partial = value.getDefiningOp<pg::PartialSumOp>();
  if (partial && !plan.kernel.getChunks())
    plan.kernel.setChunks(partial.getChunks());
  if (partial && static_cast<int64_t>(partial.getChunks()) !=
                     static_cast<int64_t>(*plan.kernel.getChunks()))
    return fail(partial.getLoc(), "sums over other chunks than the kernel has");
  Draft started = startDraft(partial ? Root::Kind::Partial : Root::Kind::Store,
                             partial ? partial.getX() : value, rowCoordinates,
                             result, nullptr);
  return finishDraft(started);
}

/// The leading axes whose coordinates are those of the row.
unsigned RowsAnalysis::getPrefix(Value value, ArrayRef<Index> coordinates) {
  ArrayRef<int64_t> shape = shapeOf(value);
  auto reduce = value.getDefiningOp<pg::ReduceOp>();
  unsigned prefix = 0;
  while (prefix < shape.size() &&
         !(reduce && llvm::is_contained(reduce.getAxes(),
                                        static_cast<int64_t>(prefix))) &&
         (shape[prefix] == 1 || (!coordinates[prefix].isConstant() &&
                                 space.onlyRows(coordinates[prefix]))))
    ++prefix;
  return prefix;
}

/// A place for what a row has of `value`.
Resident RowsAnalysis::allocate(Value value, ArrayRef<Index> coordinates,
                                unsigned prefix) {
  Resident resident;
  resident.prefix = prefix;
  resident.rows.assign(coordinates.begin(), coordinates.begin() + prefix);
  int64_t elements =
      ShapedType::getNumElements(shapeOf(value).drop_front(prefix));
  resident.kind = elements == 1 && value.getDefiningOp<pg::ReduceOp>()
                      ? Resident::Kind::Scalar
                      : Resident::Kind::Slot;
  if (resident.kind == Resident::Kind::Slot) {
    resident.offset = plan.scratch;
    // Vectors may read up to 64 bytes past the end.
    int64_t bytes =
        elements *
        KernelBuilder::getElementBytes(
            cast<RankedTensorType>(value.getType()).getElementType());
    plan.scratch += llvm::alignTo(bytes, 64) + 64;
  }
  return resident;
}

/// Makes a reduction, or a value that is to be kept, a root of its own.
Outcome RowsAnalysis::makeResident(Value value, ArrayRef<Index> coordinates) {
  unsigned prefix = getPrefix(value, coordinates);
  auto reduce = value.getDefiningOp<pg::ReduceOp>();
  Draft started = reduce
                      ? startDraft(Root::Kind::Reduce, reduce.getX(),
                                   coordinates.take_front(prefix), 0, reduce)
                      : startDraft(Root::Kind::Keep, value,
                                   coordinates.take_front(prefix), 0, nullptr);
  if (Outcome outcome = finishDraft(started); outcome != Outcome::Done)
    return outcome;
  Resident resident = allocate(value, coordinates, prefix);
  resident.level = drafts.back().nest.level;
  plan.residents[value] = resident;
  return Outcome::Done;
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

/// Whether only the innermost loops are summed over.
static bool isSuffix(ArrayRef<bool> reduced) {
  for (size_t i = 1; i < reduced.size(); ++i)
    if (reduced[i - 1] && !reduced[i])
      return false;
  return true;
}

/// Whether loops that reduce over `a` can also do what reduces over `b`, where
/// one of the two may be no reduction at all. (One over axes of size 1 is, with
/// a result for each element.)
static bool areCompatible(const Nest &a, const Nest &b, bool bReduces) {
  return a.reduced == b.reduced || (!a.reduces() && isSuffix(b.reduced)) ||
         (!bReduces && isSuffix(a.reduced));
}

/// Cuts the domains of roots of one level alike, where that lets them share a
/// nest: [512] becomes [8, 64] beside [8, 64].
Outcome RowsAnalysis::alignDomains() {
  int last = 0;
  for (Draft &each : drafts)
    last = std::max(last, each.nest.level);
  for (Draft &each : drafts)
    if (each.root.kind == Root::Kind::Store ||
        each.root.kind == Root::Kind::Partial)
      each.nest.level = last;
  auto distances = [&](const Draft &each) {
    std::set<int64_t> result{1};
    int64_t size = 1;
    for (unsigned v : llvm::reverse(each.nest.variables))
      result.insert(size *= space[v].size);
    return result;
  };
  for (size_t i = 0; i < drafts.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      Draft &a = drafts[i], &b = drafts[j];
      std::set<int64_t> cutsA = distances(a), cutsB = distances(b),
                        both = cutsA;
      both.insert(cutsB.begin(), cutsB.end());
      if (a.nest.level != b.nest.level || cutsA == cutsB ||
          *cutsA.rbegin() != *cutsB.rbegin() ||
          (a.root.reduce && b.root.reduce))
        continue;
      int64_t before = 1;
      bool nested = true;
      for (int64_t distance : both) {
        nested &= distance % before == 0;
        before = distance;
      }
      if (!nested)
        continue;
      for (Draft *each : {&a, &b}) {
        Factors &factors = decisions.factors[each->key];
        decisions.splits[each->key].clear();
        int64_t inner = 1;
        ArrayRef<int64_t> domain =
            shapeOf(each->root.value).drop_front(each->root.prefix);
        for (size_t axis = domain.size(); axis-- > 0;) {
          SmallVector<int64_t, 2> cutAxis;
          for (auto low = both.find(inner); *low != inner * domain[axis]; ++low)
            cutAxis.insert(cutAxis.begin(), *std::next(low) / *low);
          if (domain[axis] > 1)
            factors[axis] = cutAxis;
          inner *= domain[axis];
        }
      }
      return Outcome::Again;
    }
  return Outcome::Done;
}

/// Gathers the roots of one level over the same elements.
void RowsAnalysis::makeNests() {
  auto sizes = [&](const Nest &nest) {
    return llvm::map_to_vector(nest.variables,
                               [&](unsigned v) { return space[v].size; });
  };
  std::vector<Nest> nests;
  for (Draft &each : drafts) {
    auto nest = llvm::find_if(nests, [&](const Nest &nest) {
      return nest.level == each.nest.level && sizes(nest) == sizes(each.nest) &&
             areCompatible(nest, each.nest, bool(each.root.reduce));
    });
    if (nest == nests.end()) {
      nests.push_back(each.nest);
      nests.back().roots.push_back(each.root);
      continue;
    }
    Root root = each.root;
    for (auto [i, v] : llvm::enumerate(each.nest.variables)) {
      nest->splits[i].insert(each.nest.splits[i].begin(),
                             each.nest.splits[i].end());
      nest->reduced[i] = nest->reduced[i] || each.nest.reduced[i];
      for (Index &coordinate : root.coordinates)
        coordinate =
            coordinate.substitute(v, Index::variable(nest->variables[i]));
    }
    nest->roots.push_back(root);
  }
  int last = 0;
  for (const Nest &nest : nests)
    last = std::max(last, nest.level);
  for (int level = 0; level <= last; ++level)
    for (const Nest &nest : nests)
      if (nest.level == level)
        plan.nests.push_back(nest);
}

//===----------------------------------------------------------------------===//
// Values that several nests need
//===----------------------------------------------------------------------===//

/// Rough cost of an operation, in instructions, once its operands are there.
static int64_t getCost(Operation *op) {
  if (isa<pg::TanhOp, pg::LogOp, pg::SigmoidOp>(op))
    return 20;
  if (isa<pg::ExpOp>(op))
    return 14;
  if (isa<pg::PowOp, pg::CosOp, pg::SinOp>(op))
    return 200;
  if (isa<pg::DivOp, pg::SqrtOp, pg::RsqrtOp>(op))
    return 5;
  return isa<pg::ReshapeOp, pg::BroadcastOp, pg::ConstantOp, pg::SplatOp>(op)
             ? 0
             : 1;
}

/// Rough cost of computing an element from what is resident.
int64_t RowsAnalysis::costOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getNumElements() <= plan.rowCount)
    return 0; // once a row
  if (plan.residents.contains(value))
    return type.getElementType().isBF16() ? 3 : 1;
  auto known = costs.find(value);
  if (known != costs.end())
    return known->second;
  int64_t cost = getCost(value.getDefiningOp());
  for (Value operand : value.getDefiningOp()->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      cost += costOf(operand);
  return costs[value] = std::min<int64_t>(cost, 1000);
}

/// Whether a nest computes all elements of a value that a row has, each once
/// and in the order of memory.
bool RowsAnalysis::isWhole(Value value, const Sighting &sighting) {
  const Nest &nest = plan.nests[sighting.nest];
  unsigned parts = 0;
  nest.forEachPart(space, [&] { ++parts; });
  unsigned prefix = getPrefix(value, sighting.coordinates);
  ArrayRef<int64_t> inner = shapeOf(value).drop_front(prefix);
  int64_t elements = 1;
  for (unsigned v : nest.variables)
    elements *= space[v].size;
  return sighting.parts == parts &&
         elements == ShapedType::getNumElements(inner) &&
         linearize(ArrayRef(sighting.coordinates).drop_front(prefix), inner) ==
             nest.getFlat(space);
}

/// Walks the nests in order; what one computes that an earlier one computed at
/// some cost is kept there.
Outcome RowsAnalysis::findShared() {
  sharing = true;
  Outcome outcome = Outcome::Done;
  for (nestIndex = 0; nestIndex < plan.nests.size(); ++nestIndex) {
    Draft current;
    current.nest = plan.nests[nestIndex];
    draft = &current;
    partIndex = 0;
    current.nest.forEachPart(space, [&] {
      for (const Root &root : current.nest.roots)
        if (outcome == Outcome::Done)
          outcome = visitRoot(root);
      ++partIndex;
    });
    if (outcome == Outcome::Again)
      return fail(plan.kernel.getLoc(),
                  "no loops could be found for this kernel");
    if (outcome != Outcome::Done)
      return outcome;
  }
  return outcome;
}

/// Whether the value is one cheap operation away from another that an earlier
/// nest computes at some cost: then that is to be kept, which others may need
/// too.
bool RowsAnalysis::isCheapStep(Value value) {
  if (getCost(value.getDefiningOp()) > 1)
    return false;
  Value costly;
  for (Value operand : value.getDefiningOp()->getOperands()) {
    int64_t cost =
        isa<RankedTensorType>(operand.getType()) ? costOf(operand) : 0;
    if (cost == 0 || operand == costly)
      continue;
    if (cost < 5 || costly)
      return false;
    costly = operand;
  }
  auto sighting = costly ? sightings.find(costly) : sightings.end();
  return sighting != sightings.end() && sighting->second.nest < nestIndex &&
         isWhole(costly, sighting->second);
}

bool RowsAnalysis::share(Value value, const Coordinates &coordinates) {
  auto [entry, isNew] =
      sightings.try_emplace(value, Sighting{nestIndex, coordinates});
  Sighting &sighting = entry->second;
  if (sighting.nest == nestIndex) {
    if (sighting.lastPart != partIndex && sighting.coordinates == coordinates) {
      ++sighting.parts;
      sighting.lastPart = partIndex;
    }
    return false;
  }
  if (costOf(value) < 5 || !isWhole(value, sighting))
    return false;
  if (isCheapStep(value))
    return false;
  Nest &nest = plan.nests[sighting.nest];
  unsigned prefix = getPrefix(value, sighting.coordinates);
  Resident slot = allocate(value, sighting.coordinates, prefix);
  slot.level = nest.level;
  nest.roots.push_back(
      Root{Root::Kind::Keep, value, sighting.coordinates, 0, nullptr, prefix});
  plan.residents[value] = slot;
  costs.clear(); // what is computed from it has become cheaper
  return true;
}

} // namespace pgc
