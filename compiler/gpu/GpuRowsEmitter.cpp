#include "compiler/gpu/GpuRowsEmitter.h"
#include "compiler/gpu/GpuOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace pgc {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}
static Type elementOf(Value value) { return typeOf(value).getElementType(); }

void GpuRowsEmitter::emit() {
  levels.resize(1);
  if (layout.flat)
    emitFlat();
  else
    emitRows();
  k.finish();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void GpuRowsEmitter::inLevel(function_ref<void()> body) {
  levels.emplace_back();
  body();
  levels.pop_back();
}

Value GpuRowsEmitter::both(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return arith::AndIOp::create(k.b, k.loc, a, b);
}

Value GpuRowsEmitter::isBelow(Value a, int64_t b) {
  return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, a,
                               k.index(b));
}

GpuRowsEmitter::Places GpuRowsEmitter::allPlaces() const {
  return llvm::to_vector(llvm::seq<unsigned>(nest->variables.size()));
}

int64_t GpuRowsEmitter::countVectors(const Places &places) const {
  int64_t vectors = 1;
  for (unsigned place : places) {
    unsigned v = nest->variables[place];
    int64_t size = space[v].high - space[v].low;
    vectors *= v == vectorVariable ? size / lanes : size;
  }
  return vectors;
}

/// Calls `body` for each combination of the parts of these loops.
void GpuRowsEmitter::forParts(ArrayRef<unsigned> places,
                              function_ref<void()> body) {
  if (places.empty())
    return body();
  unsigned v = nest->variables[places.front()];
  Variable saved = space[v];
  const std::set<int64_t> &splits = nest->splits[places.front()];
  SmallVector<int64_t> ends(splits.begin(), splits.end());
  ends.push_back(saved.size);
  int64_t start = 0;
  for (int64_t end : ends) {
    space[v].low = start;
    space[v].high = start = end;
    forParts(places.drop_front(), body);
  }
  space[v] = saved;
}

void GpuRowsEmitter::bindPlaces(const Places &places, Value number) {
  for (unsigned place : llvm::reverse(places)) {
    unsigned v = nest->variables[place];
    int64_t step = v == vectorVariable ? lanes : 1,
            size = (space[v].high - space[v].low) / step;
    Value value = place == places.front() ? number : k.rem(number, size);
    bind(v, k.add(k.mul(value, step), space[v].low));
    number = k.div(number, size);
  }
}

/// The vectors of these loops' parts, dealt to so many threads, of which this
/// one is `first`. All threads go through the same code.
GpuRowsEmitter::Accumulators
GpuRowsEmitter::distribute(const Places &places, Value first, int64_t threads,
                           Accumulators accumulators, Body body) {
  int64_t vectors = countVectors(places), whole = vectors / threads;
  auto at = [&](Value number, Value valid, const Accumulators &carried) {
    bindPlaces(places, number);
    return body(valid, carried);
  };
  if (whole == 1)
    inLevel([&] { accumulators = at(first, nullptr, accumulators); });
  else if (whole > 1)
    accumulators = loop(k.index(0), k.index(whole), 1, accumulators,
                        [&](Value i, ValueRange carried) {
                          return at(k.add(k.mul(i, threads), first), nullptr,
                                    Accumulators(carried));
                        });
  if (vectors % threads != 0)
    inLevel([&] {
      Value number = k.add(first, whole * threads);
      accumulators = at(k.min(number, k.index(vectors - 1)),
                        isBelow(number, vectors), accumulators);
    });
  return accumulators;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void GpuRowsEmitter::emitFlat() {
  int64_t threads = layout.blocks * layout.threads;
  for (const Nest &each : plan.nests) {
    startGpuNest(each);
    Places places = allPlaces();
    forParts(places, [&] {
      int64_t vectors = countVectors(places), total = plan.rowCount * vectors;
      auto body = [&] {
        bindRow(k.div(k.chunk, vectors));
        bindPlaces(places,
                   plan.rowCount == 1 ? k.chunk : k.rem(k.chunk, vectors));
        emitBody({}, nullptr, nullptr);
      };
      if (total == threads)
        inLevel(body);
      else
        guard(isBelow(k.chunk, total), body);
    });
  }
}

void GpuRowsEmitter::emitRows() {
  int64_t groups = layout.groups();
  shared = gpu::getShared(k);
  group = k.div(k.thread, layout.group);
  lane = k.rem(k.thread, layout.group);
  groupScratch = k.at(shared, k.mul(group, layout.scratch), k.b.getI8Type());
  if (!layout.chunked) {
    Value row = k.add(k.mul(k.block, groups), group);
    if (plan.rowCount % groups != 0) {
      rowValid = isBelow(row, plan.rowCount);
      row = k.min(row, k.index(plan.rowCount - 1));
    }
    return inLevel([&] { emitRow(row); });
  }
  int64_t rows = llvm::divideCeil(
      plan.rowCount, static_cast<int64_t>(*plan.kernel.getChunks()));
  Value low = k.mul(k.block, rows);
  Value high = k.min(k.add(low, rows), k.index(plan.rowCount));
  clearPartials();
  loop(k.index(0), k.index(llvm::divideCeil(rows, groups)), 1, {},
       [&](Value i, ValueRange) {
         Value row = k.add(k.add(low, k.mul(i, groups)), group);
         rowValid = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt,
                                          row, high);
         emitRow(k.min(row, k.index(plan.rowCount - 1)));
         // The next row's values take the place of this one's.
         if (layout.scratch > 0 || layout.group > gpu::warpThreads)
           synchronizeGroup();
         return Accumulators();
       });
  addPartials();
}

void GpuRowsEmitter::emitRow(Value row) {
  bindRow(row);
  rowScalars.clear();
  reductions = 0;
  for (const Nest &each : plan.nests)
    emitNest(each);
}

void GpuRowsEmitter::synchronizeGroup() {
  if (layout.group > gpu::warpThreads)
    gpu::synchronize(k);
  else
    gpu::synchronizeWarp(k);
}

Value GpuRowsEmitter::makeSlot(int64_t offset) {
  Value bytes = k.index(offset);
  k.b.setInsertionPointAfterValue(groupScratch);
  return k.at(groupScratch, bytes, k.b.getI8Type());
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

void GpuRowsEmitter::startGpuNest(const Nest &started) {
  startNest(started);
  lanes = getGpuLanes(plan, started);
  count = lanes;
  vectorVariable.reset();
  if (lanes > 1)
    vectorVariable = started.variables.back();
}

void GpuRowsEmitter::emitNest(const Nest &emitted) {
  startGpuNest(emitted);
  Places places = allPlaces();
  if (nest->reduces()) {
    Places kept, reduced;
    for (unsigned place : places)
      (nest->reduced[place] ? reduced : kept).push_back(place);
    emitReducingNest(kept, reduced);
  } else {
    forParts(places, [&] {
      distribute(places, lane, layout.group, {},
                 [&](Value valid, const Accumulators &) {
                   return emitBody({}, nullptr, valid);
                 });
    });
  }
  for (unsigned v : nest->variables)
    variables.erase(v);
  // What was put into shared memory is read by other threads.
  if (llvm::any_of(nest->roots, [&](const Root &root) {
        pg::ReduceOp reduce = root.reduce;
        return root.kind == Root::Kind::Keep ||
               (root.kind == Root::Kind::Reduce &&
                plan.residents[reduce.getResult()].kind ==
                    Resident::Kind::Slot);
      }))
    synchronizeGroup();
}

void GpuRowsEmitter::emitReducingNest(const Places &kept,
                                      const Places &reduced) {
  int64_t terms = countVectors(reduced);
  // With several sums in a row, part of a warp has each; a single thread, where
  // neighbouring sums lie in one vector.
  int64_t threads = layout.group;
  if (!kept.empty())
    threads = nest->reduced.back()
                  ? std::min<int64_t>({int64_t(llvm::bit_ceil(uint64_t(terms))),
                                       gpu::warpThreads, layout.group})
                  : 1;
  Value part = k.div(lane, threads), number = k.rem(lane, threads);
  auto sum = [&](Value keptValid) {
    Accumulators sums = neutrals();
    forParts(reduced, [&] {
      sums =
          distribute(reduced, number, threads, sums,
                     [&](Value valid, const Accumulators &carried) {
                       return emitBody(carried, valid, both(keptValid, valid));
                     });
    });
    Value leader = threads > 1 ? isBelow(number, 1) : Value();
    finishReductions(sums, threads, both(keptValid, leader));
    return Accumulators();
  };
  if (kept.empty()) { // at the row's level, where others read it
    sum(nullptr);
    return;
  }
  forParts(kept, [&] {
    distribute(kept, part, layout.group / threads, {},
               [&](Value valid, const Accumulators &) { return sum(valid); });
  });
}

GpuRowsEmitter::Accumulators
GpuRowsEmitter::emitBody(Accumulators accumulators, Value isTerm, Value valid) {
  // All is read before anything is written: results may lie where operands do.
  SmallVector<Value> values = evaluateRoots(
      [](ArrayRef<Index> coordinates) { return Coordinates(coordinates); });
  unsigned r = 0;
  for (auto [root, value] : llvm::zip_equal(nest->roots, values)) {
    if (root.kind != Root::Kind::Reduce)
      continue;
    Value term = value;
    if (isTerm)
      term = arith::SelectOp::create(
          k.b, k.loc, isTerm, term,
          neutral(root.reduce, vectorVariable.has_value()));
    accumulators[r] = combine(root.reduce, accumulators[r], term);
    ++r;
  }
  // A group without a row keeps values like others, for itself.
  for (bool keep : {true, false}) {
    auto isWanted = [&](const Root &root) {
      return root.kind != Root::Kind::Reduce &&
             (root.kind == Root::Kind::Keep) == keep;
    };
    if (!llvm::any_of(nest->roots, isWanted))
      continue;
    auto store = [&] {
      for (auto [root, value] : llvm::zip_equal(nest->roots, values))
        if (isWanted(root))
          emitStore(root, value);
    };
    if (Value condition = keep ? valid : both(valid, rowValid))
      guard(condition, store);
    else
      store();
  }
  return accumulators;
}

void GpuRowsEmitter::emitStore(const Root &root, Value value) {
  ArrayRef<int64_t> shape = typeOf(root.value).getShape();
  Index place = linearize(ArrayRef(root.coordinates).drop_front(root.prefix),
                          shape.drop_front(root.prefix));
  Type element = elementOf(root.value);
  Value base;
  bool accumulate = false;
  switch (root.kind) {
  case Root::Kind::Keep:
    base = getSlot(plan.residents[root.value].offset);
    break;
  case Root::Kind::Partial:
    base = partialStarts.at(root.result);
    accumulate = true;
    break;
  default:
    base = k.buffers[plan.kernel.getTensorArguments().size() + root.result];
    place = linearize(root.coordinates, shape);
    accumulate = plan.kernel.accumulates(root.result);
  }
  Value address = getAddress(base, element, place).value;
  unsigned align = getAlignment(element, place);
  if (accumulate)
    k.accumulate(value, address, element, 0, align);
  else
    k.store(value, address, element, 0, align);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Combines what so many neighbouring threads have, or those of a warp among
/// them; all of them get the same bits.
Value GpuRowsEmitter::reduceInWarp(pg::ReduceOp reduce, Value value,
                                   int64_t threads) {
  for (int64_t mask = std::min(threads, gpu::warpThreads) / 2; mask > 0;
       mask /= 2)
    value = combine(reduce, value, gpu::shuffleXor(k, value, mask));
  return value;
}

/// Combines what the warps of a group have of several sums.
void GpuRowsEmitter::reduceAcrossWarps(ArrayRef<pg::ReduceOp> reduces,
                                       MutableArrayRef<Value> values) {
  int64_t warps = layout.threads / gpu::warpThreads,
          ofGroup = layout.group / gpu::warpThreads;
  SmallVector<Value> areas;
  for (size_t i = 0; i < values.size(); ++i)
    areas.push_back(k.at(shared, layout.exchange + 8 * warps * reductions++,
                         k.b.getI8Type()));
  guard(isBelow(k.rem(k.thread, gpu::warpThreads), 1), [&] {
    Value warp = k.div(k.thread, gpu::warpThreads);
    for (auto [area, value] : llvm::zip_equal(areas, values))
      k.store(value, k.at(area, warp, value.getType()), value.getType());
  });
  gpu::synchronize(k);
  Value first = k.mul(group, ofGroup);
  for (auto [area, value, reduce] : llvm::zip_equal(areas, values, reduces)) {
    Type element = value.getType();
    for (int64_t warp = 0; warp < ofGroup; ++warp) {
      Value other = k.load(k.at(area, k.add(first, warp), element), element);
      value = warp == 0 ? other : combine(reduce, value, other);
    }
  }
}

/// Puts the sums where later nests find them. `leader`: whether the thread is
/// the one to store a sum.
void GpuRowsEmitter::finishReductions(Accumulators accumulators,
                                      int64_t threads, Value leader) {
  SmallVector<pg::ReduceOp> reduces;
  SmallVector<const Root *> roots;
  for (const Root &root : nest->roots) {
    if (root.kind != Root::Kind::Reduce)
      continue;
    pg::ReduceOp reduce = root.reduce;
    Value &value = accumulators[reduces.size()];
    if (vectorVariable && nest->reduced.back())
      value = reduce.getKind() == pg::ReduceKind::sum ? k.sumLanes(value)
                                                      : k.maxLanes(value);
    value = reduceInWarp(reduce, value, threads);
    reduces.push_back(reduce);
    roots.push_back(&root);
  }
  if (threads > gpu::warpThreads)
    reduceAcrossWarps(reduces, accumulators);
  for (auto [root, reduce, value] :
       llvm::zip_equal(roots, reduces, accumulators)) {
    Value result = reduce.getResult();
    if (plan.residents[result].kind == Resident::Kind::Scalar) {
      rowScalars[result] = {value, static_cast<unsigned>(levels.size() - 1)};
      continue;
    }
    auto store = [&, &root = root, &value = value] {
      k.store(value, getReductionSlot(*root), elementOf(result));
    };
    if (leader)
      guard(leader, store);
    else
      store();
  }
}

//===----------------------------------------------------------------------===//
// Sums over rows
//===----------------------------------------------------------------------===//

Type GpuRowsEmitter::getPartialElement(unsigned result) {
  return elementOf(plan.kernel.getYielded()[result]);
}

int64_t GpuRowsEmitter::countPartials(unsigned result) {
  return typeOf(plan.kernel.getYielded()[result]).getNumElements() /
         static_cast<int64_t>(*plan.kernel.getChunks());
}

Value GpuRowsEmitter::makePartial(unsigned result) {
  Type element = getPartialElement(result);
  int64_t elements = countPartials(result);
  if (!layout.partialsShared)
    return k.at(k.buffers[plan.kernel.getTensorArguments().size() + result],
                k.mul(k.block, elements), element);
  return k.at(k.at(shared, layout.partials.lookup(result), k.b.getI8Type()),
              k.mul(group, getPartialBytes(result)), k.b.getI8Type());
}

/// Each group starts from 0, where no other adds.
void GpuRowsEmitter::clearPartials() {
  for (unsigned result : getPartialResults()) {
    Value start = partialStarts[result] = makePartial(result);
    if (!layout.partialsShared && plan.kernel.accumulates(result))
      continue;
    Type element = getPartialElement(result);
    k.loop(lane, k.index(countPartials(result)), layout.group, [&](Value i) {
      k.store(k.constant(k.getRegisterType(element), 0),
              k.at(start, i, element), element);
    });
  }
  gpu::synchronize(k);
}

/// Adds what groups have, in their order.
void GpuRowsEmitter::addPartials() {
  if (!layout.partialsShared)
    return;
  gpu::synchronize(k);
  for (unsigned result : getPartialResults()) {
    Type element = getPartialElement(result);
    int64_t elements = countPartials(result);
    Value area = k.at(shared, layout.partials.lookup(result), k.b.getI8Type());
    Value to = k.at(k.buffers[plan.kernel.getTensorArguments().size() + result],
                    k.mul(k.block, elements), element);
    k.loop(k.thread, k.index(elements), layout.threads, [&](Value i) {
      Value sum;
      for (int64_t g = 0; g < layout.groups(); ++g) {
        Value start = k.at(area, g * getPartialBytes(result), k.b.getI8Type());
        Value term = k.load(k.at(start, i, element), element);
        sum = g == 0 ? term
              : isa<FloatType>(element)
                  ? k.addf(sum, term)
                  : arith::AddIOp::create(k.b, k.loc, sum, term).getResult();
      }
      if (plan.kernel.accumulates(result))
        k.accumulate(sum, k.at(to, i, element), element);
      else
        k.store(sum, k.at(to, i, element), element);
    });
  }
}

SmallVector<unsigned> GpuRowsEmitter::getPartialResults() const {
  SmallVector<unsigned> results;
  for (const auto &[result, offset] : layout.partials)
    results.push_back(result);
  llvm::sort(results);
  return results;
}

int64_t GpuRowsEmitter::getPartialBytes(unsigned result) {
  return llvm::alignTo(countPartials(result) * KernelBuilder::getElementBytes(
                                                   getPartialElement(result)),
                       64);
}

} // namespace pgc
