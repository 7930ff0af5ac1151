// The loops of a rows kernel.
#include "compiler/kernels/RowsEmitter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace pgc {

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}
static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Bits of the kernel's floats: 64 if all are f64.
static unsigned getFloatBits(pg::sched::KernelOp kernel) {
  bool has64 = false, has32 = false;
  auto look = [&](Type type) {
    Type element = getElementTypeOrSelf(type);
    has64 |= isa<RankedTensorType>(type) && element.isF64();
    has32 |=
        isa<RankedTensorType>(type) && (element.isF32() || element.isBF16());
  };
  for (Operation &op : kernel.getBlock()) {
    llvm::for_each(op.getOperandTypes(), look);
    llvm::for_each(op.getResultTypes(), look);
  }
  return has64 && !has32 ? 64 : 32;
}

RowsEmitter::RowsEmitter(RowsPlan &plan, const Target &target, ModuleOp out)
    : RowsValues(plan, plan.kernel, target, out) {
  lanes = target.getLanes(getFloatBits(plan.kernel));
}

void RowsEmitter::emit() {
  int64_t chunks = *plan.kernel.getChunks(),
          rows = llvm::divideCeil(plan.rowCount, chunks);
  levels.resize(1);
  // Sums over rows start from 0.
  unsigned operands = plan.kernel.getTensorArguments().size();
  for (const Nest &each : plan.nests)
    for (const Root &root : each.roots)
      if (root.kind == Root::Kind::Partial) {
        auto type = cast<RankedTensorType>(
            plan.kernel.getYielded()[root.result].getType());
        int64_t elements = type.getNumElements() / chunks;
        Value start = k.at(k.buffers[operands + root.result],
                           k.mul(k.chunk, elements), type.getElementType());
        partials[root.result] = start;
        if (!plan.kernel.accumulates(root.result))
          k.zero(start, elements * KernelBuilder::getElementBytes(
                                       type.getElementType()));
      }
  Value low = chunks == 1 ? k.index(0) : k.mul(k.chunk, rows);
  Value high = chunks == 1 ? k.index(plan.rowCount)
                           : k.min(k.add(low, rows), k.index(plan.rowCount));
  loop(low, high, 1, {}, [&](Value row, ValueRange) {
    emitRow(row);
    return Accumulators();
  });
  k.finish();
}

void RowsEmitter::emitRow(Value row) {
  bindRow(row);
  for (const Nest &each : plan.nests)
    emitNest(each);
}

//===----------------------------------------------------------------------===//
// Nests
//===----------------------------------------------------------------------===//

void RowsEmitter::emitNest(const Nest &emitted) {
  startNest(emitted);
  order.clear();
  for (bool reduced : {false, true}) {
    for (unsigned i = 0; i < nest->variables.size(); ++i)
      if (nest->reduced[i] == reduced)
        order.push_back(i);
    if (!reduced)
      keptCount = order.size();
  }
  vectorVariable.reset();
  if (!nest->variables.empty())
    vectorVariable = nest->variables.back();
  count = vectorVariable ? lanes : 1;
  unroll = chooseUnroll();
  emitLoops(0, {});
  // What is known about the row outlives the nest; its loops' variables don't.
  for (unsigned v : nest->variables)
    variables.erase(v);
}

/// Reductions along the vectors run in several accumulators, to hide the
/// latency of additions; fewer if there is much to compute.
unsigned RowsEmitter::chooseUnroll() const {
  int64_t operations = 0;
  for (Operation &op : plan.kernel.getBlock())
    operations +=
        isa<pg::ExpOp, pg::TanhOp, pg::LogOp, pg::SigmoidOp>(op) ? 20 : 1;
  return operations > 150 ? 1 : operations > 50 ? 2 : 4;
}

RowsEmitter::Accumulators RowsEmitter::emitLoops(unsigned depth,
                                                 Accumulators accumulators) {
  if (depth == keptCount && nest->reduces() && accumulators.empty()) {
    Accumulators start = neutrals();
    finishReductions(depth == order.size() ? emitBody(start, 1)
                                           : emitVariable(depth, start));
    return {};
  }
  if (depth == order.size())
    return emitBody(accumulators, 1);
  return emitVariable(depth, accumulators);
}

/// The loops over the parts of a variable.
RowsEmitter::Accumulators RowsEmitter::emitVariable(unsigned depth,
                                                    Accumulators accumulators) {
  unsigned place = order[depth], variable = nest->variables[place];
  Variable saved = space[variable];
  SmallVector<int64_t> ends(nest->splits[place].begin(),
                            nest->splits[place].end());
  ends.push_back(saved.size);
  int64_t start = 0;
  for (int64_t end : ends) {
    space[variable].low = start;
    space[variable].high = end;
    if (variable == vectorVariable)
      accumulators = emitVectorLoop(depth, variable, accumulators);
    else
      accumulators = loop(k.index(start), k.index(end), 1, accumulators,
                          [&](Value i, ValueRange carried) {
                            bind(variable, i);
                            return emitLoops(depth + 1, Accumulators(carried));
                          });
    start = end;
  }
  space[variable] = saved;
  return accumulators;
}

/// One part of the variable whose neighbours fill a vector: whole vectors,
/// several at once where they are summed up, and at last the lanes that are
/// left.
RowsEmitter::Accumulators
RowsEmitter::emitVectorLoop(unsigned depth, unsigned variable,
                            Accumulators accumulators) {
  int64_t low = space[variable].low, high = space[variable].high;
  // A reduction over axes of one element has no loop of its own: it starts, and
  // ends, within this one.
  bool startsHere = nest->reduces() && accumulators.empty();
  bool innermost = depth + 1 == order.size() && !startsHere;
  auto step = [&](int64_t from, int64_t to, unsigned steps,
                  Accumulators inits) {
    return loop(k.index(from), k.index(to), static_cast<int64_t>(lanes) * steps,
                inits, [&](Value i, ValueRange carried) {
                  bind(variable, i);
                  return innermost
                             ? emitBody(Accumulators(carried), steps)
                             : emitLoops(depth + 1, Accumulators(carried));
                });
  };
  unsigned reductions = accumulators.size();
  unsigned steps = reductions > 0 && innermost ? unroll : 1;
  int64_t block = static_cast<int64_t>(lanes) * steps;
  int64_t blocksEnd = low + (high - low) / block * block,
          vectorsEnd = low + (high - low) / lanes * lanes;
  if (steps > 1 && blocksEnd > low) {
    Accumulators wide = accumulators;
    for (unsigned s = 1; s < steps; ++s)
      llvm::append_range(wide, neutrals());
    wide = step(low, blocksEnd, steps, wide);
    for (unsigned left = steps / 2; left > 0; left /= 2)
      for (unsigned s = 0; s < left; ++s) {
        unsigned r = 0;
        for (const Root &root : nest->roots)
          if (root.kind == Root::Kind::Reduce) {
            wide[s * reductions + r] =
                combine(root.reduce, wide[s * reductions + r],
                        wide[(s + left) * reductions + r]);
            ++r;
          }
      }
    wide.truncate(reductions);
    accumulators = wide;
  } else {
    blocksEnd = low;
  }
  if (vectorsEnd > blocksEnd)
    accumulators = step(blocksEnd, vectorsEnd, 1, accumulators);
  if (high > vectorsEnd) {
    count = high - vectorsEnd;
    accumulators = step(vectorsEnd, vectorsEnd + lanes, 1, accumulators);
    count = lanes;
  }
  return accumulators;
}

/// All roots for the elements at which the loops stand; `steps` vectors of
/// them.
RowsEmitter::Accumulators
RowsEmitter::emitBody(const Accumulators &accumulators, unsigned steps) {
  Accumulators results = accumulators;
  Variable saved = vectorVariable ? space[*vectorVariable] : Variable();
  for (unsigned s = 0; s < steps; ++s) {
    // Step s looks at the vector variable's value plus s vectors; the bounds
    // are those of the sum.
    if (s > 0) {
      space[*vectorVariable].low -= lanes;
      space[*vectorVariable].high -= lanes;
    }
    auto shifted = [&](ArrayRef<Index> coordinates) {
      Coordinates moved(coordinates);
      if (s > 0)
        for (Index &coordinate : moved)
          coordinate = coordinate + coordinate.coefficient(*vectorVariable) *
                                        static_cast<int64_t>(s * lanes);
      return moved;
    };
    // All is read before anything is written: results may lie where operands
    // do.
    SmallVector<Value> values = evaluateRoots(shifted);
    unsigned r = s * (results.size() / steps);
    for (auto [root, value] : llvm::zip_equal(nest->roots, values)) {
      if (root.kind == Root::Kind::Reduce) {
        bool sumsLanes = vectorVariable && nest->reduced.back();
        if (sumsLanes && count < lanes)
          value = k.keepLanes(value, count, neutral(root.reduce, true));
        results[r] = combine(root.reduce, results[r], value);
        ++r;
      } else {
        emitStore(root, value, shifted(root.coordinates));
      }
    }
  }
  if (vectorVariable)
    space[*vectorVariable] = saved;
  return results;
}

void RowsEmitter::emitStore(const Root &root, Value value,
                            ArrayRef<Index> coordinates) {
  unsigned operands = plan.kernel.getTensorArguments().size();
  ArrayRef<int64_t> inner = shapeOf(root.value).drop_front(root.prefix);
  Index place = linearize(coordinates.drop_front(root.prefix), inner);
  Type element = elementOf(root.value);
  Value base;
  bool accumulate = false;
  if (root.kind == Root::Kind::Keep) {
    base = getSlot(plan.residents[root.value].offset);
  } else if (root.kind == Root::Kind::Store) {
    base = k.buffers[operands + root.result];
    place = linearize(coordinates, shapeOf(root.value));
    accumulate = plan.kernel.accumulates(root.result);
  } else {
    base = partials[root.result];
    accumulate = true;
  }
  Reg address = getAddress(base, element, place);
  unsigned written = KernelBuilder::getLanes(value.getType()) > 1 ? count : 0;
  if (accumulate)
    k.accumulate(value, address.value, element, written);
  else
    k.store(value, address.value, element, written);
}

/// Puts the sums where later nests find them.
void RowsEmitter::finishReductions(ArrayRef<Value> accumulators) {
  unsigned r = 0;
  for (const Root &root : nest->roots) {
    if (root.kind != Root::Kind::Reduce)
      continue;
    pg::ReduceOp reduce = root.reduce;
    Value value = accumulators[r++];
    if (vectorVariable && nest->reduced.back())
      value = reduce.getKind() == pg::ReduceKind::sum ? k.sumLanes(value)
                                                      : k.maxLanes(value);
    Value result = reduce.getResult();
    const Resident &resident = plan.residents[result];
    if (resident.kind == Resident::Kind::Scalar) {
      rowScalars[result] = {value, static_cast<unsigned>(levels.size() - 1)};
      continue;
    }
    k.store(value, getReductionSlot(root), elementOf(result),
            KernelBuilder::getLanes(value.getType()) > 1 ? count : 0);
  }
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value RowsEmitter::makeSlot(int64_t offset) {
  Value bytes = k.index(offset);
  k.b.setInsertionPointAfterValue(bytes);
  return k.at(k.scratch, bytes, k.b.getI8Type());
}

/// Asks for the same place of the next row. Rows are short and many streams run
/// side by side, so that the processor's own prefetching, which starts anew on
/// every page, comes too late.
void RowsEmitter::prefetch(unsigned buffer, Type element, const Index &flat) {
  if (!vectorVariable || plan.rowVariables.empty() ||
      flat.coefficient(*vectorVariable) != 1)
    return;
  int64_t bytes = KernelBuilder::getElementBytes(element);
  int64_t rowElements = flat.coefficient(plan.rowVariables.back());
  // One request for each line of 64 bytes; within unrolled steps only where a
  // line starts.
  if (rowElements * bytes < 256 || flat.offset * bytes % 64 != 0 ||
      firstReaders.try_emplace(buffer, nest).first->second != nest)
    return;
  Reg address = getAddress(k.buffers[buffer], element, flat);
  OpBuilder::InsertionGuard guard(k.b);
  goTo(address.level, guard);
  LLVM::Prefetch::create(k.b, k.loc, k.at(address.value, rowElements, element),
                         /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

} // namespace pgc
