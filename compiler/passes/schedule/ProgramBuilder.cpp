#include "compiler/passes/schedule/ProgramBuilder.h"
#include "compiler/passes/schedule/InPlace.h"
#include "compiler/passes/schedule/Layout.h"
#include "compiler/passes/schedule/Views.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

BufAttr ConstantPool::place(ElementsAttr value, Location location) {
  BufAttr &place = places[value];
  if (!place) {
    place =
        allocateInArena(module, "constants",
                        getByteSize(cast<RankedTensorType>(value.getType())));
    OpBuilder builder(module.lookupSymbol(place.getArena().getValue()));
    builder.setInsertionPointAfter(
        module.lookupSymbol(place.getArena().getValue()));
    ConstantOp::create(builder, location, value, place);
  }
  return place;
}

ProgramBuilder::ProgramBuilder(func::FuncOp func, const SymbolTable &symbols,
                               ConstantPool &constants)
    : func(func), module(func->getParentOfType<ModuleOp>()), symbols(symbols),
      constants(constants), builder(func) {}

//===----------------------------------------------------------------------===//
// What is known of the function before memory is given out
//===----------------------------------------------------------------------===//

Value ProgramBuilder::rootOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!viewOffset(*op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

void ProgramBuilder::findUses() {
  for (Operation &op : func.getBody().front()) {
    int64_t now = time.size();
    time[&op] = now;
    if (!viewOffset(op))
      for (Value operand : op.getOperands())
        lastUse[rootOf(operand)] = now;
    if (auto load = dyn_cast<pg::LoadOp>(op))
      loads[load.getVariableAttr()].push_back(load);
    if (auto store = dyn_cast<pg::StoreOp>(op))
      writes[store.getVariableAttr()].push_back({now, store});
    if (auto call = dyn_cast<CallOp>(op); call && call.getAccumulates())
      for (Attribute variable : call.getAccumulatesAttr())
        writes[variable].push_back({now, call});
  }
}

/// The position of `result` among all results of the kernel.
static unsigned kernelResultOf(KernelOp kernel, OpResult result) {
  unsigned stored = 0;
  for (unsigned i = 0;; ++i)
    if (!kernel.accumulates(i) && stored++ == result.getResultNumber())
      return i;
}

bool ProgramBuilder::mayProduceInPlace(pg::StoreOp store, OpResult value) {
  auto call = dyn_cast<CallOp>(value.getOwner());
  Attribute variable = store.getVariableAttr();
  int64_t produced = time[value.getOwner()], stored = time[store];
  if (writes[variable].size() != 1)
    return false;
  for (pg::LoadOp load : loads[variable]) {
    int64_t loaded = time[load];
    if (loaded > stored)
      continue; // reads the new value
    if (loaded > produced || lastUse.lookup(load.getResult()) > produced)
      return false; // reads the old value when the new one is already there
    if (lastUse.lookup(load.getResult()) < produced)
      continue;
    if (!call)
      return false; // the host reads its operands while it writes
    auto kernel = symbols.lookup<KernelOp>(call.getCallee());
    for (auto [i, operand] : llvm::enumerate(call.getOperands()))
      if (rootOf(operand) == load.getResult() &&
          (getByteSize(tensorType(operand)) != getByteSize(tensorType(value)) ||
           !mayWriteOver(kernel, i, kernelResultOf(kernel, value))))
        return false;
  }
  return true;
}

void ProgramBuilder::findDirectStores() {
  for (auto store : func.getOps<pg::StoreOp>()) {
    auto value = dyn_cast<OpResult>(rootOf(store.getValue()));
    // Parts of a whole are written before it is there.
    if (value && isa<pg::ConcatOp>(value.getOwner()) &&
        !direct.contains(value) && loads[store.getVariableAttr()].empty() &&
        writes[store.getVariableAttr()].size() == 1 &&
        getByteSize(tensorType(value)) ==
            getByteSize(tensorType(store.getValue()))) {
      direct[value] = store;
      continue;
    }
    if (!value || !isa<CallOp, pg::GptqOp, pg::SvdOp>(value.getOwner()) ||
        direct.contains(value) ||
        getByteSize(tensorType(value)) !=
            getByteSize(tensorType(store.getValue())))
      continue;
    if (mayProduceInPlace(store, value)) {
      direct[value] = store;
      writes[store.getVariableAttr()].front().first = time[value.getOwner()];
    }
  }
}

void ProgramBuilder::findParts() {
  for (auto concat : func.getOps<pg::ConcatOp>()) {
    int64_t offset = 0;
    for (Value value : concat.getParts()) {
      auto part = dyn_cast<OpResult>(rootOf(value));
      int64_t bytes = getByteSize(tensorType(value));
      if (part && isa<CallOp>(part.getOwner()) && !direct.contains(part) &&
          offset % bufferAlignment == 0 &&
          getByteSize(tensorType(part)) == bytes)
        parts.try_emplace(part, cast<OpResult>(concat.getResult()), offset);
      offset += bytes;
    }
  }
}

bool ProgramBuilder::isOverwrittenBeforeLastUse(pg::LoadOp load) {
  int64_t loaded = time[load], last = lastUse.lookup(load.getResult());
  for (auto [written, op] : writes[load.getVariableAttr()]) {
    if (written < loaded)
      continue;
    // A store reads before it writes; a kernel that accumulates doesn't. Values
    // that are produced in place were checked before.
    if (isa<CallOp>(op) ? last >= written : last > written && !isDirect(op))
      return true;
  }
  return false;
}

bool ProgramBuilder::isDirect(Operation *store) const {
  return llvm::any_of(direct,
                      [&](const auto &entry) { return entry.second == store; });
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

BufAttr ProgramBuilder::newTemp(int64_t bytes) {
  std::string name = "t" + std::to_string(numTemps++);
  OpBuilder::InsertionGuard guard(builder);
  if (lastTemp)
    builder.setInsertionPointAfter(lastTemp);
  else
    builder.setInsertionPointToStart(&program.getBlock());
  lastTemp = TempOp::create(builder, func.getLoc(), builder.getStringAttr(name),
                            builder.getI64IntegerAttr(bytes));
  return BufAttr::get(builder.getContext(),
                      FlatSymbolRefAttr::get(builder.getContext(), name), 0,
                      bytes);
}

BufAttr ProgramBuilder::placeOf(FlatSymbolRefAttr variable) {
  return symbols.lookup<pg::VariableOp>(variable.getValue())
      ->getAttrOfType<BufAttr>("buffer");
}

static BufAttr partOf(BufAttr whole, int64_t offset, int64_t bytes) {
  return BufAttr::get(whole.getContext(), whole.getArena(),
                      whole.getOffset() + offset, bytes);
}

BufAttr ProgramBuilder::destinationOf(OpResult value) {
  if (auto part = parts.find(value); part != parts.end()) {
    auto [concat, offset] = part->second;
    if (!where.contains(concat))
      where[concat] = destinationOf(concat);
    return partOf(where[concat], offset, getByteSize(tensorType(value)));
  }
  if (auto store = direct.find(value); store != direct.end())
    return placeOf(store->second.getVariableAttr());
  if (auto output = returned.find(value); output != returned.end())
    return outputs[output->second].getBuffer();
  return newTemp(getByteSize(tensorType(value)));
}

void ProgramBuilder::placePorts() {
  int64_t offset = 0;
  auto arena = FlatSymbolRefAttr::get(builder.getContext(), "io");
  auto port = [&](StringAttr name, RankedTensorType type) {
    auto buffer =
        BufAttr::get(builder.getContext(), arena, offset, getByteSize(type));
    offset += alignBuffer(buffer.getBytes());
    return PortAttr::get(builder.getContext(), name, type, buffer);
  };
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto name = func.getArgAttrOfType<StringAttr>(i, "pg.name");
    if (!name)
      name = builder.getStringAttr(i == 0   ? "tokens"
                                   : i == 1 ? "targets"
                                            : "argument" + std::to_string(i));
    inputs.push_back(port(name, tensorType(argument)));
    where[argument] = inputs.back().getBuffer();
  }
  Operation *ret = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(ret->getOperands())) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "pg.name");
    outputs.push_back(
        port(name ? name : builder.getStringAttr("result" + std::to_string(i)),
             tensorType(value)));
    auto root = dyn_cast<OpResult>(rootOf(value));
    if (root && isa<CallOp, pg::ConcatOp>(root.getOwner()) &&
        !direct.contains(root) && !parts.contains(root) &&
        getByteSize(tensorType(root)) == outputs.back().getBuffer().getBytes())
      returned.try_emplace(root, i);
  }
  if (offset > 0)
    growArena(getOrCreateArena(module, "io"), offset);
}

//===----------------------------------------------------------------------===//
// Commands
//===----------------------------------------------------------------------===//

Value ProgramBuilder::cloneStepValue(Value value) {
  if (Value done = stepValues.lookupOrNull(value))
    return done;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    cloneStepValue(operand);
  builder.clone(*op, stepValues);
  return stepValues.lookup(value);
}

void ProgramBuilder::copyTo(BufAttr destination, Value value,
                            Location location) {
  if (where.lookup(value) != destination)
    CopyOp::create(builder, location, where.lookup(value), destination);
}

void ProgramBuilder::convertView(Operation &op, int64_t offset, bool copies) {
  BufAttr whole = where.lookup(op.getOperand(0));
  BufAttr part =
      partOf(whole, offset, getByteSize(tensorType(op.getResult(0))));
  if (copies) {
    BufAttr temp = newTemp(part.getBytes());
    CopyOp::create(builder, op.getLoc(), part, temp);
    part = temp;
  }
  where[op.getResult(0)] = part;
}

void ProgramBuilder::convertConcat(pg::ConcatOp concat) {
  auto result = cast<OpResult>(concat.getResult());
  if (!where.contains(result))
    where[result] = destinationOf(result);
  int64_t offset = 0;
  for (Value part : concat.getParts()) {
    int64_t bytes = getByteSize(tensorType(part));
    copyTo(partOf(where[result], offset, bytes), part, concat.getLoc());
    offset += bytes;
  }
}

LogicalResult ProgramBuilder::convertCall(CallOp call) {
  auto kernel = symbols.lookup<KernelOp>(call.getCallee());
  if (!kernel.getChunks())
    kernel.setChunks(1);
  SmallVector<Attribute> buffers;
  SmallVector<Value> scalars;
  for (Value operand : call.getOperands()) {
    if (operand.getType().isF64())
      scalars.push_back(cloneStepValue(operand));
    else
      buffers.push_back(where.lookup(operand));
  }
  unsigned stored = 0, accumulated = 0;
  for (unsigned i = 0; i < kernel.getYielded().size(); ++i) {
    if (kernel.accumulates(i)) {
      buffers.push_back(placeOf(
          cast<FlatSymbolRefAttr>((*call.getAccumulates())[accumulated++])));
      continue;
    }
    OpResult result = call->getResult(stored++);
    where[result] = destinationOf(result);
    buffers.push_back(where[result]);
  }
  LaunchOp::create(builder, call.getLoc(), call.getCalleeAttr(),
                   kernel.getChunksAttr(), builder.getArrayAttr(buffers),
                   scalars);
  return success();
}

/// Whether all that an operation gives is a constant of zeros.
static bool isZero(Value value) {
  auto constant = value.getDefiningOp<pg::ConstantOp>();
  auto elements =
      constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
  return elements && elements.isSplat() &&
         elements.getSplatValue<APFloat>().isPosZero();
}

void ProgramBuilder::convertHostWork(Operation &op) {
  SmallVector<Attribute> buffers;
  for (Value operand : op.getOperands())
    buffers.push_back(where.lookup(operand));
  for (OpResult result : op.getResults()) {
    where[result] = destinationOf(result);
    buffers.push_back(where[result]);
  }
  RankedTensorType matrix = tensorType(op.getOperand(0));
  NamedAttrList parameters(op.getAttrs());
  parameters.set("rows", builder.getI64IntegerAttr(matrix.getDimSize(0)));
  parameters.set("cols", builder.getI64IntegerAttr(matrix.getDimSize(1)));
  parameters.set("element", TypeAttr::get(matrix.getElementType()));
  HostOp::create(builder, op.getLoc(), op.getName().stripDialect(),
                 builder.getArrayAttr(buffers),
                 static_cast<uint64_t>(op.getNumResults()),
                 parameters.getDictionary(builder.getContext()));
}

LogicalResult ProgramBuilder::convert(Operation &op) {
  if (isStepValue(op))
    return success(); // made where it is used
  if (auto call = dyn_cast<CallOp>(op))
    return convertCall(call);
  if (isa<pg::GptqOp, pg::SvdOp>(op)) {
    convertHostWork(op);
    return success();
  }
  if (auto constant = dyn_cast<pg::ConstantOp>(op)) {
    bool isStored = isZero(constant) &&
                    llvm::all_of(op.getUsers(), llvm::IsaPred<pg::StoreOp>);
    if (isStored)
      return success(); // its memory is filled
    where[constant] = constants.place(constant.getValue(), op.getLoc());
    return success();
  }
  if (auto load = dyn_cast<pg::LoadOp>(op)) {
    BufAttr variable = placeOf(load.getVariableAttr());
    where[load] = variable;
    if (isOverwrittenBeforeLastUse(load)) {
      where[load] = newTemp(variable.getBytes());
      CopyOp::create(builder, op.getLoc(), variable, where[load]);
    }
    return success();
  }
  if (auto store = dyn_cast<pg::StoreOp>(op);
      store && !where.contains(store.getValue())) {
    FillOp::create(builder, op.getLoc(), placeOf(store.getVariableAttr()));
    return success();
  }
  if (auto store = dyn_cast<pg::StoreOp>(op)) {
    copyTo(placeOf(store.getVariableAttr()), store.getValue(), op.getLoc());
    return success();
  }
  if (auto concat = dyn_cast<pg::ConcatOp>(op)) {
    convertConcat(concat);
    return success();
  }
  if (auto offset = contiguousOffset(op)) {
    convertView(op, *offset, /*copies=*/!viewOffset(op));
    return success();
  }
  if (isa<func::ReturnOp>(op)) {
    for (auto [value, output] : llvm::zip_equal(op.getOperands(), outputs))
      copyTo(output.getBuffer(), value, op.getLoc());
    return success();
  }
  return op.emitError("cannot be scheduled: it is neither a kernel's call nor "
                      "a view of memory");
}

LogicalResult ProgramBuilder::build() {
  findUses();
  findDirectStores();
  findParts();
  placePorts();
  auto role = func->getAttrOfType<StringAttr>("pg.role"),
       phase = func->getAttrOfType<StringAttr>("pg.phase");
  SmallVector<Attribute> in(inputs.begin(), inputs.end()),
      out(outputs.begin(), outputs.end());
  program =
      ProgramOp::create(builder, func.getLoc(), func.getSymNameAttr(), role,
                        phase ? phase : builder.getStringAttr(""),
                        builder.getArrayAttr(in), builder.getArrayAttr(out));
  if (Attribute flops = func->getAttr("pg.model_flops"))
    program->setAttr("model_flops", flops);
  if (Attribute scored = func->getAttr("pg.scored"))
    program->setAttr("scored", scored);
  program.getBody().emplaceBlock();
  builder.setInsertionPointToStart(&program.getBlock());
  for (Operation &op : func.getBody().front())
    if (failed(convert(op)))
      return failure();
  func.erase();
  return success();
}

} // namespace pgc
