// hoist-invariants: what depends on parameters alone is computed once after
// each update, not in every program that needs it.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "mlir/IR/SymbolTable.h"
#include <map>

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_HOISTINVARIANTS
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// Collects the computations of all functions; equal ones are done once.
class Hoister {
public:
  explicit Hoister(ModuleOp module) : module(module), symbols(module) {
    for (auto variable : module.getOps<pg::VariableOp>())
      lastVariable = variable;
  }

  void hoist(func::FuncOp function) {
    ids.clear();
    SmallVector<Operation *> ops;
    for (Operation &op : function.getBody().front().without_terminator()) {
      identify(&op);
      ops.push_back(&op);
    }
    OpBuilder b(function.getBody());
    llvm::DenseMap<unsigned, Value> loaded;
    for (Operation *op : ops) {
      unsigned id = ids.lookup(op);
      if (id == 0 || !isWorthHoisting(id) ||
          llvm::none_of(op->getUsers(),
                        [&](Operation *user) { return reads(user); }))
        continue;
      Value &value = loaded[id];
      if (!value)
        value = pg::LoadOp::create(b, op->getLoc(), getVariable(id, op));
      op->getResult(0).replaceUsesWithIf(
          value, [&](OpOperand &use) { return reads(use.getOwner()); });
    }
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty() && (isa<pg::LoadOp>(op) || isMemoryEffectFree(op)))
        op->erase();
  }

private:
  /// A computation: its operation and the computations of the operands.
  using Key = std::vector<const void *>;
  struct Computation {
    Operation *op = nullptr; // one that does it, in the function at hand
    SmallVector<unsigned> operands;
    bool isSource = false; // a load or a constant
    bool readsParameter = false;
    bool isCostly = false; // has an operation that takes long
    int64_t bytes = 0;     // of the parameters that it reads
    Value hoisted;         // in @prepare
    pg::VariableOp variable;
  };

  /// Gives operations that depend on parameters alone a number, the same for
  /// the same computation.
  void identify(Operation *op) {
    Role role = getRole(op);
    bool isLoad = isa<pg::LoadOp>(op);
    if (isLoad) {
      auto variable =
          symbols.lookup<pg::VariableOp>(cast<pg::LoadOp>(op).getVariable());
      if (!variable || variable.getSpace() != "parameter")
        return;
    } else if (op->getNumResults() != 1 || !isMemoryEffectFree(op) ||
               role == Role::StepValue || op->getNumRegions() != 0) {
      return;
    }
    Computation made;
    made.op = op;
    made.isSource = isLoad || isa<pg::ConstantOp>(op);
    made.readsParameter = isLoad;
    made.bytes = isLoad ? getBytes(op->getResult(0)) : 0;
    made.isCostly = !isa<pg::IotaOp>(op) && role != Role::Free &&
                    role != Role::View &&
                    !isa<pg::BroadcastOp, pg::ConvertOp>(op);
    Key key{op->getName().getAsOpaquePointer(),
            op->getAttrDictionary().getAsOpaquePointer(),
            op->getResult(0).getType().getAsOpaquePointer()};
    for (Value operand : op->getOperands()) {
      unsigned id =
          operand.getDefiningOp() ? ids.lookup(operand.getDefiningOp()) : 0;
      if (id == 0)
        return;
      const Computation &other = computations[id - 1];
      made.operands.push_back(id);
      made.readsParameter |= other.readsParameter;
      made.isCostly |= other.isCostly;
      made.bytes += other.bytes;
      key.push_back(reinterpret_cast<const void *>(static_cast<size_t>(id)));
    }
    auto [found, isNew] =
        index.try_emplace(std::move(key), computations.size() + 1);
    if (isNew)
      computations.push_back(std::move(made));
    computations[found->second - 1].op = op;
    ids[op] = found->second;
  }

  /// Whether the operation is not hoisted itself, and needs the value.
  bool reads(Operation *user) const {
    if (!ids.contains(user))
      return true;
    // Views stay; so do computations that are not worth it.
    return getRole(user) == Role::View
               ? llvm::any_of(user->getUsers(),
                              [&](Operation *next) { return reads(next); })
               : !isWorthHoisting(ids.lookup(user));
  }

  /// Whether the computation takes time, and its result not much more memory
  /// than what it is made from.
  bool isWorthHoisting(unsigned id) const {
    const Computation &computation = computations[id - 1];
    if (computation.isSource || getRole(computation.op) == Role::View ||
        getRole(computation.op) == Role::Free)
      return false;
    constexpr int64_t small = 1 << 20;
    int64_t bytes = getBytes(computation.op->getResult(0));
    return (computation.readsParameter || computation.isCostly) &&
           bytes <= std::max(small, 2 * computation.bytes);
  }

  pg::VariableOp getVariable(unsigned id, Operation *place) {
    Value value = emit(id);
    Computation &computation = computations[id - 1];
    if (!computation.variable) {
      std::string name;
      do
        name = "derived." + std::to_string(count++);
      while (symbols.lookup(name));
      OpBuilder b(module.getContext());
      b.setInsertionPointToStart(module.getBody());
      if (lastVariable)
        b.setInsertionPointAfter(lastVariable);
      lastVariable = computation.variable = pg::VariableOp::create(
          b, place->getLoc(), name, pg::getTensorType(value), "derived");
      symbols.insert(computation.variable);
      OpBuilder inside(prepare.getBody().front().getTerminator());
      pg::StoreOp::create(inside, place->getLoc(), value, name);
    }
    return computation.variable;
  }

  /// The computation's value in @prepare.
  Value emit(unsigned id) {
    if (!prepare)
      makePrepare();
    if (Value value = computations[id - 1].hoisted)
      return value;
    return computations[id - 1].hoisted = make(id)->getResult(0);
  }

  Operation *make(unsigned id) {
    const Computation &computation = computations[id - 1];
    SmallVector<Value> operands;
    for (unsigned operand : computation.operands)
      // What is joined is computed into its place, not copied there from where
      // others want it.
      operands.push_back(isa<pg::ConcatOp>(computation.op) &&
                                 isElementwise(computations[operand - 1].op)
                             ? make(operand)->getResult(0)
                             : emit(operand));
    OpBuilder b(prepare.getBody().front().getTerminator());
    Operation *copy = b.clone(*computation.op);
    copy->setOperands(operands);
    return copy;
  }

  void makePrepare() {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    prepare = func::FuncOp::create(b, module.getLoc(), "prepare",
                                   b.getFunctionType({}, {}));
    prepare->setAttr("pg.role", b.getStringAttr("prepare"));
    prepare->setAttr("pg.phase", b.getStringAttr(""));
    b.setInsertionPointToEnd(prepare.addEntryBlock());
    func::ReturnOp::create(b, module.getLoc());
  }

  ModuleOp module;
  SymbolTable symbols;
  func::FuncOp prepare;
  pg::VariableOp lastVariable;
  std::vector<Computation> computations; // number id - 1
  std::map<Key, unsigned> index;
  llvm::DenseMap<Operation *, unsigned> ids;
  unsigned count = 0;
};

struct HoistInvariantsPass : impl::HoistInvariantsBase<HoistInvariantsPass> {
  using Base::Base;
  void runOnOperation() override {
    Hoister hoister(getOperation());
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (!function.isDeclaration() && runsModel(function))
        hoister.hoist(function);
  }
};

} // namespace
} // namespace pgc
